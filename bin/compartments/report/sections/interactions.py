"""Centrality of lineages, groups of pairs, and single pairs."""

import numpy as np
import pandas as pd

from compartments.core.vocabulary import UNASSIGNED
from compartments.report import captions, donors, forests
from compartments.report.blocks import Block
from compartments.report.figures.dots import sample_dots
from compartments.report.figures.forest import forest
from compartments.report.figures.matrix import heatmap
from compartments.report.figures.style import GREY, Figure, layout
from compartments.report.networks import headline, networks
from compartments.report.page import Page, arms, tagged
from compartments.study.study import Contrast

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
    for contrast, compartment in page.results.contrasts():
        blocks += _central(page, contrast, compartment, shares)
    blocks += _shares(page, shares)
    for compartment in page.study.compartments:
        blocks += _liana_pairs(page, compartment)
    for contrast, compartment in page.results.contrasts():
        blocks += _top_edges(page, contrast, compartment)
    for contrast in page.results.comparisons():
        for compartment in [*page.study.compartments[1:], page.base]:
            blocks += networks(page, contrast, compartment)
    for name, by in TABLES.items():
        blocks += _table(page, name, by)
    return blocks


def _central(page: Page, contrast: Contrast, compartment: str, shares: pd.DataFrame | None) -> list[Figure]:
    """Differences of centrality between compartments: the headline network with donors, and all networks."""
    effects = page.needed("interactions/centrality_effects.tsv")
    between = effects[
        (effects["contrast"] == contrast.contrast)
        & (effects["term"] == "interaction")
        & (effects["compartment"] == compartment)
    ]
    if between.empty:
        return []
    found = []
    if shares is not None:
        network = headline(between)
        known = shares[(shares["network"] == network) & shares["share"].between(0, 1, inclusive="neither")]
        found += forests.differences(
            page,
            "interactions.hubs",
            f"hubs_{tagged(contrast, compartment)}",
            between[between["network"] == network],
            known.assign(logit=np.log(known["share"] / (1 - known["share"]))),
            "logit",
            contrast,
            compartment,
            feature=network,
        )
    wide = between.pivot_table(index="lineage", columns="network", values="estimate", sort=False)
    behind = captions.estimates(captions.drawn(between, ["estimate"]), contrast, forests.BOTH)
    given = {"compartment": compartment, "base": page.base, "arms": arms(contrast)}
    words, name = page.words("interactions.centrality", behind, **given), f"centrality_{tagged(contrast, compartment)}"
    return [*found, heatmap(name, wide, words, label="log-odds", data=between[MATRIX])]


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
    donors_of = rows.drop_duplicates("donor")["condition"].value_counts()
    behind = f"{captions.counted(rows['sample'].nunique(), 'sample')} of "
    behind += f"{', '.join(f'{n} {condition}' for condition, n in donors_of.items())} donors"
    given = {"compartment": compartment, "shown": len(labels), "every": len(pairs), "n_samples": n_samples}
    words = page.words("interactions.liana", behind, upper=100 * UPPER_PART, **given)
    data = rows[["label", *columns, "place"]].sort_values(["label", "sample"])
    traces = sample_dots(groups, "place", "label", "place %{x}")
    return [Figure(f"liana_{compartment}", words, traces, shown, data, 150 + 26 * len(labels))]


def _top_edges(page: Page, contrast: Contrast, compartment: str) -> list[Figure]:
    """Pairs of genes whose interaction differs most between the compartments, with every donor."""
    effects, scores = page.table("interactions/effects.tsv"), page.table("interactions/top_edges.tsv")
    if effects is None or scores is None:
        return []
    scores = scores[(scores["contrast"] == contrast.contrast) & (scores["compared"] == compartment)]
    rows = effects[(effects["contrast"] == contrast.contrast) & (effects["compartment"] == compartment)]
    rows = rows[rows["term"] == "interaction"].merge(scores[EDGE].drop_duplicates(), on=EDGE)
    if rows.empty:
        return []
    pair = (compartment, page.base)
    circles = donors.differences(scores, EDGE, "score", contrast, pair)
    rows, circles, series = donors.labelled(rows, circles, _edge_label, pair)
    behind = captions.estimates(rows, contrast, " with both lineages in both compartments", circles)
    given = {"compartment": compartment, "base": page.base, "arms": arms(contrast), "series": series}
    words, name = page.words("interactions.edges", behind, **given), f"edges_{tagged(contrast, compartment)}"
    series_of = {series: compartment}
    axis = page.wording.get("interactions.edges", "axis", {})
    return [forest(name, rows, circles, list(rows["label"]), series_of, page.colours, words, x=axis)]


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
