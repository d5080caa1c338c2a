"""Every step against its gates: runs all benchmarks/bench_*.py; scoreboard.tsv beside them and docs/scoreboard.md.

Exit code 1 if a gate is missed. `--quick` runs the small form of every bench; `--only STEP` runs some and keeps the
rows of the others; `--speed NAME` runs speed_NAME.py and keeps what it prints. The page says of each part with which
command, when and on what machine it was run (runs.json).
"""

import argparse
import csv
import importlib.util
import json
import os
import resource
import subprocess
import sys
from datetime import date
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks.gates import COLUMNS

ROOT = Path(__file__).resolve().parents[1]

WORDS = {True: "yes", False: "MISSED", None: ""}
HEAD = """# Scoreboard

What each step gets right on data whose truth is known, and the gate that it must meet. Gates come from the methods, not
from what the code reaches; a row without a gate is for information. All cohorts are simulated unless the setting names
real data. `n` is the number of studies, samples, cells or genes that a value rests on.

{summary}
"""


def paths():
    """Where table, record of runs and page are."""
    folder = ROOT / "benchmarks"
    return folder / "scoreboard.tsv", folder / "runs.json", ROOT / "docs" / "scoreboard.md"


def benches(kind="bench"):
    """Paths of all benches (or of ``speed`` scripts) by name; the name of a bench is the step of its rows."""
    return {path.stem.removeprefix(f"{kind}_"): path for path in sorted((ROOT / "benchmarks").glob(f"{kind}_*.py"))}


def load(path):
    """The module of a bench."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def measure(step, quick):
    """Rows of one bench as text, in the columns of the table."""
    rows = load(benches()[step]).run(quick)
    strangers = {row["step"] for row in rows} - {step}
    if strangers:
        raise ValueError(f"bench_{step}.py gives rows of step {', '.join(sorted(strangers))}")
    return [{c: str(row[c]) for c in COLUMNS} | {"value": f"{row['value']:.4g}", "pass": _word(row)} for row in rows]


def _word(row):
    return WORDS[None if row["pass"] is None else bool(row["pass"])]


def machine():
    """Processor and number of cores."""
    with open("/proc/cpuinfo") as handle:
        names = [line.partition(":")[2].strip() for line in handle if line.startswith("model name")]
    return f"{names[0] if names else 'unknown processor'}, {os.cpu_count()} cores"


def cpu_seconds():
    """CPU time of this process and of the children it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def write(rows, runs):
    """Table, record of runs, and page."""
    table_path, runs_path, page_path = paths()
    with open(table_path, "w", newline="") as handle:
        table = csv.DictWriter(handle, COLUMNS, delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    runs_path.write_text(json.dumps(runs, indent=1, sort_keys=True) + "\n")
    gated = [row for row in rows if row["gate"]]
    missed = [row for row in gated if row["pass"] == WORDS[False]]
    summary = f"{len(gated) - len(missed)} of {len(gated)} gates met."
    if missed:
        summary += " Missed: " + "; ".join(f"{r['step']}, {r['metric']} ({r['setting']})" for r in missed) + "."
    parts = [HEAD.format(summary=summary)]
    for step in dict.fromkeys(row["step"] for row in rows):
        parts.append(f"\n## {step}\n\n{_origin(runs['bench'][step])}\n\n")
        parts.append("| metric | setting | value | gate | met | n | seed |\n|---|---|---|---|---|---|---|\n")
        for row in rows:
            if row["step"] == step:
                cells = [row[c].replace("|", "\\|") for c in COLUMNS if c != "step"]
                parts.append("| " + " | ".join(cells) + " |\n")
    if runs["speed"]:
        parts.append("\n## Speed\n")
    for name, run in sorted(runs["speed"].items()):
        parts.append(f"\n### {name}\n\n{run['what']}\n\n{_origin(run)}\n\n```\n{run['output']}\n```\n")
    page_path.write_text("".join(parts))


def stored():
    """Rows and runs written before, without those of benches that are no more."""
    table_path, runs_path, _ = paths()
    if not runs_path.exists():
        return [], {"bench": {}, "speed": {}}
    with open(table_path, newline="") as handle:
        rows = [row for row in csv.DictReader(handle, delimiter="\t") if row["step"] in benches()]
    return rows, json.loads(runs_path.read_text())


def _origin(run):
    return f"`{run['command']}`, {run['date']}, {run['machine']}, {run['cpu_seconds']} CPU seconds."


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small form of every bench")
    parser.add_argument("--only", action="append", choices=sorted(benches()), metavar="STEP", help=", ".join(benches()))
    parser.add_argument(
        "--speed",
        action="append",
        default=[],
        choices=sorted(benches("speed")),
        metavar="NAME",
        help=f"instead of benches: {', '.join(benches('speed'))}",
    )
    arguments = parser.parse_args()
    steps = arguments.only or ([] if arguments.speed else list(benches()))
    missed = False
    for step in steps:
        before = cpu_seconds()
        found = measure(step, arguments.quick)
        if not found:  # its real data are not here: what was measured before stays
            continue
        missed |= any(row["pass"] == WORDS[False] for row in found)
        command = "python benchmarks/scoreboard.py" + " --quick" * arguments.quick + f" --only {step}"
        kept, runs = stored()  # anew each time: another step may have ended beside this one
        runs["bench"][step] = _record(command, before)
        for row in found:
            print("\t".join(row.values()), flush=True)
        print(f"# {step}: {runs['bench'][step]['cpu_seconds']} CPU seconds", file=sys.stderr)
        # written after each step, so that a long run that is stopped keeps what it has
        kept = sorted([row for row in kept if row["step"] != step] + found, key=lambda row: row["step"])
        write(kept, runs)
    for name in arguments.speed:
        before, path, load_before = cpu_seconds(), benches("speed")[name], os.getloadavg()[0]
        output = subprocess.run([sys.executable, str(path)], check=True, stdout=subprocess.PIPE, text=True).stdout
        what = load(path).__doc__.strip().splitlines()[0]
        record = _record(f"python benchmarks/{path.name}", before)
        record["machine"] += f", load {load_before:.1f} before it"
        kept, runs = stored()
        runs["speed"][name] = record | {"what": what, "output": output.strip()}
        print(output)
        write(kept, runs)
    sys.exit(missed)


def _record(command, before):
    used = round(cpu_seconds() - before)
    return {"command": command, "date": date.today().isoformat(), "machine": machine(), "cpu_seconds": used}


if __name__ == "__main__":
    main()
