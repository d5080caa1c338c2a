"""Steps of the pipeline, called as its tasks call them, in folders of their own."""

import csv
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compartments.after.before import PROJECT, files_of
from compartments.core.contract import PACKAGES, Contract
from compartments.core.errors import KILLED, UserError, WorkerKilled

DOOR = PACKAGES.parent / "sc-compartments"
# as the tasks have it (nextflow.config)
SURROUNDINGS = {
    "PYTHONNOUSERSITE": "1",
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "MPLCONFIGDIR": ".matplotlib",
}


class Steps:
    """Calls steps and sorts what they write.

    Parameters
    ----------
    out : Path
        Folder of the new results: what a step writes below a folder is public and goes there.
    scratch : Path
        Where the steps work.
    parameters : dict
        Of the pipeline.

    Attributes
    ----------
    left_out : list of dict
        Rows of the steps' skipped.tsv.
    called : list of str
        Names of the steps, each once.
    of_samples : set of (step, sample)
        Calls that were of one sample each.
    """

    def __init__(self, out: Path, scratch: Path, parameters: Mapping[str, Any]) -> None:
        self.out, self.scratch, self.parameters = out, scratch, parameters
        self.left_out: list[dict[str, str]] = []
        self.called: list[str] = []
        self.of_samples: set[tuple[str, str]] = set()
        self._numbers = itertools.count()

    def call(self, step: str, options: Mapping[str, Any], sample: str = "", files: Sequence[Path] = ()) -> Path:
        """Call a step; the folder with what it hands on.

        Parameters
        ----------
        step : str
        options : dict
            As ``options`` of lib/options.nf; the step's parameters are added.
        sample : str
            Which the step is of, if of one.
        files : sequence of Path
            Named without an option.

        Raises
        ------
        UserError
            What the step says is wrong.
        WorkerKilled
            The step was killed, most likely for want of memory.
        """
        folder = self.scratch / f"{next(self._numbers)}_{step}"
        folder.mkdir(parents=True)
        program = [sys.executable, str(DOOR), step]
        command = [*program, *words(options), *words(self._taken(step)), *map(word, files)]
        done = subprocess.run(command, cwd=folder, env=os.environ | SURROUNDINGS, capture_output=True, text=True)
        if done.returncode in (KILLED, -signal.SIGKILL):
            raise WorkerKilled(f"{step} was killed, most likely for want of memory; give more, or fewer --cpus")
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise UserError(f"{step}: {lines[-1].removeprefix('ERROR: ')}")
        if step not in self.called:
            self.called.append(step)
        if sample:
            self.of_samples.add((step, sample))
        self._read_left_out(folder / "skipped.tsv")
        written = [path for path in folder.rglob("*") if path.is_file() and path.parent != folder]
        for path in written:
            place = path.relative_to(folder)
            if not place.parts[0].startswith("."):
                (self.out / place).parent.mkdir(parents=True, exist_ok=True)
                path.replace(self.out / place)
        return folder

    def show(self, about: Mapping[str, Any]) -> None:
        """The new results as a page, and on paper where the run had that, too.

        Parameters
        ----------
        about : dict
            Further options of both: ``command``, ``started``.
        """
        given = {"results": self.out, **about, "template": PROJECT / "assets/report"}
        given |= {"dictionary": PROJECT / "assets/dictionary.tsv", "schema": PROJECT / "nextflow_schema.json"}
        given |= {name: files_of(self.parameters, name) for name in ("palette", "logo")}
        pages = {"out": "report.html", "summary": "summary.json", "multiqc": "multiqc"}
        paper = str(self.parameters.get("paper", True)).lower()
        self.call("make_report", given | {"paper": paper} | {name: self.out / place for name, place in pages.items()})
        if paper == "true":
            self.call("print_report", given | {"pdf": self.out / "report.pdf", "figures": self.out / "figures"})

    def _taken(self, step: str) -> dict[str, Any]:
        """Parameters of the pipeline that a step takes."""
        found = {}
        for name, definition in Contract.of(step).parameters.items():
            value = self.parameters.get(name)
            if definition["type"] == "boolean":
                true = str(value).lower() == "true"
                value = str(true).lower() if definition.get("default") is True else true
            found[name] = value
        return found

    def _read_left_out(self, path: Path) -> None:
        if path.is_file():
            with open(path, newline="", encoding="utf-8") as handle:
                self.left_out += csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)


def words(options: Mapping[str, Any]) -> list[str]:
    """Options of a command: one value or several, or True for an option without any; what is not set is left out."""
    found: list[str] = []
    for name, value in options.items():
        if value is True:
            found.append(f"--{name}")
        elif value or (isinstance(value, int | float) and value is not False):
            found += [f"--{name}", *map(word, value if isinstance(value, list) else [value])]
    return found


def word(value: object) -> str:
    """A value as text; a path as seen from everywhere, since steps work in folders of their own."""
    return str(value.absolute() if isinstance(value, Path) else value)
