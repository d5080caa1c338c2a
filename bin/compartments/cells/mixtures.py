"""Own and soup rates of genes: how much soup is in a cell's droplet, and what a cluster expresses itself.

The model is that of :mod:`~compartments.cells.soupem`.
"""

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from compartments.cells.soup import Soup
from compartments.core.matrix import totals as sums

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
# rho over lambda: own rate in units of the soup's rate
GRID = np.concatenate([[0.0], np.geomspace(0.6, 3e4, 60)])
UNEXPRESSED = 0.25  # of the genes in the soup, those that a cluster does not express, at least
# for lambda, little own expression must not look like more soup: real cells have fewer genes that are all soup
LEVEL_GRID = np.concatenate([[0.0], np.geomspace(0.2, 0.5, 3), GRID[1:]])
LEVEL_UNEXPRESSED = 0.1
LOG_PRIOR_SD = 0.3  # of lambda around the empties' amount
LEVEL_GENES = 3000  # most frequent genes of the soup, from which lambda is estimated
MIN_EXPECTED = 0.5  # soup counts of a gene in a cluster, to tell anything about lambda


def cluster_totals(counts: sp.csr_matrix, clusters: Ints, n_iterations: int = 4) -> Floats:
    """Counts of each cluster and gene, without what single cells of another kind bring in.

    A count above four times the cluster's mean (scaled to the cell's UMIs) plus four is taken as that limit; repeated,
    so that the mean itself is freed of such counts.

    Parameters
    ----------
    counts : csr_matrix, shape (cells, genes)
    clusters : ndarray of int, shape (cells,)

    Returns
    -------
    ndarray, shape (clusters, genes)
    """
    shape = (int(clusters.max()) + 1, counts.shape[1])
    umis = sums(counts).astype(float)
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    cells = clusters[rows] * np.int64(shape[1]) + counts.indices
    cluster_umis = np.bincount(clusters, weights=umis)
    relative = (umis / cluster_umis[clusters])[rows]
    values = counts.data.astype(float)
    for _ in range(n_iterations):
        totals = np.bincount(cells, weights=values, minlength=shape[0] * shape[1])
        values = np.minimum(counts.data, 4 + 4 * totals[cells] * relative)
    return np.bincount(cells, weights=values, minlength=shape[0] * shape[1]).reshape(shape)


def fit_mixture(
    totals: Floats,
    soup_rate: Floats,
    grid: Floats = GRID,
    unexpressed: float = UNEXPRESSED,
    n_iterations: int = 60,
) -> tuple[Floats, float]:
    """Distribution of own over soup rate among the genes of a cluster, on a grid.

    Parameters
    ----------
    totals : ndarray, shape (genes,)
        Counts of the cluster.
    soup_rate : ndarray, shape (genes,)
        Expected soup counts, > 0.
    grid : ndarray, shape (grid,)
        The first is 0.
    unexpressed : float
        Least mass at 0.
    n_iterations : int
        Of expectation maximisation.

    Returns
    -------
    posterior : ndarray, shape (genes, grid)
        Of the grid's points for each gene.
    log_likelihood : float
        Marginal, without the factorials of the counts.
    """
    rates = soup_rate[:, None] * (1 + grid)
    log_p = totals[:, None] * np.log(rates) - rates
    top = log_p.max(axis=1, keepdims=True)
    p = np.exp(log_p - top)
    weights = np.full(len(grid), 1 / len(grid))
    for _ in range(n_iterations):
        marginal = p @ weights
        weights = weights * ((1 / marginal) @ p) / len(totals)
        if weights[0] < unexpressed:
            weights[1:] *= (1 - unexpressed) / weights[1:].sum()
            weights[0] = unexpressed
    marginal = p @ weights
    return p * weights / marginal[:, None], float(np.log(marginal).sum() + top.sum())


def estimate_level(totals: Floats, sizes: Ints, soup: Soup) -> float:
    """Soup UMIs in a cell's droplet: the maximum over all clusters of marginal likelihood and the empties' prior.

    Parameters
    ----------
    totals : ndarray, shape (clusters, genes)
    sizes : ndarray, shape (clusters,)
        Cells of each cluster.
    soup : Soup

    Returns
    -------
    float
    """
    frequent = np.argsort(-soup.profile, kind="stable")[:LEVEL_GENES]
    informative = []
    for cluster, n_cells in zip(totals, sizes, strict=True):
        rate = soup.profile[frequent] * soup.umi * n_cells
        known = rate > MIN_EXPECTED
        if known.any():
            informative.append((cluster[frequent][known], rate[known]))
    score: dict[float, float] = {}
    # the whole range in steps of a fifth, then the neighbourhood of the best in steps of a twentieth
    for step, half_width in ((np.log(1.2), 8), (np.log(1.05), 3)):
        centre = max(score, key=lambda factor: score[factor]) if score else 0.0
        for log_factor in centre + step * np.arange(-half_width, half_width + 1):
            factor = np.exp(log_factor)
            fits = (fit_mixture(n, rate * factor, LEVEL_GRID, LEVEL_UNEXPRESSED, 25) for n, rate in informative)
            likelihood = sum(log_likelihood for _, log_likelihood in fits)
            score[log_factor] = likelihood - 0.5 * (log_factor / LOG_PRIOR_SD) ** 2
    return float(soup.umi * np.exp(max(score, key=lambda factor: score[factor])))


def own_profiles(totals: Floats, sizes: Ints, soup: Soup, level: float) -> Floats:
    """phi: own share of each gene in each cluster, from its totals and what G_k leaves open.

    Where own and soup rates cannot be told apart, phi is the value at which the posterior mean share of soup comes out
    right.

    Returns
    -------
    ndarray, shape (clusters, genes)
        Rows sum to 1.
    """
    profiles = totals.copy()
    in_soup = soup.profile > 0
    for k, n_cells in enumerate(sizes):
        rate = soup.profile[in_soup] * level * n_cells
        posterior, _ = fit_mixture(totals[k, in_soup], rate)
        soup_share = posterior @ (1 / (1 + GRID))
        profiles[k, in_soup] = rate * (1 / soup_share - 1)
    return profiles / np.maximum(profiles.sum(axis=1, keepdims=True), 1)
