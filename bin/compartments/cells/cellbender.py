"""CellBender (Fleming et al. 2023, Nat Methods) run so that one bad sample does not stop a cohort.

CellBender is called as a program, in an environment of its own. It fails on samples of few cells, and on some at its
usual learning rate; each failure has a known remedy, so a run is a ladder of attempts. Nothing here imports torch.
"""

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import scipy.sparse as sp

from compartments.core.errors import UserError

# CellBender hashes these names with its settings: a checkpoint is taken up only if they stay the same.
INPUT, OUTPUT, CHECKPOINT = "input.h5", "out.h5", "ckpt.tar.gz"
EXTRA_DROPLETS = 15000  # beyond the expected cells, analysed by CellBender
EMPTY_PART = 0.8  # of the barcodes above the count threshold that may be analysed; the rest are surely empty
MIN_EMPTY = 500  # droplets analysed beyond the expected cells
LEARNING_RATE = 1e-4
UNUSED = 100  # barcodes without counts
CURVE_POINTS = 100
MAX_DRIFT = 0.01  # of the training, see training_drift
MAX_NONEMPTY = 0.9  # of the analysed droplets
MAX_RATIO = 3.0  # found to expected cells, or its inverse


@dataclass
class Attempt:
    """Settings of one call. ``expected`` and ``total`` are both given or both None (CellBender's own estimates)."""

    name: str
    expected: int | None
    total: int | None
    learning_rate: float


def knee(totals, low_count):
    """Number of cells from the steepest fall of the rank-total curve, both on log scales.

    Parameters
    ----------
    totals : ndarray of int, shape (barcodes,)
    low_count : int
        Barcodes of fewer UMIs are ignored.

    Returns
    -------
    int
        The rank in the middle of the steepest tenth of a decade, searched in the upper half of the barcodes.
    """
    ordered = np.sort(totals[totals >= low_count])[::-1].astype(float)
    if len(ordered) < 20:
        return len(ordered)
    log_rank, log_total = np.log10(np.arange(1, len(ordered) + 1)), np.log10(ordered)
    grid = np.arange(1.0, np.log10(len(ordered) / 2), 0.01)
    fall = np.interp(grid - 0.05, log_rank, log_total) - np.interp(grid + 0.05, log_rank, log_total)
    return int(round(10 ** grid[np.argmax(fall)])) if len(grid) else len(ordered) // 2


def total_droplets(totals, expected, low_count):
    """Droplets to analyse for ``expected`` cells, or None if too few empty ones are there."""
    total = min(expected + EXTRA_DROPLETS, int(EMPTY_PART * (totals >= low_count).sum()))
    return total if total >= expected + MIN_EMPTY else None


def plan_attempts(totals, expected_cells, low_count, learning_rate=LEARNING_RATE):
    """The ladder: as asked for; then with own estimates of both counts; then at half the learning rate.

    The expected number alone is never passed: CellBender then analyses 20,000 droplets more than that, whether they are
    there or not.

    Parameters
    ----------
    totals : ndarray of int, shape (barcodes,)
    expected_cells : int or None
        From the samplesheet.
    low_count : int
    learning_rate : float

    Returns
    -------
    list of Attempt
        Without steps that have too few empty droplets; equal steps once.
    """
    first = Attempt("defaults", None, None, learning_rate)
    if expected_cells and total_droplets(totals, expected_cells, low_count):
        first = Attempt(
            "expected cells", expected_cells, total_droplets(totals, expected_cells, low_count), learning_rate
        )
    attempts = [first]
    found = knee(totals, low_count)
    total = total_droplets(totals, found, low_count)
    if total and (found, total) != (first.expected, first.total):
        attempts.append(Attempt("own knee", found, total, learning_rate))
    last = attempts[-1]
    return [*attempts, Attempt("half learning rate", last.expected, last.total, learning_rate / 2)]


def write_input(droplets, path):
    """Write the raw counts as a 10x v3 h5 with feature types, without which readers find no genes in the output.

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
    with h5py.File(path, "w") as file:
        matrix = file.create_group("matrix")
        # 10x stores features x barcodes by column, which is barcodes x features by row
        matrix["data"], matrix["indices"], matrix["indptr"] = (
            counts.data.astype(np.int32),
            counts.indices,
            indptr,
        )
        matrix["shape"] = np.array([droplets.n_vars, len(barcodes)], dtype=np.int32)
        matrix["barcodes"] = np.array(barcodes, dtype="S")
        features = matrix.create_group("features")
        features["id"] = droplets.var["gene_id"].to_numpy().astype("S")
        features["name"] = droplets.var_names.to_numpy().astype("S")
        features["feature_type"] = np.full(droplets.n_vars, b"Gene Expression")
        features["genome"] = np.full(droplets.n_vars, b"unknown")


def command_of(attempt, fprs, epochs, low_count, cpus, cuda):
    """CellBender's command line for one attempt, to be run in the folder of ``INPUT``."""
    command = [program(), "remove-background", "--input", INPUT, "--output", OUTPUT]
    command += ["--epochs", str(epochs), "--fpr", *map(str, fprs), "--learning-rate", f"{attempt.learning_rate:g}"]
    command += ["--low-count-threshold", str(low_count)]
    if attempt.expected:
        command += ["--expected-cells", str(attempt.expected), "--total-droplets-included", str(attempt.total)]
    return command + (["--cuda"] if cuda else ["--cpu-threads", str(cpus)])


def program():
    beside = Path(sys.executable).with_name("cellbender")
    found = str(beside) if beside.exists() else shutil.which("cellbender")
    if not found:
        raise UserError("CellBender is not installed here: use its container (a container profile) or `make setup`")
    return found


def working_folder(droplets, settings, checkpoints=None):
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
        told = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        for part in (counts.data, counts.indices, counts.indptr):
            told.update(np.ascontiguousarray(part).tobytes())
        folder = Path(checkpoints) / f"{droplets.uns['sample']}-{told.hexdigest()[:12]}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        except OSError:
            pass
    folder = Path("cellbender")
    folder.mkdir(exist_ok=True)
    return folder


def run_attempts(attempts, folder, options, deadline=None):
    """Go up the ladder until an attempt gives a sound result.

    A crash leads to the next step; a result that is not sound leads to the half learning rate. If no attempt is sound,
    the last one that gave cells is taken. Attempts that ended in an earlier task are not made again.

    Parameters
    ----------
    attempts : list of Attempt
    folder : Path
        Holds ``INPUT``; outputs, log and what has been tried stay there.
    options : dict
        ``fprs, epochs, low_count, cpus, cuda`` of :func:`command_of`.
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
    history, usable = [], None
    for attempt in attempts:
        if usable is not None and attempt.learning_rate == usable.learning_rate:
            continue
        if attempt.name not in ended:
            ended[attempt.name] = _make(attempt, folder, kept, options, deadline)
            (folder / CHECKPOINT).unlink(missing_ok=True)  # other settings cannot use it
            record.write_text(json.dumps(ended))
        problem, found_cells = ended[attempt.name]
        usable = attempt if found_cells else usable
        history.append(f"{attempt.name}: {problem or 'sound'}")
        if problem is None:
            break
    if usable is not None:
        for file in kept.iterdir():
            os.replace(file, folder / file.name)
        kept.rmdir()
    return usable, history


def _make(attempt, folder, kept, options, deadline):
    """One attempt: its problem or None, and whether it gave cells, whose files are then in ``kept``."""
    for old in folder.glob("out*"):
        old.unlink()
    problem = _call(command_of(attempt, **options), folder, deadline)
    if problem is not None:
        return problem, False
    output = output_path(folder, options["fprs"])
    metrics, curve = read_metrics(output), read_curve(output)
    if metrics["found_cells"] > 0:
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir()
        for new in (*folder.glob("out*_filtered.h5"), *folder.glob("out*_metrics.csv")):
            shutil.copy2(new, kept)
    return "; ".join(judge(metrics, curve)) or None, metrics["found_cells"] > 0


def _call(command, folder, deadline):
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


def _last_error(log):
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line or "assert" in line.lower()]
    return (errors or lines or ["no output"])[-1][:200]


def output_path(folder, fprs, which=0):
    """CellBender's output with the cells only, for one of ``fprs``; its name tells the rate when there are several."""
    return folder / (f"out_FPR_{fprs[which]}_filtered.h5" if len(fprs) > 1 else "out_filtered.h5")


def read_metrics(output):
    """The metrics that CellBender wrote beside an ``output`` of :func:`output_path`.

    Returns
    -------
    dict
        Metric -> float, or None where CellBender gives no number.
    """
    path = output.with_name(output.name.replace("_filtered.h5", "_metrics.csv"))
    metrics = {}
    with open(path, newline="") as handle:
        for name, value in csv.reader(handle):
            try:
                number = float(value)
            except ValueError:
                number = None
            metrics[name] = number if number is not None and np.isfinite(number) else None
    return metrics


def read_curve(path):
    """Training curve from an output.

    Returns
    -------
    dict
        ``train_epoch, train_elbo, test_epoch, test_elbo``: lists thinned to ``CURVE_POINTS``, empty where absent.
    """
    curve = {}
    with h5py.File(path) as file:
        metadata = file["metadata"]
        for part in ("train", "test"):
            for what in ("epoch", "elbo"):
                name = f"learning_curve_{part}_{what}"
                values = np.ravel(metadata[name][()]) if name in metadata else np.array([])
                chosen = (
                    np.unique(np.linspace(0, len(values) - 1, CURVE_POINTS).round().astype(int)) if len(values) else []
                )
                curve[f"{part}_{what}"] = [float(values[i]) if what == "elbo" else int(values[i]) for i in chosen]
    return curve


def training_drift(curve):
    """How far the training is from its plateau.

    CellBender's own convergence indicator compares the last steps with the spread of the last 20 epochs: at a plateau
    of pure noise it is 2 / sqrt(pi) on average, and low where the curve still climbs; it is reported, not judged.

    Parameters
    ----------
    curve : dict
        From :func:`read_curve`.

    Returns
    -------
    float or None
        Absolute change of the mean training ELBO from the last but one tenth of the epochs to the last, as a part of
        the whole rise (1 if there is none). None for fewer than 20 epochs.
    """
    elbo = np.array(curve["train_elbo"])
    if len(elbo) < 20:
        return None
    tenth = len(elbo) // 10
    end, before = elbo[-tenth:].mean(), elbo[-2 * tenth : -tenth].mean()
    return float(abs(end - before) / (end - elbo[0])) if end > elbo[0] else 1.0


def judge(metrics, curve):
    """What is wrong with a finished run, as phrases; empty when it is sound.

    Parameters
    ----------
    metrics : dict
        From :func:`read_metrics`.
    curve : dict
        From :func:`read_curve`.
    """
    problems = []
    if not metrics["found_cells"]:
        problems.append("no cells found")
    if not np.isfinite(curve["train_elbo"] + curve["test_elbo"]).all():
        problems.append("the training diverged")
    drift = training_drift(curve)
    if drift is not None and drift > MAX_DRIFT:
        problems.append(f"not converged (the ELBO still moves by {drift:.1%} of its rise, at most {MAX_DRIFT:.0%})")
    test = np.array(curve["test_elbo"])
    if len(test) >= 5:
        typical = test[len(test) // 2 : -1].std()
        # the end far below the best means that the training ran away, not that it wavers
        if test[-1] < test.max() - max(4 * typical, 0.1 * np.ptp(test)):
            problems.append("the test ELBO fell at the end of the training")
    nonempty = metrics["fraction_of_analyzed_droplets_that_are_nonempty"]
    if nonempty is not None and nonempty > MAX_NONEMPTY:
        problems.append(f"{nonempty:.0%} of the analysed droplets called cells: no empty droplets were seen")
    ratio = metrics["ratio_of_found_cells_to_expected_cells"]
    if ratio and not 1 / MAX_RATIO <= ratio <= MAX_RATIO:
        problems.append(f"{ratio:g} times the expected number of cells found")
    return problems
