"""Migration scores: primary sets, then all sets per lineage."""

import pandas as pd

from compartments.findings import designs
from compartments.report import captions, forests
from compartments.report.blocks import Block
from compartments.report.figures.matrix import heatmap
from compartments.report.figures.style import Figure
from compartments.report.page import Page, flags, tagged
from compartments.study.terms import Term

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
    for term in page.shown:
        pooled, name = effects[effects["lineage"] == "all"], f"sets_{tagged(term.contrast, term.compartment)}"
        scores = page.table("migration/scores.tsv")
        blocks += forests.over_lineages(page, "migration.sets", name, term, pooled, scores, "gene_set")
        rows = forests.rows_of(effects, term)
        if not page.of_one_condition:  # there it leads the page
            blocks += first_set(page, term, rows)
        blocks += _matrix(page, term, rows)
    shown = effects.sort_values(["primary", "p_value"], ascending=[False, True], kind="stable")
    return [*blocks, page.listing("migration.migration_table", shown[SHOWN], "migration/effects.tsv")]


def first_set(page: Page, term: Term, rows: pd.DataFrame) -> list[Figure]:
    """The first primary set in each lineage, with the donors' own differences."""
    scores, primary = page.table("migration/scores.tsv"), rows.loc[flags(rows["primary"]), "gene_set"]
    if primary.empty or scores is None:
        return []
    gene_set, name = primary.iloc[0], f"set_lineages_{tagged(term.contrast, term.compartment)}"
    of_set, values = rows[rows["gene_set"] == gene_set], scores[scores["gene_set"] == gene_set]
    return forests.differences(page, "migration.set_lineages", name, of_set, values, "score", term, feature=gene_set)


def _matrix(page: Page, term: Term, rows: pd.DataFrame) -> list[Figure]:
    """All sets in all lineages."""
    if rows.empty:
        return []
    wide = rows.pivot_table(index="gene_set", columns="lineage", values="estimate", sort=False)
    known = captions.drawn(rows, ["estimate"])
    behind = captions.estimates(known, designs.of_term(term), forests.both(term))
    words = page.words("migration.sets_by_lineage", behind, term)
    name = f"sets_by_lineage_{tagged(term.contrast, term.compartment)}"
    return [heatmap(name, wide, words, label="score, points", data=rows[MATRIX])]
