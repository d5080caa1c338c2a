"""Donors with several units: their correlation, and fits that know it."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from compartments.compare.correlated import donor_correlation, fit_units, pairs_of
from compartments.compare.engine import Measured, compare
from compartments.compare.weighted import fit_weighted, with_p
from tests.support.cohorts import made_term

VECTOR = np.array([1.0, -1.0])


def units(both, after, before):
    """Donors and arms: with both conditions, with the first or the second alone."""
    donors = [f"B{i}" for i in range(both) for _ in range(2)]
    donors += [f"A{i}" for i in range(after)] + [f"R{i}" for i in range(before)]
    arms = ["a", "b"] * both + ["a"] * after + ["b"] * before
    return np.array(donors, object), np.array(arms)


def values(rng, donors, r, features=300, effect=0.0, arms=None):
    names = list(dict.fromkeys(donors))
    own = rng.normal(0, np.sqrt(r), (len(names), features))[[names.index(d) for d in donors]]
    z = own + rng.normal(0, np.sqrt(1 - r), own.shape)
    return z + (effect * (arms == "a")[:, None] if effect else 0)


def design_of(arms):
    return np.column_stack([arms == "a", arms == "b"]).astype(float)


@pytest.mark.parametrize("r", [0.0, 0.5, 0.9])
def test_the_correlation_of_a_donor_is_found(r):
    donors, arms = units(8, 6, 6)
    z = values(np.random.default_rng(1), donors, r)
    x, tau2 = design_of(arms), np.ones((len(z), 1))
    found = donor_correlation(z, np.full_like(z, 1e-4), x, tau2, donors)
    assert found == pytest.approx(r, abs=0.07)
    assert pairs_of(donors).shape == (8, 2) and np.isnan(
        donor_correlation(z[16:], z[16:], x[16:], tau2[16:], donors[16:])
    )


def test_donors_with_both_conditions_alone_give_the_paired_t_test():
    donors, arms = units(7, 0, 0)
    z = values(np.random.default_rng(2), donors, 0.6)
    fit = fit_weighted(z, np.full_like(z, 1e-4), design_of(arms), VECTOR, (arms == "b").astype(int), donors)
    paired = z[arms == "a"] - z[arms == "b"]
    np.testing.assert_allclose(fit["estimate"], paired.mean(0), atol=1e-6)
    assert np.median(fit["se"]) == pytest.approx(np.sqrt(2 * 0.4 / 7), rel=0.12)


@pytest.mark.parametrize("r", [0.0, 0.5, 0.9])
def test_error_rates_and_what_both_kinds_of_donors_say_together(r):
    """Of nothing 5 % are below .05; and the estimate is better than that of either kind of donors alone."""
    donors, arms = units(4, 3, 3)
    x, rejected, errors = design_of(arms), [], []
    for seed in range(20):
        z = values(np.random.default_rng(seed), donors, r, 60)
        fit = with_p(fit_weighted(z, np.full_like(z, 1e-3), x, VECTOR, (arms == "b").astype(int), donors))
        own = (z[:8:2] - z[1:8:2]).mean(0)
        between = z[8:11].mean(0) - z[11:].mean(0)
        rejected.append((fit["p_value"] < 0.05).mean())
        errors.append([(x**2).mean() for x in (fit["estimate"], own, between)])
    together, own, between = np.mean(errors, 0)
    assert 0.03 < np.mean(rejected) < 0.07, rejected
    assert together < 1.02 * min(own, between)


def test_one_donor_with_both_does_not_spoil_the_others():
    """Nothing tells how alike its samples are; before, intervals had the length of 1e150."""
    donors, arms = units(1, 3, 4)
    z = values(np.random.default_rng(3), donors, 0.5)
    s = np.full_like(z, 1e-3)
    fit, df = fit_units(z, s, np.ones((len(z), 1)), design_of(arms), VECTOR, (arms == "b").astype(int), donors)
    assert (df > 100).all()
    welch = stats.ttest_ind(z[arms == "a"], z[arms == "b"])
    found = fit_weighted(z, s, design_of(arms), VECTOR, (arms == "b").astype(int), donors)
    assert np.corrcoef(found["estimate"] / found["se"], welch.statistic)[0, 1] > 0.9


def test_the_engine_takes_units_of_one_donor_for_what_they_are():
    donors, arms = units(5, 2, 2)
    z = values(np.random.default_rng(4), donors, 0.9, effect=0.7, arms=arms)
    term = made_term(arms)
    apart = compare(term, Measured(pd.RangeIndex(z.shape[1]), z, np.full_like(z, 1e-3))).effects
    term.units["donor"] = donors
    known = compare(term, Measured(pd.RangeIndex(z.shape[1]), z, np.full_like(z, 1e-3))).effects
    assert (known["p_value"] < 0.05).mean() > 2 * (apart["p_value"] < 0.05).mean()
    assert (known["n_condition"] == 7).all() and (known["n_reference"] == 7).all()
    assert abs(known["estimate"].mean() - 0.7) < 0.1
