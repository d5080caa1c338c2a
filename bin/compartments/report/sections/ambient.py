"""What ambient RNA removal took out of each sample."""

import pandas as pd

from compartments.core.vocabulary import MIN_AMBIENT_COUNTS
from compartments.report import captions, many
from compartments.report.blocks import Block
from compartments.report.figures.bars import bars, curve
from compartments.report.figures.style import BELOW, Figure, layout
from compartments.report.page import Page, flags

NAME = "ambient"
TITLE = "Ambient RNA"
NEEDS: list[str] = []
STEPS = ["choose_ambient", "remove_ambient", "run_cellbender", "import_cellbender"]

SERIES = {"contamination_median": "median cell", "fraction_removed": "all counts"}
SHARES = "cohort/ambient_share.tsv.gz"
MOST_AMBIENT = 10  # genes of each lineage, compartment and condition


def build(page: Page) -> list[Block]:
    """Counts removed, samples with blood, why nothing was removed, leaks, CellBender, and all numbers."""
    table = page.results.summaries("ambient", ["method", "reason", "traumatic_tap"])
    if table is None:
        return []
    blocks: list[Block] = []
    series = {column: name for column, name in SERIES.items() if column in table}
    if series:
        methods = ", ".join(sorted(page.codes.value(str(name)) for name in table["method"].dropna().unique()))
        for place, rows in many.parts(page, table[["sample", *series]]):
            behind = captions.samples(rows, page.study, series)
            words = page.words("ambient.removed", behind, methods=methods, of=many.of(place))
            name = many.tagged("ambient", place)
            blocks.append(bars(name, rows, "sample", series, words, y="share of counts", percent=True))
    # what blood in the sample means for the reference compartment, mostly blood itself, is nothing
    elsewhere = page.study.samples.loc[page.study.samples["compartment"] != page.base, "sample"]
    tapped = table.loc[flags(table["traumatic_tap"]) & table["sample"].isin(elsewhere), "sample"]
    if len(tapped):
        blocks.append(page.text("ambient.blood", "warning", samples=", ".join(tapped)))
    reasons = table[table["reason"].fillna("").ne("")]
    for (method, reason), rows in reasons.groupby(["method", "reason"], sort=False):
        done = "not removed" if method == "none" else f"removed by {page.codes.value(str(method))}"
        samples = ", ".join(rows["sample"])
        blocks.append(page.text("ambient.reason", "warning", done=done, samples=samples, reason=reason))
    leaks = _leaks(table)
    if leaks is not None:
        blocks.append(page.listing("ambient.leaks", leaks, "samples/*/*.ambient.json", folded=True))
    shares = page.table(SHARES)
    if shares is not None:
        top = shares.groupby(["condition", "compartment", "lineage"], sort=False).head(MOST_AMBIENT)
        blocks.append(
            page.listing(
                "ambient.ambient_share",
                top,
                SHARES,
                folded=True,
                least=MIN_AMBIENT_COUNTS,
                limit=MOST_AMBIENT,
                shown=len(top),
                every=len(shares),
            )
        )
    numbers = table[[c for c in table if not c.startswith("leak_")]]
    return [
        *blocks,
        *_cellbender(page),
        page.listing("ambient.ambient_table", numbers, "samples/*/*.ambient.json"),
    ]


def _leaks(table: pd.DataFrame) -> pd.DataFrame | None:
    """Leak metrics in rows: ``sample, gene, cells, n_cells, before, after`` (percent); None without any."""
    names = [c.removesuffix("_before") for c in table if c.startswith("leak_") and c.endswith("_before")]
    parts = []
    for name in names:
        gene, kind = name.removeprefix("leak_").split("_in_")
        values = {when: 100 * pd.to_numeric(table[f"{name}_{when}"]) for when in ("before", "after")}
        part = pd.DataFrame({"sample": table["sample"], "gene": gene, "cells": kind, "n_cells": table[f"{name}_cells"]})
        parts.append(part.assign(**values).dropna(subset="before"))
    return pd.concat(parts, ignore_index=True) if parts else None


def _cellbender(page: Page) -> list[Block]:
    """CellBender's training curves and what it says of its own result."""
    summary = page.results.summaries("cellbender", ["succeeded", "reason", "warnings"])
    if summary is None:
        return []
    blocks: list[Block] = [*_training(page)]
    for row in summary.itertuples():
        if not row.succeeded:
            blocks.append(page.text("ambient.cellbender_failed", "warning", sample=row.sample, reason=row.reason))
        elif isinstance(row.warnings, str) and row.warnings:
            blocks.append(page.text("ambient.cellbender_warning", "warning", sample=row.sample, warnings=row.warnings))
    return [*blocks, page.listing("ambient.cellbender_table", summary, "samples/*/*.cellbender.json", folded=True)]


def _training(page: Page) -> list[Figure]:
    traces, rows = [], []
    for part, dash in (("train", "solid"), ("test", "dot")):
        curves = page.results.curves("cellbender", f"{part}_epoch", f"{part}_elbo")
        for i, (sample, (epoch, elbo)) in enumerate(curves.items()):
            traces.append(curve(f"{sample} {part}", epoch, elbo, i, dash))
            rows.append(pd.DataFrame({"sample": sample, "part": part, "epoch": epoch, "elbo": elbo}))
    if not traces:
        return []
    data = pd.concat(rows, ignore_index=True)
    words = page.words("ambient.cellbender", captions.samples(data, page.study))
    return [Figure("cellbender", words, traces, layout("epoch", "ELBO", legend=BELOW), data, 420)]
