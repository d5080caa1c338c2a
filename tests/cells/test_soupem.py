"""The expected soup of a count, and whole numbers near it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from compartments.cells import soupem


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.floats(1e-4, 30.0), st.floats(1e-4, 60.0), st.sampled_from([0.0, 1e-4, 2e-3]))
def test_expected_soup_is_the_posterior_mean(count, soup_rate, own_rate, stray):
    x = np.arange(count + 1)
    own = stats.nbinom.pmf(x, soupem.OWN_SIZE, soupem.OWN_SIZE / (soupem.OWN_SIZE + own_rate))
    own[1:] += stray / (x[1:] * (x[1:] + 1))
    joint = own * stats.poisson.pmf(count - x, soup_rate)
    expected = (joint * (count - x)).sum() / joint.sum()
    found = soupem.expected_soup(*(np.array([v]) for v in (count, soup_rate, own_rate, stray)))[0]
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 20), st.integers(0, 3)), max_size=60), st.integers(0, 9))
def test_allocation_keeps_the_sum_of_each_group(rows, seed):
    expected = np.array([r[0] for r in rows])
    groups = np.array([r[1] for r in rows], dtype=int)
    whole = soupem.allocate(expected, groups, seed)
    assert ((whole == np.floor(expected)) | (whole == np.floor(expected) + 1)).all()
    for group in np.unique(groups):
        assert abs(whole[groups == group].sum() - expected[groups == group].sum()) < 1 + 1e-9


def test_rounding_is_right_on_average_and_follows_the_seed():
    expected, groups = np.full(20000, 1.35), np.arange(20000) // 2
    whole = soupem.allocate(expected, groups, 1)
    assert whole.max() == 2 and whole.sum() == pytest.approx(expected.sum(), rel=0.01)
    assert (whole == soupem.allocate(expected, groups, 1)).all()
    assert (whole != soupem.allocate(expected, groups, 2)).any()
