"""Random effects of several cohorts: closed forms, statsmodels, and rates in simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from compartments.after.meta import combined, pooled
from compartments.compare.heterogeneity import cochran_q, dersimonian_laird


def rows(*cohorts):
    return tuple(np.array(part, float) for part in zip(*cohorts, strict=True))


def test_as_statsmodels_and_the_spread_of_lineages():
    rng = np.random.default_rng(1)
    estimate, se = rng.normal(0, 1.5, (20, 4)), rng.uniform(0.3, 1.0, (20, 4))
    found = pooled(estimate, se, np.full((20, 4), 9.0))
    for k in range(20):
        reference = combine_effects(estimate[k], se[k] ** 2, method_re="chi2")
        tau, q = dersimonian_laird(estimate[k], se[k])
        assert found["tau"][k] == pytest.approx(np.sqrt(max(reference.tau2, 0))) == pytest.approx(tau)
        assert found["q_statistic"][k] == pytest.approx(reference.q) == pytest.approx(q)
        if reference.tau2 < 0:  # statsmodels goes on with a negative one
            assert found["estimate"][k] == pytest.approx(reference.mean_effect_fe)
            continue
        assert found["estimate"][k] == pytest.approx(reference.mean_effect_re)
        around = cochran_q(estimate[k], se[k], found["tau"][k]) / 3
        assert found["se"][k] == pytest.approx(np.sqrt(reference.var_eff_w_re * max(1, around)))


def test_two_cohorts_that_agree_and_two_that_do_not():
    agree = pooled(np.array([[1.0, 1.0]]), np.array([[0.5, 0.5]]), np.array([[4.0, 6.0]]))
    assert agree["estimate"] == 1 and agree["se"] == pytest.approx(0.5 / np.sqrt(2)) and agree["tau"] == 0
    assert agree["df"] == pytest.approx(4 / (1 / 4 + 1 / 6)) and agree["i2"] == 0
    differ = pooled(np.array([[3.0, -3.0]]), np.array([[0.5, 0.5]]), np.array([[4.0, 6.0]]))
    assert differ["tau"] == pytest.approx(np.sqrt(18 - 0.25)) and differ["p_heterogeneity"] < 0.001
    assert differ["se"] == pytest.approx(3.0) and differ["i2"] > 0.98


def simulated(tau, n=20_000, arms=((2, 4), (3, 3)), seed=4):
    """p of the mean of no effect, of studies with few donors whose standard errors are estimated."""
    rng = np.random.default_rng(seed)
    estimates, errors, freedoms = [], [], []
    for a, b in arms:
        df, true = 2.0 * (a + b - 2), 0.6 * np.sqrt(1 / a + 1 / b)
        estimates.append(rng.normal(rng.normal(0, tau, n), true))
        errors.append(true * np.sqrt(rng.chisquare(df, n) / df))
        freedoms.append(np.full(n, df))
    found = pooled(*(np.column_stack(part) for part in (estimates, errors, freedoms)))
    return 2 * stats.t.sf(np.abs(found["estimate"] / found["se"]), found["df"]), found["p_heterogeneity"]


def test_rate_of_false_claims_where_cohorts_agree():
    p, heterogeneity = simulated(0.0)
    assert 0.03 < (p < 0.05).mean() < 0.06
    assert 0.03 < (heterogeneity < 0.05).mean() < 0.07


def test_two_cohorts_that_differ_in_truth_claim_too_often_which_the_page_says():
    """Spread from two values is hardly known: the rate that docs/results/after.md states."""
    p, _ = simulated(0.6)
    assert 0.08 < (p < 0.05).mean() < 0.16


def table(estimate, **more):
    row = {"lineage": "B", "log2fc": estimate, "se": 0.4, "df": 8.0, "n_condition": 2, "n_reference": 4}
    return pd.DataFrame([row | {"tier": "exploratory"} | more])


def test_donors_and_tiers_of_the_whole():
    both = combined([table(-2.0), table(-1.8)], ["lineage"], "log2fc").iloc[0]
    assert (both["n_condition"], both["n_reference"], both["tier"]) == (4, 8, "inferential") and both["p_value"] < 0.001
    differ = combined([table(-2.0), table(2.0)], ["lineage"], "log2fc").iloc[0]
    assert differ["tier"] == "exploratory" and differ["p_heterogeneity"] < 0.01
    alone = combined([table(-2.0, n_condition=1), table(-1.8, n_condition=1)], ["lineage"], "log2fc").iloc[0]
    assert alone["tier"] == "exploratory" and alone["n_condition"] == 2


def test_rows_that_a_cohort_lacks_or_has_no_error_of_are_left_out():
    assert combined([table(1.0), table(1.0, lineage="pDC")], ["lineage"], "log2fc").empty
    assert combined([table(1.0), table(1.0, se=np.nan)], ["lineage"], "log2fc").empty
