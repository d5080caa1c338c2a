"""What counts as unchanged on the relative scale."""

import numpy as np
import pytest

from compartments.compare.zero import Zero, kernel_mode

MEMBERS = np.array([True, False, False, True])


def test_the_mode_stays_where_the_median_is_moved():
    """Five of twelve lineages fall by 2 log2: the median goes with them, the mode does not."""
    rng, off = np.random.default_rng(0), {"mode": [], "median": []}
    for _ in range(100):
        estimate = np.append(np.full(5, -1.4), np.zeros(7)) + rng.normal(0, 0.25, 12)
        for kind, found in off.items():
            found.append(Zero(kind, MEMBERS).of(estimate, np.full(12, 0.25)))
    assert abs(np.mean(off["mode"])) < 0.1 < abs(np.mean(off["median"]))


@pytest.mark.parametrize(("kind", "zero"), [("median", 0.5), ("lineages", 1.0), ("proportions", 0.0)])
def test_zero_of_a_kind(kind, zero):
    assert Zero(kind, MEMBERS).of(np.array([0.0, 0.0, 1.0, 2.0]), np.ones(4)) == zero


def test_without_errors_the_mode_is_the_median():
    assert kernel_mode(np.array([0.0, 1.0, 5.0]), np.full(3, np.nan)) == 1.0


@pytest.mark.parametrize("kind", ["mode", "median", "lineages"])
def test_values_do_not_know_what_is_common_to_a_sample_and_have_their_variance(kind):
    rng, s = np.random.default_rng(1), np.array([[0.02, 0.1, 0.5, 0.05]])
    z = rng.normal(size=(50_000, 4)) * np.sqrt(s)
    zero, tau2 = Zero(kind, MEMBERS), np.full((len(z), 1), 0.1)
    values, variances = zero.values(z, np.broadcast_to(s, z.shape), tau2)
    shifted, _ = zero.values(z + rng.normal(size=(len(z), 1)), np.broadcast_to(s, z.shape), tau2)
    np.testing.assert_allclose(shifted, values, atol=1e-12)
    np.testing.assert_allclose(values.var(0), variances[0], rtol=0.03)
