"""Coarse clusters of one sample's cells."""

import random

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.linalg import svds

from compartments.core.matrix import totals


def cluster_cells(
    counts: sp.csr_matrix, seed: int, n_genes: int = 2000, n_components: int = 30, n_neighbors: int = 8
) -> npt.NDArray[np.int64]:
    """Coarse clusters, for cell-type profiles only.

    Variable genes (variance beyond that of Poisson counts on the log scale's input), log of depth-normalised counts,
    truncated SVD, k nearest neighbours weighted by shared neighbours (Jaccard), Leiden (Traag 2019, Sci Rep) at
    modularity resolution 1.

    Parameters
    ----------
    counts : csr_matrix, shape (cells, genes)
    seed : int
    n_genes, n_components, n_neighbors : int
        Lowered where there are too few cells or genes.

    Returns
    -------
    ndarray of int, shape (cells,)
        All zero below 30 cells, or where there are fewer than two genes.
    """
    n_cells = counts.shape[0]
    if n_cells < 30 or counts.shape[1] < 2 or not counts.nnz:
        return np.zeros(n_cells, dtype=int)
    import igraph  # seconds of import that few cells, or none to correct, do without
    from sklearn.neighbors import NearestNeighbors

    depth = np.maximum(totals(counts), 1)
    scaled = sp.diags_array(np.median(depth) / depth) @ counts.astype(np.float32)
    mean = np.asarray(scaled.mean(axis=0)).ravel()
    variance = np.asarray(scaled.power(2).mean(axis=0)).ravel() - mean**2
    # variance of log1p(x) by the delta method, against what Poisson counting alone would give
    excess = (variance - mean) / (1 + mean) ** 2
    chosen = np.sort(np.argsort(-excess, kind="stable")[:n_genes])
    logged = sp.csr_matrix(scaled)[:, chosen]
    logged.data = np.log1p(logged.data)
    rank = min(n_components, n_cells - 2, chosen.size - 1)
    start = np.random.default_rng(seed).normal(size=min(logged.shape))
    left, singular, _ = svds(logged.astype(np.float64), k=rank, v0=start)
    space = left * singular
    n_neighbors = min(n_neighbors, n_cells - 1)
    graph = NearestNeighbors(n_neighbors=n_neighbors).fit(space).kneighbors_graph()
    shared = (graph @ graph.T).tocoo()
    upper = shared.row < shared.col
    weight = shared.data[upper] / (2 * n_neighbors - shared.data[upper])
    strong = weight > 1 / 15  # edges by few shared neighbours cost time and say little
    edges = np.column_stack([shared.row[upper][strong], shared.col[upper][strong]])
    network = igraph.Graph(n=n_cells, edges=edges)
    state = random.getstate()
    igraph.set_random_number_generator(random.Random(seed))
    try:
        parts = network.community_leiden(objective_function="modularity", weights=weight[strong], n_iterations=5)
    finally:
        igraph.set_random_number_generator(random)
        random.setstate(state)
    return np.asarray(parts.membership)
