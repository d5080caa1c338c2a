"""Sound results of CellBender, and others."""

import numpy as np

from compartments.cells import soundness
from tests.support.cellbender import sound


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
