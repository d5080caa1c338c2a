"""The ladder: the whole pipeline on 10,000 to 1,000,000 cells, 5,000 a sample; what every step costs.

    python -m benchmarks.pipeline.bench_scale [--rungs 10000 50000 200000 200000:2000] [--folder results/scale]
    python -m benchmarks.pipeline.bench_scale --show [--beyond 10000000]

Cells are those of scale_cells.py; 200000:2000 has 2,000 genes per cell instead of 800. A run that was stopped goes on
where it ended (`-resume`), and what its steps have cost is stored each time in scale.tsv, beside this file: a row per
rung and step, with date and machine, and whether the run has ended. Seconds and bytes are sums over tasks, memory is
that of the largest task, in MB. `--show` prints them, and the exponent of CPU time against cells of each step;
`--beyond` what a step would need for more cells, on the line through the two largest rungs.
"""

import argparse
import csv
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.demo_resources import per_process
from benchmarks.gates import row
from benchmarks.pipeline.scale_cells import make
from benchmarks.scoreboard import machine
from benchmarks.unequal import FOLDER as DATA
from tests.support.runs import command, variables

ROOT = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_name("scale.tsv")

STEP = "scale"
RUNGS = ("10000", "50000", "200000", "200000:2000", "1000000")
GENES = 800
KEY = ["cells", "genes", "process"]
COLUMNS = [*KEY, "tasks", "wall_s", "cpu_s", "peak_mb", "asked_mb", "read_mb", "written_mb", "ended", "date", "machine"]
SHORT = 2  # a step under so many CPU seconds is all start-up, and has no exponent
LARGEST_GIB = {200_000: 5, 1_000_000: 12}


def run(quick=False):
    """Rows of the scoreboard, of what is stored; no quick form."""
    return [] if quick else judged(stored())


def judged(table):
    """Exponents of each step, and the largest task of the rungs that have a limit."""
    rows = [
        row(STEP, "exponent of CPU time against cells", name, value, "<= 1.1", n, 1)
        for name, value, n in exponents(table)
    ]
    for cells, limit in LARGEST_GIB.items():
        found = table[(table["cells"] == cells) & (table["process"] != "all")]
        for genes, part in found.groupby("genes"):
            setting, largest = f"{cells:,} cells, {genes:,} genes per cell", part["peak_mb"].max() * 1e6 / 2**30
            ended = set(part["ended"]) == {"yes"}  # a part of a rung can miss the limit, but not meet it
            gate = f"<= {limit}" if ended or largest > limit else ""
            rows.append(
                row(
                    STEP,
                    "largest task, GiB",
                    setting if ended else f"{setting}, not ended",
                    largest,
                    gate,
                    len(part),
                    1,
                )
            )
    return rows


def exponents(table):
    """Step, slope of log CPU seconds on log cells, number of rungs; of steps that cost anything, in whole runs."""
    same = table[(table["genes"] == GENES) & (table["ended"] == "yes") & (table["cpu_s"] > 0)]
    for name, part in same.groupby("process", sort=False):
        if len(part) > 1 and part["cpu_s"].max() >= SHORT:
            yield name, np.polyfit(np.log(part["cells"]), np.log(part["cpu_s"]), 1)[0], len(part)


def stored():
    """Rows measured so far."""
    return pd.read_csv(TABLE, sep="\t") if TABLE.exists() else pd.DataFrame(columns=COLUMNS)


def measure(rung, folder, more=()):
    """Run one rung, or go on with it; its rows are stored however it ends, and its exit status is returned."""
    cells, genes = ([int(part) for part in rung.split(":")] + [GENES])[:2]
    place = folder / rung.replace(":", "_")
    place.mkdir(parents=True, exist_ok=True)
    sheet, model = make(cells, folder / "cells", genes), DATA / "models" / "Immune_All_Low.pkl"
    given = ("-profile", "local", "--input", sheet.resolve(), "--celltypist_model", model, "--outdir", "out")
    words = command(ROOT, *given, "--reference_condition", "untreated", "-resume", *more)
    done = subprocess.run(words, cwd=place, env=variables())
    traces = [place / "out/pipeline_info/trace.tsv", *place.glob(".nextflow/sc-compartments-*/trace.tsv")]
    newest = max((path for path in traces if path.exists()), key=lambda path: path.stat().st_mtime, default=None)
    if newest:
        keep(rows_of(newest, cells, genes, done.returncode == 0))
    return done.returncode


def rows_of(trace, cells, genes, ended):
    """Rows of one run: a row per step, and one of all, whose wall time is from the first task to the last."""
    table, seconds = per_process(trace)
    whole = table[["tasks", "cpu_s", "read_mb", "written_mb"]].sum().to_dict()
    whole |= {"wall_s": seconds} | table[["peak_mb", "asked_mb"]].max().to_dict()
    table = pd.concat([table, pd.DataFrame([whole], index=["all"])]).rename_axis("process").reset_index()
    about = {"ended": "yes" if ended else "no", "date": date.today().isoformat(), "machine": machine()}
    return table.assign(cells=cells, genes=genes, **about)[COLUMNS]


def keep(rows):
    """Store rows in place of those of the same rung."""
    before = stored()
    others = before[~((before["cells"] == rows["cells"][0]) & (before["genes"] == rows["genes"][0]))]
    both = pd.concat([others, rows], ignore_index=True) if len(others) else rows
    figures = dict.fromkeys(("tasks", "wall_s", "cpu_s", "peak_mb", "asked_mb", "read_mb", "written_mb"), 0)
    whole = both.round(figures).astype(dict.fromkeys(figures, int)).sort_values(["genes", "cells"], kind="stable")
    whole.to_csv(TABLE, sep="\t", index=False, quoting=csv.QUOTE_NONE)


def beyond(table, cells):
    """Of each step, for so many cells: tasks, CPU hours, memory of the largest task in GB; of two rungs or more."""
    same = table[(table["genes"] == GENES) & (table["ended"] == "yes") & (table["process"] != "all")]
    for name, part in same.groupby("process", sort=False):
        if len(part) > 1:
            small, large = (one for _, one in part.sort_values("cells").tail(2).iterrows())
            share = (cells - large["cells"]) / (large["cells"] - small["cells"])
            figures = {
                key: large[key] + share * max(large[key] - small[key], 0) for key in ("tasks", "cpu_s", "peak_mb")
            }
            several = large["tasks"] > 1  # tasks of a sample stay as they are
            peak = large["peak_mb"] if several else figures["peak_mb"]
            yield name, round(figures["tasks"]), figures["cpu_s"] / 3600, peak / 1000


def shown(table):
    """The table for people, and the exponents."""
    lines = [table.drop(columns=["date", "machine"]).to_string(index=False), "", "exponent of CPU time against cells"]
    return "\n".join(lines + [f"{name}: {value:.2f} ({n} rungs)" for name, value, n in exponents(table)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rungs", nargs="+", default=RUNGS, metavar="CELLS[:GENES]", help=" ".join(RUNGS))
    parser.add_argument("--folder", default="results/scale", type=Path, help="cells, work and results (%(default)s)")
    parser.add_argument("--show", action="store_true", help="print what is stored, and run nothing")
    parser.add_argument("--beyond", type=int, metavar="CELLS", help="with --show: what so many cells would need")
    given, more = parser.parse_known_args()
    codes = [] if given.show else [measure(rung, given.folder.resolve(), more) for rung in given.rungs]
    print(shown(stored()))
    for name, tasks, hours, peak in beyond(stored(), given.beyond) if given.beyond else []:
        print(f"{name}: {tasks:,} tasks, {hours:,.1f} CPU h, {peak:,.1f} GB")
    sys.exit(any(codes))


if __name__ == "__main__":
    main()
