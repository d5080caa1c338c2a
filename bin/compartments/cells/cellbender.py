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
from pathlib import Path

import h5py
import numpy as np
import scipy.sparse as sp

from compartments.cells.soundness import judge, output_path, read_curve, read_metrics
from compartments.core.errors import UserError

# CellBender hashes these names with its settings: a checkpoint is taken up only if they stay the same.
INPUT, OUTPUT, CHECKPOINT = "input.h5", "out.h5", "ckpt.tar.gz"
UNUSED = 100  # barcodes without counts


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
