"""Centrality of lineages, groups of pairs, and single pairs."""

import numpy as np
import pandas as pd

from compartments.core.vocabulary import UNASSIGNED
from compartments.findings import designs
from compartments.report import captions, donors, forests
from compartments.report.blocks import Block
from compartments.report.figures.dots import sample_dots
from compartments.report.figures.forest import forest
from compartments.report.figures.matrix import heatmap
from compartments.report.figures.style import GREY, Figure, layout
from compartments.report.networks import headline, networks
from compartments.report.page import Page, series_of, tagged
from compartments.study.study import COMPARTMENTS
from compartments.study.terms import Term

NAME = "interactions"
TITLE = "Interactions"
NEEDS = ["interactions/centrality_effects.tsv"]
STEPS = ["run_liana", "score_centrality", "compare_interactions"]

PAIRS_SHOWN = 20  # of LIANA, per compartment
UPPER_PART = 0.05  # of the pairs of a sample, by magnitude
PLACES = ["sample", "donor", "compartment", "condition"]
EDGE = ["source", "target", "ligand", "receptor"]
PAIR = ["source", "target", "ligand_complex", "receptor_complex"]
MATRIX = ["lineage", "network", "estimate", "ci_low", "ci_high", "p_value", "q_value", "tier"]
TABLES = {  # of the folder interactions, and the column by which a long one is cut
    "centrality_effects": "p_value",
    "groups": "p_value",
    "effects": "evidence",
    "cross_compartment": "",
    "not_testable": "",
}


def build(page: Page) -> list[Block]:
    """Who gains a central role, the shares of all samples, pairs of each compartment, networks, and all tables."""
    shares, blocks = page.table("interactions/centrality.tsv"), list[Block]()
    effects = page.needed("interactions/centrality_effects.tsv")
    for term in page.shown:
        rows = forests.rows_of(effects, term)
        if not page.of_one_condition:  # there it leads the page
            blocks += central(page, term, rows, shares)
        blocks += _all_networks(page, term, rows)
    blocks += _shares(page, shares)
    for compartment in page.study.compartments:
        blocks += _liana_pairs(page, compartment)
    for term in page.shown:
        blocks += _top_edges(page, term)
    for term in page.terms:
        if not term.across or term.kind == COMPARTMENTS:
            blocks += networks(page, term)
    for name, by in TABLES.items():
        blocks += _table(page, name, by)
    return blocks


def central(page: Page, term: Term, rows: pd.DataFrame, shares: pd.DataFrame | None) -> list[Figure]:
    """Centrality in the headline network, with the donors."""
    if rows.empty or shares is None:
        return []
    network = headline(rows)
    known = shares[(shares["network"] == network) & shares["share"].between(0, 1, inclusive="neither")]
    known = known.assign(logit=np.log(known["share"] / (1 - known["share"])))
    name = f"hubs_{tagged(term.contrast, term.compartment)}"
    rows = rows[rows["network"] == network]
    return forests.differences(page, "interactions.hubs", name, rows, known, "logit", term, feature=network)


def _all_networks(page: Page, term: Term, rows: pd.DataFrame) -> list[Figure]:
    """Centrality in all networks."""
    if rows.empty:
        return []
    wide = rows.pivot_table(index="lineage", columns="network", values="estimate", sort=False)
    behind = captions.estimates(captions.drawn(rows, ["estimate"]), designs.of_term(term), forests.both(term))
    words = page.words("interactions.centrality", behind, term)
    name = f"centrality_{tagged(term.contrast, term.compartment)}"
    return [heatmap(name, wide, words, label="log-odds", data=rows[MATRIX])]


def _shares(page: Page, shares: pd.DataFrame | None) -> list[Figure]:
    """Share of every lineage in every sample of the headline network: all donors behind the heat map."""
    if shares is None:
        return []
    network, colours = headline(shares), page.colours
    rows = shares[(shares["network"] == network) & ~shares["lineage"].isin([UNASSIGNED, "other"])]
    rows = captions.drawn(rows, ["share"])
    groups = [
        (f"{condition}, {there}", part, colours.condition.get(condition, GREY), colours.symbol.get(there, "circle"))
        for (condition, there), part in rows.groupby(["condition", "compartment"], sort=False)
    ]
    shown = layout("share of signalling", "", yaxis={"type": "category", "autorange": "reversed"})
    words = page.words("interactions.shares", captions.samples(rows), network=network)
    traces, height = sample_dots(groups, "share", "lineage", "%{x:.3f}"), 150 + 30 * rows["lineage"].nunique()
    return [Figure("shares", words, traces, shown, rows[[*PLACES, "lineage", "share"]], height)]


def _edge_label(table: pd.DataFrame, suffix: str = "") -> pd.Series:
    """``source to target: ligand, receptor``; ``suffix`` of the two columns that name the genes."""
    genes = table[f"ligand{suffix}"] + ", " + table[f"receptor{suffix}"]
    return table["source"] + " to " + table["target"] + ": " + genes


def _liana_pairs(page: Page, compartment: str) -> list[Figure]:
    """Pairs that LIANA ranks first in the samples of one compartment, with the place in every sample."""
    first = [("compartment", "==", compartment), ("magnitude_rank", "<=", UPPER_PART)]
    columns = ["sample", "donor", "condition", *PAIR, "magnitude_rank"]
    rows = page.results.some_columns("interactions/liana.parquet", columns, first)
    if rows is None or rows.empty:
        return []
    rows = rows.astype(dict.fromkeys(columns[:-1], str))
    # every pair that ranks above one of these is among these: places are those in the whole sample
    rows["place"] = rows.groupby("sample")["magnitude_rank"].rank(method="min")
    rows["label"] = _edge_label(rows, "_complex")
    n_samples = rows["sample"].nunique()
    pairs = rows.groupby("label")["place"].agg(["size", "median"])
    pairs = pairs[pairs["size"] * 2 >= n_samples].sort_values(
        ["median", "size"], ascending=[True, False], kind="stable"
    )
    labels = list(pairs.index[:PAIRS_SHOWN])
    rows = rows[rows["label"].isin(labels)]
    symbol, colours = page.colours.symbol.get(compartment, "circle"), page.colours.condition
    groups = [
        (str(condition), part, colours.get(str(condition), GREY), symbol)
        for condition, part in rows.groupby("condition", sort=False)
    ]
    shown = layout(
        page.wording.get("interactions.liana", "axis", {}),
        "",
        xaxis={"type": "log", "dtick": 1},
        yaxis={"type": "category", "categoryorder": "array", "categoryarray": labels[::-1]},
    )
    donors_of = rows.drop_duplicates(["donor", "condition"])
    behind = captions.samples(rows)
    if not donors_of["donor"].duplicated().any():
        numbers = donors_of["condition"].value_counts()
        behind = f"{captions.counted(rows['sample'].nunique(), 'sample')} of "
        behind += f"{', '.join(f'{n} {condition}' for condition, n in numbers.items())} donors"
    given = {"compartment": compartment, "shown": len(labels), "every": len(pairs), "n_samples": n_samples}
    words = page.words("interactions.liana", behind, upper=100 * UPPER_PART, **given)
    data = rows[["label", *columns, "place"]].sort_values(["label", "sample"])
    traces = sample_dots(groups, "place", "label", "place %{x}")
    return [Figure(f"liana_{compartment}", words, traces, shown, data, 150 + 26 * len(labels))]


def _top_edges(page: Page, term: Term) -> list[Figure]:
    """Pairs of genes whose interaction changes or differs most, with every donor."""
    effects, scores = page.table("interactions/effects.tsv"), page.table("interactions/top_edges.tsv")
    if effects is None or scores is None:
        return []
    scores = scores[(scores["contrast"] == term.contrast.contrast) & (scores["compared"] == term.compartment)]
    rows = forests.rows_of(effects, term).merge(scores[EDGE].drop_duplicates(), on=EDGE)
    if rows.empty:
        return []
    series, circles = series_of(term, page.base), donors.of_term(scores, EDGE, "score", term)
    rows, circles = (table.assign(label=_edge_label(table), series=series) for table in (rows, circles))
    both = " with both lineages in both compartments" if term.across else " with both lineages"
    behind = captions.estimates(rows, designs.of_term(term), both, circles)
    words = page.words("interactions.edges", behind, term)
    name, of = f"edges_{tagged(term.contrast, term.compartment)}", {series: term.compartment}
    rows, labels = rows.assign(one_arm=term.one_arm), list(rows["label"])
    axis = forests.axis_of(page, "interactions.edges", term)
    return [forest(name, rows, circles, labels, of, page.colours, words, x=axis)]


def _table(page: Page, name: str, by: str) -> list[Block]:
    """A table of the folder, its first rows if it is long."""
    file = f"interactions/{name}.tsv"
    table = page.table(file)
    if table is None:
        return []
    said = ""
    if name == "effects":
        tested = table[table["status"] == "tested"]
        if len(tested) < len(table):
            said = page.text("interactions.tested", tested=len(tested), every=len(table)).text
        table = tested
    shown, cut = captions.first_rows(table, by, largest=by == "evidence")
    return [page.listing(f"interactions.{name}", shown, file, name=f"{name}_table", cut=f"{said} {cut}".strip())]
