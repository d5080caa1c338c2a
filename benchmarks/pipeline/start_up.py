"""How much of a run's CPU time goes into starting: Python itself and the packages that each task imports.

    PYTHONPROFILEIMPORTTIME=1 tools/nextflow run . -profile local,demo --outdir results/start_up
    python -m benchmarks.pipeline.start_up results/start_up/pipeline_info/trace.tsv

With that variable Python writes to each task's .command.err how long every import took, by the clock; the machine
should do nothing else. What a bare interpreter takes is measured here and added for each one that a task started
(`site` is imported once by each).
"""

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from benchmarks.demo_resources import amount

TRIES = 20
HEAD = "import time: self [us]"
IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")


def bare():
    """Seconds of an interpreter that does nothing but import `site`, the median of several."""
    found = []
    for _ in range(TRIES):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", ""], check=True)
        found.append(time.perf_counter() - start)
    return sorted(found)[TRIES // 2]


def imports(text):
    """Seconds of all imports that a task told of, and the number of its interpreters.

    What an interpreter imports up to `site` is its own start, which :func:`bare` has.
    """
    started = text.split(HEAD)[1:]
    found = [[(name, int(microseconds) / 1e6) for microseconds, name in IMPORT.findall(one)] for one in started]
    first = [[name for name, _ in one].index("site") + 1 for one in found]
    return sum(seconds for one, k in zip(found, first, strict=True) for _, seconds in one[k:]), len(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trace", help="pipeline_info/trace.tsv of the run, whose work folder is still there")
    given = parser.parse_args()
    trace, each = pd.read_csv(given.trace, sep="\t"), bare()
    trace["cpu"] = trace["realtime"].map(amount) * pd.to_numeric(trace["%cpu"].str.rstrip("%")).fillna(0) / 100
    rows = []
    for task in trace.itertuples():
        seconds, n = imports(Path(task.workdir, ".command.err").read_text(errors="replace"))
        rows.append((task.process.split(":")[-1], 1, n, n * each, seconds, task.cpu))
    columns = ["process", "tasks", "interpreters", "python_s", "imports_s", "cpu_s"]
    table = pd.DataFrame(rows, columns=columns).groupby("process", sort=False).sum()
    table.loc["all"] = table.sum()
    table["share"] = (table["python_s"] + table["imports_s"]) / table["cpu_s"]
    print(table.round(2).to_string())
    print(f"a bare interpreter: {1000 * each:.0f} ms")


if __name__ == "__main__":
    main()
