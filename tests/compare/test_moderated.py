"""The statistical engine against limma's numbers, brute force and closed forms."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from compartments.compare import moderated

CASES = json.loads((Path(__file__).parents[1] / "data" / "limma_moderated.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES)
def test_prior_and_posterior_equal_limma(case):
    """fitFDist and eBayes from limma's own sigma: prior df, prior variance, moderated t and p."""
    x, sigma2 = np.array(case["x"]), np.array(case["sigma"]) ** 2
    df = x.shape[0] - x.shape[1]
    d0, s02 = moderated.fit_f_dist(sigma2, df)
    assert d0 == pytest.approx(float(case["df_prior"]), rel=1e-8)
    assert s02 == pytest.approx(case["s2_prior"], rel=1e-8)
    s2_post = np.full_like(sigma2, s02) if math.isinf(d0) else (d0 * s02 + df * sigma2) / (d0 + df)
    t = np.array(case["coefficients"]) / (np.array(case["stdev_unscaled"]) * np.sqrt(s2_post))
    np.testing.assert_allclose(t, case["t"], rtol=1e-8)


@pytest.mark.parametrize("case", CASES)
def test_weighted_fit_equals_limma(case, monkeypatch):
    """With limma's weights; the whole of it where limma's prior is within the cap."""
    z, w, x = (np.array(case[k]) for k in "zwx")
    monkeypatch.setattr(moderated, "excess_variance", lambda *_: 0.0)
    contrast = np.array([0.0, 1.0, 0.0][: x.shape[1]])
    estimate, unscaled, s2 = moderated._least_squares(z, x, w, contrast)
    np.testing.assert_allclose(estimate, case["coefficients"], rtol=1e-8)
    np.testing.assert_allclose(unscaled, case["stdev_unscaled"], rtol=1e-8)
    np.testing.assert_allclose(s2, np.array(case["sigma"]) ** 2, rtol=1e-8)
    fit, df = moderated.fit_moderated(z, x, 1 / w, contrast), x.shape[0] - x.shape[1]
    assert fit.attrs["d0"] == pytest.approx(min(float(case["df_prior"]), df), rel=1e-8)
    if float(case["df_prior"]) <= df:
        np.testing.assert_allclose(fit["t"], case["t"], rtol=1e-8)
        np.testing.assert_allclose(fit["p_value"], case["p_value"], rtol=1e-8, atol=1e-14)
        np.testing.assert_allclose(fit["df"], case["df_total"], rtol=1e-8)


def test_prior_df_is_capped_and_total_df_bounded():
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(6), np.arange(6) < 2])
    fit = moderated.fit_moderated(rng.normal(size=(6, 200)), x)
    assert fit.attrs["d0"] <= 4 and (fit["df"] <= 8).all()
    one = moderated.fit_moderated(rng.normal(size=(6, 1)), x)
    assert one["df"].tolist() == [4.0]
    np.testing.assert_allclose(one["p_value"], one["p_plain"])


def test_plain_columns_are_an_ordinary_t_test_whatever_the_weights():
    rng = np.random.default_rng(1)
    z, v = rng.normal(size=(7, 9)), rng.uniform(0.1, 3, (7, 9))
    treated = np.arange(7) < 3
    fit = moderated.fit_moderated(z, np.column_stack([np.ones(7), treated]), v)
    ordinary = stats.ttest_ind(z[treated], z[~treated])
    np.testing.assert_allclose(fit["p_plain"], ordinary.pvalue, rtol=1e-10)
    np.testing.assert_allclose(fit["estimate_plain"], z[treated].mean(0) - z[~treated].mean(0), rtol=1e-10)
    assert not np.allclose(fit["estimate"], fit["estimate_plain"])


def test_weights_are_inverse_of_sampling_plus_excess_variance():
    rng = np.random.default_rng(2)
    z, v = rng.normal(size=(8, 4)), rng.uniform(0.1, 3, (8, 4))
    x = np.column_stack([np.ones(8), np.arange(8) < 4]).astype(float)
    hat = x @ np.linalg.inv(x.T @ x) @ x.T
    tau2 = max(moderated.TAU2_FLOOR, np.median((((np.eye(8) - hat) @ z) ** 2).sum(0) / 6 - v.mean(0)))
    fit = moderated.fit_moderated(z, x, v)
    assert fit.attrs["tau2"] == pytest.approx(tau2, rel=1e-12)
    for j in range(4):
        w = np.diag(1 / (v[:, j] + tau2))
        beta = np.linalg.inv(x.T @ w @ x) @ x.T @ w @ z[:, j]
        assert fit["estimate"].iloc[j] == pytest.approx(beta[1], rel=1e-10)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.column_stack([np.ones(4), np.ones(4)]), "rank 1"),
        (np.eye(4), "no residual degree of freedom"),
    ],
)
def test_impossible_designs_are_refused(x, message):
    with pytest.raises(ValueError, match=message):
        moderated.fit_moderated(np.zeros((4, 3)), x)


def test_constant_features_stay_out_of_the_prior():
    s2 = np.array([0.5, 1.0, 2.0, 0.7])
    assert moderated.fit_f_dist([*s2, 0.0, np.nan], 4) == moderated.fit_f_dist(s2, 4)
    assert moderated.fit_f_dist([0.0, 1.0], 4)[0] == 0


@given(st.floats(1e-12, 1e12))
def test_trigamma_inverse(y):
    assert moderated.trigamma_inverse(float(special.polygamma(1, y))) == pytest.approx(y, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 8), st.data())
def test_permutation_equals_brute_force(n, data):
    k = data.draw(st.integers(1, n - 1))
    values = np.array(data.draw(st.lists(st.integers(-5, 5), min_size=n, max_size=n)), float)
    treated = np.isin(np.arange(n), data.draw(st.permutations(range(n)))[:k])

    def difference(chosen):
        rest = [i for i in range(n) if i not in chosen]
        return abs(values[list(chosen)].mean() - values[rest].mean())

    observed = difference(np.flatnonzero(treated))
    all_of_them = [difference(c) >= observed - 1e-9 for c in itertools.combinations(range(n), k)]
    p, floor = moderated.permutation_p(values, treated)
    assert p == pytest.approx(np.mean(all_of_them))
    assert p >= floor - 1e-12


@pytest.mark.parametrize(
    ("n", "k", "floor"), [(6, 2, 1 / 15), (6, 3, 0.1), (7, 3, 1 / 35), (8, 4, 2 / 70), (12, 6, 2 / 924)]
)
def test_permutation_floor_is_reached_by_separated_arms(n, k, floor):
    values = np.where(np.arange(n) < k, 10.0, 0.0) + np.arange(n) / 100
    p, lowest = moderated.permutation_p(values, np.arange(n) < k)
    assert lowest == pytest.approx(floor) and p == pytest.approx(floor)


def test_permutation_of_many_features_and_of_many_donors():
    rng = np.random.default_rng(4)
    z, treated = rng.normal(size=(9, 5)), np.arange(9) < 4
    together, _ = moderated.permutation_p(z, treated)
    np.testing.assert_allclose(together, [moderated.permutation_p(z[:, j], treated)[0] for j in range(5)])
    many, treated = rng.normal(size=60), np.arange(60) < 30
    p, floor = moderated.permutation_p(many, treated, seed=1)
    assert p == moderated.permutation_p(many, treated, seed=1)[0] and floor == 1 / moderated.MAX_RELABELLINGS
    assert p == pytest.approx(stats.ttest_ind(many[treated], many[~treated]).pvalue, abs=0.02)
    assert moderated.permutation_p(many + 100.0 * treated, treated)[0] == floor
    assert all(np.isnan(moderated.permutation_p(many, np.zeros(60, bool))))


def noncentral_power(df, noncentrality, alpha=0.05):
    """P(T > t_crit) by integrating over the chi distribution, independent of scipy's noncentral t."""
    critical = stats.t.ppf(1 - alpha / 2, df)

    def integrand(s):
        return stats.norm.sf(critical * s - noncentrality) * 2 * s * df * stats.chi2.pdf(s**2 * df, df)

    return integrate.quad(integrand, 0, 12, limit=300, points=[0.5, 1, 2])[0]


@pytest.mark.parametrize("df", [1, 2, 4, 8, 12, 40])
def test_minimum_detectable_effect_has_its_power(df):
    mde = moderated.minimum_detectable_effect(0.5, df)
    assert noncentral_power(df, mde / 0.5) == pytest.approx(0.8, abs=1e-4)
    assert moderated.minimum_detectable_effect(1.0, df) == pytest.approx(2 * mde)


def test_minimum_detectable_effect_without_a_standard_error():
    assert np.isnan(moderated.minimum_detectable_effect(np.nan, 4)) and np.isnan(
        moderated.minimum_detectable_effect(1.0, np.nan)
    )
    # large sample: (1.96 + 0.84) standard errors
    assert moderated.minimum_detectable_effect(1.0, 1e6) == pytest.approx(
        stats.norm.ppf(0.975) + stats.norm.ppf(0.8), rel=1e-3
    )


def bisected(df, power=0.8, alpha=0.05):
    """Noncentrality by sixty bisections of 0 to 200."""
    low, high, critical = 0.0, 200.0, stats.t.ppf(1 - alpha / 2, df)
    for _ in range(60):
        middle = (low + high) / 2
        reached = stats.nct.sf(critical, df, middle)
        low, high = (low, middle) if np.isnan(reached) or reached > power else (middle, high)
    return high


def test_minimum_detectable_effects_of_many_degrees_of_freedom():
    df = np.array([0.1, 0.3, 1, 1.7345, 4, 12.5, 400, 1e6])
    se = np.linspace(0.2, 2, len(df))
    together = moderated.minimum_detectable_effect(se, df)
    np.testing.assert_allclose(together, [s * bisected(x) for s, x in zip(se, df, strict=True)], rtol=1e-10)
    assert moderated.minimum_detectable_effect(1.0, 4, power=0.5) == pytest.approx(bisected(4, power=0.5), rel=1e-10)
    some = moderated.minimum_detectable_effect([[0.5, np.nan]], [[4, 4]])
    np.testing.assert_array_equal(some, [[0.5 * together[4] / se[4], np.nan]])
    assert np.isnan(moderated.minimum_detectable_effect(1.0, [0, -1, np.nan, np.inf])).all()


def test_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(5)
    z = rng.normal(size=(6, 4000))
    x = np.column_stack([np.ones(6), np.arange(6) < 2])
    fit = moderated.fit_moderated(z, x)
    low, high = moderated.interval(fit["estimate"], fit["se_plain"], fit["df_plain"])
    assert 0.94 < ((low < 0) & (high > 0)).mean() < 0.96
