"""Coarse clusters of one sample's cells."""

import random

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from compartments.core.matrix import totals

CHUNK = 2000
FEW = 30  # cells: fewer have too few neighbours for a graph of them
FEW_GENES = 500  # most frequent ones, by which few cells are compared: rarer ones are noise
FEW_DISTANCE = 0.3  # below it cells are of one kind; cells of one kind differ by 0.2 where a gene's CV is 0.5


def cluster_cells(
    counts: sp.csr_matrix, seed: int, n_genes: int = 2000, n_components: int = 30, n_neighbors: int = 8
) -> npt.NDArray[np.int64]:
    """Coarse clusters, for cell-type profiles only.

    k nearest neighbours in :func:`cell_space` weighted by shared neighbours (Jaccard), Leiden (Traag 2019, Sci Rep) at
    modularity resolution 1. Below ``FEW`` cells by :func:`cluster_few`.

    Parameters
    ----------
    counts : csr_matrix, shape (cells, genes)
    seed : int
    n_genes, n_components, n_neighbors : int
        Lowered where there are too few cells or genes.

    Returns
    -------
    ndarray of int, shape (cells,)
        All zero where there are fewer than two genes.
    """
    n_cells = counts.shape[0]
    if counts.shape[1] < 2 or not counts.nnz:
        return np.zeros(n_cells, dtype=int)
    if n_cells < FEW:
        return cluster_few(counts)
    import igraph  # seconds of import that few cells, or none to correct, do without
    from sklearn.neighbors import NearestNeighbors

    space = cell_space(counts, seed, n_genes, n_components)
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


def cluster_few(counts: sp.csr_matrix) -> npt.NDArray[np.int64]:
    """Clusters of few cells: average linkage of the cosine distance of their profiles, cut at ``FEW_DISTANCE``.

    The cosine is that of the profiles behind the counts: ``x (x - 1)`` stands for a cell's squared count, which frees
    it of Poisson noise, so that shallow and deep cells can be cut at the same distance. Genes count by the inverse of
    their total, else a few of them would decide.

    Parameters
    ----------
    counts : csr_matrix, shape (cells, genes)

    Returns
    -------
    ndarray of int, shape (cells,)
    """
    if counts.shape[0] < 2:
        return np.zeros(counts.shape[0], dtype=int)
    frequent = np.argsort(-totals(counts, 0), kind="stable")[:FEW_GENES]
    x = counts[:, frequent].toarray().astype(float)
    weighted = x / np.maximum(x.sum(axis=0), 1)
    length = np.sqrt((weighted * (x - 1)).sum(axis=1))  # nothing of a cell without a count of two or more is known
    cosine = np.divide(weighted @ x.T, outer := np.outer(length, length), out=np.zeros_like(outer), where=outer > 0)
    distance = np.clip(1 - cosine, 0, None)
    np.fill_diagonal(distance, 0)
    return fcluster(linkage(squareform(distance, checks=False), "average"), FEW_DISTANCE, "distance") - 1


def cell_space(
    counts: sp.csr_matrix, seed: int, n_genes: int = 2000, n_components: int = 30
) -> npt.NDArray[np.float64]:
    """Coordinates of one sample's cells in which like cells lie close: array, shape (cells, components).

    Variable genes (variance beyond that of Poisson counts on the log scale's input), log of depth-normalised counts,
    truncated SVD.

    Parameters
    ----------
    counts : csr_matrix, shape (cells, genes)
        At least 3 cells.
    seed : int
    n_genes, n_components : int
        Lowered where there are too few cells or genes.
    """
    from scipy.sparse.linalg import svds  # not where no ambient RNA is to be removed

    n_cells, depth = counts.shape[0], np.maximum(totals(counts), 1)
    factor = (np.median(depth) / depth).astype(np.float32)
    first, second = np.zeros(counts.shape[1]), np.zeros(counts.shape[1])
    for start in range(0, n_cells, CHUNK):  # never a second copy of the whole matrix
        rows = slice(start, start + CHUNK)
        scaled = sp.csr_matrix(sp.diags_array(factor[rows]) @ counts[rows].astype(np.float32))
        first += totals(scaled, 0)
        scaled.data **= 2
        second += totals(scaled, 0)
    mean = first / n_cells
    variance = second / n_cells - mean**2
    # variance of log1p(x) by the delta method, against what Poisson counting alone would give
    excess = (variance - mean) / (1 + mean) ** 2
    chosen = np.sort(np.argsort(-excess, kind="stable")[:n_genes])
    logged = sp.csr_matrix(sp.diags_array(factor) @ counts[:, chosen].astype(np.float64))
    logged.data = np.log1p(logged.data)
    rank = min(n_components, n_cells - 2, chosen.size - 1)
    start_vector = np.random.default_rng(seed).normal(size=min(logged.shape))
    left, singular, _ = svds(logged, k=rank, v0=start_vector)
    return left * singular
