"""Sums, memberships and the log-normalisation, against dense arithmetic."""

import numpy as np
import pytest
from scipy import sparse

from compartments.core.matrix import as_whole, log_normalise, memberships, thin, totals
from tests.support.models import simulate

COUNTS = np.array([[1, 0, 3], [0, 0, 0], [2, 5, 0]])


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csc_array])
def test_totals_of_any_matrix(kind):
    assert totals(kind(COUNTS)).tolist() == [4, 0, 7] and totals(kind(COUNTS), 0).tolist() == [3, 5, 3]


def test_memberships_sum_groups():
    groups = memberships(np.array([1, 0, 1]), 3, np.int64)
    assert (groups @ sparse.csr_matrix(COUNTS)).toarray().tolist() == [[0, 0, 0], [3, 5, 3], [0, 0, 0]]
    assert groups.dtype == np.int64


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_log_normalise(dtype):
    counts = sparse.csr_matrix(COUNTS)
    normalised = log_normalise(counts, dtype)
    expected = np.log1p(1e4 * COUNTS / np.maximum(COUNTS.sum(1, keepdims=True), 1))
    assert normalised.dtype == dtype and np.allclose(normalised.toarray(), expected, rtol=1e-6)
    assert counts.toarray().tolist() == COUNTS.tolist(), "the counts stay as they are"


def test_normalise_is_a_copy_and_sums_to_ten_thousand():
    counts = simulate(["pDC", "Plasma cells"])
    counts = sparse.csr_matrix(sparse.vstack([counts, sparse.csr_matrix((1, counts.shape[1]), dtype=np.int32)]))
    before = counts.copy()
    normalised = log_normalise(counts)
    np.testing.assert_allclose(np.expm1(normalised.toarray()).sum(1), [1e4, 1e4, 0])
    assert (counts != before).nnz == 0


def test_thinned_counts_are_those_of_fewer_reads():
    """Binomial: mean and variance of a share of the counts, whole numbers, and nothing stored that is zero."""
    counts = sparse.csr_matrix(np.tile([0, 1, 40], (3000, 1)).astype(np.int32))
    rng = np.random.default_rng(0)
    thinner = thin(counts, np.repeat([0.25, 1.0, 0.0], 1000), rng)
    assert thinner.dtype == np.int64 and (thinner.data > 0).all()
    dense = thinner.toarray()
    np.testing.assert_array_equal(dense[1000:2000], counts[1000:2000].toarray())
    assert not dense[2000:].any()
    np.testing.assert_allclose(dense[:1000].mean(0), [0, 0.25, 10], rtol=0.15)
    np.testing.assert_allclose(dense[:1000].var(0), [0, 0.1875, 7.5], rtol=0.2)
    assert counts.sum() == 41 * 3000


def test_shares_of_a_row_are_rounded_to_its_total():
    given = sparse.csr_matrix([[0.5, 0.5, 1.0], [0.3, 0.3, 0.4], [0.0, 2.0, 0.0], [1.6, 0.7, 0.7]])
    assert as_whole(given).toarray().tolist() == [[1, 0, 1], [0, 0, 1], [0, 2, 0], [1, 1, 1]]
