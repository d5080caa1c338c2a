"""Activities of pathways and regulators: over all lineages, per lineage within each compartment and between them."""

import pandas as pd

from compartments.core.networks import REGULATOR
from compartments.findings import designs, names
from compartments.report import captions, forests
from compartments.report.blocks import Block
from compartments.report.figures.matrix import heatmap
from compartments.report.figures.style import Figure
from compartments.report.page import Page, tagged
from compartments.study.study import COMPARTMENTS
from compartments.study.terms import Term

NAME = "activities"
TITLE = "Pathways and regulators"
NEEDS = ["activities/effects.tsv"]
STEPS = ["score_activities"]

DRAWN = 12  # sources of a figure
SHOWN = ["kind", "source", "lineage", "contrast", "term", "compartment", "estimate", "ci_low", "ci_high", "p_value"]
SHOWN += ["q_value", "mde80", "n_condition", "n_reference", "tier"]
MATRIX = ["kind", "source", "lineage", "estimate", "ci_low", "ci_high", "p_value", "q_value"]
MATRIX += ["n_condition", "n_reference", "tier"]


def build(page: Page) -> list[Block]:
    """Changes over all lineages with single donors, per lineage of each compartment and between, and all of them."""
    effects, scores = labelled(page.needed("activities/effects.tsv")), page.table("activities/scores.tsv")
    scores = None if scores is None else labelled(scores)
    blocks: list[Block] = []
    for term in page.shown:
        within = [] if term.kind == COMPARTMENTS else page.within(term)
        terms = [*within, *[term] * term.across]
        rows = pd.concat([forests.rows_of(effects, each) for each in terms])
        chosen = strongest(rows)
        by = "smallest p-values" if rows["p_value"].notna().any() else "largest estimates, as none has a p-value,"
        pooled = effects[(effects["lineage"] == "all") & effects["label"].isin(chosen)]
        name = f"activities_{tagged(term.contrast, term.compartment)}"
        blocks += forests.over_lineages(page, "activities.pooled", name, term, pooled, scores, "label")
        for each in terms:
            blocks += _matrix(page, each, forests.rows_of(effects, each), chosen, by)
    first = effects.sort_values("p_value", kind="stable")
    first, cut = captions.first_rows(first[SHOWN], "p_value")
    return [*blocks, page.listing("activities.activities_table", first, "activities/effects.tsv", cut=cut)]


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """Pathways in words, and ``label``: regulators are marked as such, as pathways may have the same name."""
    of_regulators = table["kind"] == REGULATOR
    source = table["source"].where(of_regulators, table["source"].map(names.gene_set))
    return table.assign(source=source, label=source + of_regulators.map({True: " (regulator)", False: ""}))


def strongest(rows: pd.DataFrame) -> list[str]:
    """Labels of the sources with the smallest p-values, or where there is none the largest estimates."""
    by = rows["p_value"] if rows["p_value"].notna().any() else -rows["estimate"].abs()
    return list(by.groupby(rows["label"]).min().dropna().sort_values(kind="stable").index[:DRAWN])


def _matrix(page: Page, term: Term, rows: pd.DataFrame, chosen: list[str], by: str) -> list[Figure]:
    """The chosen sources in all lineages; ``by`` says what they were chosen by."""
    drawn = rows[rows["label"].isin(chosen)]
    known = captions.drawn(drawn, ["estimate"])
    if known.empty:
        return []
    wide = drawn.pivot_table(index="label", columns="lineage", values="estimate", sort=False)
    wide = wide.reindex([label for label in chosen if label in wide.index])
    behind = captions.estimates(known, designs.of_term(term), forests.both(term))
    n_sources = rows["label"].nunique()
    words = page.words("activities.by_lineage", behind, term, drawn=len(wide), sources=n_sources, by=by)
    place = f"{'between_' if term.across else ''}{term.compartment}"
    name = f"activities_by_lineage_{tagged(term.contrast, place)}"
    return [heatmap(name, wide, words, label="points", data=known[MATRIX])]
