"""The five questions: answer, picture, and the rows per lineage."""

import math
from typing import Any

import pandas as pd

from compartments.core.numbers import probability
from compartments.core.vocabulary import OF_ONE_COMPARTMENT, QUESTIONS
from compartments.findings import designs, headlines, words
from compartments.report import captions, donors, forests, glance, limits, turning
from compartments.report.blocks import Answer, Block, Glance, Text
from compartments.report.figures.dots import coupling_scatter
from compartments.report.figures.style import Figure
from compartments.report.page import Page, tagged
from compartments.study.study import CHANGE, COMPARTMENTS
from compartments.study.terms import Term

NAME = "questions"
TITLE = "Five questions"
NEEDS = ["findings.tsv"]
STEPS = ["write_findings"]

VERDICTS = {"yes": ("✔", "yes"), "no": ("✖", "no"), "cannot_tell": ("?", "cannot be told")}
ASPECTS = {"hub": "central role", "signalling": "signalling"}  # of question 4
SIDES = ("own", "base")
DETAIL = ["lineage", "aspect", "verdict", "statement", "estimate", "ci_low", "ci_high", "q_value", "tier"]
DETAIL += ["estimate_of", "p_of"]


def build(page: Page) -> list[Block]:
    """All answers at a glance, then each question for every comparison; what cannot be asked takes one line."""
    findings = page.needed("findings.tsv")
    first = Glance([], page.text("questions.drawn").text, limits.sentences(page, findings))
    blocks: list[Block] = [first]
    if page.of_one_condition:
        blocks.append(page.text("questions.one_condition"))
    elif len(page.study.compartments) == 1:
        blocks.append(page.text("questions.one_compartment", compartment=page.base))
    questions = OF_ONE_COMPARTMENT if len(page.study.compartments) == 1 else QUESTIONS
    for number, question in questions.items():
        blocks.append(Text(f"{number}. {question}", "question"))
        for term in page.shown:
            rows = findings[(findings["question"] == number) & (findings["contrast"] == term.contrast.contrast)]
            rows = rows[rows["compartment"] == term.compartment]
            summary, detail = rows[rows["lineage"].isna()], rows[rows["lineage"].notna()]
            heading = heading_of(page, term) if len(page.shown) > 1 else ""
            answers = [answer(row, term) for row in summary.to_dict("records")]
            for aspect, one in zip(summary["aspect"], answers, strict=True):
                about = rows[rows["aspect"] == aspect] if aspect in ASPECTS else rows
                more = {"change": turning.sentences(page, number, term, about)} | small(page, number, term, about)
                first.rows.append((number, question, f"{heading} {ASPECTS.get(aspect, '')}".strip(), one | more))
            if len(summary) and summary["source"].isna().all():  # it cannot be asked of this study
                blocks += [Text(f"{heading}: {one['statement']}" if heading else one["statement"]) for one in answers]
                continue
            blocks += [Answer(answers, heading), *picture(number, page, term, rows)]
            if len(detail):
                shown = detail[[c for c in DETAIL if c in detail and detail[c].notna().any()]]
                shown = shown.assign(verdict=[verdict_of(word)[1] for word in shown["verdict"]])
                name, of = f"q{number}_{tagged(term.contrast, term.compartment)}", f", {heading}" if heading else ""
                file = "findings.tsv"
                blocks.append(page.listing("questions.rows", shown, file, name=name, folded=True, number=number, of=of))
    return blocks


def heading_of(page: Page, term: Term) -> str:
    """What is compared, and where."""
    compared = designs.compared(designs.of_term(term))
    if term.kind == COMPARTMENTS:
        return compared
    return f"{compared}, {term.compartment} against {page.base}" if term.across else f"{compared}, {term.compartment}"


def small(page: Page, number: int, term: Term, rows: pd.DataFrame) -> dict[str, Any]:
    """What stands for an answer in the picture of the first screen."""
    variant, given = "" if term.across else "alone", page.phrases(term)
    aspects = rows.loc[rows["aspect"].isin(ASPECTS), "aspect"].tolist() or [variant]
    network = glance.network_of(rows)
    what = page.wording.get("questions.pictures", f"q{number}", given, variant or network or aspects[0])
    return {
        "short": page.wording.get("questions.short", f"q{number}", given, aspects[0]),
        "compared": heading_of(page, term),
        "what": what,
        "picture": glance.picture(rows, what),
    }


def verdict_of(word: str) -> tuple[str, str]:
    """Sign and words of a verdict, the same wherever it stands."""
    return VERDICTS.get(word, VERDICTS["cannot_tell"])


def estimate(row: dict[Any, Any]) -> str:
    """``down 6.6-fold (log2 fold change: -2.72, 95 % CI -3.67 to -1.76)``, of scores ``1.39, 95 % CI ... (unit)``."""
    unit = row["unit"] if pd.notna(row["unit"]) else words.LOG2
    limits = f", 95 % CI {row['ci_low']:z.2f} to {row['ci_high']:z.2f}" if pd.notna(row["ci_low"]) else ""
    value = f"{row['estimate']:z.2f}{limits}"
    if unit == words.LOG2:
        return f"{headlines.one(row['estimate'])} ({unit}: {value})"
    if unit in (words.LOG2_DIFFERENCE, words.SPREAD):
        return f"{words.apart(row['estimate'])} ({unit}: {value})"
    if unit == words.ODDS:
        small = abs(row["estimate"]) < words.SMALL * math.log(2)
        return f"{'about unchanged' if small else f'{words.size(math.exp(row["estimate"]))}-fold'} ({unit}: {value})"
    return f"{value} ({unit})"


def told(row: dict[Any, Any], column: str) -> str:
    """A text of a row; empty where older tables lack it."""
    return row[column] if isinstance(row.get(column), str) else ""


def answer(row: dict[Any, Any], term: Term) -> dict[str, Any]:
    """What the template shows of a row of ``findings.tsv``: beside numbers stands what they are of."""
    icon, verdict = verdict_of(row["verdict"])
    numbers = []
    if pd.notna(row["estimate"]):
        leading = told(row, "leading")
        who = glance.label(row | {"lineage": leading}) if leading else ""
        about = ", ".join(text for text in (who, told(row, "estimate_of")) if text)
        numbers.append(f"{about}: {estimate(row)}" if about else estimate(row))
    letters = {"p": row["p_value"], "q": row["q_value"]}
    if tested := ", ".join(probability(letter, value) for letter, value in letters.items() if pd.notna(value)):
        of = told(row, "p_of")
        numbers.append(f"{tested} (of {of})" if of else tested)
    if numbers and pd.notna(row["n_condition"]):
        contrast = designs.of_term(term)
        numbers.append(designs.donors(contrast, int(row["n_condition"]), int(row["n_reference"]), "v"))
    statement = str(row["statement"])
    return {
        "verdict": row["verdict"],
        "icon": icon,
        "word": verdict,
        "statement": statement[0].upper() + statement[1:],
        "headline": told(row, "headline"),
        "numbers": "; ".join(numbers),
        "tier": row["tier"],
        "source": row["source"],
    }


def picture(number: int, page: Page, term: Term, rows: pd.DataFrame) -> list[Figure]:
    """Figure of a question, about what its ``rows`` of ``findings.tsv`` are about; empty without its table.

    Raises
    ------
    ValueError
        There is no such question.
    """
    name = f"q{number}_{tagged(term.contrast, term.compartment)}"
    match number:
        case 1:
            return forests.within(page, page.within(term), name)
        case 2:
            return forests.between(page, term, name)
        case 3:
            return migration(page, term, name, rows)
        case 4:
            return hub(page, term, name, rows)
        case 5:
            return coupling(page, term, name)
    raise ValueError(f"question {number} has no figure")


def migration(page: Page, term: Term, name: str, rows: pd.DataFrame) -> list[Figure]:
    """Score of each sample for the gene set that the answer is about."""
    scores = page.table("migration/scores.tsv")
    if scores is None:
        return []
    answered = rows["aspect"].dropna().tolist()  # the summary row stands first
    gene_set = (answered or list(scores["gene_set"].unique()))[0]
    shown = scores[(scores["gene_set"] == gene_set) & (scores["lineage"] == "all")]
    if shown.empty:
        shown = scores[scores["gene_set"] == gene_set]
        samples = shown.groupby(["sample", "donor", "compartment", "condition"], sort=False)
        shown = samples["score"].mean().reset_index()
    return forests.paired(page, "questions.migration", name, shown, "score", term, gene_set=gene_set)


def hub(page: Page, term: Term, name: str, rows: pd.DataFrame) -> list[Figure]:
    """Share of signalling of the lineage that the answer quotes, in its network, in each sample."""
    table = page.table("interactions/centrality.tsv")
    hubs = rows[(rows["aspect"] == "hub") & rows["lineage"].notna()]
    network = glance.network_of(rows)
    hubs = hubs[hubs["source"].str.contains(f"network={network}")]
    if table is None or hubs.empty:
        return []
    quoted = rows["leading"].dropna() if "leading" in rows else []
    hubs = hubs.assign(quoted=~hubs["lineage"].isin(quoted), order=hubs["verdict"].map({"yes": 0}).fillna(1))
    lineage = hubs.sort_values(["quoted", "order", "q_value"], kind="stable")["lineage"].iloc[0]
    shown = table[(table["lineage"] == lineage) & (table["network"] == network)]
    given = {"lineage": lineage, "network": network}
    return forests.paired(page, "questions.hub", name, shown, "share_downsampled", term, **given)


def coupling(page: Page, term: Term, name: str) -> list[Figure]:
    """Change in one compartment against change in the other."""
    effects = page.table("composition/effects.tsv")
    if effects is None:
        return []
    effects = effects[effects["level"] == "lineage"]
    terms = page.within(term)
    sides: dict[str, pd.Series] = {}
    for side, each in zip(("own", "base"), terms, strict=True):
        part = forests.rows_of(effects, each).set_index("lineage")
        sides |= {side: part["log2fc"], f"{side}_low": part["ci_low"], f"{side}_high": part["ci_high"]}
    table = pd.DataFrame(sides).dropna(subset=["own", "base"]).rename_axis("lineage").reset_index()
    if table.empty:
        return []
    both = effects[effects["lineage"].isin(table["lineage"])]
    parts = [
        f"{each.compartment}: {captions.estimates(forests.rows_of(both, each), designs.of_term(each))}"
        for each in terms
    ]
    circles = _both_changes(page, terms, list(table["lineage"]))
    if len(circles):
        contrast = designs.of_term(terms[0])
        single = captions.singles(circles, ["lineage"], contrast, pd.Index(table["lineage"]))
        parts.append(page.text("questions.circles", donors=captions.per_arm(*single, contrast)).text)
    given = {
        "single": page.wording.get("questions.single", "text", page.phrases(terms[0]), variant_of_single(terms[0]))
    }
    said = page.words("questions.coupling", "; ".join(parts), term, **given)
    change = forests.change_on(effects["scale"].iloc[0])
    return [coupling_scatter(name, table, circles, (term.compartment, page.base), page.colours, said, change=change)]


def variant_of_single(term: Term) -> str:
    """Which words on single donors fit."""
    return "own" if term.one_arm else "change" if term.kind == CHANGE else ""


def _both_changes(page: Page, terms: list[Term], lineages: list[str]) -> pd.DataFrame:
    """Donors' changes in both compartments: ``condition, lineage, donor, own, base``; those of the first arm first."""
    single = [
        donors.of_composition(page.results, term, "lineage", side) for term, side in zip(terms, SIDES, strict=True)
    ]
    if any(each is None for each in single) or len({term.one_arm for term in terms}) > 1:
        return pd.DataFrame(columns=["condition", "lineage", "donor", *SIDES])
    values = pd.concat([each for each in single if each is not None])
    values = values[values["lineage"].isin(lineages)]
    wide = values.pivot(index=["condition", "lineage", "donor"], columns="series", values="shown")
    wide = wide.reindex(columns=list(SIDES)).dropna().reset_index()
    return wide.sort_values("condition", key=lambda c: c != terms[0].arms[0], kind="stable")
