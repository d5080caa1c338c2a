"""CellBender called as a program, and what becomes of a sample."""

from pathlib import Path

from compartments.cells import cellbender
from compartments.cells.attempts import Attempt, plan_attempts
from compartments.core.contract import Contract
from compartments.counts import reading
from tests.support.cellbender import sound
from tests.support.droplets import make_droplets, totals_of


def test_input_is_read_back_the_same(tmp_path):
    data = make_droplets()
    data.X[::2] *= 2  # cells that all have one total would not be read as counts
    cellbender.write_input(data, tmp_path / "input.h5")
    read = reading.read_counts(tmp_path / "input.h5")
    assert (read.matrix[: data.n_obs] != data.X).nnz == 0 and read.matrix.sum() == data.X.sum()
    assert list(read.symbol) == list(data.var_names) and list(read.gene_id) == list(data.var["gene_id"])
    assert list(read.barcodes[: data.n_obs]) == list(data.obs_names)


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


def outcome(attempt, **more):
    """An outcome at two rates, of a run that was not made."""
    metrics, curve = sound()
    settings = cellbender.Settings((0.0, 0.01), 30, cpus=2)
    defaults = {"history": ["defaults: sound"], "resumed": False, "seconds": 1.5, "version": "0.4.0"}
    given = {"metrics": metrics, "curve": curve, "folder": Path("cellbender")} | defaults | more
    return cellbender.Outcome("s1", settings, attempt, **given)


def test_outcome_of_a_good_run():
    good = outcome(Attempt("expected cells", 60, 688, 1e-4))
    summary = good.summary()
    Contract.of("run_cellbender").known(list(summary), "samples/s1/s1.cellbender.json")
    assert summary["succeeded"] is True and summary["reason"] is None and summary["warnings"] is None
    assert (summary["expected_cells"], summary["total_droplets"], summary["metric_found_cells"]) == (60, 688, 60.0)
    assert (summary["device"], summary["epochs"], summary["fpr"], summary["n_attempts"]) == ("CPU", 30, 0.0, 1)
    assert {name: path.name for name, path in good.outputs().items()} == {
        "s1.cellbender.h5": "out_FPR_0.0_filtered.h5",
        "s1.cellbender_fpr_0.01.h5": "out_FPR_0.01_filtered.h5",
    }


def test_outcome_of_a_run_that_came_to_nothing():
    history = ["defaults: failed (exit 1)", "own knee: stopped at its time limit"]
    nothing = outcome(None, history=history, metrics={}, curve={})
    assert nothing.outputs() == {} and nothing.reason == nothing.summary()["attempts"] == "; ".join(history)
    assert nothing.summary()["succeeded"] is False and "warnings" not in nothing.summary()


def test_outcome_that_is_not_sound_carries_its_warnings():
    metrics, curve = sound()
    doubtful = outcome(Attempt("defaults", None, None, 1e-4), metrics=metrics | {"found_cells": 0.0}, curve=curve)
    assert doubtful.summary()["warnings"] == "no cells found" and doubtful.summary()["expected_cells"] is None
