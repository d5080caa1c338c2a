"""The results of several cohorts together, written: tables, figure, findings, page."""

import io
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from compartments.after.settings import SHARED, SUMMARY
from compartments.after.steps import Steps
from compartments.after.whole import OF, STEP, TABLES, Whole
from compartments.core.contract import Contract
from compartments.core.files import read_json, read_tsv, write_json, write_text, write_tsv
from compartments.core.left_out import COLUMNS
from compartments.core.vocabulary import COHORT, COMBINED, TIERS
from compartments.report.figures.style import OKABE_ITO
from compartments.report.provenance import workflow
from compartments.study.plan import design_table

MOST_ROWS = 40  # of the figure
# steps whose estimates are not taken together
NOT_TOGETHER = ("compare_expression", "score_activities")
APART = "not taken together over cohorts: see the page of each cohort"


def write_whole(whole: Whole, warnings: Sequence[str], out: Path, command: str) -> list[str]:
    """Write all of it to ``out``, or nothing; lines on what was found."""
    fresh = out.with_name(f".{out.name}.{os.getpid()}")
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh.mkdir()
    try:
        _tables(whole, warnings, fresh)
        steps = Steps(fresh, fresh / ".work", {})
        folder = steps.call("write_findings", {"results": fresh, "equiv_margin": whole.margin})
        (folder / "findings.tsv").replace(fresh / "findings.tsv")
        about = {"command": command, "started": datetime.now().isoformat(" ", "minutes")}
        title = f"{len(whole.names)} cohorts together"
        steps.parameters = {"title": title}
        steps.show(about)
        shutil.rmtree(fresh / ".work")
        fresh.rename(out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    differ = int((whole.spread["p_heterogeneity"] < 0.05).sum())
    found = read_tsv(out / "findings.tsv", ["question", "lineage", "headline"])
    headlines = found[found["lineage"].isna()]
    return [
        f"{len(whole.names)} cohorts, {whole.study.samples['donor'].nunique()} donors: {', '.join(whole.names)}",
        f"Effects of the whole: {len(whole.spread):,}; in {differ:,} the cohorts differ (p of heterogeneity below .05)",
        *(f"warning: {warning}" for warning in warnings),
        *(f"  question {row.question}, {row.contrast}: {row.headline}" for row in headlines.itertuples()),
        f"The report: {out / 'report.html'}",
    ]


def _tables(whole: Whole, warnings: Sequence[str], out: Path) -> None:
    """Every table and summary of the whole."""
    for name in ("pipeline_info", "combined", "cohort"):
        (out / name).mkdir()
    said = pd.DataFrame({"stage": STEP, "sample": "", "warning": list(warnings)})
    for place in ("cohort/warnings.tsv", "warnings.tsv"):  # of the page, and of the run
        write_tsv(said, out / place)
    whole.study.save(out / "study.json")
    design = Contract.of("check_design")
    # donors change places within their cohort alone, and what cannot be adjusted for the cohort needs not be
    notes = design_table(replace(whole.study, covariates=[]))["note"]
    asked = design_table(whole.study).assign(permutation_floor=np.nan, note=notes)
    for table, place in ((whole.study.samples, "samples.tsv"), (asked, "design.tsv")):
        write_tsv(table[design.ordered(list(table), place)], out / place)
    for place, table in whole.tables.items():
        (out / place).parent.mkdir(exist_ok=True)
        write_tsv(table, out / place)
        if place == "interactions/effects.tsv":
            table.to_parquet(out / place.replace(".tsv", ".parquet"), index=False, compression="zstd")
    contract = Contract.of(STEP)
    for table, place in (
        (whole.cohorts_of, "combined/cohorts.tsv.gz"),
        (whole.spread, "combined/heterogeneity.tsv.gz"),
    ):
        write_tsv(table[contract.ordered(list(table), place)], out / place)
    (out / "combined/forest.svg").write_text(drawn(whole), encoding="utf-8")
    rows = [*whole.left_out.rows, *({"stage": step, "reason": APART} for step in NOT_TOGETHER)]
    write_tsv(pd.DataFrame(rows, columns=COLUMNS).fillna(""), out / "skipped.tsv")
    scale = "abs" if whole.study.absolute else "rel"
    summary = {"scale": scale, "equiv_margin": whole.margin, "reference_compartment": whole.study.reference_compartment}
    if next(iter(TABLES)) in whole.tables:
        write_json(summary | {"warnings": [], "terms": _zeros(whole)}, out / SUMMARY)
    both = list(zip(whole.names, whole.cohorts, strict=True))
    results = {name: str(one.root.resolve()) for name, one in both}
    covariates = {name: one.study.covariates for name, one in both}
    write_json({"combined": results, "covariates": covariates}, out / COMBINED)
    version = workflow(whole.cohorts[0].root).get("sc-compartments", "")  # that of all
    write_text(f"Workflow:\n    sc-compartments: '{version}'\n", out / "pipeline_info/versions.yml")
    # of the parameters those that the cohorts share; what a cohort's run did with others, its own page says
    given = whole.cohorts[0].parameters
    write_json({name: given[name] for name in SHARED if name in given}, out / "pipeline_info/params.json")


def _zeros(whole: Whole) -> list[dict[str, Any]]:
    """What counted as no change in each cohort: from there its donors are drawn."""
    names = ("level", *OF, "zero_log2")
    return [
        {name: term.get(name) for name in names} | {COHORT: cohort}
        for cohort, one in zip(whole.names, whole.cohorts, strict=True)
        if (one.root / SUMMARY).is_file()
        for term in read_json(one.root / SUMMARY)["terms"]
    ]


def drawn(whole: Whole) -> str:
    """SVG: the changes of lineages in each cohort and in the whole, with 95 % intervals."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from scipy import stats

    table = whole.tables.get("composition/effects.tsv", pd.DataFrame(columns=["level", "tier"]))
    table = table[(table["level"] == "lineage") & (table["tier"] != TIERS[-1])]
    panels = [(key, rows.head(MOST_ROWS)) for key, rows in table.groupby(OF, sort=False)] if len(table) else []
    said = whole.cohorts_of[whole.cohorts_of["table"] == next(iter(TABLES))]
    with mpl.rc_context({"svg.hashsalt": "combine", "svg.fonttype": "none", "font.size": 8}):
        height = 0.3 * max((len(rows) for _, rows in panels), default=1) + 1.2
        figure = Figure(figsize=(3.2 * max(len(panels), 1) + 1, height), layout="constrained")
        for number, (key, rows) in enumerate(panels):
            axis = figure.add_subplot(1, len(panels), number + 1)
            own = said[(said[OF] == list(key)).all(axis=1)]
            for place, row in enumerate(rows.itertuples()):
                of_row = own[own["feature"] == f"lineage | {row.lineage} | {row.scale}"]
                for k, one in enumerate(of_row.itertuples()):
                    half = stats.t.ppf(0.975, one.df) * one.se
                    at, colour = place + 0.2 + 0.18 * k, OKABE_ITO[k % len(OKABE_ITO)]
                    axis.errorbar(one.estimate, at, xerr=half, fmt="o", ms=3, color=colour, lw=0.8)
                axis.errorbar(row.log2fc, place, xerr=row.log2fc - row.ci_low, fmt="D", ms=5, color="#000000", lw=1.6)
            axis.set_yticks(range(len(rows)), list(rows["lineage"]))
            axis.invert_yaxis()
            axis.axvline(0, color="#767676", lw=0.8)
            term, compartment = key[1], key[2]
            axis.set_title(f"{key[0]}\n{term}" + (f" {compartment}" if term == "interaction" else ""), fontsize=8)
            axis.set_xlabel("log2 change")
        names = ", ".join(f"{name} ({OKABE_ITO[k % len(OKABE_ITO)]})" for k, name in enumerate(whole.names))
        figure.suptitle(f"black: the whole; circles: {names}", fontsize=8)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Title": "Changes in each cohort and in the whole"})
    return text.getvalue()
