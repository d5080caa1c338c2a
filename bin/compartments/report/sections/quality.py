"""Cells called, kept and removed per sample; counts, genes and mitochondrial share per cell."""

import pandas as pd

from compartments.reads.depths import differing
from compartments.report import captions, many
from compartments.report.blocks import Block, Picker, Text
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
    blocks: list[Block] = [Picker(results.sample_names)] if many.are(results.sample_names) else []
    blocks += [*_remarks(page, results.summaries("read"), calls), *_cells(page, calls, cells)]
    if cells is not None:
        for k, (column, label) in enumerate(METRICS.items()):
            for place, rows in many.parts(page, captions.drawn(cells, [column])):
                title = f"{label[0].upper()}{label[1:]}{many.of(place)}"
                words = page.words("quality.boxes", captions.samples(rows), label=label, title=title)
                name, colour = many.tagged(f"quality_{column}", place), OKABE_ITO[k]
                blocks.append(boxes(name, rows, "sample", column, words, y=label, log=k < 2, colour=colour))
    blocks += _rank_curves(page)
    for name, table in (("calls", calls), ("qc", kept)):
        if table is not None:
            blocks.append(page.listing(f"quality.{name}", table, f"samples/*/*.{name}.json", folded=True))
    if reads is not None:
        blocks += _reads(page, reads, calls)
    if limits is not None:
        blocks += _removed(page, limits)
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
    series, found = {column: SERIES[column] for column in numbers}, list[Figure]()
    for place, rows in many.parts(page, table):
        words = page.words("quality.cells", captions.samples(rows, page.study, series), of=many.of(place))
        found.append(bars(many.tagged("cells", place), rows, "sample", series, words, y="cells"))
    return found


def _reads(page: Page, reads: pd.DataFrame, calls: pd.DataFrame | None) -> list[Block]:
    """Samples given as FASTQ, and where compartments differ in their reads."""
    if calls is not None:
        n_cells = reads["sample"].map(calls.set_index("sample")["n_cells"].astype(float))
        reads = reads.assign(reads_per_cell=(reads["reads_used"] / n_cells.where(n_cells > 0)).round())
    told = differing([row.dropna().to_dict() for _number, row in reads.iterrows()])
    said = [page.text("quality.reads_differ", "warning", remark=line[:1].upper() + line[1:]) for line in told]
    return [*said, page.listing("quality.reads", reads, "cohort/reads.tsv")]


def _removed(page: Page, limits: pd.DataFrame) -> list[Figure]:
    wide = limits.pivot_table(index="sample", columns="metric", values="n_removed", aggfunc="sum", sort=False)
    table = wide.reindex([s for s in page.results.sample_names if s in wide.index]).reset_index()
    found, series = [], {metric: page.codes.value(str(metric)) for metric in wide.columns}
    for place, rows in many.parts(page, table):
        words = page.words("quality.removed", captions.samples(rows, page.study), of=many.of(place))
        found.append(bars(many.tagged("removed", place), rows, "sample", series, words, y="cells"))
    return found


def _rank_curves(page: Page) -> list[Figure]:
    curves = page.results.curves("calls", "curve_rank", "curve_total")
    if not curves:
        return []
    found = []
    for place, samples in many.parts(page, pd.DataFrame({"sample": list(curves)})):
        traces, rows = [], []
        for i, sample in enumerate(samples["sample"]):
            rank, total = curves[sample]
            traces.append(curve(sample, rank, total, i, hover=sample + ": rank %{x}, %{y} counts<extra></extra>"))
            rows.append(pd.DataFrame({"sample": sample, "rank": rank, "total": total}))
        data = pd.concat(rows, ignore_index=True)
        axis = {"type": "log", "dtick": 1}
        more = {"showlegend": not many.are(traces), "meta": {"samples": "lines"}}
        shown = layout("droplet rank", "counts", xaxis=axis, yaxis=axis, legend=BELOW, **more)
        words = page.words("quality.rank_curves", captions.samples(data, page.study), of=many.of(place))
        found.append(Figure(many.tagged("rank_curves", place), words, traces, shown, data, 480))
    return found
