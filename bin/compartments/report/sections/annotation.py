"""Lineages of all cells: the map of the cohort, shares per sample, and the labels' quality."""

import pandas as pd

from compartments.core.vocabulary import UNASSIGNED
from compartments.report import captions, many
from compartments.report.blocks import Block, Text
from compartments.report.figures.bars import bars
from compartments.report.figures.maps import embedding
from compartments.report.figures.matrix import dot_plot
from compartments.report.figures.style import Figure, palette
from compartments.report.page import Page

NAME = "annotation"
TITLE = "Annotation"
NEEDS: list[str] = []
STEPS = ["annotate_cells", "merge_samples", "embed_cohort"]
MOST_OTHERS = 3  # names that a further model gives a lineage, shown


def build(page: Page) -> list[Block]:
    """Doubts first; maps, shares, remarks on labels, models side by side, and the tables of the embedding."""
    labels = page.results.summaries("labels", ["warnings", "model_doubt"])
    doubts = [] if labels is None else labels[labels["model_doubt"].fillna("").ne("")].itertuples()
    blocks: list[Block] = [Text(f"{row.sample}: {row.model_doubt}", "warning") for row in doubts]
    blocks += [*_conflicts(page), *_maps(page), *_shares(page), *_markers(page)]
    if labels is not None:
        said = labels[labels["warnings"].fillna("").ne("")]
        blocks += [Text(f"{row.sample}: {row.warnings}", "warning") for row in said.itertuples()]
        blocks.append(page.listing("annotation.labels", labels, "samples/*/*.labels.json", folded=True))
    blocks += [*_named_by(page), *_models(page)]
    for name in ("transfer", "mixing", "clusters"):
        table = page.table(f"cohort/{name}.tsv")
        if table is not None:
            blocks.append(page.listing(f"annotation.{name}", table, f"cohort/{name}.tsv", folded=True))
    warnings = page.table("cohort/warnings.tsv")
    if warnings is not None:
        # the others stand with the design, or above
        of_samples = warnings[warnings["sample"].notna() & (warnings["stage"] != "annotate_cells")].fillna("")
        blocks += [Text(f"{row.sample}: {row.warning}", "warning") for row in of_samples.itertuples()]
    return blocks


def _conflicts(page: Page) -> list[Text]:
    """Clusters whose cells' markers name another lineage than their label, most cells first."""
    clusters = page.table("cohort/clusters.tsv")
    if clusters is None:
        return []
    told = clusters[clusters["n_contradicted"] > 0].sort_values("n_contradicted", ascending=False, kind="stable")
    columns = ["cluster", "n_cells", "lineage", "n_contradicted", "likely_lineage", "markers"]
    rows = told[columns].fillna("none").rename(columns={"markers": "genes"}).to_dict("records")
    return [page.text("annotation.conflict", "warning", **{str(key): row[key] for key in row}) for row in rows]


def _shares(page: Page) -> list[Figure]:
    counts = page.table("composition/counts.tsv")
    if counts is None:
        return []
    rows = counts[counts["level"] == "lineage"]
    wide = rows.pivot_table(index="sample", columns="lineage", values="n_cells", aggfunc="sum", sort=False)
    shares = wide.div(wide.sum(axis=1), axis=0).reindex(page.results.sample_names)[page.results.lineages()]
    found, series = [], {x: x for x in shares.columns}
    for place, rows in many.parts(page, shares.reset_index()):
        behind = captions.samples(captions.drawn(rows, list(series)), page.study)
        words = page.words("annotation.lineages", behind, of=many.of(place))
        name, colours, y = many.tagged("lineages", place), page.colours.lineage, "share of cells"
        found.append(bars(name, rows, "sample", series, words, y=y, colours=colours, stacked=True, percent=True))
    return found


def _markers(page: Page) -> list[Block]:
    """Dot plot of the first genes of each lineage, and the table of all."""
    drawn, markers = page.table("cohort/marker_dots.tsv"), page.table("cohort/markers.tsv")
    if drawn is None or markers is None:
        return []
    order = [each for each in page.results.lineages() if each != UNASSIGNED and (drawn["name"] == each).any()]
    donors = markers.loc[markers["level"] == "lineage", "n_donors"]
    behind = f"{donors.min()} to {donors.max()} of {page.study.samples['donor'].nunique()} donors in a lineage"
    words = page.words("annotation.markers", behind)
    file = "cohort/markers.tsv"
    return [
        dot_plot("marker_genes", drawn, words, order=order),
        page.listing("annotation.marker_table", markers, file, folded=True),
    ]


def _named_by(page: Page) -> list[Block]:
    """Which model named the cells, of which compartment."""
    models = page.table("pipeline_info/models.tsv")
    if models is None:
        return []
    blocks: list[Block] = [page.listing("annotation.models", models, "pipeline_info/models.tsv", folded=True)]
    of_compartments = models[~models["use"].isin(["names all", "compared"])]
    if of_compartments.empty:
        return blocks
    who = [f"{row.use.removeprefix('names ')}: {row.model}" for row in of_compartments.itertuples()]
    return [page.text("annotation.models_apart", who="; ".join(who)), *blocks]


def _models(page: Page) -> list[Block]:
    """How much each further model agrees on each lineage, and a cross-table of broad lineages per model."""
    models = page.table("cohort/models.tsv")
    if models is None:
        return []
    file, blocks = "cohort/models.tsv", list[Block]()
    for model, of_model in models.fillna({"other_name": "not in the map"}).groupby("model", sort=False):
        fine, rows = (of_model[of_model["level"] == level] for level in ("lineage", "lineage_broad"))
        same, broad = (
            one["n_cells"][one["name"] == one["other_name"]].sum() / one["n_cells"].sum() for one in (fine, rows)
        )
        blocks.append(page.text("annotation.model_share", model=model, same=same, broad=broad))
        agreement = _agreement(fine)
        blocks.append(page.listing("annotation.agreement", agreement, file, name=f"agreement_{model}", model=model))
        wide = rows.pivot_table(index="name", columns="other_name", values="n_cells", aggfunc="sum", fill_value=0)
        wide.index.name, wide.columns.name = "broad lineage that stands", None
        same = [wide.loc[name, name] if name in wide else 0 for name in wide.index]
        wide.insert(0, "share that agrees", same / wide.sum(axis=1))
        name = f"model_{model}"
        blocks.append(page.listing("annotation.model", wide.reset_index(), file, name=name, folded=True, model=model))
    return blocks


def _agreement(rows: pd.DataFrame) -> pd.DataFrame:
    """Of each lineage the share of cells that a further model calls the same, and what it calls most others."""
    cells = rows.groupby(["name", "other_name"], as_index=False)["n_cells"].sum()
    found = []
    for lineage, own in cells.groupby("name"):
        agree = own["other_name"] == lineage
        others = own[~agree].sort_values("n_cells", ascending=False, kind="stable")
        named = "; ".join(f"{one.other_name} ({one.n_cells:,})" for one in others.head(MOST_OTHERS).itertuples())
        n_cells, n_same = own["n_cells"].sum(), own.loc[agree, "n_cells"].sum()
        found.append({"lineage": lineage, "cells": n_cells, "share that agrees": n_same / n_cells, "others": named})
    return pd.DataFrame(found).sort_values("cells", ascending=False, kind="stable")


def _maps(page: Page) -> list[Figure]:
    """The map of all cells by every annotation."""
    cells, umap = page.table("cohort/cells.tsv.gz"), page.table("cohort/umap.tsv.gz")
    if cells is None or umap is None:
        return []
    new = [c for c in umap if c in ("sample", "cell") or c not in cells]
    cells = cells.merge(umap[new], on=["sample", "cell"], how="inner", validate="one_to_one")
    cells = cells.dropna(subset=["umap_1", "umap_2"])
    if cells.empty:
        return []
    clusters = sorted(cells["leiden"].astype(str).unique(), key=lambda c: (len(c), c))
    palettes = {
        "lineage": page.colours.lineage,
        "compartment": page.colours.compartment,
        "condition": page.colours.condition,
        "donor": palette(page.study.samples["donor"].unique()),
        "leiden": palette(clusters),
    }
    found = []
    for by, colours in palettes.items():
        what, behind = ("cluster" if by == "leiden" else by), captions.samples(cells)
        words = page.words("annotation.map", behind, n_cells=len(cells), what=what)
        found.append(embedding(f"umap_{by}", cells, by, colours, words))
    return found
