"""Variance between donors: unbiased under unequal weights, one per arm, moderated."""

import numpy as np
import pytest

from compartments.compare.donor_variance import donor_variance, moderate, own_arms, own_variance, weighted_fit
from compartments.compare.moderated import fit_f_dist
from compartments.compare.weighted import fit_weighted, with_p

DESIGN, ARMS = np.array([[1.0, 0.0]] * 4 + [[0.0, 1.0]] * 6), np.array([0] * 4 + [1] * 6)
CONTRAST = np.array([1.0, -1.0])


def simulated(rng, tau, lineages=12, spread=1.0):
    """Values of ten donors, their sampling variances from .01 to 1."""
    s = np.exp(rng.uniform(np.log(0.01), 0, (10, lineages)))
    return rng.normal(size=s.shape) * np.sqrt(s + np.where(ARMS, 1.0, spread)[:, None] ** 2 * tau**2), s


def test_weighted_least_squares_by_hand():
    rng = np.random.default_rng(0)
    z, w = rng.normal(size=(10, 3)), rng.uniform(0.5, 2, (10, 3))
    fit = weighted_fit(z, DESIGN, w)
    for k in range(3):
        root = np.sqrt(w[:, k])[:, None]
        np.testing.assert_allclose(fit.beta[k], np.linalg.lstsq(root * DESIGN, root[:, 0] * z[:, k], rcond=None)[0])
    np.testing.assert_allclose(fit.leverage.sum(0), 2)


@pytest.mark.parametrize("spread", [1.0, 2.0])
def test_variance_between_donors_is_found_in_each_arm(spread):
    rng = np.random.default_rng(1)
    found = np.mean([donor_variance(*simulated(rng, 0.5, spread=spread), DESIGN, ARMS) for _ in range(150)], axis=0)
    np.testing.assert_allclose(found[[0, -1], 0], [0.25 * spread**2, 0.25], rtol=0.12)


def test_an_arm_of_one_donor_has_no_variance_of_its_own():
    design = np.array([[1.0, 0.0]] + [[0.0, 1.0]] * 4)
    assert own_arms(design, np.array([0, 1, 1, 1, 1])).tolist() == [0] * 5
    assert own_arms(DESIGN, ARMS) is ARMS


def test_a_lineage_that_varies_more_borrows_less():
    s2 = np.append(np.full(11, 1.0) * np.linspace(0.5, 1.5, 11), 15.0)
    posterior, prior, d0, s02 = moderate(s2, 4.0)
    assert (d0, s02) == fit_f_dist(s2, 4.0)
    assert prior[-1] < 0.2 * prior[:-1].min() and posterior[-1] > 0.7 * s2[-1]
    np.testing.assert_allclose(posterior, (prior * s02 + 4 * s2) / (prior + 4))


def test_an_excess_over_the_common_variance_is_of_donors():
    rng = np.random.default_rng(3)
    s, tau2, posterior = rng.uniform(0.1, 2, (6, 4)), np.full((6, 1), 0.3), np.array([0.4, 1.0, 2.0, 9.0])
    own = own_variance(s, tau2, posterior)
    np.testing.assert_allclose(((s + own) / (s + tau2)).mean(0), np.maximum(posterior, 1))
    np.testing.assert_allclose(own[:, :2], 0.3)


def test_type_one_error_where_one_arm_varies_more():
    """Two against four donors, the two twice as variable: one variance for both gives .10 and more."""
    rng, two = np.random.default_rng(2), np.array([0, 1, 4, 5, 6, 7])
    hits = []
    for _ in range(250):
        z, s = simulated(rng, 0.5, spread=2.0)
        fit = with_p(fit_weighted(z[two], s[two], DESIGN[two], CONTRAST, ARMS[two], np.flatnonzero(two)))
        hits.append((fit["p_value"] < 0.05).mean())
    assert 0.02 < np.mean(hits) < 0.08
