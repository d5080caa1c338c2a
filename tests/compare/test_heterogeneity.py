"""Spread and concordance of estimates: published formulas and their coverage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from compartments.compare import heterogeneity


def test_dersimonian_laird_on_published_numbers():
    """BCG vaccine trials (Colditz 1994): tau^2 = 0.3088 and Q = 152.23 on 12 df, as printed by metafor."""
    positive = np.array([4, 6, 3, 62, 33, 180, 8, 505, 29, 17, 186, 5, 27])
    n_treated = positive + [119, 300, 228, 13536, 5036, 1361, 2537, 87886, 7470, 1699, 50448, 2493, 16886]
    control = np.array([11, 29, 11, 248, 47, 372, 10, 499, 45, 65, 141, 3, 29])
    n_control = control + [128, 274, 209, 12619, 5761, 1079, 619, 87892, 7232, 1600, 27197, 2338, 17825]
    ratio = np.log(positive / n_treated) - np.log(control / n_control)
    variance = 1 / positive - 1 / n_treated + 1 / control - 1 / n_control
    tau, q = heterogeneity.dersimonian_laird(ratio, np.sqrt(variance))
    assert q == pytest.approx(152.2330, abs=1e-3)
    assert tau**2 == pytest.approx(0.3088, abs=1e-4)
    # many df: the Q-profile interval of metafor, tau^2 in 0.1197 to 1.1115
    low, high = heterogeneity.tau_interval(ratio, np.sqrt(variance), np.full(13, 1e9))
    assert (low**2, high**2) == (pytest.approx(0.1197, abs=2e-4), pytest.approx(1.1115, abs=2e-3))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=3, max_size=12), st.integers(0, 1000))
def test_dersimonian_laird_is_the_moment_estimate(estimate, seed):
    estimate = np.array(estimate)
    se = np.random.default_rng(seed).uniform(0.1, 1, len(estimate))
    tau, q = heterogeneity.dersimonian_laird(estimate, se)
    w = 1 / se**2
    mean = np.average(estimate, weights=w)
    assert q == pytest.approx((w * (estimate - mean) ** 2).sum(), abs=1e-9)
    # expected Q at tau^2 is the observed one
    expected = len(w) - 1 + tau**2 * (w.sum() - (w**2).sum() / w.sum())
    assert expected == pytest.approx(max(q, len(w) - 1), rel=1e-9)
    assert heterogeneity.dersimonian_laird(estimate + 5, se)[0] == pytest.approx(tau, abs=1e-6)


def test_q_test_is_welchs():
    """Welch's anova of samples of unequal size and variance: the same Q, factor and degrees of freedom."""
    rng = np.random.default_rng(0)
    groups = [rng.normal(0, s, n) for s, n in ((1, 5), (2, 9), (0.5, 7), (1.5, 6))]
    estimate = np.array([g.mean() for g in groups])
    se = np.array([g.std(ddof=1) / np.sqrt(len(g)) for g in groups])
    df = np.array([len(g) - 1 for g in groups])
    q = heterogeneity.cochran_q(estimate, se, 0.0)
    expected = stats.f_oneway(*groups, equal_var=False)
    assert heterogeneity.q_test(q, se, df) == pytest.approx(expected.pvalue, rel=1e-10)


def test_q_test_and_interval_agree_and_cover():
    rng = np.random.default_rng(1)
    rejected, covered = [], []
    for _ in range(400):
        s2 = rng.chisquare(8, 13) / 8 * 0.36
        u = rng.normal(0, 0.6, 13)
        se = np.sqrt(s2)
        rejected.append(heterogeneity.q_test(heterogeneity.cochran_q(u, se, 0.0), se, np.full(13, 8.0)) < 0.05)
        spread = u + rng.normal(0, 0.9, 13)
        low, high = heterogeneity.tau_interval(spread, se, np.full(13, 8.0))
        covered.append(low <= 0.9 <= high)
    assert 0.02 <= np.mean(rejected) <= 0.08 and 0.91 <= np.mean(covered) <= 0.985


def test_an_interval_of_unknown_freedom_is_not_one_of_zero():
    spread, se, df = np.array([-1.0, 0.0, 1.0]), np.full(3, 0.1), np.full(3, 8.0)
    assert heterogeneity.tau_interval(spread, se, df)[0] > 0
    assert np.isnan(heterogeneity.tau_interval(spread, se, df, common=np.nan)).all()


def test_concordance_correlation_by_definition():
    x, y = np.random.default_rng(2).normal(size=(2, 3, 9))
    for i in range(3):
        expected = 2 * np.cov(x[i], y[i])[0, 1]
        expected /= x[i].var(ddof=1) + y[i].var(ddof=1) + (x[i].mean() - y[i].mean()) ** 2
        assert heterogeneity.concordance_correlation(x[i], y[i]) == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(
        heterogeneity.concordance_correlation(x, y),
        [heterogeneity.concordance_correlation(x[i], y[i]) for i in range(3)],
    )
    assert heterogeneity.concordance_correlation(x[0], x[0]) == pytest.approx(1)
    assert heterogeneity.concordance_correlation(x[0], -x[0] + 2 * x[0].mean()) == pytest.approx(-1)
    assert np.isnan(heterogeneity.concordance_correlation([1.0], [1.0]))


def test_simes():
    assert heterogeneity.simes([0.01, 0.9]) == pytest.approx(0.02)
    assert heterogeneity.simes([0.04, 0.03]) == pytest.approx(0.04)
    assert heterogeneity.simes([np.nan, 0.03]) == 0.03 and np.isnan(heterogeneity.simes([np.nan]))
    p = np.random.default_rng(0).random((20_000, 2))
    assert np.mean([heterogeneity.simes(row) < 0.05 for row in p]) == pytest.approx(0.05, abs=0.005)
