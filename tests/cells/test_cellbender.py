import json
import os
import signal
import subprocess
import sys
import time

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from compartments.cells import cellbender, soundness
from compartments.cells.attempts import MIN_EMPTY, Attempt, knee, plan_attempts, total_droplets
from compartments.cells.finished import import_cellbender
from compartments.core.errors import UserError
from compartments.core.files import read_json
from compartments.counts import reading


def make_droplets(n_cells=60, n_empty=800, n_genes=120, seed=0):
    """Two kinds of cells and soup; cells first."""
    rng = np.random.default_rng(seed)
    profiles = rng.dirichlet(np.full(n_genes, 0.3), 2)
    soup = profiles.mean(axis=0)
    own = [rng.multinomial(800, profiles[i % 2]) for i in range(n_cells)]
    counts = np.array(
        [c + rng.multinomial(40, soup) for c in own] + [rng.multinomial(40, soup) for _ in range(n_empty)]
    )
    data = anndata.AnnData(
        sp.csr_matrix(counts.astype(np.int32)),
        obs=pd.DataFrame(index=[f"B{i:05d}-1" for i in range(len(counts))]),
        var=pd.DataFrame(
            {"gene_id": [f"ENSG{i:011d}" for i in range(n_genes)]}, index=[f"G{i}" for i in range(n_genes)]
        ),
    )
    data.uns = {"sample": "s1", "kind": "raw", "cell_source": "none"}
    return data


def totals_of(data):
    return np.asarray(data.X.sum(axis=1)).ravel()


@pytest.mark.parametrize("n_cells", [60, 300])
def test_knee_finds_the_cells(n_cells):
    found = knee(totals_of(make_droplets(n_cells, 2000)), 5)
    assert 0.8 * n_cells <= found <= 1.25 * n_cells


def test_expected_is_never_given_without_total():
    totals = totals_of(make_droplets())
    for expected in (None, 60, 5000):
        for attempt in plan_attempts(totals, expected, 5):
            assert (attempt.expected is None) == (attempt.total is None)
            if attempt.total:
                assert attempt.expected + MIN_EMPTY <= attempt.total <= 0.8 * len(totals)
        attempts = plan_attempts(totals, expected, 5)
        assert attempts[-1].learning_rate == attempts[0].learning_rate / 2


def test_too_few_empty_droplets_leave_the_counts_to_cellbender():
    totals = totals_of(make_droplets(60, 300))
    assert total_droplets(totals, 60, 5) is None
    assert [a.expected for a in plan_attempts(totals, 60, 5)] == [None, None]


def test_input_is_read_back_the_same(tmp_path):
    data = make_droplets()
    cellbender.write_input(data, tmp_path / "input.h5")
    read = reading.read_counts(tmp_path / "input.h5")
    assert (read.matrix[: data.n_obs] != data.X).nnz == 0 and read.matrix.sum() == data.X.sum()
    assert list(read.symbol) == list(data.var_names) and list(read.gene_id) == list(data.var["gene_id"])
    assert list(read.barcodes[: data.n_obs]) == list(data.obs_names)


def sound():
    metrics = dict.fromkeys(["convergence_indicator", "ratio_of_found_cells_to_expected_cells"], 0.5)
    metrics |= {"found_cells": 60.0, "fraction_of_analyzed_droplets_that_are_nonempty": 0.1}
    rising = list(-100 / np.arange(1, 21))
    return metrics, {"train_elbo": rising, "test_elbo": rising, "train_epoch": [], "test_epoch": []}


def test_judge():
    metrics, curve = sound()
    assert soundness.judge(metrics, curve) == []
    climbing = list(np.linspace(-100, -50, 20))
    assert "not converged" in soundness.judge(metrics, curve | {"train_elbo": climbing})[0]
    assert "no cells" in soundness.judge(metrics | {"found_cells": 0.0}, curve)[0]
    assert "expected number" in soundness.judge(metrics | {"ratio_of_found_cells_to_expected_cells": 5.0}, curve)[0]
    worst = soundness.judge(metrics | {"fraction_of_analyzed_droplets_that_are_nonempty": 0.99}, curve)
    assert "no empty droplets" in worst[0]
    assert "fell" in soundness.judge(metrics, curve | {"test_elbo": [*curve["test_elbo"][:-1], -60.0]})[0]
    assert "diverged" in soundness.judge(metrics, curve | {"train_elbo": [np.nan]})[0]


def test_drift_tells_a_plateau_from_a_climb():
    rng = np.random.default_rng(0)
    epochs = np.arange(1, 101)
    plateau = -800 - 400 * np.exp(-epochs / 10) + rng.normal(0, 4, 100)
    climb = -800 - 400 * np.exp(-epochs / 60) + rng.normal(0, 4, 100)
    assert soundness.training_drift({"train_elbo": plateau}) < soundness.MAX_DRIFT
    assert soundness.training_drift({"train_elbo": climb}) > 3 * soundness.MAX_DRIFT
    assert soundness.training_drift({"train_elbo": -epochs}) == 1
    assert soundness.training_drift({"train_elbo": plateau[:19]}) is None


def fake_program(folder, body):
    program = folder / "cellbender"
    program.write_text(f"#!/usr/bin/env python3\nimport sys\n{body}\n")
    program.chmod(0o755)
    return str(program)


def test_ladder_goes_on_after_crashes_and_says_why(tmp_path, monkeypatch):
    program = fake_program(tmp_path, "print('IndexError: index 20600 is out of bounds'); sys.exit(1)")
    monkeypatch.setattr(cellbender, "program", lambda: program)
    attempts = plan_attempts(totals_of(make_droplets()), None, 5)
    used, history = cellbender.run_attempts(attempts, tmp_path, cellbender.Settings((0.0,), 1))
    assert used is None and len(history) == len(attempts) == 3
    assert all("exit 1" in phrase and "IndexError" in phrase for phrase in history)
    rates = [
        line.split("--learning-rate ")[1].split()[0] for line in (tmp_path / "cellbender.log").open() if "--" in line
    ]
    assert [float(rate) for rate in rates] == [1e-4, 1e-4, 5e-5]


def test_ladder_stops_at_the_time_limit(tmp_path, monkeypatch):
    program = fake_program(tmp_path, "import time; time.sleep(30)")
    monkeypatch.setattr(cellbender, "program", lambda: program)
    attempts, settings = [Attempt("defaults", None, None, 1e-4)], cellbender.Settings((0.0,), 1)
    _, history = cellbender.run_attempts(attempts, tmp_path, settings, 0.0)
    assert history == ["defaults: stopped at its time limit"]


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


def finished(data, n_cells=60):
    """``data`` with a corrected layer, as the reader leaves a finished CellBender output."""
    data.obs["is_cell"] = np.arange(data.n_obs) < n_cells
    data.layers["corrected"] = data.X.copy()
    data.layers["corrected"].data = np.maximum(data.X.data - 1, 0)
    return data


def test_finished_output_becomes_cells(execute, tmp_path):
    data = finished(make_droplets())
    data.write_h5ad(tmp_path / "s1.droplets.h5ad")
    done = execute("import_cellbender", "--droplets", "s1.droplets.h5ad")
    assert done.returncode == 0, done.stderr
    cells = anndata.read_h5ad(tmp_path / "s1.cells.h5ad")
    assert cells.n_obs == 60 and cells.X is None and cells.uns["ambient_method"] == "cellbender"
    assert (cells.layers["counts"] != data.X[:60]).nnz == 0
    assert (cells.layers["corrected"] != data.layers["corrected"][:60]).nnz == 0
    assert cells.var["soup_fraction"].sum() == pytest.approx(1)
    assert json.loads((tmp_path / "samples" / "s1" / "s1.ambient.json").read_text())["method"] == "cellbender"


def test_import_refuses_what_does_not_belong():
    with pytest.raises(UserError, match="has no CellBender output"):
        import_cellbender(make_droplets())
    data = finished(make_droplets())
    data.layers["corrected"].data = data.X.data + 1
    with pytest.raises(UserError, match="exceed the raw counts"):
        import_cellbender(data)


@pytest.fixture
def real(root):
    """Python of CellBender's environment."""
    python = root / ".tools" / "cellbender" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no CellBender environment at {python.parent.parent}")
    return python


@pytest.mark.cellbender
def test_a_real_run_killed_in_training_goes_on_from_its_checkpoint(real, root, tmp_path):
    make_droplets().write_h5ad(tmp_path / "s1.droplets.h5ad")
    program = tmp_path / "bin" / "cellbender"
    program.parent.mkdir()
    # its own first checkpoint comes after seven minutes
    program.write_text(f'#!/bin/sh\nexec "{real.parent}/cellbender" "$@" --checkpoint-mins 0.02\n')
    program.chmod(0o755)
    environment = os.environ | {"PATH": f"{program.parent}:{real.parent}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
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
    before = log.read_text().count("average training loss")
    done = subprocess.run(list(map(str, command)), cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    summary = read_json(tmp_path / "samples" / "s1" / "s1.cellbender.json")
    assert summary["succeeded"] and summary["resumed"] and len(summary["train_elbo"]) == 30
    again = (tmp_path / "cellbender.log").read_text().count("average training loss") - before
    assert 0 < before < 30 and again < 30, "the second task trained from the start"
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
