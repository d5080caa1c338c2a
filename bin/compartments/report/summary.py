"""The results in one JSON for other systems, such as a LIMS: of every sample its state, cells, warnings and files."""

from typing import Any

import pandas as pd

from compartments.report import provenance, status
from compartments.report.results import Results

NUMBERS = {  # of a sample: name here, step and value of its summary
    "cells_called": ("calls", "n_cells"),
    "cells_kept": ("qc", "n_cells"),
    "doublets": ("doublets", "n_doublets"),
    "ambient_removed": ("ambient", "fraction_removed"),
}
ANSWER = ["question", "contrast", "compartment", "aspect", "verdict", "tier", "headline"]


def summary(results: Results) -> dict[str, Any]:
    """What a run found, by sample and question.

    Parameters
    ----------
    results : Results

    Returns
    -------
    dict
        Keys and meaning as ``summary.json`` in ``assets/dictionary.tsv``. Values that do not exist are ``None``.
    """
    skipped, warnings = results.usable("skipped.tsv"), results.usable("cohort/warnings.tsv")
    lost = status.lost_samples(skipped)
    rows = [] if results.study is None else results.study.samples.to_dict("records")
    samples = [_sample(results, row, lost.get(row["sample"]), _said_of(warnings, row["sample"])) for row in rows]
    return {
        "pipeline": provenance.workflow(results.root),
        "simulated": results.simulated,
        "n_samples": len(samples),
        "n_analysed": sum(one["status"] == "analysed" for one in samples),
        "samples": samples,
        "warnings": _said_of(warnings, None),
        "answers": _answers(results.usable("findings.tsv")),
        "n_left_out": 0 if skipped is None else len(skipped),
        "report": "report.html",
    }


def _sample(results: Results, row: dict[str, Any], lost: tuple[str, str] | None, warnings: list[str]) -> dict[str, Any]:
    name = row["sample"]
    folder = results.root / "samples" / name
    values = {step: results.json(f"samples/{name}/{name}.{step}.json") for step, _ in NUMBERS.values()}
    numbers = {key: values[step].get(value) for key, (step, value) in NUMBERS.items()}
    about = {key: row[key] for key in ("sample", "donor", "compartment", "condition")}
    files = sorted(path.relative_to(results.root).as_posix() for path in folder.glob("*"))
    state = {"status": "left_out" if lost else "analysed", "left_out_by": lost[0] if lost else None}
    return about | state | {"reason": lost[1] if lost else None} | numbers | {"warnings": warnings, "files": files}


def _said_of(warnings: pd.DataFrame | None, sample: str | None) -> list[str]:
    """Warnings of a sample, or those of none."""
    if warnings is None:
        return []
    own = warnings["sample"].isna() if sample is None else warnings["sample"] == sample
    return list(warnings.loc[own, "warning"])


def _answers(findings: pd.DataFrame | None) -> list[dict[str, Any]]:
    """The answer to each question of each comparison."""
    if findings is None:
        return []
    rows = findings[findings["lineage"].isna()].reindex(columns=ANSWER)
    return rows.astype(object).where(rows.notna(), None).to_dict("records")
