"""Coarse clusters."""

import random

import numpy as np

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


def test_few_cells_are_one_cluster():
    assert cluster_cells(two_types()[:29], 1).tolist() == [0] * 29
    assert len(np.unique(cluster_cells(two_types()[:30], 1))) >= 1
