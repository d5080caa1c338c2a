"""Cells called, kept and removed per sample; counts, genes and mitochondrial share per cell."""

import pandas as pd

from compartments.reads.depths import differing
from compartments.report import captions
from compartments.report.blocks import Block, Text
from compartments.report.figures.bars import bars, boxes, curve
from compartments.report.figures.style import BELOW, OKABE_ITO, Figure, layout
from compartments.report.page import Page, flags

NAME = "quality"
TITLE = "Sample quality"
NEEDS: list[str] = []
STEPS = ["read_counts", "call_cells", "filter_cells"]

METRICS = {  # columns of cohort/cells.tsv.gz
    "total_counts": "counts per cell",
    "n_genes": "genes per cell",
    "pct_mt": "mitochondrial counts, %",
}
SERIES = {"called": "called as cells", "kept": "kept for the analysis"}


def build(page: Page) -> list[Block]:
    """What was read with remarks, cells per sample, their quality, and the limits."""
    results = page.results
    calls, kept = results.summaries("calls"), results.summaries("qc")
    cells, limits = results.table("cohort/cells.tsv.gz"), results.limits()
    reads = results.table("cohort/reads.tsv")
    blocks: list[Block] = [*_remarks(page, results.summaries("read"), calls), *_cells(page, calls, cells)]
    if cells is not None:
        for k, (column, label) in enumerate(METRICS.items()):
            behind = captions.samples(captions.drawn(cells, [column]))
            words = page.words("quality.boxes", behind, label=label, title=label[0].upper() + label[1:])
            name, colour = f"quality_{column}", OKABE_ITO[k]
            blocks.append(boxes(name, cells, "sample", column, words, y=label, log=k < 2, colour=colour))
    blocks += _rank_curves(page)
    for name, table in (("calls", calls), ("qc", kept)):
        if table is not None:
            blocks.append(page.listing(f"quality.{name}", table, f"samples/*/*.{name}.json", folded=True))
    if reads is not None:
        blocks += _reads(page, reads, calls)
    if limits is not None:
        blocks.append(_removed(page, limits))
        blocks.append(page.listing("quality.limits", limits, "samples/*/*.qc.tsv"))
    return blocks


def _remarks(page: Page, read: pd.DataFrame | None, calls: pd.DataFrame | None) -> list[Text]:
    """What was taken otherwise than it was given, and samples of few or doubtful cells, as warnings."""
    said: list[tuple[str, str]] = []
    for table, column in ((read, "notes"), (calls, "warning")):
        if table is not None and column in table:
            known = table[table[column].fillna("").ne("")]
            said += list(zip(known["sample"], known[column], strict=True))
    if calls is not None and "few_cells" in calls:
        few = calls[flags(calls["few_cells"])]
        said += [(row.sample, page.text("quality.few_cells", n=row.n_cells).text) for row in few.itertuples()]
    by_text: dict[str, list[str]] = {}
    for sample, text in said:
        by_text.setdefault(text, []).append(sample)
    return [
        page.text("quality.remark", "warning", samples=", ".join(samples), remark=text)
        for text, samples in by_text.items()
    ]


def _cells(page: Page, calls: pd.DataFrame | None, cells: pd.DataFrame | None) -> list[Figure]:
    """Cells called and kept."""
    numbers = {}
    if calls is not None:
        numbers["called"] = calls.set_index("sample")["n_cells"]
    if cells is not None:
        numbers["kept"] = cells["sample"].value_counts()
    if not numbers:
        return []
    table = pd.DataFrame(numbers).reindex(page.results.sample_names).rename_axis("sample").reset_index()
    series = {column: SERIES[column] for column in numbers}
    words = page.words("quality.cells", captions.samples(table, page.study, series))
    return [bars("cells", table, "sample", series, words, y="cells")]


def _reads(page: Page, reads: pd.DataFrame, calls: pd.DataFrame | None) -> list[Block]:
    """Samples given as FASTQ, and where compartments differ in their reads."""
    if calls is not None:
        n_cells = reads["sample"].map(calls.set_index("sample")["n_cells"].astype(float))
        reads = reads.assign(reads_per_cell=(reads["reads_used"] / n_cells.where(n_cells > 0)).round())
    told = differing([row.dropna().to_dict() for _number, row in reads.iterrows()])
    said = [page.text("quality.reads_differ", "warning", remark=line[:1].upper() + line[1:]) for line in told]
    return [*said, page.listing("quality.reads", reads, "cohort/reads.tsv")]


def _removed(page: Page, limits: pd.DataFrame) -> Figure:
    wide = limits.pivot_table(index="sample", columns="metric", values="n_removed", aggfunc="sum", sort=False)
    table = wide.reindex([s for s in page.results.sample_names if s in wide.index]).reset_index()
    words = page.words("quality.removed", captions.samples(table, page.study))
    return bars("removed", table, "sample", {metric: metric for metric in wide.columns}, words, y="cells")


def _rank_curves(page: Page) -> list[Figure]:
    curves = page.results.curves("calls", "curve_rank", "curve_total")
    if not curves:
        return []
    traces, rows = [], []
    for i, (sample, (rank, total)) in enumerate(curves.items()):
        traces.append(curve(sample, rank, total, i, hover=sample + ": rank %{x}, %{y} counts<extra></extra>"))
        rows.append(pd.DataFrame({"sample": sample, "rank": rank, "total": total}))
    data = pd.concat(rows, ignore_index=True)
    axis = {"type": "log", "dtick": 1}
    shown = layout("droplet rank", "counts", xaxis=axis, yaxis=axis, legend=BELOW)
    words = page.words("quality.rank_curves", captions.samples(data, page.study))
    return [Figure("rank_curves", words, traces, shown, data, 480)]
