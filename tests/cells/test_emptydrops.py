"""EmptyDrops, beside DropletUtils and by hand."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from compartments.cells import emptydrops
from tests.support.droplets import droplets


def test_good_turing_by_hand():
    counts = np.array([0, 0, 1, 1, 2, 5])
    shares = emptydrops.good_turing(counts)
    assert shares.sum() == pytest.approx(1)
    assert shares[0] == shares[1] == pytest.approx(2 / 9 / 2)  # two of nine seen once, over two unseen genes
    assert (np.diff(shares[[2, 4, 5]]) > 0).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 200), min_size=1, max_size=80))
def test_good_turing_is_a_distribution(counts):
    shares = emptydrops.good_turing(np.array(counts))
    assert shares.sum() == pytest.approx(1) and (shares >= 0).all()


def test_empty_droplets_have_uniform_p_values():
    rng = np.random.default_rng(4)
    profile = rng.dirichlet(np.full(300, 0.5))
    totals = rng.integers(101, 400, 2000)
    counts = sp.csr_matrix(rng.multinomial(totals, profile))
    likelihood = emptydrops.log_probability(counts, np.log(profile))
    p, tail = emptydrops.monte_carlo(totals, likelihood, profile, 2000, seed=2)
    for level in (0.01, 0.05, 0.5):
        allowed = 4 * np.sqrt(level * (1 - level) / 2000)
        assert abs((p <= level).mean() - level) < allowed
        assert abs((tail <= level).mean() - level) < allowed + 0.005
    assert (tail < 1e-6).sum() == 0


def test_thinning_keeps_small_rows():
    counts = droplets(20, n_empty=50)
    thinned = emptydrops.thin(counts, 300, seed=1)
    totals = np.asarray(counts.sum(1)).ravel()
    assert (np.asarray(thinned.sum(1)).ravel() == np.minimum(totals, 300)).all()
    assert (thinned > counts).nnz == 0
    small = totals <= 300
    assert (thinned[small] != counts[small]).nnz == 0
