"""Counts of two arms: error rates and bias where samples and donors differ in all but the condition."""

import numpy as np
import pandas as pd
import pytest
from scipy import special

from compartments.compare.counted import Counted, fit_counts
from compartments.compare.expected_counts import Cells
from compartments.compare.zero import Zero
from tests.support.cohorts import made_term

SHARES = np.array([0.4, 0.2, 0.15, 0.1, 0.06, 0.04, 0.02, 0.015, 0.01, 0.005])
CONTRAST = np.array([1.0, -1.0])


def study(rng, treated, controls, shallow=False, spread=1.0, change=None):
    """Gamma-distributed abundances of donors in two compartments that share a tenth of them; multinomial cells."""
    n = treated + controls
    is_treated = np.arange(n) < treated
    shape = (1 / np.expm1((0.5 * np.where(is_treated, spread, 1.0)) ** 2))[:, None]
    shared, sides = rng.gamma(0.1 * shape, size=(n, len(SHARES))), []
    for side in range(2):
        # the mean log is that of SHARES, whatever the spread
        abundance = SHARES * (shared + rng.gamma(0.9 * shape, size=shared.shape)) / np.exp(special.digamma(shape))
        if change is not None and side == 0:
            abundance[:treated] *= np.exp(change)
        total = rng.integers(1000, 10_000, n)
        if shallow and side == 0:
            total[:treated] = rng.integers(50, 300, treated)
        counts = np.array([rng.multinomial(t, a / a.sum()) for t, a in zip(total, abundance, strict=True)])
        volume = total / (abundance.sum(1) * np.exp(rng.normal(0, 0.15, n)))
        extra = (0.15**2 - 1 / total)[:, None]
        sides.append(Cells(counts.astype(float), np.log(volume)[:, None], extra))
    return sides, np.where(is_treated, "a", "b"), np.column_stack([is_treated, ~is_treated]).astype(float)


def rejected(setting, arms, paired, studies=40, seed=0):
    """Share of p < .05, of all lineages and of those under 2 %; and the mean estimate of the latter."""
    rng, p, estimates = np.random.default_rng(seed), [], []
    for _ in range(studies):
        sides, arms_of, design = study(rng, *arms, **setting)
        names = pd.RangeIndex(len(SHARES))
        counted = Counted(names, tuple(sides if paired else sides[:1]), None, 1.0)
        fit, _, _ = fit_counts(counted, made_term(arms_of, paired), design, CONTRAST, names)
        p.append(fit["p_value"].to_numpy())
        estimates.append(fit["estimate"].to_numpy())
    small = np.array(p) < 0.05
    return small.mean(), small[:, SHARES < 0.02].mean(), np.mean(estimates, 0)[SHARES < 0.02]


@pytest.mark.parametrize("paired", [False, True])
def test_a_shallow_treated_arm_is_no_effect(paired):
    """Pseudocount and weights of 1/count gave .14 here, rare lineages .31 and a bias of .98 log2."""
    every, rare, bias = rejected({"shallow": True}, (8, 8), paired)
    assert every < 0.085 and rare < 0.10 and np.abs(bias).max() < 0.35


@pytest.mark.parametrize("paired", [False, True])
def test_an_arm_that_varies_more_is_no_effect(paired):
    assert rejected({"spread": 2.0}, (2, 4), paired, studies=50)[0] < 0.085


def test_a_planted_change_is_found_and_its_size_is_right():
    change = np.zeros(len(SHARES))
    change[[3, 7]] = -1.4
    rng, found = np.random.default_rng(3), []
    for _ in range(15):
        sides, arms_of, design = study(rng, 6, 6, change=change)
        names = pd.RangeIndex(len(SHARES))
        fit, _, _ = fit_counts(
            Counted(names, tuple(sides), None, 1.0), made_term(arms_of, True), design, CONTRAST, names
        )
        found.append(fit)
    assert np.mean([fit["p_decrease"][[3, 7]] < 0.025 for fit in found]) > 0.6
    np.testing.assert_allclose(np.mean([fit["estimate"] for fit in found], 0), change, atol=0.3)


def test_one_sided_p_values_go_with_the_estimate():
    sides, arms_of, design = study(np.random.default_rng(4), 4, 4)
    names = pd.RangeIndex(len(SHARES))
    for zero in (None, Zero("mode", np.zeros(len(SHARES), bool))):
        fit, _, _ = fit_counts(Counted(names, tuple(sides[:1]), zero, 1.0), made_term(arms_of), design, CONTRAST, names)
        np.testing.assert_allclose(fit["p_decrease"] + fit["p_increase"], 1)
        two_sided = 2 * np.minimum(fit["p_decrease"], fit["p_increase"])
        np.testing.assert_allclose(fit["p_value"], two_sided)
        assert (fit["p_above_margin"] < fit["p_increase"]).all() and (fit["p_below_margin"] < fit["p_decrease"]).all()
