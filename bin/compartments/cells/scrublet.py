"""Scores of doublets by Scrublet: how many neighbours of a cell are simulated doublets.

Wolock, Lopez & Klein 2019, Cell Systems 8:281.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator, svds

from compartments.core.matrix import TARGET_SUM, totals

Floats = npt.NDArray[np.float64]

N_GENES = 2000
N_COMPONENTS = 30
LEAST_GENES = 3  # that differ between cells; fewer tell no doublets


def variable_genes(normalised: sp.csr_matrix, n_top: int = N_GENES, n_bins: int = 20) -> npt.NDArray[np.bool_]:
    """Genes whose dispersion stands out among genes of like mean (Satija et al. 2015, Nat Biotechnol 33:495).

    Parameters
    ----------
    normalised : csr_matrix of float, shape (n_cells, n_genes)
        Counts scaled to one total, no logarithm; every gene in at least one cell.
    n_top : int
        How many; all genes where there are fewer.

    Returns
    -------
    ndarray of bool, shape (n_genes,)
        The same genes as scanpy's flavour "seurat".
    """
    mean, variance = _moments(normalised)
    variance[variance <= 0] = np.nan
    dispersion = np.log(variance / mean)
    table = pd.DataFrame({"dispersion": dispersion, "bin": pd.cut(np.log1p(mean), n_bins, labels=False)})
    bins = table.groupby("bin")["dispersion"]
    centre, spread = bins.transform("mean"), bins.transform("std")
    alone = spread.isna()  # a gene alone in its bin counts as 1
    score = np.where(alone, 1.0, (table["dispersion"] - centre) / spread.where(~alone, 1.0))
    score = np.nan_to_num(score, nan=-np.inf)
    return score >= np.sort(score)[::-1][: min(n_top, len(score))][-1]


def _moments(matrix: sp.csr_matrix) -> tuple[Floats, Floats]:
    """Mean and variance (n - 1) of the columns of a sparse matrix."""
    n = matrix.shape[0]
    mean = totals(matrix, axis=0) / n
    square = totals(matrix.multiply(matrix), axis=0)
    return mean, (square - n * mean**2) / (n - 1)


def _differing(matrix: sp.csr_matrix) -> npt.NDArray[np.bool_]:
    """Genes that have not the same value in all cells."""
    if not all(matrix.shape):
        return np.zeros(matrix.shape[1], dtype=bool)
    highest, lowest = (np.asarray(f(axis=0).todense()).ravel() for f in (matrix.max, matrix.min))
    return highest - lowest > 1e-9 * np.maximum(highest, 1)


def _scale(matrix: sp.csr_matrix, factors: Floats) -> sp.csr_matrix:
    """Rows of a sparse matrix times ``factors``; csr."""
    return (sp.diags_array(factors) @ matrix).tocsr()


def principal_components(
    observed: sp.csr_matrix, others: sp.csr_matrix, n_components: int = N_COMPONENTS, seed: int = 0
) -> tuple[Floats, Floats]:
    """Scores on the principal components of standardised genes; nothing is made dense.

    Parameters
    ----------
    observed, others : csr_matrix of float, shapes (n_cells, n_genes) and (m_cells, n_genes)
        Components, means and deviations are those of ``observed``, in which every gene varies.

    Returns
    -------
    ndarrays of float, shapes (n_cells, n_components) and (m_cells, n_components)
        Fewer components where there are no more genes or cells than that.
    """
    mean, variance = _moments(observed)
    spread = np.sqrt(variance)
    offset = mean / spread
    scaled = (observed @ sp.diags_array(1 / spread)).tocsr()
    transposed = scaled.T.tocsr()
    operator = LinearOperator(
        scaled.shape,
        matvec=lambda v: scaled @ v - offset @ v,
        rmatvec=lambda u: transposed @ u - offset * u.sum(),
        dtype=np.float64,
    )
    start = np.random.default_rng(seed).uniform(-1, 1, min(scaled.shape))
    loadings = svds(operator, k=min(n_components, min(scaled.shape) - 1), v0=start, return_singular_vectors="vh")[2].T
    weights, centre = loadings / spread[:, None], offset @ loadings
    return observed @ weights - centre, others @ weights - centre


def simulated_neighbours(observed: Floats, simulated: Floats, k: int) -> npt.NDArray[np.int64]:
    """How many of the ``k`` points nearest to each are simulated.

    Parameters
    ----------
    observed, simulated : ndarray of float, shapes (n, d) and (m, d)

    Returns
    -------
    ndarray of int, shape (n + m,)
        Exact, by brute force in chunks: memory stays under about 200 MB.
    """
    points = np.vstack([observed, simulated])
    n, total = len(observed), len(points)
    square = (points**2).sum(1)
    out = np.empty(total, dtype=np.int64)
    chunk = max(1, 10_000_000 // total)
    for start in range(0, total, chunk):
        part = points[start : start + chunk]
        distance = square - 2 * (part @ points.T)
        rows = np.arange(len(part))
        distance[rows, start + rows] = np.inf
        farthest = np.partition(distance, k - 1, axis=1)[:, k - 1]
        out[start : start + chunk] = (distance[:, n:] <= farthest[:, None]).sum(1)
    return out


def scrublet(
    counts: sp.csr_matrix, rate: float, seed: int = 0, pairs: npt.NDArray[np.int64] | None = None
) -> tuple[Floats, Floats, float | None]:
    """Scores of observed cells and of simulated doublets.

    Scrublet on log counts of the ``N_GENES`` most variable genes, each cell scaled by its total: that ranks doublets
    clearly better than counts per million of the few hundred genes that pass scanpy's default cut-offs. From there on
    (standardising, components, neighbours, score, threshold) it is what ``scanpy.pp.scrublet`` computes, without its
    import, its dense matrices and its approximate neighbours.

    Parameters
    ----------
    counts : csr_matrix of int, shape (n_cells, n_genes)
        Raw counts.
    rate : float
        Expected share of doublets.
    pairs : ndarray of int, shape (n_simulated, 2), optional
        Cells whose sums are the simulated doublets; by default two per cell drawn with ``seed``.

    Returns
    -------
    observed : ndarray of float, shape (n_cells,)
        NaN for cells with fewer than 3 genes that 3 cells express, and for all if fewer than ``LEAST_GENES`` genes
        differ between cells.
    simulated : ndarray of float, shape (n_simulated,)
    threshold : float or None
        Minimum between the two modes of the simulated scores (Prewitt & Mendelsohn 1966), None where there are no two.
    """
    from skimage.filters import threshold_minimum  # seconds of import that samples of few cells do without

    counts = counts[:, counts.getnnz(axis=0) >= 3]
    scored = counts.getnnz(axis=1) >= 3
    counts = counts[scored].astype(np.float64)
    if not _differing(counts).sum() >= LEAST_GENES:
        return np.full(len(scored), np.nan), np.array([]), None
    umis = totals(counts)
    counts = counts[:, variable_genes(_scale(counts, np.median(umis) / umis))]
    n = counts.shape[0]
    if pairs is None:
        drawn = np.random.default_rng(seed).choice(n * n, 2 * n, replace=False)
        pairs = np.stack(np.divmod(drawn, n), axis=1)
    first, second = pairs.T
    # totals are those of all genes, of which only the variable ones are left
    cells = _scale(counts, TARGET_SUM / umis).log1p()
    doublets = _scale(counts[first] + counts[second], TARGET_SUM / (umis[first] + umis[second])).log1p()
    differing = _differing(cells)
    if not differing.sum() >= LEAST_GENES:  # cells of one profile, at whatever depth
        return np.full(len(scored), np.nan), np.array([]), None
    points = principal_components(cells[:, differing], doublets[:, differing], seed=seed)

    ratio = len(pairs) / n
    k = round(round(0.5 * np.sqrt(n)) * (1 + ratio))
    # Wolock 2019: the share of simulated neighbours, turned into a probability at the expected rate
    share = (simulated_neighbours(*points, k - 1) + 1) / (k + 2)  # the point itself is the k-th
    score = share * rate / ratio / (1 - rate - share * (1 - rate - rate / ratio))
    observed = np.full(len(scored), np.nan)
    observed[scored] = score[:n]
    try:
        threshold: float | None = float(threshold_minimum(score[n:]))
    except RuntimeError:  # no two modes
        threshold = None
    return observed, score[n:], threshold
