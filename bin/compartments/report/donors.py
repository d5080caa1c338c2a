"""Values of single donors on the axis of the estimates that rest on them."""

from collections.abc import Sequence

import pandas as pd

from compartments.core.vocabulary import COHORT
from compartments.report.results import Results
from compartments.study.study import COMPARTMENTS
from compartments.study.terms import Term


def of_series(donors: pd.DataFrame | None, series: str) -> pd.DataFrame | None:
    """Donors of one series of a forest."""
    return None if donors is None else donors[donors["series"] == series]


def of_composition(results: Results, term: Term, level: str, series: str) -> pd.DataFrame | None:
    """Abundances of donors as they were counted, minus the scale's zero.

    Returns
    -------
    DataFrame or None
        Rows of ``composition/donors.tsv`` with ``label, series, shown``; ``condition`` is the arm, relative to the mean
        of whose second (in the same cohort) ``shown`` is, or empty where there is one. ``None`` without the file.
    """
    rows = composition_of(results, term, level)
    if rows is None:
        return None
    shown = rows["log2_seen"] - zeros_of(results, term, level, rows["donor"]) * (rows["condition"] == term.arms[0])
    rows = rows.assign(
        shown=shown, label=rows["lineage"], series=series, **{COHORT: cohorts_of(results, rows["donor"])}
    )
    return against_reference(rows, ["lineage", COHORT], term).drop(columns=COHORT)


def cohorts_of(results: Results, donors: pd.Series) -> pd.Series:
    """Which of several studies taken together each donor is of, as each was compared by itself; empty of one study."""
    if not results.cohorts or results.study is None:
        return pd.Series("", donors.index)
    return donors.map(results.study.samples.drop_duplicates("donor").set_index("donor")[COHORT])


def zeros_of(results: Results, term: Term, level: str, donors: pd.Series) -> pd.Series:
    """What counts as no change on the scale of a term, of each donor: where studies are taken together, that of his."""
    terms = results.json("composition/composition.json").get("terms", [])
    mine = [t for t in terms if t["level"] == level and all(t[key] == value for key, value in term.keys.items())]
    zeros = {t.get(COHORT, ""): t.get("zero_log2") or 0.0 for t in mine}
    return cohorts_of(results, donors).map(zeros).fillna(0.0)


def composition_of(results: Results, term: Term, level: str) -> pd.DataFrame | None:
    """Rows of ``composition/donors.tsv`` of one term and level; None without it or without what was seen."""
    donors = results.table("composition/donors.tsv")
    if donors is None or "log2_seen" not in donors:
        return None
    chosen = donors["level"] == level
    for key, value in term.keys.items():
        chosen &= donors[key] == value
    return donors[chosen]


def against_reference(rows: pd.DataFrame, keys: Sequence[str], term: Term) -> pd.DataFrame:
    """Values ``shown`` minus the mean of the second arm, if there are two; features that it lacks are left out."""
    if term.one_arm:
        return rows.assign(condition="")
    means = rows[rows["condition"] == term.arms[1]].groupby(list(keys))["shown"].mean().rename("_mean")
    rows = rows.join(means, on=list(keys)).dropna(subset=["_mean"])
    return rows.assign(shown=rows["shown"] - rows["_mean"]).drop(columns="_mean")


def of_term(values: pd.DataFrame, keys: Sequence[str], value: str, term: Term) -> pd.DataFrame:
    """Values of a term's units from those of samples, relative to the mean of the second arm if there are two.

    Parameters
    ----------
    values : DataFrame
        ``sample``, ``keys`` and ``value``: one row per sample and feature.

    Returns
    -------
    DataFrame
        ``keys, donor, condition, shown``; ``condition`` is the arm, or empty where there is one.
    """
    wide = values.pivot(index="sample", columns=list(keys), values=value)
    there = term.units[term.sample_columns].isin(list(wide.index)).all(axis=1).to_numpy()
    units = term.of(there & term.in_arms())
    table = pd.DataFrame(units.values(wide), columns=wide.columns)
    table = table.set_axis(pd.MultiIndex.from_arrays([units.units["donor"], units.units["arm"]]), axis=0)
    rows = (
        table.rename_axis(["donor", "condition"])
        .stack(list(range(len(keys))), future_stack=True)
        .rename("shown")
        .dropna()
    )
    return against_reference(rows.reset_index(), keys, term)


def abundances(results: Results, level: str) -> pd.DataFrame | None:
    """Log2 abundances of samples, from the donors behind all comparisons.

    Returns
    -------
    DataFrame or None
        ``donor, compartment, condition, lineage, log2``; ``None`` without the file.
    """
    donors = results.table("composition/donors.tsv")
    if donors is None or results.study is None:
        return None
    rows, parts = donors[donors["level"] == level], []
    for term in results.terms:
        of_one = rows[(rows[list(term.keys)] == list(term.keys.values())).all(axis=1)]
        only = results.study.samples["condition"].iloc[0] if term.kind == COMPARTMENTS else None
        for part, column in zip(term.parts, ("log2_sample", "log2_reference_sample"), strict=False):
            condition = part.condition or only or of_one["condition"]
            place = of_one[["donor", "lineage"]].assign(compartment=part.compartment, condition=condition)
            parts.append(place.assign(log2=of_one[column]))
    table = pd.concat(parts, ignore_index=True).dropna(subset=["log2"])
    return table.drop_duplicates(["donor", "compartment", "condition", "lineage"], ignore_index=True)
