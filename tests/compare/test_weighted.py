"""Fits with known sampling variances."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from compartments.compare.donor_variance import donor_variance, weighted_fit
from compartments.compare.weighted import fit_weighted, with_p

DESIGN = np.column_stack([np.repeat([1.0, 0.0], [3, 4]), np.repeat([0.0, 1.0], [3, 4])])
VECTOR, ARMS, DONORS = np.array([1.0, -1.0]), np.repeat([0, 1], [3, 4]), np.arange(7).astype(object)


def test_without_sampling_variance_and_with_one_lineage_it_is_nearly_the_t_test():
    z = np.random.default_rng(1).normal(size=(7, 1))
    fit = with_p(fit_weighted(z, np.full_like(z, 1e-9), DESIGN, VECTOR, ARMS, DONORS, tau2=np.ones((7, 1))))
    plain = stats.ttest_ind(z[:3], z[3:])
    np.testing.assert_allclose(fit["estimate"], z[:3].mean() - z[3:].mean(), rtol=1e-7)
    np.testing.assert_allclose(fit["p_plain"], plain.pvalue)
    # arms with a variance each have fewer degrees of freedom, as Welch's test
    assert (fit["df"] < 5).all() and fit["p_value"].item() == pytest.approx(plain.pvalue, abs=0.02)


def test_what_was_measured_badly_weighs_less():
    z = np.zeros((7, 5))
    z[0] = 10.0
    s = np.full_like(z, 0.01)
    s[0] = 1e6
    fit = fit_weighted(z, s, DESIGN, VECTOR, ARMS, DONORS)
    assert (fit["estimate"].abs() < 0.01).all() and (fit["estimate_plain"] > 3).all()


def test_p_values_are_those_of_estimate_and_error():
    given = {"estimate": [1.0, -2.0], "se": [0.5, 0.5], "df": [4.0, 9.0]}
    plain = {"estimate_plain": [1.0, 2.0], "se_plain": [1.0, 1.0], "df_plain": [5.0, 5.0]}
    found = with_p(pd.DataFrame(given | plain))
    assert found["p_value"].tolist() == pytest.approx([2 * stats.t.sf(2, 4), 2 * stats.t.sf(4, 9)])
    assert found["p_plain"].tolist() == pytest.approx([2 * stats.t.sf(1, 5), 2 * stats.t.sf(2, 5)])


def test_a_lineage_that_varies_more_is_not_decided_by_its_deep_samples():
    """Of the error that one variance for all lineages adds to that of known variances, most is gone."""
    rng, arms = np.random.default_rng(4), np.repeat([0, 1], 8)
    design, spread = np.column_stack([arms == 0, arms == 1]).astype(float), np.append(np.full(11, 0.1), 1.0)
    estimates = []
    for _ in range(50):
        s = np.where(rng.random((16, 1)) < 0.5, 0.001, 3.0) * np.ones(12)
        z = rng.normal(size=s.shape) * np.sqrt(s + spread)
        own = fit_weighted(z, s, design, VECTOR, arms, np.arange(16).astype(object))["estimate"].to_numpy()
        variances = [spread, donor_variance(z, s, design, arms)]
        known, common = (weighted_fit(z, design, 1 / (s + tau2)).beta @ VECTOR for tau2 in variances)
        estimates.append([own[-1], known[-1], common[-1]])
    own, known, common = np.mean(np.square(estimates), axis=0)
    assert own - known < (common - known) / 2
