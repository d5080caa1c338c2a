"""Every step against its gates: runs all benchmarks/*/bench_*.py; scoreboard.tsv beside them, docs/how/scoreboard.md.

    python -m benchmarks.scoreboard [--quick] [--only STEP] [--speed NAME] [--show NAME] [--page]

Exit code 1 if a gate is missed. `--quick` runs the small form of every bench; `--only STEP` runs some and keeps the
rows of the others; `--speed NAME` runs speed_NAME.py and keeps what it prints; `--show NAME` runs nothing and prints
the stored rows of a step and what its speed script printed; `--page` only writes the page anew. Of each part it is kept
with which command, when and on what machine it was run (runs.json).
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

from benchmarks import designs_table, unequal_table
from benchmarks.gates import COLUMNS
from benchmarks.gates import row as gate_row

ROOT = Path(__file__).resolve().parents[1]

WORDS = {True: "yes", False: "MISSED", None: ""}
HEAD = """# Scoreboard

What each step gets right on data whose truth is known, and the gate that it must meet. Gates come from the methods, not
from what the code reaches; a row without a gate is for information. All cohorts are simulated unless the setting names
real data. `n` is the number of studies, samples, cells or genes that a value rests on, `se` its standard error over
studies.

{summary}

All rows are in [benchmarks/scoreboard.tsv](../../benchmarks/scoreboard.tsv); a command of the table prints those of its
step. `make bench` measures everything anew.

`unequal` is of studies whose donors are not alike: at random few or many cells, few in the treated CSF alone, treated
donors that vary more, a lineage that some donors lack, a covariate of one compartment, one odd donor, compartments that
go together or not; by three models of donors (Dirichlet, real donors dealt anew, log-normal). Under its nulls the arms
differ in what the setting names and in nothing else. What was not tested counts as not found. `alternatives` compares
the power with that of other methods, each at its own critical value from null studies of the setting. `designs` does
both for donors that are their own controls: `within` (all have both conditions), `mixed` (half of the samples are of
donors that have both), `change` (the change of one group against that of another) and `one condition` (compartments
compared); the other methods are paired t tests, propeller, crumblr, a mixed model as dream, and limma with
duplicateCorrelation. All three are long and made in pieces that go on where the last one ended
(`python -m benchmarks.compare.bench_unequal`, `python -m benchmarks.compare.bench_alternatives`,
`python -m benchmarks.compare.bench_designs`); the tests repeat first studies against their stored rows.

`downstream` has such studies for expression, gene sets, edges, groups of edges and hubs, with half the reads or ambient
RNA in the treated CSF among what differs (`python -m benchmarks.compare.bench_downstream`).

| step | gates met | rows | print them | measured with |
|---|---|---|---|---|
"""
MISSED = """
## Gates missed

| step | figure | gate | where |
|---|---|---|---|
"""
SPEED = """
## Speed

Wall time, CPU time and peak memory; `--show` prints the figures.

| of | what | print them | measured with |
|---|---|---|---|
"""


def paths():
    """Where table, record of runs and page are."""
    folder = ROOT / "benchmarks"
    return folder / "scoreboard.tsv", folder / "runs.json", ROOT / "docs" / "how" / "scoreboard.md"


def benches(kind="bench"):
    """Paths of all benches (or of ``speed`` scripts) by name; the name of a bench is the step of its rows."""
    found = sorted((ROOT / "benchmarks").glob(f"*/{kind}_*.py"), key=lambda path: path.stem)
    return {path.stem.removeprefix(f"{kind}_"): path for path in found}


def module_of(path):
    """Dotted name of a bench, as ``python -m`` takes it."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def load(path):
    """The module of a bench."""
    spec = importlib.util.spec_from_file_location(module_of(path), path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def as_text(step, rows):
    """Rows of :func:`benchmarks.gates.row` in the columns of the table."""
    strangers = {row["step"] for row in rows} - {step}
    if strangers:
        raise ValueError(f"bench_{step}.py gives rows of step {', '.join(sorted(strangers))}")
    return [{c: str(row[c]) for c in COLUMNS} | {"value": f"{row['value']:.4g}", "pass": _word(row)} for row in rows]


def _word(row):
    return WORDS[None if row["pass"] is None else bool(row["pass"])]


def as_rows(stored_rows):
    """What :func:`as_text` made, as rows again."""
    kinds = ("step", "metric", "setting", "value", "gate", "n", "seed", "se", "code")
    return [gate_row(*(row[kind] for kind in kinds)) for row in stored_rows]


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
        table = csv.DictWriter(handle, COLUMNS, restval="", delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    runs_path.write_text(json.dumps(runs, indent=1, sort_keys=True) + "\n")
    page_path.write_text(page(rows, runs))


def judged(rows):
    """Of rows: how many gates are met, how many there are, and the rows that miss theirs."""
    gated = [row for row in rows if row["gate"]]
    missed = [row for row in gated if row["pass"] == WORDS[False]]
    return len(gated) - len(missed), len(gated), missed


def page(rows, runs):
    """Text of the page: every missed gate by name, a line per step, a line per speed script."""
    met, gates, missed = judged(rows)
    below = " What is missed stands below the table." * bool(missed)
    parts = [HEAD.format(summary=f"{met} of {gates} gates met.{below}")]
    for step in dict.fromkeys(row["step"] for row in rows):
        rows_of_step = [row for row in rows if row["step"] == step]
        met, gates, _ = judged(rows_of_step)
        share = f"{met} of {gates}" if gates else "no gate"
        cells = [_link(step), share, str(len(rows_of_step)), _show(step), _origin(runs["bench"][step])]
        parts.append(f"| {' | '.join(cells)} |\n")
    parts += _missed(missed)
    parts += unequal_table.section(rows)
    parts += designs_table.section(rows)
    parts += [SPEED] * bool(runs["speed"])
    for name, run in sorted(runs["speed"].items()):
        parts.append(f"| {' | '.join([_link(name, 'speed'), run['what'], _show(name), _origin(run)])} |\n")
    return as_typed("".join(parts))


def as_typed(text):
    """The text with the environment's Python in its commands, which is how they are run from the project's folder."""
    return text.replace("`python -m", "`.tools/core/bin/python -m")


def _missed(rows):
    """A table of the gates missed: a line per step, figure and gate, with each setting and what it has."""
    settings = {}
    for row in rows:
        settings.setdefault((row["step"], row["metric"], row["gate"]), []).append(f"{row['setting']}: {row['value']}")
    return [MISSED] * bool(rows) + [f"| {' | '.join([*key, '; '.join(where)])} |\n" for key, where in settings.items()]


def _link(name, kind="bench"):
    """The name as link to its script; of a bench, an anchor for other pages, too."""
    path = benches(kind)[name].relative_to(ROOT).as_posix()
    return f'<a id="{name}"></a>' * (kind == "bench") + f"[{name}](../../{path})"


def _show(name):
    return f"`python -m benchmarks.scoreboard --show {name}`"


def _origin(run):
    return f"`{run['command']}`, {run['date']}, {run['machine']}, {run['cpu_seconds']} CPU seconds"


def stored():
    """Rows and runs written before, without those of benches that are no more."""
    table_path, runs_path, _ = paths()
    if not runs_path.exists():
        return [], {"bench": {}, "speed": {}}
    known = benches()
    with open(table_path, newline="") as handle:
        rows = [row for row in csv.DictReader(handle, delimiter="\t") if row["step"] in known]
    return rows, json.loads(runs_path.read_text())


def shown(name):
    """What is stored of a step, or of a speed script, for people: rows in columns, then what the script printed."""
    rows, runs = stored()
    columns = [column for column in COLUMNS if column != "step"]
    table = [columns, *([row[column] for column in columns] for row in rows if row["step"] == name)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    parts = []
    if len(table) > 1:
        lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in table]
        met, gates, _ = judged([row for row in rows if row["step"] == name])
        parts.append("\n".join([*lines, "", f"{met} of {gates} gates met. {_origin(runs['bench'][name])}"]))
    if name in runs["speed"]:
        run = runs["speed"][name]
        parts.append(f"{run['what']}\n{run['output']}\n{_origin(run)}")
    return as_typed("\n\n".join(parts)) or f"{name} was not measured yet"


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps, speeds = benches(), benches("speed")
    parser.add_argument("--quick", action="store_true", help="small form of every bench")
    parser.add_argument("--only", action="append", choices=sorted(steps), metavar="STEP", help=", ".join(steps))
    parser.add_argument(
        "--speed",
        action="append",
        default=[],
        choices=sorted(speeds),
        metavar="NAME",
        help=f"instead of benches: {', '.join(speeds)}",
    )
    parser.add_argument(
        "--show", choices=sorted({*steps, *speeds}), metavar="NAME", help="print what is stored of a step"
    )
    parser.add_argument("--studies", type=int, help="most studies of a setting, of the steps that count studies")
    parser.add_argument("--page", action="store_true", help="write the page from what is stored")
    return parser.parse_args()


def main():
    options = arguments()
    if options.show or options.page:
        if options.page:
            write(*stored())
        print(shown(options.show) if options.show else paths()[2])
        return
    missed = [
        run_bench(step, options.quick, options.studies) for step in options.only or ([] if options.speed else benches())
    ]
    for name in options.speed:
        run_speed(name)
    sys.exit(any(missed))


def run_bench(step, quick, studies=None):
    """Measure a step and keep its rows; whether it missed a gate."""
    before, bench = cpu_seconds(), load(benches()[step])
    found = as_text(step, bench.run(quick, studies) if studies else bench.run(quick))
    if not found:  # its real data are not here: what was measured before stays
        return False
    for row in found:
        print("\t".join(row.values()), flush=True)
    if not (getattr(bench, "KEEPS_ITS_ROWS", False) or (quick and getattr(bench, "REPEATS", False))):
        command = "python -m benchmarks.scoreboard" + " --quick" * quick + f" --only {step}"
        command += f" --studies {studies}" if studies else ""
        keep(step, found, command, cpu_seconds() - before)
    return bool(judged(found)[2])


def keep(step, found, command, seconds, only=None):
    """Store rows of a step in place of all that it had; with ``only``, of those of one setting.

    Written after each step or piece, so that a long run that is stopped keeps what it has; read anew each time, because
    another step may have ended beside this one.
    """
    kept, runs = stored()
    if only is not None:
        seconds += runs["bench"].get(step, {"cpu_seconds": 0})["cpu_seconds"]
    runs["bench"][step] = _record(command, seconds)
    print(f"# {step}: {runs['bench'][step]['cpu_seconds']} CPU seconds", file=sys.stderr)
    others = [row for row in kept if row["step"] != step or (only and row["setting"] != only)]
    write(sorted(others + found, key=lambda row: row["step"]), runs)


def run_speed(name):
    """Run a speed script and keep what it prints."""
    before, path, load_before = cpu_seconds(), benches("speed")[name], os.getloadavg()[0]
    command = [sys.executable, "-m", module_of(path)]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    what = load(path).__doc__.strip().splitlines()[0]
    record = _record(f"python -m {module_of(path)}", cpu_seconds() - before)
    record["machine"] += f", load {load_before:.1f} before it"
    kept, runs = stored()
    runs["speed"][name] = record | {"what": what, "output": output.strip()}
    print(output)
    write(kept, runs)


def _record(command, seconds):
    used = round(seconds)
    return {"command": command, "date": date.today().isoformat(), "machine": machine(), "cpu_seconds": used}


if __name__ == "__main__":
    main()
