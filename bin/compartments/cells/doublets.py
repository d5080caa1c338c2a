"""Doublets by Scrublet, called only where the data give a threshold that makes sense; a second opinion if asked for.

Wolock, Lopez & Klein 2019, Cell Systems 8:281 (Scrublet); Bais & Kostka 2020, Bioinformatics 36:1150 (genes that single
cells do not express together).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator, svds

N_GENES = 2000
N_COMPONENTS = 30
LEAST_CELLS = 50  # fewer carry no 30 components
CALL_FROM = 500
RATE_PER_1000 = 0.008
RATE_PER_1000_GEMX = 0.004
PERCENTILE = 95
MOST_FOLD = 3
CALLERS = ("scrublet", "coexpression")
N_PAIRED_GENES = 1000
CHUNK = 5000


def expected_rate(n_cells, chemistry="", per_1000=None, loaded_cells=None):
    """Expected share of doublets among the recovered cells.

    Parameters
    ----------
    n_cells : int
        Cells recovered.
    chemistry : str
        As given in the samplesheet or by Cell Ranger; GEM-X and v4 make half as many doublets.
    per_1000 : float, optional
        Share per 1,000 recovered cells; default .008 (10x Genomics, 3' v3.1), .004 for GEM-X.
    loaded_cells : int, optional
        Cells loaded, of which 10x recovers about 60 per cent; takes the place of ``n_cells``.

    Returns
    -------
    float
        At most .3.
    """
    if per_1000 is None:
        newer = any(word in chemistry.lower().replace("-", "").replace(" ", "") for word in ("gemx", "v4"))
        per_1000 = RATE_PER_1000_GEMX if newer else RATE_PER_1000
    recovered = n_cells if loaded_cells is None else 0.6 * loaded_cells
    return min(per_1000 * recovered / 1000, 0.3)


def variable_genes(normalised, n_top=N_GENES, n_bins=20):
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


def _moments(matrix):
    """Mean and variance (n - 1) of the columns of a sparse matrix."""
    n = matrix.shape[0]
    mean = np.asarray(matrix.sum(0)).ravel() / n
    square = np.asarray(matrix.multiply(matrix).sum(0)).ravel()
    return mean, (square - n * mean**2) / (n - 1)


def _scale(matrix, factors):
    """Rows of a sparse matrix times ``factors``; csr."""
    return (sp.diags_array(factors) @ matrix).tocsr()


def principal_components(observed, others, n_components=N_COMPONENTS, seed=0):
    """Scores on the principal components of standardised genes; nothing is made dense.

    Parameters
    ----------
    observed, others : csr_matrix of float, shapes (n_cells, n_genes) and (m_cells, n_genes)
        Components, means and deviations are those of ``observed``.

    Returns
    -------
    ndarrays of float, shapes (n_cells, n_components) and (m_cells, n_components)
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
    loadings = svds(operator, k=n_components, v0=start, return_singular_vectors="vh")[2].T
    return tuple(m @ (loadings / spread[:, None]) - offset @ loadings for m in (observed, others))


def simulated_neighbours(observed, simulated, k):
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


def scrublet(counts, rate, seed=0, pairs=None):
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
        NaN for cells with fewer than 3 genes that 3 cells express.
    simulated : ndarray of float, shape (n_simulated,)
    threshold : float or None
        Minimum between the two modes of the simulated scores (Prewitt & Mendelsohn 1966), None where there are no two.
    """
    from skimage.filters import threshold_minimum

    counts = counts[:, counts.getnnz(axis=0) >= 3]
    scored = counts.getnnz(axis=1) >= 3
    counts = counts[scored].astype(np.float64)
    totals = np.asarray(counts.sum(1)).ravel()
    counts = counts[:, variable_genes(_scale(counts, np.median(totals) / totals))]
    n = counts.shape[0]
    if pairs is None:
        drawn = np.random.default_rng(seed).choice(n * n, 2 * n, replace=False)
        pairs = np.stack(np.divmod(drawn, n), axis=1)
    first, second = pairs.T
    observed = _scale(counts, 1e4 / totals).log1p()
    doublets = _scale(counts[first] + counts[second], 1e4 / (totals[first] + totals[second])).log1p()
    points = principal_components(observed, doublets, seed=seed)

    ratio = len(pairs) / n
    k = round(round(0.5 * np.sqrt(n)) * (1 + ratio))
    # Wolock 2019: the share of simulated neighbours, turned into a probability at the expected rate
    share = (simulated_neighbours(*points, k - 1) + 1) / (k + 2)  # the point itself is the k-th
    score = share * rate / ratio / (1 - rate - share * (1 - rate - rate / ratio))
    observed = np.full(len(scored), np.nan)
    observed[scored] = score[:n]
    try:
        threshold = float(threshold_minimum(score[n:]))
    except RuntimeError:  # no two modes
        threshold = None
    return observed, score[n:], threshold


def coexpression(counts):
    """How much each cell expresses pairs of genes that other cells do not express together.

    Parameters
    ----------
    counts : csr_matrix of int, shape (n_cells, n_genes)
        Raw counts.

    Returns
    -------
    ndarray of float, shape (n_cells,)
        Sum over the pairs of genes that the cell expresses of -log P(at least as many cells express just one of the
        two, were they independent); larger for doublets of unlike cells. Nothing is drawn at random.

    Notes
    -----
    The score "cxds" of Bais & Kostka (2020), on the ``N_PAIRED_GENES`` genes whose presence varies most over cells
    (twice as many as there: measured to rank doublets better). Time and memory grow linearly with cells.
    """
    from scipy.stats import binom

    present = (counts > 0).astype(np.float64)
    n = present.shape[0]
    share = np.asarray(present.mean(0)).ravel()
    chosen = np.sort(np.argsort(-share * (1 - share), kind="stable")[:N_PAIRED_GENES])
    present, share = present[:, chosen], share[chosen]
    together = (present.T @ present).toarray()
    one = np.diag(together)[:, None] + np.diag(together) - 2 * together
    expected = share[:, None] * (1 - share) + (1 - share)[:, None] * share
    weight = -binom.logsf(one - 1, n, expected)
    weight[~np.isfinite(weight)] = weight[np.isfinite(weight)].max(initial=0)  # beyond what a float can hold
    np.fill_diagonal(weight, 0)
    parts = [present[start : start + CHUNK] for start in range(0, n, CHUNK)]
    return np.concatenate([np.asarray(part.multiply(part @ weight).sum(1)).ravel() / 2 for part in parts])


def judge_threshold(threshold, observed, rate):
    """Whether an automatic threshold can be used to call.

    Parameters
    ----------
    threshold : float or None
    observed : ndarray of float, shape (n_cells,)
    rate : float
        Expected share of doublets.

    Returns
    -------
    str
        ``auto``, or ``rejected: ...`` with the reason.
    """
    if threshold is None:
        return "rejected: simulated scores have no two modes"
    finite = observed[np.isfinite(observed)]
    lowest = np.percentile(finite, PERCENTILE)
    if threshold <= lowest:
        return (
            f"rejected: threshold {threshold:.3f} is not above the {PERCENTILE}th percentile of scores ({lowest:.3f})"
        )
    called, expected = int((finite > threshold).sum()), rate * len(finite)
    if called > MOST_FOLD * expected:
        return f"rejected: {called} calls, more than {MOST_FOLD} times the {expected:.1f} expected"
    return "auto"


@dataclass
class Doublets:
    """Doublets of one sample.

    Attributes
    ----------
    score : ndarray of float, shape (n_cells,)
        NaN where the sample or cell could not be scored.
    is_doublet : ndarray of bool, shape (n_cells,)
    simulated : ndarray of float
        Scores of the simulated doublets.
    threshold : float or None
        Where the simulated scores part, used or not.
    threshold_source : str
        ``auto`` (used), ``rejected: ...`` or ``too_few_cells`` (nothing is called).
    n_scrublet : int
        Calls of Scrublet alone.
    coexpression : ndarray of float, shape (n_cells,), or None
        Score of the second caller, if it was asked for.
    """

    score: np.ndarray
    is_doublet: np.ndarray
    simulated: np.ndarray
    threshold: float | None
    threshold_source: str
    n_scrublet: int = 0
    coexpression: np.ndarray | None = None

    @property
    def detectable(self):
        """Share of simulated doublets above the threshold, None without one."""
        if self.threshold is None:
            return None
        return float((self.simulated > self.threshold).mean())

    def histograms(self):
        """Numbers of observed and simulated scores in 50 equal bins from 0 to ``histogram_end``, for plots."""
        observed = self.score[np.isfinite(self.score)]
        end = float(max(observed.max(initial=0), self.simulated.max(initial=0)))
        edges = np.linspace(0, end or 1, 51)
        names = {"histogram_observed": observed, "histogram_simulated": self.simulated}
        return {"histogram_end": end} | {name: np.histogram(v, edges)[0].tolist() for name, v in names.items()}


def call_doublets(counts, rate, call_from=CALL_FROM, seed=0, callers=CALLERS[:1]):
    """Score every cell; call doublets where the threshold can be trusted, never by expected number.

    Parameters
    ----------
    counts : csr_matrix of int, shape (n_cells, n_genes)
        Raw counts of cells.
    rate : float
        Expected share of doublets.
    call_from : int
        With fewer cells there are scores but no calls.
    callers : sequence of str
        ``scrublet``, or both of ``CALLERS``: then only calls whose co-expression score also lies above the 95th
        percentile of the sample stand.

    Returns
    -------
    Doublets
    """
    n = counts.shape[0]
    second = coexpression(counts) if CALLERS[1] in callers and n >= LEAST_CELLS else None
    nobody = np.zeros(n, dtype=bool)
    if n < LEAST_CELLS:
        return Doublets(np.full(n, np.nan), nobody, np.array([]), None, "too_few_cells")
    score, simulated, threshold = scrublet(counts, rate, seed)
    source = "too_few_cells" if n < call_from else judge_threshold(threshold, score, rate)
    called = np.nan_to_num(score) > threshold if source == "auto" else nobody
    agreed = called if second is None else called & (second > np.percentile(second, PERCENTILE))
    return Doublets(score, agreed, simulated, threshold, source, int(called.sum()), second)
