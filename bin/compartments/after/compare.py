"""Compare published results again: other labels, covariates, contrasts or settings, without computing cells again.

Writes a new folder of results: what the change touches is made anew, by the steps of the pipeline; the rest is that of
the run. changes.tsv there says which answers differ.
"""

import argparse
import os
import shlex
import sys
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path

from compartments.core.contract import Contract
from compartments.core.errors import UserError, problem_in
from compartments.core.options import Options

STEP = "compare"


def arguments() -> argparse.Namespace:
    options = Options(STEP, __doc__)
    add = options.add_argument
    add("results", help="results folder of a run (--outdir)")
    add("--out", required=True, help="folder of the new results; must not exist")
    add("--labels", help="table of sample, barcode, lineage: every cell's")
    add("--cpus", type=int, default=len(os.sched_getaffinity(0)), help="processes at a time")
    add("--command", help="command line that the page names (by default this one)")
    add("--started", help="when that was, for the page")
    add("--problems", help="where a problem is written; the exit code stays 0")
    # what is not given stays as it was in the run
    options.set_defaults(**dict.fromkeys(Contract.of(STEP).parameters))
    given = options.parse_args()
    if Path(given.out).exists():
        raise UserError(f"--out {given.out}: exists, and nothing is overwritten; give a new folder")
    if given.labels and given.label_overrides:
        raise UserError("--labels and --label_overrides are both given: give the table of all cells, or of some")
    if given.label_clusters and not (given.labels or given.label_overrides):
        raise UserError("--label_clusters explains the clusters of a table of labels, which is not given")
    return given


def main() -> None:
    # a mistake of the command line is a problem, too
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--problems")
    place = first.parse_known_args()[0].problems
    with problem_in(place) if place else nullcontext():
        compare(arguments())


def compare(given: argparse.Namespace) -> None:
    """What is asked, of results that are there; prints what was made anew, and what differs."""
    from compartments.after.again import compare_again
    from compartments.after.before import Before

    parameters = {name: getattr(given, name) for name in Contract.of(STEP).parameters}
    parameters = {name: value for name, value in parameters.items() if value is not None}
    started = given.started or datetime.now().isoformat(" ", "minutes")
    command = given.command or shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    before = Before.open(given.results)
    lines = compare_again(before, parameters, given.labels, Path(given.out), given.cpus, (command, started))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
