"""The step that runs CellBender: with a stand-in for it, and with CellBender itself where it is installed."""

import os
import signal
import subprocess
import sys
import time

import anndata
import h5py
import pytest
import scipy.sparse as sp

from compartments.cells.finished import import_cellbender
from compartments.core.files import read_json
from compartments.counts import reading
from tests.support.droplets import make_droplets

STAND_IN = """
import os, signal, sys
from pathlib import Path

import h5py, numpy as np

rate = sys.argv[sys.argv.index("--learning-rate") + 1]
fprs = sys.argv[sys.argv.index("--fpr") + 1 : sys.argv.index("--learning-rate")]
with open(Path(__file__).with_name("calls.txt"), "a") as calls:
    calls.write(f"{rate} {Path('ckpt.tar.gz').exists()}\\n")
kind = os.environ["STAND_IN"]
if kind == "killed" and not Path("ckpt.tar.gz").exists():
    Path("ckpt.tar.gz").write_text("state")
    os.kill(os.getppid(), signal.SIGKILL)
    sys.exit(1)
if kind == "crash":
    sys.exit("AssertionError: Fewer than 4 cells passed to encoder minibatch")
Path("out_cell_barcodes.csv").write_text("")
with h5py.File("input.h5") as file:
    data, indices, indptr = (file["matrix"][n][:] for n in ("data", "indices", "indptr"))
    barcodes, features = file["matrix/barcodes"][:], {k: v[:] for k, v in file["matrix/features"].items()}
n = 60
for fpr in fprs:
    stem = f"out_FPR_{fpr}" if len(fprs) > 1 else "out"
    with h5py.File(f"{stem}_filtered.h5", "w") as file:
        matrix = file.create_group("matrix")
        end = indptr[n]
        matrix["data"], matrix["indices"] = np.maximum(data[:end] - 1, 0), indices[:end]
        matrix["indptr"] = indptr[: n + 1]
        matrix["barcodes"], matrix["shape"] = barcodes[:n], np.array([len(features["id"]), n])
        for name, values in features.items():
            matrix[f"features/{name}"] = values
        file["droplet_latents/cell_probability"] = np.full(n, 0.99)
        for part in ("train", "test"):
            file[f"metadata/learning_curve_{part}_epoch"] = np.arange(1, 21)
            climbs = kind == "unsound" and rate == "0.0001"
            file[f"metadata/learning_curve_{part}_elbo"] = np.arange(1, 21) if climbs else -100 / np.arange(1, 21)
    Path(f"{stem}_metrics.csv").write_text(
        f"found_cells,{n}\\nconvergence_indicator,0.2\\nratio_of_found_cells_to_expected_cells,1.0\\n"
        "fraction_of_analyzed_droplets_that_are_nonempty,0.1\\n"
    )
"""


@pytest.fixture
def stand_in(execute, tmp_path, monkeypatch):
    """run_cellbender.py with a program in CellBender's place that does as told and notes how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "cellbender"
    program.write_text(f"#!{sys.executable}\n{STAND_IN}")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    make_droplets().write_h5ad(tmp_path / "s1.droplets.h5ad")

    def call(kind, *more):
        monkeypatch.setenv("STAND_IN", kind)
        (folder / "calls.txt").unlink(missing_ok=True)
        done = execute("run_cellbender", "--droplets", "s1.droplets.h5ad", "--expected_cells", 60, *more)
        return done, (folder / "calls.txt").read_text().splitlines()

    return call


def test_a_retry_goes_on_from_the_checkpoint_of_a_killed_task(stand_in, tmp_path):
    checkpoints = tmp_path / "checkpoints"
    done, calls = stand_in("killed", "--checkpoints", checkpoints)
    assert (
        done.returncode == -9
        and calls == ["0.0001 False"]
        and not (tmp_path / "samples" / "s1" / "s1.cellbender.json").exists()
    )
    done, calls = stand_in("killed", "--checkpoints", checkpoints, "--cellbender_epochs", 99)
    assert done.returncode == -9 and calls == ["0.0001 False"], "other settings must not find the checkpoint"
    done, calls = stand_in("killed", "--checkpoints", checkpoints)
    assert done.returncode == 0 and calls == ["0.0001 True"], done.stderr
    summary = read_json(tmp_path / "samples" / "s1" / "s1.cellbender.json")
    assert summary["succeeded"] and summary["resumed"] and summary["attempts"] == "expected cells: sound"
    assert len(list(checkpoints.iterdir())) == 1, "its own folder is gone, that of the other settings is left"


def test_checkpoints_that_cannot_be_kept_do_not_stop_it(stand_in, tmp_path):
    (tmp_path / "file").write_text("")
    done, calls = stand_in("good", "--checkpoints", tmp_path / "file")
    assert done.returncode == 0 and calls == ["0.0001 False"], done.stderr
    assert read_json(tmp_path / "samples" / "s1" / "s1.cellbender.json")["resumed"] is False


def test_several_rates_in_one_run_and_the_first_is_imported(stand_in, execute, tmp_path):
    done, calls = stand_in("good", "--cellbender_fpr", "0.0,0.01")
    assert done.returncode == 0 and len(calls) == 1, done.stderr
    assert (tmp_path / "samples" / "s1" / "s1.cellbender_fpr_0.01.h5").exists()
    done = execute("import_cellbender", "--droplets", "s1.droplets.h5ad", "--cellbender", "samples/s1/s1.cellbender.h5")
    assert done.returncode == 0, done.stderr
    cells = anndata.read_h5ad(tmp_path / "s1.cells.h5ad")
    assert cells.n_obs == 60 and cells.uns["ambient_method"] == "cellbender"
    assert (cells.layers["corrected"].data >= 0).all() and read_json(tmp_path / "samples" / "s1" / "s1.ambient.json")[
        "counts_after"
    ] > 0


def test_a_result_that_is_not_sound_is_tried_at_half_the_learning_rate(stand_in, tmp_path):
    done, calls = stand_in("unsound")
    assert done.returncode == 0 and [call.split()[0] for call in calls] == ["0.0001", "5e-05"], done.stderr
    summary = read_json(tmp_path / "samples" / "s1" / "s1.cellbender.json")
    assert "not converged" in summary["attempts"] and summary["warnings"] is None
    assert summary["learning_rate"] == 5e-5 and summary["metric_convergence_indicator"] == 0.2


def test_a_sample_on_which_every_attempt_crashes_has_its_reason(stand_in, tmp_path):
    done, calls = stand_in("crash")
    assert done.returncode == 0 and len(calls) == 3, done.stderr
    assert "Fewer than 4 cells" in (tmp_path / "skipped.tsv").read_text()
    assert not (tmp_path / "samples" / "s1" / "s1.cellbender.h5").exists()


def test_filtered_sample_is_refused_by_a_reason(execute, tmp_path):
    data = make_droplets()[:60].copy()
    data.uns["kind"] = "filtered"
    data.write_h5ad(tmp_path / "s1.droplets.h5ad")
    done = execute("run_cellbender", "--droplets", "s1.droplets.h5ad")
    assert done.returncode == 0, done.stderr
    summary = read_json(tmp_path / "samples" / "s1" / "s1.cellbender.json")
    assert summary["succeeded"] is False and "empty droplets" in summary["reason"]
    assert "cellbender\ts1" in (tmp_path / "skipped.tsv").read_text()
    assert not (tmp_path / "samples" / "s1" / "s1.cellbender.h5").exists()


def test_bad_fpr_is_one_line(execute):
    done = execute("run_cellbender", "--droplets", "none.h5ad", "--cellbender_fpr", "0.0,two")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "--cellbender_fpr" in done.stderr


EPOCH = "average training loss"  # a line of CellBender's log per epoch


@pytest.fixture
def real(root):
    """Python of CellBender's environment."""
    python = root / ".tools" / "cellbender" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no CellBender environment at {python.parent.parent}")
    return python


@pytest.mark.long
@pytest.mark.cellbender
def test_a_real_run_killed_in_training_goes_on_from_its_checkpoint(real, root, tmp_path):
    make_droplets().write_h5ad(tmp_path / "s1.droplets.h5ad")
    program = tmp_path / "bin" / "cellbender"
    program.parent.mkdir()
    # its own first checkpoint comes after seven minutes
    program.write_text(f'#!/bin/sh\nexec "{real.parent}/cellbender" "$@" --checkpoint-mins 0.02\n')
    program.chmod(0o755)
    # without jupyter there CellBender leaves its own report out, which takes longer than the training here
    environment = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    command = [
        sys.executable,
        root / "bin" / "sc-compartments",
        "run_cellbender",
        "--droplets",
        "s1.droplets.h5ad",
        "--cellbender_epochs",
        "30",
    ]
    command += ["--expected_cells", "60", "--checkpoints", "kept"]
    task = subprocess.Popen(list(map(str, command)), cwd=tmp_path, env=environment, start_new_session=True)
    try:
        until = time.monotonic() + 300
        while not list(tmp_path.glob("kept/*/ckpt.tar.gz")) and task.poll() is None and time.monotonic() < until:
            time.sleep(0.1)
        assert task.poll() is None, "it ended before a checkpoint"
    finally:
        os.killpg(task.pid, signal.SIGKILL)
        task.wait()
    (log,) = tmp_path.glob("kept/*/cellbender.log")
    before = log.read_text()
    kept = before.rpartition("Saved checkpoint")[0].count(EPOCH)
    done = subprocess.run(list(map(str, command)), cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    summary = read_json(tmp_path / "samples" / "s1" / "s1.cellbender.json")
    assert summary["succeeded"] and summary["resumed"] and len(summary["train_elbo"]) == 30
    # a further attempt, if this one did not converge, trains from the start: its epochs are not these
    gone_on = (
        (tmp_path / "cellbender.log").read_text().removeprefix(before).partition("Inference procedure complete")[0]
    )
    assert kept > 0 and gone_on.count(EPOCH) == 30 - kept, "the second task did not go on from the checkpoint"
    assert not list((tmp_path / "kept").iterdir())


@pytest.mark.cellbender
def test_real_run_is_read_back_as_cellbender_reads_it(real, root, tmp_path):
    data = make_droplets()
    data.write_h5ad(tmp_path / "s1.droplets.h5ad")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [
        real,
        root / "bin" / "sc-compartments",
        "run_cellbender",
        "--droplets",
        "s1.droplets.h5ad",
        "--cellbender_epochs",
        "3",
    ]
    command += ["--expected_cells", "60", "--cpus", "1"]
    done = subprocess.run(list(map(str, command)), cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    summary = read_json(tmp_path / "samples" / "s1" / "s1.cellbender.json")
    assert summary["succeeded"], summary["reason"]
    assert len(summary["train_elbo"]) == 3 and summary["metric_found_cells"] > 0 and summary["total_droplets"] == 688

    code = (
        "import sys; from cellbender.remove_background.downstream import anndata_from_h5; "
        "a = anndata_from_h5('samples/s1/s1.cellbender.h5'); import scipy.sparse as sp; "
        "sp.save_npz('own.npz', sp.csr_matrix(a.X)); "
        "open('names.txt', 'w').write('\\n'.join([*a.obs_names, *a.var_names, *map(repr, a.obs['cell_probability'])]))"
    )
    done = subprocess.run([str(real), "-c", code], cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    ours = reading.read_counts(tmp_path / "samples" / "s1" / "s1.cellbender.h5")
    theirs = sp.load_npz(tmp_path / "own.npz")
    assert (ours.matrix != theirs).nnz == 0
    names = (tmp_path / "names.txt").read_text().split("\n")
    n, g = theirs.shape
    assert names[:n] == list(ours.barcodes) and names[n : n + g] == list(ours.symbol)
    with h5py.File(tmp_path / "samples" / "s1" / "s1.cellbender.h5") as file:
        assert file["droplet_latents/cell_probability"].shape == (n,)

    cells, soup, reason = import_cellbender(data, tmp_path / "samples" / "s1" / "s1.cellbender.h5")
    assert cells.n_obs == summary["metric_found_cells"] and reason is None and soup is not None
    assert (cells.layers["corrected"] > cells.layers["counts"]).nnz == 0
    assert cells.layers["corrected"].sum() == theirs.sum()
