"""The engine alone: stub runs of 100 to 1,000 samples, whose tasks compute nothing; what the head job needs.

    python -m benchmarks.pipeline.bench_samples [--samples 100 300 1000] [--folder results/samples]
    python -m benchmarks.pipeline.bench_samples --show

Each number of samples is a row of samples.tsv, beside this file, stored when its run has ended, with date and machine:
tasks, seconds, CPU seconds and peak memory of the Nextflow process itself, files in the work folder and in the results.
`--show` prints them, what each grows like (its exponent against samples), and what 10,000 samples would need by the
slope between the two largest runs.
"""

import argparse
import csv
import os
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from benchmarks.gates import row
from benchmarks.scoreboard import machine
from tests.support.models import make_model, write_model
from tests.support.runs import command, step, variables

ROOT = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_name("samples.tsv")

STEP = "samples"
SIZES = (100, 300, 1000)
FIGURES = ["tasks", "wall_s", "head_cpu_s", "head_mb", "work_files", "result_files"]
COLUMNS = ["samples", *FIGURES, "ended", "date", "machine"]
FORESEEN = 10_000


def run(quick=False):
    """Rows of the scoreboard, of what is stored; no quick form."""
    if quick:
        return []
    return [
        row(STEP, f"exponent of {name} against samples", "stub run", value, gate, len(ended(stored())), 1)
        for name, value in exponents(stored()).items()
        for gate in ["<= 1.1" if name in ("wall_s", "head_cpu_s") else ""]
    ]


def stored():
    """Rows measured so far."""
    return pd.read_csv(TABLE, sep="\t") if TABLE.exists() else pd.DataFrame(columns=COLUMNS)


def ended(table):
    """Rows of whole runs, the smallest first."""
    return table[table["ended"] == "yes"].sort_values("samples")


def exponents(table):
    """Figure -> slope of its logarithm on that of the number of samples; none of fewer than two runs."""
    rows = ended(table)
    if len(rows) < 2:
        return {}
    logs = np.log(rows[["samples", *FIGURES]].astype(float))
    return {name: np.polyfit(logs["samples"], logs[name], 1)[0] for name in FIGURES}


def foreseen(table, samples=FORESEEN):
    """Figure -> its value for so many samples, on the line through the two largest runs; what fell stays as it was."""
    small, large = (one for _, one in ended(table).tail(2).iterrows())
    beyond = (samples - large["samples"]) / (large["samples"] - small["samples"])
    return {name: float(large[name] + beyond * max(large[name] - small[name], 0)) for name in FIGURES}


def study(folder, samples):
    """Files and samplesheet of so many samples of half as many donors; each file has a content of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(step("write_stub", "good.h5"), cwd=folder, check=True)
    rows = []
    for n in range(samples):
        path = folder / f"s{n:05}.h5"
        if not path.exists():
            path.write_bytes((folder / "good.h5").read_bytes())
            with h5py.File(path, "r+") as handle:
                handle.attrs["sample"] = n
        place, arm = ("CSF", "blood")[n % 2], ("control", "sick")[n // 2 % 2]
        rows.append([f"s{n:05}", f"d{n // 2:05}", place, arm, path.name])
    with open(folder / "sheet.csv", "w", newline="") as handle:
        csv.writer(handle).writerows([["sample", "donor", "compartment", "condition", "raw"], *rows])
    write_model(make_model(), folder / "model.pkl")


def measure(samples, folder, more=()):
    """Run the pipeline on stubs and store its row; its exit status."""
    place = folder / str(samples)
    study(place, samples)
    given = ("-stub", "-resume", "-profile", "local", "--input", "sheet.csv", "--celltypist_model", "model.pkl")
    words = command(ROOT, *given, "--reference_condition", "control", "--outdir", "out", *more)
    start = time.perf_counter()
    process = subprocess.Popen(words, cwd=place, env=variables())
    peak = seconds = 0
    while process.poll() is None:
        peak, seconds = max(peak, head_mb(process.pid)), max(seconds, head_cpu(process.pid))
        time.sleep(0.5)
    trace = place / "out/pipeline_info/trace.tsv"
    found = {
        "samples": samples,
        "tasks": len(trace.read_text().splitlines()) - 1 if trace.exists() else 0,
        "wall_s": round(time.perf_counter() - start),
        "head_cpu_s": round(seconds),
        "head_mb": round(peak),
        "work_files": sum(len(files) for _, _, files in os.walk(place / "work")),
        "result_files": sum(len(files) for _, _, files in os.walk(place / "out")),
        "ended": "no" if process.returncode else "yes",
        "date": date.today().isoformat(),
        "machine": machine(),
    }
    before = stored()
    both = pd.concat([before[before["samples"] != samples], pd.DataFrame([found])]) if len(before) else [found]
    pd.DataFrame(both)[COLUMNS].sort_values("samples").to_csv(TABLE, sep="\t", index=False)
    return process.returncode


def head_mb(pid):
    """Largest resident memory that a process has had, MB; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0


def head_cpu(pid):
    """CPU seconds of a process without its children; 0 when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0


def shown(table):
    """The table for people, what grows how, and what many samples would need."""
    lines = [table.drop(columns=["date", "machine"]).to_string(index=False)]
    if len(ended(table)) > 1:
        growth = [f"{name} {value:.2f}" for name, value in exponents(table).items()]
        beyond = [f"{name} {value:,.0f}" for name, value in foreseen(table).items()]
        lines += [f"exponents: {', '.join(growth)}", f"foreseen for {FORESEEN:,} samples: {', '.join(beyond)}"]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", nargs="+", type=int, default=SIZES, help="(100 300 1000)")
    parser.add_argument("--folder", default="results/samples", type=Path, help="work and results (%(default)s)")
    parser.add_argument("--show", action="store_true", help="print what is stored, and run nothing")
    given, more = parser.parse_known_args()
    done = [] if given.show else [measure(n, given.folder.resolve(), more) for n in given.samples]
    print(shown(stored()))
    sys.exit(any(done))


if __name__ == "__main__":
    main()
