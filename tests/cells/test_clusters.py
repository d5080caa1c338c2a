"""Coarse clusters."""

import random

import numpy as np
import pytest
import scipy.sparse as sp

from compartments.cells.clusters import cluster_cells
from tests.support.cells import two_types


def test_two_types_are_kept_apart_and_the_seed_decides_all():
    counts = two_types(n=200)[:200]
    random.seed(5)
    state = random.getstate()
    clusters = cluster_cells(counts, 1)
    assert random.getstate() == state, "the generator of others is as it was"
    assert not set(clusters[::2]) & set(clusters[1::2])
    assert (clusters == cluster_cells(counts, 1)).all()


@pytest.mark.parametrize("n", [2, 3, 6, 12, 29])
@pytest.mark.parametrize("depth", [1, 5])
def test_few_cells_are_told_apart_whatever_their_depth(n, depth):
    counts = two_types()[:n] * depth
    clusters = cluster_cells(counts, 1)
    assert clusters.tolist() == [clusters[0], clusters[1]] * (n // 2) + [clusters[0]] * (n % 2)
    assert clusters[0] != clusters[1]
    alike = two_types()[: 2 * n : 2]
    shallow = np.random.default_rng(1).binomial(alike.toarray(), 0.3)
    assert not cluster_cells(alike, 1).any() and not cluster_cells(sp.csr_matrix(shallow), 1).any()


@pytest.mark.parametrize("n", [0, 1, 5])
def test_cells_of_which_nothing_is_known_are_clusters_of_some_kind(n):
    ones = sp.csr_matrix(np.eye(n, 50, dtype=np.int32))
    assert cluster_cells(ones, 1).shape == (n,)
    assert len(np.unique(cluster_cells(two_types()[:30], 1))) >= 1
