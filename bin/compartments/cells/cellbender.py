"""CellBender (Fleming et al. 2023, Nat Methods) run so that one bad sample does not stop a cohort.

CellBender is called as a program, in an environment of its own. It fails on samples of few cells, and on some at its
usual learning rate; each failure has a known remedy, so a run is a ladder of attempts. Nothing here imports torch.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from anndata import AnnData

from compartments.cells.attempts import LOW_COUNT, Attempt, plan_attempts
from compartments.cells.soundness import Curve, Metrics, judge, output_path, read_curve, read_metrics
from compartments.core.errors import UserError
from compartments.core.matrix import totals
from compartments.core.tenx import write_10x_h5

# CellBender hashes these names with its settings: a checkpoint is taken up only if they stay the same.
INPUT, OUTPUT, CHECKPOINT = "input.h5", "out.h5", "ckpt.tar.gz"
UNUSED = 100  # barcodes without counts


@dataclass(frozen=True)
class Settings:
    """What all attempts on a sample have in common.

    Attributes
    ----------
    fprs : tuple of float
        Nominal false positive rates; one output for each.
    epochs, low_count : int
    cpus : int
        Threads; a checkpoint needs the same number.
    cuda : bool
    """

    fprs: tuple[float, ...]
    epochs: int
    cpus: int = 1
    cuda: bool = False
    low_count: int = LOW_COUNT


@dataclass(frozen=True)
class Outcome:
    """What became of a sample.

    Attributes
    ----------
    attempt : Attempt or None
        The one whose output is used.
    history : list of str
        One phrase per attempt made, or why none was.
    metrics, curve : dict
        CellBender's own, of the output that is used; empty without one.
    resumed : bool
        Taken up from what a task that was cut off had left.
    seconds : float
    version : str or None
        Of CellBender, where it is installed beside this program.
    folder : Path or None
        Where it ran, None if it did not.
    """

    sample: str
    settings: Settings
    attempt: Attempt | None
    history: list[str]
    metrics: Metrics
    curve: Curve
    resumed: bool
    seconds: float
    version: str | None
    folder: Path | None = None

    @property
    def reason(self) -> str | None:
        """Why there is no output."""
        return None if self.attempt else "; ".join(self.history)

    def outputs(self) -> dict[str, Path]:
        """Name under which it is published -> output of each false positive rate; empty without one."""
        if self.attempt is None or self.folder is None:
            return {}
        first, *further = self.settings.fprs
        names = [f"{self.sample}.cellbender.h5", *(f"{self.sample}.cellbender_fpr_{fpr}.h5" for fpr in further)]
        return {name: output_path(self.folder, self.settings.fprs, which) for which, name in enumerate(names)}

    def summary(self) -> dict[str, Any]:
        """The flat JSON summary of one sample."""
        summary = {
            "sample": self.sample,
            "succeeded": self.attempt is not None,
            "reason": self.reason,
            "attempts": "; ".join(self.history),
            "n_attempts": len(self.history),
            "resumed": self.resumed,
            "device": "GPU" if self.settings.cuda else "CPU",
            "epochs": self.settings.epochs,
            "fpr": self.settings.fprs[0],
            "seconds": self.seconds,
        }
        if self.attempt is None:
            return summary
        return summary | {
            "cellbender_version": self.version,
            "learning_rate": self.attempt.learning_rate,
            "expected_cells": self.attempt.expected,
            "total_droplets": self.attempt.total,
            "warnings": "; ".join(judge(self.metrics, self.curve)) or None,
            **{f"metric_{name}": value for name, value in self.metrics.items()},
            **self.curve,
        }


def run(
    droplets: AnnData,
    expected_cells: int | None,
    settings: Settings,
    checkpoints: str | Path | None = None,
    started: float | None = None,
    max_hours: float | None = None,
) -> Outcome:
    """Plan the attempts on one sample and make them.

    Parameters
    ----------
    droplets : AnnData
        All barcodes, counts in ``X``.
    expected_cells : int or None
        From the samplesheet.
    settings : Settings
    checkpoints : str or Path, optional
        Of :func:`working_folder`.
    started : float, optional
        ``time.monotonic()`` from which time is counted; by default now.
    max_hours : float, optional
        Give up after this time.

    Raises
    ------
    UserError
        If CellBender is not there, or of a version whose counts can overflow.
    """
    started = time.monotonic() if started is None else started
    installed = installed_version()
    attempt, history, resumed, folder = None, [], False, None
    metrics: Metrics = {}
    curve: Curve = {}
    if droplets.uns["kind"] != "raw":
        history.append("no raw matrix: CellBender needs the empty droplets")
    else:
        attempts = plan_attempts(totals(droplets.X), expected_cells, settings.low_count)
        folder = working_folder(droplets, asdict(settings) | {"expected_cells": expected_cells}, checkpoints)
        resumed = (folder / CHECKPOINT).exists() or (folder / "attempts.json").exists()
        write_input(droplets, folder / INPUT)
        deadline = started + max_hours * 3600 if max_hours else None
        attempt, history = run_attempts(attempts, folder, settings, deadline)
    seconds = round(time.monotonic() - started, 1)
    if attempt is not None and folder is not None:
        output = output_path(folder, settings.fprs)
        metrics, curve = read_metrics(output), read_curve(output)
    sample = str(droplets.uns["sample"])
    return Outcome(sample, settings, attempt, history, metrics, curve, resumed, seconds, installed, folder)


def installed_version() -> str | None:
    """Version of CellBender in this environment; None where it is a program of another one."""
    try:
        installed = version("cellbender")
    except PackageNotFoundError:
        return None
    if installed.startswith("0.3.1"):
        raise UserError("CellBender 0.3.1 is installed here, whose counts can overflow: install 0.4")
    return installed


def write_input(droplets: AnnData, path: str | Path) -> None:
    """Write the raw counts as a 10x h5.

    Barcodes without counts, which every raw matrix has and the droplets have lost, are put back: CellBender's first
    guess of the droplets to analyse runs off the end of a matrix of few barcodes, even where the number is given.

    Parameters
    ----------
    droplets : AnnData
        All barcodes, counts in ``X``.
    path : str or Path
    """
    counts = sp.csr_matrix(droplets.X)
    barcodes = [*droplets.obs_names, *(f"unused_{i}" for i in range(UNUSED))]
    indptr = np.concatenate([counts.indptr, np.full(UNUSED, counts.nnz)])
    padded = sp.csr_matrix((counts.data, counts.indices, indptr), shape=(len(barcodes), droplets.n_vars))
    gene_ids = droplets.var["gene_id"].to_numpy()
    write_10x_h5(path, padded, barcodes, droplets.var_names.to_numpy(), gene_ids, origin="unknown")


def command_of(attempt: Attempt, settings: Settings) -> list[str]:
    """CellBender's command line for one attempt, to be run in the folder of ``INPUT``."""
    command = [program(), "remove-background", "--input", INPUT, "--output", OUTPUT]
    command += ["--epochs", str(settings.epochs), "--fpr", *map(str, settings.fprs)]
    command += ["--learning-rate", f"{attempt.learning_rate:g}"]
    command += ["--low-count-threshold", str(settings.low_count)]
    if attempt.expected:
        command += ["--expected-cells", str(attempt.expected), "--total-droplets-included", str(attempt.total)]
    return command + (["--cuda"] if settings.cuda else ["--cpu-threads", str(settings.cpus)])


def program() -> str:
    """CellBender's program: that of this environment, or the one on PATH."""
    beside = Path(sys.executable).with_name("cellbender")
    path = str(beside) if beside.exists() else shutil.which("cellbender")
    if not path:
        raise UserError("CellBender is not installed here: use its container (a container profile) or `make setup`")
    return path


def working_folder(droplets: AnnData, settings: dict[str, Any], checkpoints: str | Path | None = None) -> Path:
    """Where CellBender runs: a folder of the task, or one that a retry with the same counts and settings finds again.

    A killed task (time limit, preempted node) leaves CellBender's checkpoint there, from which the retry goes on.

    Parameters
    ----------
    droplets : AnnData
    settings : dict
        Whatever changes the result.
    checkpoints : str or Path, optional
        Folder that outlives a task. Where it cannot be written to (not mounted in a container), the task's own is used.

    Returns
    -------
    Path
    """
    if checkpoints:
        counts = sp.csr_matrix(droplets.X)
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        for part in (counts.data, counts.indices, counts.indptr):
            digest.update(np.ascontiguousarray(part).tobytes())
        folder = Path(checkpoints) / f"{droplets.uns['sample']}-{digest.hexdigest()[:12]}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        except OSError:
            pass
    folder = Path("cellbender")
    folder.mkdir(exist_ok=True)
    return folder


def run_attempts(
    attempts: list[Attempt], folder: Path, settings: Settings, deadline: float | None = None
) -> tuple[Attempt | None, list[str]]:
    """Go up the ladder until an attempt gives a sound result.

    A crash leads to the next step; a result that is not sound leads to the half learning rate. If no attempt is sound,
    the last one that gave cells is taken. Attempts that ended in an earlier task are not made again.

    Parameters
    ----------
    attempts : list of Attempt
    folder : Path
        Holds ``INPUT``; outputs, log and what has been tried stay there.
    settings : Settings
    deadline : float, optional
        ``time.monotonic()`` at which to give up.

    Returns
    -------
    attempt : Attempt or None
        The one whose output stands in ``folder``.
    history : list of str
        One phrase per attempt made.
    """
    record, kept = folder / "attempts.json", folder / "usable"
    ended = json.loads(record.read_text()) if record.exists() else {}
    history: list[str] = []
    usable: Attempt | None = None
    for attempt in attempts:
        if usable is not None and attempt.learning_rate == usable.learning_rate:
            continue
        if attempt.name not in ended:
            ended[attempt.name] = _make(attempt, folder, kept, settings, deadline)
            (folder / CHECKPOINT).unlink(missing_ok=True)  # other settings cannot use it
            record.write_text(json.dumps(ended))
        problem, has_cells = ended[attempt.name]
        usable = attempt if has_cells else usable
        history.append(f"{attempt.name}: {problem or 'sound'}")
        if problem is None:
            break
    if usable is not None:
        for file in kept.iterdir():
            os.replace(file, folder / file.name)
        kept.rmdir()
    return usable, history


def _make(
    attempt: Attempt, folder: Path, kept: Path, settings: Settings, deadline: float | None
) -> tuple[str | None, bool]:
    """One attempt: its problem or None, and whether it gave cells, whose files are then in ``kept``."""
    for old in folder.glob("out*"):
        old.unlink()
    problem = _call(command_of(attempt, settings), folder, deadline)
    if problem is not None:
        return problem, False
    output = output_path(folder, settings.fprs)
    metrics, curve = read_metrics(output), read_curve(output)
    has_cells = bool(metrics["found_cells"])
    if has_cells:
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir()
        for new in (*folder.glob("out*_filtered.h5"), *folder.glob("out*_metrics.csv")):
            shutil.copy2(new, kept)
    return "; ".join(judge(metrics, curve)) or None, has_cells


def _call(command: list[str], folder: Path, deadline: float | None) -> str | None:
    """Run ``command`` in ``folder``; None, or the reason of its failure."""
    # CellBender looks for jupyter on PATH, and without it logs an error in place of its own report
    environment = os.environ | {"PATH": f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}"}
    limit = None if deadline is None else max(deadline - time.monotonic(), 1.0)
    with open(folder / "cellbender.log", "a") as log:
        log.write(" ".join(command) + "\n")
        log.flush()
        try:
            code = subprocess.run(
                command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, timeout=limit
            ).returncode
        except subprocess.TimeoutExpired:
            return "stopped at its time limit"
    if code:
        return f"failed (exit {code}): {_last_error(folder / 'cellbender.log')}"
    if not (folder / "out_cell_barcodes.csv").exists():
        return f"ended without a result: {_last_error(folder / 'cellbender.log')}"
    return None


def _last_error(log: Path) -> str:
    """The last line of a log that looks like an error, or else the last line."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line or "assert" in line.lower()]
    return (errors or lines or ["no output"])[-1][:200]
