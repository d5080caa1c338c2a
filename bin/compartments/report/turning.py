"""What would change an answer: more donors, more cells, a donor less, from the tables of the run."""

from typing import Any

import pandas as pd

from compartments.core.numbers import probability
from compartments.core.vocabulary import ALPHA
from compartments.findings import headlines, names, words
from compartments.report import captions, forests, glance
from compartments.report.page import Page, flags
from compartments.study.captures import specimen_of
from compartments.study.terms import Term

FEW_CELLS = 10  # where the run does not say its own limit
BY_SIZE = {  # of question 4: the table with the smallest change that is found, and the sentence on it
    "hub": ("interactions/centrality_effects.tsv", "central"),
    "signalling": ("interactions/groups.tsv", "signalling"),
}


def sentences(page: Page, number: int, term: Term, rows: pd.DataFrame) -> list[str]:
    """What would change the answer to a question, in sentences; of a question that was not asked none.

    Parameters
    ----------
    rows : DataFrame
        The rows of ``findings.tsv`` of this answer.
    """
    if rows["source"].isna().all():
        return []
    if number == 1 and of_shares(rows):
        return [said(page, "totals")]
    found: list[str] = []
    if number in (1, 2):
        terms = page.within(term) if number == 1 and term.across else [term]
        found += [text for each in terms for text in by_donors(page, each)]
    elif number == 3:
        found += by_size(page, "migration/effects.tsv", "migration", term)
    elif number == 4:
        for aspect in [each for each in BY_SIZE if each in set(rows["aspect"])]:
            found += by_size(page, *BY_SIZE[aspect], term)
    else:
        found += by_donor(page, term)
    if number != 5:
        found += open_lineages(page, rows)
    return overturned(page, rows) + found + by_cells(page, term)


def of_shares(rows: pd.DataFrame) -> bool:
    """Changes of shares: how many cells there are in all is not known, and no number of donors tells."""
    return any(words.keys_of(source).get("scale") == "rel" for source in rows["source"].dropna())


def said(page: Page, key: str, **values: Any) -> str:
    """A sentence of ``words/turning.toml``."""
    return page.text(f"turning.{key}", **values).text


def place_of(page: Page, term: Term) -> str:
    """Where a term looks."""
    return f"{term.compartment} against {page.base}" if term.across else term.compartment


def overturned(page: Page, rows: pd.DataFrame) -> list[str]:
    """Where the answer is yes: which of its rows would be the first not to be one, and how near that is."""
    summary = rows[rows["lineage"].isna()]
    if not (summary["verdict"] == "yes").any():
        return []
    yes = glance.pooled(rows[rows["lineage"].notna()])
    yes = yes[(yes["verdict"] == "yes") & yes["q_value"].notna()]
    if yes.empty:  # of the whole: the spread over lineages
        p = summary["p_value"].dropna()
        return [said(page, "overturned_whole", p=probability("p", p.iloc[0]), limit=ALPHA)] if len(p) else []
    nearest = yes.loc[yes["q_value"].idxmax()]
    given = {"who": glance.label(nearest.to_dict()), "q": probability("q", nearest["q_value"]), "limit": ALPHA}
    return [said(page, "overturned" if len(yes) > 1 else "overturned_one", n=len(yes), **given)]


def by_donors(page: Page, term: Term) -> list[str]:
    """The change of a typical lineage that can be found, now and with more donors."""
    power = page.results.usable("composition/power.tsv")
    if power is None or power.empty:
        return []
    rows = forests.rows_of(power[power["level"] == "lineage"], term)
    typical = rows.groupby("more_donors")["fold_mde80"].median().dropna()
    if typical.empty:
        return []
    most = typical.index[-1]
    given = {"place": place_of(page, term), "now": typical.iloc[0], "then": typical.iloc[-1], "more": int(most)}
    each = "" if term.one_arm else " in each group"
    return [said(page, "donors", each=each, **given)] if most else [said(page, "donors_now", **given)]


def by_size(page: Page, file: str, key: str, term: Term) -> list[str]:
    """The smallest rise that the donors there are can show; between compartments a sentence for each, as a yes needs
    the rise within it as well as the difference."""
    effects = page.results.usable(file)
    if effects is None or "mde80" not in effects:
        return []
    found = []
    for within in page.within(term) if term.across else []:
        place = f"{within.compartment} and not in {page.base if within.compartment != page.base else term.compartment}"
        found.append((place, found_by_all(effects, [term, within])))
    if not found:
        found = [(place_of(page, term), found_by_all(effects, [term]))]
    return [said(page, key, place=place, size=sized(size, key)) for place, size in found if pd.notna(size)]


def found_by_all(effects: pd.DataFrame, needed: list[Term]) -> float:
    """The change that all ``needed`` tests of a typical feature find with 80 % power; NaN where none has them all.

    Parameters
    ----------
    effects : DataFrame
        ``mde80`` of every term, and columns that name the feature; of sets and groups those of all lineages count.
    """
    keys = [column for column in ("gene_set", "group", "network", "lineage") if column in effects]
    if "source" in effects:  # of single lineages as well
        effects = effects[(effects["source"] == "all") & (effects["target"] == "all")]
    if "gene_set" in effects:
        effects = effects[flags(effects["primary"])]
        effects = effects[effects["lineage"] == "all"] if (effects["lineage"] == "all").any() else effects
    sizes = [forests.rows_of(effects, term).set_index(keys)["mde80"] for term in needed]
    return float(pd.concat(sizes, axis=1).max(axis=1, skipna=False).median())


def sized(size: float, key: str) -> str:
    """The size of a change as the sentences of ``key`` say it: odds as a fold, scores as points."""
    return words.odds({"estimate": size, "ci_low": None}).rstrip("x") + "-fold" if key == "central" else f"{size:.2f}"


def by_donor(page: Page, term: Term) -> list[str]:
    """How far the spread hangs on single donors."""
    drivers = page.results.usable("coupling/drivers.tsv")
    if drivers is None:
        return []
    rows = drivers[(drivers["contrast"] == term.contrast.contrast) & (drivers["compartment"] == term.compartment)]
    rows = rows[(rows["level"] == "lineage") & (rows["kind"] == "donor") & rows["tau_u"].notna()]
    if rows.empty:
        return []
    low, high = rows.loc[rows["tau_u"].idxmin()], rows.loc[rows["tau_u"].idxmax()]
    given = {"low": words.apart(low["tau_u"]), "high": words.apart(high["tau_u"])}
    return [said(page, "donor", n=captions.counted(len(rows), "donor"), without=low["left_out"], **given)]


def open_lineages(page: Page, rows: pd.DataFrame) -> list[str]:
    """Which lineages are neither shown nor excluded, and what their intervals still allow."""
    rows = rows[rows["lineage"].notna() & (rows["lineage"] != "all") & (rows["verdict"] == "cannot_tell")]
    rows = rows[rows["ci_low"].notna()]
    if rows.empty:
        return []
    who = names.lineages(rows["lineage"], len(rows))
    if not rows["unit"].isin([words.LOG2, words.LOG2_DIFFERENCE]).all():
        return [said(page, "open", who=who)]
    widest = (rows["ci_high"] - rows["ci_low"]).idxmax()
    row = rows.loc[widest]
    ends = (headlines.one(row["ci_low"]), headlines.one(row["ci_high"]))
    return [said(page, "open_widest", who=who, widest=row["lineage"], low=ends[0], high=ends[1])]


def by_cells(page: Page, term: Term) -> list[str]:
    """Lineages of few cells in the samples that are compared."""
    counts = page.results.usable("composition/counts.tsv")
    if counts is None:
        return []
    fewest = int(page.parameters.get("min_cells_pb") or FEW_CELLS)
    compared = {sample for samples in term.every.samples.values() for sample in samples}
    rows = counts[counts["level"] == "lineage"]
    rows = rows.assign(sample=rows["sample"].map(specimen_of(page.study.samples)))
    rows = rows[rows["sample"].isin(compared)]
    cells = rows.groupby(["lineage", "sample"], sort=False)["n_cells"].sum()
    few = (cells < fewest).groupby("lineage", sort=False).mean()
    few = few[few >= 0.5]
    return [said(page, "cells", n=fewest, who=names.lineages(few.index, len(few)))] if len(few) else []
