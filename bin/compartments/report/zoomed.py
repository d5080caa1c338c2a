"""Subclusters of lineages that were looked into: the change of their shares, with single donors."""

import pandas as pd

from compartments.findings import designs
from compartments.report import captions, donors, forests
from compartments.report.blocks import Block
from compartments.report.figures.forest import forest
from compartments.report.page import Page, series_of
from compartments.study.terms import Term

EFFECTS = "zoom/effects.tsv"
SHOWN = ["lineage", "subcluster", "contrast", "term", "compartment", "log2fc", "ci_low", "ci_high", "p_value"]
SHOWN += ["q_value", "mde80", "n_condition", "n_reference", "tier", "note"]


def blocks(page: Page) -> list[Block]:
    """A figure for every lineage and compartment and between them, what subclusters are made of, and all estimates."""
    effects, values = page.table(EFFECTS), page.table("zoom/donors.tsv")
    if effects is None:
        return []
    found: list[Block] = []
    for lineage, of_lineage in effects.groupby("lineage", sort=False):
        for term in page.terms:
            own = None if values is None else values[values["lineage"] == lineage]
            found += _forest(page, str(lineage), term, forests.rows_of(of_lineage, term), own)
    clusters = page.table("zoom/clusters.tsv")
    if clusters is not None:
        found.append(page.listing("composition.zoom_clusters", clusters, "zoom/clusters.tsv"))
    return [*found, page.listing("composition.zoom_table", effects[SHOWN], EFFECTS)]


def _forest(page: Page, lineage: str, term: Term, rows: pd.DataFrame, values: pd.DataFrame | None) -> list[Block]:
    """Change of the share of every subcluster in one term."""
    rows, series = rows[rows["log2fc"].notna()], series_of(term, page.base)
    if rows.empty:
        return []
    rows = rows.assign(label=rows["subcluster"], series=series, one_arm=term.one_arm)
    circles = None
    if values is not None:
        own = forests.rows_of(values, term)
        own = own.assign(shown=own["log2_seen"], label=own["subcluster"], series=series)
        circles = donors.against_reference(own, ["subcluster"], term)
    behind = captions.estimates(rows, designs.of_term(term), forests.both(term), circles)
    words = page.words("composition.zoom_shares", behind, term, lineage=lineage)
    labels, x = (
        list(rows.sort_values("log2fc", ascending=False)["label"]),
        forests.axis_of(page, "composition.zoom_shares", term),
    )
    place = f"{'between_' if term.across else ''}{term.compartment}"
    name = f"zoom_{lineage}_{term.contrast.contrast}_{place}"
    return [forest(name, rows, circles, labels, {series: term.compartment}, page.colours, words, x=x)]
