"""The five questions: answer, picture, and the rows per lineage."""

from typing import Any

import pandas as pd

from compartments.core.vocabulary import QUESTIONS
from compartments.report import captions, donors, forests
from compartments.report.blocks import Answer, Block, Glance, Text
from compartments.report.figures.dots import coupling_scatter, paired_dots
from compartments.report.figures.style import Figure
from compartments.report.networks import headline
from compartments.report.page import Page, arms, tagged
from compartments.study.study import Contrast

NAME = "questions"
TITLE = "Five questions"
NEEDS = ["findings.tsv"]
STEPS = ["write_findings"]

VERDICTS = {"yes": ("✔", "yes"), "no": ("✖", "no"), "cannot_tell": ("?", "cannot be told")}
ASPECTS = {"hub": "central role", "signalling": "signalling"}  # of question 4
DETAIL = ["lineage", "aspect", "verdict", "statement", "estimate", "ci_low", "ci_high", "q_value", "tier"]


def build(page: Page) -> list[Block]:
    """All answers at a glance, then each question for every comparison."""
    findings, glance = page.needed("findings.tsv"), Glance([])
    blocks: list[Block] = [glance]
    several = len(list(page.results.contrasts())) > 1
    for number, question in QUESTIONS.items():
        blocks.append(Text(f"{number}. {question}", "question"))
        for contrast, compartment in page.results.contrasts():
            rows = findings[(findings["question"] == number) & (findings["contrast"] == contrast.contrast)]
            rows = rows[rows["compartment"] == compartment]
            summary, detail = rows[rows["lineage"].isna()], rows[rows["lineage"].notna()]
            heading = f"{arms(contrast)}, {compartment} against {page.base}" if several else ""
            answers = [answer(row) for row in summary.to_dict("records")]
            for aspect, one in zip(summary["aspect"], answers, strict=True):
                glance.rows.append((number, question, f"{heading} {ASPECTS.get(aspect, '')}".strip(), one))
            blocks.append(Answer(answers, heading))
            blocks += picture(number, page, contrast, compartment, rows)
            if len(detail):
                shown = detail[[c for c in DETAIL if detail[c].notna().any()]]
                name, of = f"q{number}_{tagged(contrast, compartment)}", f", {heading}" if heading else ""
                file = "findings.tsv"
                blocks.append(page.listing("questions.rows", shown, file, name=name, folded=True, number=number, of=of))
    return blocks


def answer(row: dict[Any, Any]) -> dict[str, Any]:
    """What the template shows of a row of ``findings.tsv``."""
    icon, verdict = VERDICTS.get(row["verdict"], VERDICTS["cannot_tell"])
    numbers = []
    if pd.notna(row["estimate"]):
        limits = f", 95 % CI {row['ci_low']:.2f} to {row['ci_high']:.2f}" if pd.notna(row["ci_low"]) else ""
        unit = row["unit"] if pd.notna(row["unit"]) else "log2"
        numbers.append(f"{row['estimate']:.2f}{limits} ({unit})")
    for column, letter in (("p_value", "p"), ("q_value", "q")):
        if pd.notna(row[column]):
            numbers.append(f"{letter} = {row[column]:.2g}")
    if pd.notna(row["n_condition"]):
        numbers.append(f"{int(row['n_condition'])} v {int(row['n_reference'])} donors")
    statement = str(row["statement"])
    return {
        "verdict": row["verdict"],
        "icon": icon,
        "word": verdict,
        "statement": statement[0].upper() + statement[1:],
        "numbers": "; ".join(numbers),
        "tier": row["tier"],
        "source": row["source"],
    }


def picture(number: int, page: Page, contrast: Contrast, compartment: str, rows: pd.DataFrame) -> list[Figure]:
    """Figure of a question, about what its ``rows`` of ``findings.tsv`` are about; empty without its table.

    Raises
    ------
    ValueError
        There is no such question.
    """
    match number:
        case 1:
            return depleted(page, contrast, compartment)
        case 2:
            return kept(page, contrast, compartment)
        case 3:
            return migration(page, contrast, compartment, rows)
        case 4:
            return hub(page, contrast, compartment, rows)
        case 5:
            return coupling(page, contrast, compartment)
    raise ValueError(f"question {number} has no figure")


def depleted(page: Page, contrast: Contrast, compartment: str) -> list[Figure]:
    """Changes in both compartments."""
    return forests.within(page, contrast, [compartment, page.base], f"q1_{tagged(contrast, compartment)}")


def kept(page: Page, contrast: Contrast, compartment: str) -> list[Figure]:
    """Differences between the compartments."""
    return forests.between(page, contrast, compartment, f"q2_{tagged(contrast, compartment)}")


def migration(page: Page, contrast: Contrast, compartment: str, rows: pd.DataFrame) -> list[Figure]:
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
    return _paired(page, "questions.migration", f"q3_{tagged(contrast, compartment)}", shown, "score", contrast,
                   compartment, gene_set=gene_set)  # fmt: skip


def hub(page: Page, contrast: Contrast, compartment: str, rows: pd.DataFrame) -> list[Figure]:
    """Share of signalling of the lineage that gains most, in each sample."""
    table = page.table("interactions/centrality.tsv")
    hubs = rows[(rows["aspect"] == "hub") & rows["lineage"].notna()]
    if table is None or hubs.empty:
        return []
    hubs = hubs.assign(order=hubs["verdict"].map({"yes": 0}).fillna(1), size=-hubs["estimate"].abs())
    lineage = hubs.sort_values(["order", "q_value", "size"], kind="stable")["lineage"].iloc[0]
    network = headline(table)
    shown = table[(table["lineage"] == lineage) & (table["network"] == network)]
    if shown.empty:
        return []
    return _paired(page, "questions.hub", f"q4_{tagged(contrast, compartment)}", shown, "share_downsampled", contrast,
                   compartment, lineage=lineage, network=network)  # fmt: skip


def _paired(
    page: Page,
    key: str,
    name: str,
    table: pd.DataFrame,
    value: str,
    contrast: Contrast,
    compartment: str,
    **values: str,
) -> list[Figure]:
    shown = captions.drawn(table, [value])
    behind = captions.arms(shown, contrast, [compartment, page.base])
    given = values | {"condition": contrast.condition, "reference": contrast.reference}
    words = page.words(key, behind, compartment=compartment, base=page.base, **given)
    conditions, compartments = [contrast.reference, contrast.condition], [page.base, compartment]
    y = page.wording.get(key, "axis", {})
    return [paired_dots(name, shown, value, page.colours, conditions, compartments, words, y=y)]


def coupling(page: Page, contrast: Contrast, compartment: str) -> list[Figure]:
    """Change in one compartment against change in the other."""
    effects = page.table("composition/effects.tsv")
    if effects is None:
        return []
    changes = effects[(effects["contrast"] == contrast.contrast) & (effects["level"] == "lineage")]
    sides: dict[str, pd.Series] = {}
    for side, there in (("own", compartment), ("base", page.base)):
        part = changes[changes["term"] == f"within:{there}"].set_index("lineage")
        sides |= {side: part["log2fc"], f"{side}_low": part["ci_low"], f"{side}_high": part["ci_high"]}
    table = pd.DataFrame(sides).dropna(subset=["own", "base"]).rename_axis("lineage").reset_index()
    if table.empty:
        return []
    circles = _both_changes(page, contrast, compartment, list(table["lineage"]))
    both = changes[changes["lineage"].isin(table["lineage"])]
    parts = [
        f"{there}: {captions.estimates(both[both['term'] == f'within:{there}'], contrast)}"
        for there in (compartment, page.base)
    ]
    if len(circles):
        single = [
            circles[circles["condition"] == condition].groupby("lineage")["donor"].nunique()
            for condition in (contrast.condition, contrast.reference)
        ]
        first, second = (numbers.reindex(table["lineage"], fill_value=0) for numbers in single)
        parts.append(page.text("questions.circles", donors=captions.per_arm(first, second, contrast)).text)
    words = page.words(
        "questions.coupling", "; ".join(parts), compartment=compartment, base=page.base, condition=contrast.condition
    )
    change = forests.change_on(changes["scale"].iloc[0])
    name = f"q5_{tagged(contrast, compartment)}"
    return [coupling_scatter(name, table, circles, (compartment, page.base), page.colours, words, change=change)]


def _both_changes(page: Page, contrast: Contrast, compartment: str, lineages: list[str]) -> pd.DataFrame:
    """Donors' changes in both compartments: ``condition, lineage, donor, own, base``; those of the condition first."""
    terms = {f"within:{compartment}": "own", f"within:{page.base}": "base"}
    values = donors.of_composition(page.results, contrast, "lineage", terms)
    if values is None:
        return pd.DataFrame(columns=["condition", "lineage", "donor", "own", "base"])
    values = values[values["lineage"].isin(lineages)]
    wide = values.pivot(index=["condition", "lineage", "donor"], columns="series", values="shown")
    wide = wide.reindex(columns=["own", "base"]).dropna().reset_index()
    return wide.sort_values("condition", key=lambda c: c != contrast.condition, kind="stable")
