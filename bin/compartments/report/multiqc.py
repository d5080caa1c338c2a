"""Sample-level tables as MultiQC custom content: data, not pictures, so that they join a core facility's own report."""

import json
from pathlib import Path

import pandas as pd

from compartments.core.files import replacing, write_json

GENERAL = {  # step, metric: title, description, format
    ("calls", "n_cells"): ("Cells called", "Cells called from the droplets", "{:,.0f}"),
    ("qc", "n_cells"): ("Cells kept", "Cells within the quality limits", "{:,.0f}"),
    ("calls", "median_umis_cells"): ("Median UMIs", "Median counts of the called cells", "{:,.0f}"),
    ("ambient", "fraction_removed"): ("Ambient", "Share of counts removed as ambient RNA", "{:.3f}"),
    ("doublets", "n_doublets"): ("Doublets", "Cells called doublets", "{:,.0f}"),
    ("labels", "model_gene_overlap"): ("Model overlap", "Share of the model's genes in the data", "{:.2f}"),
    ("labels", "marker_agreement"): ("Marker agreement", "Share of cells whose markers agree with the label", "{:.2f}"),
}


def write_multiqc(results, folder):
    """Write ``sc_compartments_*_mqc.tsv`` and ``.json`` into ``folder``.

    Parameters
    ----------
    results : compartments.report.report.Results
    folder : path
        Made if missing; a table without data is left out.
    """
    note = " Simulated data." if results.simulated else ""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tables = {step: results.summaries(step) for step in dict.fromkeys(step for step, _ in GENERAL)}
    columns, headers = {}, {}
    for (step, metric), (title, description, number) in GENERAL.items():
        table = tables[step]
        if table is not None and metric in table:
            key = f"{step}_{metric}"
            columns[key] = table.set_index("sample")[metric]
            headers[key] = {"title": title, "description": description + "." + note, "format": number}
    if columns:
        header = {
            "id": "sc_compartments_samples",
            "plot_type": "generalstats",
            "headers": headers,
        }
        _write(folder / "sc_compartments_samples_mqc.tsv", header, pd.DataFrame(columns))
    counts = results.table("composition/counts.tsv")
    if counts is not None:
        rows = counts[counts["level"] == "lineage"]
        wide = rows.pivot_table(index="sample", columns="lineage", values="n_cells", aggfunc="sum", sort=False)
        header = {
            "id": "sc_compartments_lineages",
            "section_name": "Lineages",
            "description": "Cells per lineage and sample, after quality limits and without doublets." + note,
            "plot_type": "bargraph",
            "pconfig": {"id": "sc_compartments_lineages_plot", "title": "sc-compartments: lineages", "ylab": "cells"},
        }
        _write(folder / "sc_compartments_lineages_mqc.tsv", header, wide)
    removed = [results.table(f"samples/{s}/{s}.qc.tsv") for s in results.sample_names]
    removed = [table for table in removed if table is not None]
    if removed:
        wide = pd.concat(removed).pivot_table(index="sample", columns="metric", values="n_removed", sort=False)
        header = {
            "id": "sc_compartments_removed",
            "section_name": "Cells removed",
            "description": "Cells that each quality limit would remove; a cell may fail several." + note,
            "plot_type": "bargraph",
            "pconfig": {
                "id": "sc_compartments_removed_plot",
                "title": "sc-compartments: cells removed",
                "ylab": "cells",
                "stacking": "group",
            },
        }
        _write(folder / "sc_compartments_removed_mqc.tsv", header, wide)
    curves = results.curves("calls", "curve_rank", "curve_total")
    if curves:
        content = {
            "id": "sc_compartments_ranks",
            "section_name": "Droplets in order of counts",
            "description": "Counts of the droplets by rank; cells stand left of the drop." + note,
            "plot_type": "linegraph",
            "pconfig": {
                "id": "sc_compartments_ranks_plot",
                "title": "sc-compartments: droplets in order of counts",
                "xlab": "rank",
                "ylab": "counts",
                "xlog": True,
                "ylog": True,
            },
            "data": {sample: dict(zip(*curve, strict=True)) for sample, curve in curves.items()},
        }
        write_json(content, folder / "sc_compartments_ranks_mqc.json")
    findings = results.table("findings.tsv")
    if findings is not None:
        rows = findings[findings["lineage"].isna()].reset_index(drop=True)
        names = [f"Q{r.question} {r.contrast}" for r in rows.itertuples()]
        for column in ("compartment", "aspect"):
            if column in rows:
                extra = rows[column].fillna("").astype(str)
                names = [" ".join(filter(None, pair)) for pair in zip(names, extra, strict=True)]
        wide = rows[["verdict", "tier", "statement"]].set_axis(pd.Index(names, name="Question"), axis=0)
        header = {
            "id": "sc_compartments_findings",
            "section_name": "Five questions",
            "description": "Answers to the five questions; sc-compartments' own report has the pictures." + note,
            "plot_type": "table",
            "pconfig": {"id": "sc_compartments_findings_table", "title": "sc-compartments: findings"},
        }
        _write(folder / "sc_compartments_findings_mqc.tsv", header, wide[~wide.index.duplicated()])


def _write(path, header, frame):
    lines = [f"# {key}: {json.dumps(value)}" for key, value in header.items()]
    frame = frame.rename_axis(frame.index.name if frame.index.name == "Question" else "Sample")
    body = frame.to_csv(sep="\t", float_format="%.6g", lineterminator="\n")
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n" + body, encoding="utf-8")
