"""Every step against its gates: runs all benchmarks/bench_*.py; scoreboard.tsv beside them and docs/scoreboard.md.

Exit code 1 if a gate is missed. `--quick` runs the small form of every bench; `--only STEP` one step and keeps the rows
of the others.
"""

import argparse
import csv
import importlib.util
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bin")]

from benchmarks.gates import COLUMNS  # noqa: E402

TABLE = ROOT / "benchmarks" / "scoreboard.tsv"
PAGE = ROOT / "docs" / "scoreboard.md"
WORDS = {True: "yes", False: "MISSED", None: ""}
HEAD = """# Scoreboard

What each step gets right on data whose truth is known, and the gate that it must meet. Gates come from the methods, not
from what the code reaches. All cohorts are simulated unless the setting names real data. Made by
`python benchmarks/scoreboard.py{options}`; a row without a gate is for information.

{summary}
"""


def benches():
    """Paths of all benches by step name."""
    return {path.stem.removeprefix("bench_"): path for path in sorted((ROOT / "benchmarks").glob("bench_*.py"))}


def load(path):
    """The module of a bench."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def tidy(row):
    """A bench's row as text, in the columns of the table."""
    passed = None if row["pass"] is None else bool(row["pass"])
    return {c: str(row[c]) for c in COLUMNS} | {"value": f"{row['value']:.4g}", "pass": WORDS[passed]}


def write(rows, options):
    """Table and page."""
    with open(TABLE, "w", newline="") as handle:
        table = csv.DictWriter(handle, COLUMNS, delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    gated = [row for row in rows if row["gate"]]
    missed = [row for row in gated if row["pass"] == WORDS[False]]
    summary = f"{len(gated) - len(missed)} of {len(gated)} gates met."
    if missed:
        summary += " Missed: " + "; ".join(f"{r['step']}, {r['metric']} ({r['setting']})" for r in missed) + "."
    parts = [HEAD.format(options=options, summary=summary)]
    for step in dict.fromkeys(row["step"] for row in rows):
        parts.append(
            f"## {step}\n\n| metric | setting | value | gate | met | n | seed |\n|---|---|---|---|---|---|---|\n"
        )
        for row in rows:
            if row["step"] == step:
                cells = [row[c].replace("|", "\\|") for c in COLUMNS if c != "step"]
                parts.append("| " + " | ".join(cells) + " |\n")
        parts.append("\n")
    PAGE.write_text("".join(parts).rstrip() + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small form of every bench")
    parser.add_argument("--only", choices=sorted(benches()), metavar="STEP", help=f"one of {', '.join(benches())}")
    arguments = parser.parse_args()
    kept, found = [], []
    if arguments.only and TABLE.exists():
        with open(TABLE, newline="") as handle:
            kept = list(csv.DictReader(handle, delimiter="\t"))
    for name in [arguments.only] if arguments.only else list(benches()):
        start = time.process_time()
        rows = [tidy(row) for row in load(benches()[name]).run(arguments.quick)]
        for row in rows:
            print("\t".join(row[c] for c in COLUMNS), flush=True)
        print(f"# {name}: {time.process_time() - start:.0f} CPU seconds", file=sys.stderr)
        found += rows
    replaced = {row["step"] for row in found}
    rows = sorted([row for row in kept if row["step"] not in replaced] + found, key=lambda row: row["step"])
    write(rows, " --quick" if arguments.quick else "")
    sys.exit(any(row["pass"] == WORDS[False] for row in rows))


if __name__ == "__main__":
    main()
