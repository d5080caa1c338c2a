"""Scrublet, beside scanpy's and by hand."""

import anndata
import numpy as np
import pytest
import scipy.sparse as sp

from compartments.cells import scrublet
from tests.support.cells import two_types


def test_variable_genes_are_those_of_scanpy():
    sc = pytest.importorskip("scanpy")
    counts = two_types()
    counts = counts[:, counts.getnnz(axis=0) >= 3].astype(float)
    normalised = sp.csr_matrix(sp.diags_array(1e4 / np.asarray(counts.sum(1)).ravel()) @ counts)
    data = anndata.AnnData(normalised.log1p())
    sc.pp.highly_variable_genes(data, n_top_genes=100)
    assert (scrublet.variable_genes(normalised, 100) == data.var["highly_variable"].to_numpy()).all()


def test_scores_are_those_of_scanpy():
    """From the normalised genes on: standardising, components, neighbours, score and threshold."""
    sc = pytest.importorskip("scanpy")
    counts = two_types()
    n = counts.shape[0]
    # no pair of a cell with itself and none twice: equal points, whose order among neighbours is arbitrary
    every = np.argwhere(np.triu(np.ones((n, n), bool), 1))
    pairs = np.random.default_rng(3).choice(every, 2 * n, replace=False)
    observed, simulated, threshold = scrublet.scrublet(counts, 0.03, pairs=pairs)

    kept = counts[:, counts.getnnz(axis=0) >= 3].astype(float)
    totals = np.asarray(kept.sum(1)).ravel()
    first, second = pairs.T
    real = anndata.AnnData(sp.csr_matrix(sp.diags_array(1e4 / totals) @ kept).log1p())
    mixed = sp.diags_array(1e4 / (totals[first] + totals[second])) @ (kept[first] + kept[second])
    made = anndata.AnnData(sp.csr_matrix(mixed).log1p(), obsm={"doublet_parents": pairs})
    sc.pp.scrublet(real, made, expected_doublet_rate=0.03, use_approx_neighbors=False, verbose=False)
    np.testing.assert_allclose(observed, real.obs["doublet_score"], rtol=1e-9)
    # scanpy counts a simulated doublet as a neighbour of itself (unless any two points are equal); here it never is, so
    # that simulated and observed are on one footing
    k = round(round(0.5 * np.sqrt(n)) * 3)
    theirs = neighbours(real.uns["scrublet"]["doublet_scores_sim"], 0.03, k)
    np.testing.assert_allclose(theirs - neighbours(simulated, 0.03, k), 1, atol=1e-6)
    assert simulated.min() < threshold < simulated.max()


def neighbours(score, rate, k, ratio=2):
    """Number of simulated neighbours behind a score: Scrublet's formula turned round."""
    share = score * (1 - rate) / (rate / ratio + score * (1 - rate - rate / ratio))
    return share * (k + 2) - 1


def test_seed_decides():
    counts = two_types()
    same = [scrublet.scrublet(counts, 0.02, seed=5)[0] for _ in range(2)]
    other = scrublet.scrublet(counts, 0.02, seed=6)[0]
    assert (same[0] == same[1]).all()
    assert (same[0] != other).any()


def test_neighbours_by_hand():
    observed, simulated = np.array([[0.0], [1.0], [10.0]]), np.array([[0.4], [10.1], [10.2]])
    assert scrublet.simulated_neighbours(observed, simulated, 2).tolist() == [1, 1, 2, 0, 1, 1]
