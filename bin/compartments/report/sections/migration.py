"""Migration scores: primary sets, then all sets per lineage."""

import pandas as pd

from compartments.report import captions, donors, forests
from compartments.report.blocks import Block
from compartments.report.figures.forest import forest
from compartments.report.figures.matrix import heatmap
from compartments.report.figures.style import Figure
from compartments.report.page import Page, arms, flags, tagged
from compartments.study.study import Contrast

NAME = "migration"
TITLE = "Migration"
NEEDS = ["migration/effects.tsv"]
STEPS = ["score_gene_sets"]

SHOWN = ["gene_set", "primary", "lineage", "contrast", "term", "compartment", "estimate", "ci_low", "ci_high"]
SHOWN += ["p_value", "q_value", "mde80", "n_condition", "n_reference", "tier", "call"]
MATRIX = ["gene_set", "lineage", "estimate", "ci_low", "ci_high", "p_value", "q_value", "tier"]


def build(page: Page) -> list[Block]:
    """Changes of the scores over all lineages, differences between compartments per lineage, and all scores."""
    effects, blocks = page.needed("migration/effects.tsv"), list[Block]()
    for contrast, compartment in page.results.contrasts():
        rows = effects[effects["contrast"] == contrast.contrast]
        blocks += _over_all(page, contrast, compartment, rows[rows["lineage"] == "all"])
        between = rows[(rows["term"] == "interaction") & (rows["compartment"] == compartment)]
        blocks += _first_set(page, contrast, compartment, between)
        blocks += _matrix(page, contrast, compartment, between)
    shown = effects.sort_values(["primary", "p_value"], ascending=[False, True], kind="stable")
    return [*blocks, page.listing("migration.migration_table", shown[SHOWN], "migration/effects.tsv")]


def _over_all(page: Page, contrast: Contrast, compartment: str, rows: pd.DataFrame) -> list[Figure]:
    """Change of every set within both compartments."""
    series = {compartment: compartment, page.base: page.base}
    within = rows[rows["term"].isin([f"within:{c}" for c in series])]
    if within.empty:
        return []
    within = within.assign(label=within["gene_set"], series=within["compartment"])
    circles = donors.of_scores(page.results, contrast, list(series))
    words = page.words("migration.sets", forests.per_series(within, circles, contrast), arms=arms(contrast))
    labels = list(dict.fromkeys(within.sort_values("estimate", ascending=False)["label"]))
    name, axis = f"sets_{tagged(contrast, compartment)}", "change of the score (z-score points)"
    return [forest(name, within, circles, labels, series, page.colours, words, x=axis, value="estimate")]


def _first_set(page: Page, contrast: Contrast, compartment: str, between: pd.DataFrame) -> list[Figure]:
    """The first primary set in each lineage, with the donors' own differences."""
    scores, primary = page.table("migration/scores.tsv"), between.loc[flags(between["primary"]), "gene_set"]
    if primary.empty or scores is None:
        return []
    gene_set = primary.iloc[0]
    return forests.differences(
        page,
        "migration.set_lineages",
        f"set_lineages_{tagged(contrast, compartment)}",
        between[between["gene_set"] == gene_set],
        scores[scores["gene_set"] == gene_set],
        "score",
        contrast,
        compartment,
        feature=gene_set,
    )


def _matrix(page: Page, contrast: Contrast, compartment: str, between: pd.DataFrame) -> list[Figure]:
    """All sets in all lineages."""
    if between.empty:
        return []
    wide = between.pivot_table(index="gene_set", columns="lineage", values="estimate", sort=False)
    behind = captions.estimates(captions.drawn(between, ["estimate"]), contrast, forests.BOTH)
    words = page.words("migration.sets_by_lineage", behind, compartment=compartment, base=page.base)
    name = f"sets_by_lineage_{tagged(contrast, compartment)}"
    return [heatmap(name, wide, words, label="points", data=between[MATRIX])]
