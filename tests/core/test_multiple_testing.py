"""Many tests at once."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from compartments.core.multiple_testing import benjamini_hochberg


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_adjusted_p_values(p):
    p = np.array(p)
    adjusted = benjamini_hochberg(p)
    assert (adjusted >= p - 1e-12).all() and (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()
    direct = [min(1, min(q * len(p) / (p <= q).sum() for q in p[p >= value])) for value in p]
    np.testing.assert_allclose(adjusted, direct)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_benjamini_hochberg_by_definition(p):
    p = np.array(p)
    order = np.sort(p)
    n = len(p)
    expected = [min(1.0, min(order[k] * n / (k + 1) for k in range(n) if order[k] >= x)) for x in p]
    np.testing.assert_allclose(benjamini_hochberg(p), expected, atol=1e-12)


def test_benjamini_hochberg_leaves_missing_out():
    q = benjamini_hochberg([0.01, np.nan, 0.04])
    assert np.isnan(q[1])
    np.testing.assert_allclose(q[[0, 2]], [0.02, 0.04])
    assert np.isnan(benjamini_hochberg([np.nan])).all()
