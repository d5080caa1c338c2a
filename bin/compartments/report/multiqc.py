"""Sample-level tables as MultiQC custom content: data, not pictures, so that they join a core facility's own report."""

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from compartments.report.results import Results

GENERAL = {  # step, metric: title, description, format
    ("reads", "reads_used"): ("Reads", "Reads of a sample given as FASTQ", "{:,.0f}"),
    ("reads", "mapped"): ("Mapped", "Share of the reads that are placed", "{:.3f}"),
    ("reads", "saturation"): ("Saturation", "Share of the reads that were no new molecule", "{:.3f}"),
    ("calls", "n_cells"): ("Cells called", "Cells called from the droplets", "{:,.0f}"),
    ("qc", "n_cells"): ("Cells kept", "Cells within the quality limits", "{:,.0f}"),
    ("calls", "median_umis_cells"): ("Median UMIs", "Median counts of the called cells", "{:,.0f}"),
    ("ambient", "fraction_removed"): ("Ambient", "Share of counts removed as ambient RNA", "{:.3f}"),
    ("doublets", "n_doublets"): ("Doublets", "Cells called doublets", "{:,.0f}"),
    ("labels", "model_gene_overlap"): ("Model overlap", "Share of the model's genes in the data", "{:.2f}"),
    ("labels", "model_distance"): ("Model distance", "Mean cell from the model's reference, in its SD", "{:.2f}"),
    ("labels", "marker_agreement"): ("Marker agreement", "Share of cells whose markers agree with the label", "{:.2f}"),
}
SECTIONS: dict[
    str, tuple[str, str, str, dict[str, Any]]
] = {  # name, plot: title, description, further settings of the plot
    "lineages": (
        "Lineages",
        "bargraph",
        "Cells per lineage and sample, after quality limits and without doublets.",
        {"title": "lineages", "ylab": "cells"},
    ),
    "removed": (
        "Cells removed",
        "bargraph",
        "Cells that each quality limit would remove; a cell may fail several.",
        {"title": "cells removed", "ylab": "cells", "stacking": "group"},
    ),
    "ranks": (
        "Droplets in order of counts",
        "linegraph",
        "Counts of the droplets by rank; cells stand left of the drop.",
        {"title": "droplets in order of counts", "xlab": "rank", "ylab": "counts", "xlog": True, "ylog": True},
    ),
    "findings": (
        "Five questions",
        "table",
        "Answers to the five questions; sc-compartments' own report has the pictures.",
        {"title": "findings"},
    ),
}


def multiqc_files(results: Results) -> dict[str, str]:
    """Name -> text of ``sc_compartments_*_mqc.tsv`` and ``.json``; a table without data is left out."""
    note = " Simulated data." if results.simulated else ""
    texts = {f"sc_compartments_{name}_mqc.tsv": text for name, text in _tables(results, note)}
    curves = results.curves("calls", "curve_rank", "curve_total")
    if curves:
        data = {"data": {sample: dict(zip(*curve, strict=True)) for sample, curve in curves.items()}}
        content = json.dumps(_header("ranks", note) | data, indent=1, allow_nan=False) + "\n"
        texts["sc_compartments_ranks_mqc.json"] = content
    return texts


def _tables(results: Results, note: str) -> Iterator[tuple[str, str]]:
    general = _general(results, note)
    if general:
        yield "samples", _text(*general)
    counts = results.usable("composition/counts.tsv")
    if counts is not None:
        rows = counts[counts["level"] == "lineage"]
        wide = rows.pivot_table(index="sample", columns="lineage", values="n_cells", aggfunc="sum", sort=False)
        yield "lineages", _text(_header("lineages", note), wide)
    limits = results.limits()
    if limits is not None:
        wide = limits.pivot_table(index="sample", columns="metric", values="n_removed", sort=False)
        yield "removed", _text(_header("removed", note), wide)
    findings = results.usable("findings.tsv")
    if findings is not None:
        yield "findings", _text(_header("findings", note), _answers(findings))


def _header(name: str, note: str) -> dict[str, Any]:
    title, plot, description, settings = SECTIONS[name]
    label = "table" if plot == "table" else "plot"
    return {
        "id": f"sc_compartments_{name}",
        "section_name": title,
        "description": description + note,
        "plot_type": plot,
        "pconfig": {"id": f"sc_compartments_{name}_{label}"}
        | settings
        | {"title": f"sc-compartments: {settings['title']}"},
    }


def _general(results: Results, note: str) -> tuple[dict[str, Any], pd.DataFrame] | None:
    """Header and columns of the general statistics."""
    tables = {step: results.summaries(step) for step, _ in GENERAL}
    columns, headers = {}, {}
    for (step, metric), (title, description, number) in GENERAL.items():
        table = tables[step]
        if table is not None and metric in table:
            key = f"{step}_{metric}"
            columns[key] = table.set_index("sample")[metric]
            headers[key] = {"title": title, "description": f"{description}.{note}", "format": number}
    header = {"id": "sc_compartments_samples", "plot_type": "generalstats", "headers": headers}
    return (header, pd.DataFrame(columns)) if columns else None


def _answers(findings: pd.DataFrame) -> pd.DataFrame:
    """One row per answer, named after its question and comparison."""
    rows = findings[findings["lineage"].isna()].reset_index(drop=True)
    parts = rows[["compartment", "aspect"]].fillna("").astype(str).itertuples(index=False, name=None)
    names = [
        " ".join(filter(None, (f"Q{row.question} {row.contrast}", *more)))
        for row, more in zip(rows.itertuples(), parts, strict=True)
    ]
    wide = rows[["verdict", "tier", "statement"]].set_axis(pd.Index(names, name="Question"), axis=0)
    return wide[~wide.index.duplicated()]


def _text(header: dict[str, Any], frame: pd.DataFrame) -> str:
    lines = [f"# {key}: {json.dumps(value)}" for key, value in header.items()]
    frame = frame.rename_axis(frame.index.name if frame.index.name == "Question" else "Sample")
    return "\n".join(lines) + "\n" + frame.to_csv(sep="\t", float_format="%.6g", lineterminator="\n")
