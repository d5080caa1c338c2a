"""Pseudobulks on one scale: factors of edgeR, and what must not move them."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from compartments.compare import normalisation


def test_tmm_equals_edger():
    """Normalisation factors of edgeR's method on fixed counts, stored from an independent implementation."""
    rng = np.random.default_rng(11)
    base = rng.gamma(0.6, 1, 300) * np.exp(rng.normal(0, 0.4, (6, 300)))
    base[3:, :30] *= 8
    counts = rng.poisson(base / base.sum(1, keepdims=True) * np.array([3000, 8000, 20000, 5000, 12000, 900])[:, None])
    assert counts.sum() == 48806
    expected = [
        1.238316776420481,
        1.0339610262866914,
        1.1293292838401634,
        0.7421246846480898,
        0.8625711994719869,
        1.0803678554351381,
    ]
    np.testing.assert_allclose(normalisation.tmm_factors(counts), expected, rtol=1e-12)


@given(st.integers(0, 2**31), st.integers(2, 30))
@settings(max_examples=20, deadline=None)
def test_tmm_ignores_depth_alone(seed, factor):
    """Samples that differ in depth only have factor 1, and the factors have product 1."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(50, 200) + 1
    np.testing.assert_allclose(normalisation.tmm_factors(np.vstack([counts, counts * factor, counts])), 1, rtol=1e-9)
    mixed = rng.poisson(rng.gamma(1, 40, 200), (4, 200))
    assert np.log(normalisation.tmm_factors(mixed)).sum() == pytest.approx(0, abs=1e-9)
