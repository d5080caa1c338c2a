"""Moments of log counts, fitted means, and what an arm would expect."""

import numpy as np
import pytest

from compartments.compare.expected_counts import Cells, expected, expected_in_arms, expected_under, moments, working

DESIGN, ARMS = np.array([[1.0, 0.0]] * 3 + [[0.0, 1.0]] * 3), np.array([0, 0, 0, 1, 1, 1])
CONTRAST = np.array([1.0, -1.0])


def cells(counts, totals):
    totals = np.asarray(totals, float)[:, None]
    return Cells(np.asarray(counts, float), np.log(totals), np.zeros_like(totals))


@pytest.mark.parametrize(("mean", "sd"), [(0.1, 0.5), (1, 0.0), (5, 1.0), (500, 0.25)])
def test_moments_are_those_of_simulated_poisson_lognormal_counts(mean, sd):
    rng = np.random.default_rng(0)
    z = np.log(rng.poisson(mean * np.exp(sd * rng.normal(size=400_000))) + 0.5)
    first, slope, second = moments(np.log(mean), sd)
    assert first == pytest.approx(z.mean(), abs=0.006) and second == pytest.approx(z.var(), rel=0.02)
    nearby = moments(np.log(mean) + 0.1, sd)[0] - moments(np.log(mean) - 0.1, sd)[0]
    assert slope == pytest.approx(nearby / 0.2, abs=0.02)


def test_values_are_unbiased_at_any_depth_where_a_pseudocount_is_not():
    rng, eta = np.random.default_rng(1), np.log([0.5, 2.0, 50.0])
    y = rng.poisson(np.exp(eta), (200_000, 3))
    z, s = working(y, np.broadcast_to(eta, y.shape), np.zeros((len(y), 1)))
    np.testing.assert_allclose(z.mean(0), eta, atol=0.02)
    np.testing.assert_allclose(z.var(0), s[0], rtol=0.03)
    assert np.abs(np.log(y + 0.5).mean(0) - eta)[0] > 0.3


def test_with_many_cells_it_is_least_squares_of_log_abundances():
    counts = np.random.default_rng(2).integers(50_000, 900_000, (6, 4))
    totals = counts.sum(1)
    eta, _ = expected(cells(counts, totals), DESIGN, ARMS, np.full((6, 1), 0.5))
    z = np.log(counts / totals[:, None])
    np.testing.assert_allclose(eta - np.log(totals)[:, None], DESIGN @ (DESIGN.T @ z / 3), atol=1e-3)


def test_what_is_held_is_held_and_nothing_changes_at_the_estimate():
    counts = np.random.default_rng(3).poisson(np.array([40.0, 8.0, 300.0]), (6, 3))
    data, tau2 = cells(counts, [1000] * 6), np.full((6, 1), 0.1)
    free, _ = expected(data, DESIGN, ARMS, tau2)
    change = (free[0] - free[-1]).copy()
    np.testing.assert_allclose(expected_under(data, DESIGN, CONTRAST, ARMS * 0, tau2, change), free, atol=1e-5)
    held = expected_under(data, DESIGN, CONTRAST, ARMS * 0, tau2, np.log(2))
    np.testing.assert_allclose(held[0] - held[-1], np.log(2))


def test_a_lineage_without_a_cell_in_an_arm_has_a_finite_mean():
    counts = np.array([[0, 50]] * 3 + [[20, 40]] * 3)
    eta, _ = expected(cells(counts, [100] * 6), DESIGN, ARMS)
    assert np.isfinite(eta).all() and np.exp(eta[:3, 0]).sum() == pytest.approx(0.5)


def test_expected_cells_ask_for_depth_and_not_for_the_change():
    counts = np.array([[0, 50]] * 3 + [[20, 40]] * 3)
    arms = [ARMS == 0, ARMS == 1]
    np.testing.assert_allclose(expected_in_arms([cells(counts, [100] * 6)], arms), [30, 135])
    shallow = cells(counts, [10] * 3 + [1000] * 3)
    np.testing.assert_allclose(expected_in_arms([shallow], arms)[0], 60 / 3030 * 30)
    # of before and after in the same donors one rate
    once = [np.ones(6, bool)]
    both = expected_in_arms([cells(counts, [100] * 6), cells(counts * 0, [50] * 6)], once)
    np.testing.assert_allclose(both, counts.sum(0) / 900 * 300)
