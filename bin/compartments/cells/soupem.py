"""Ambient RNA by empirical Bayes: how many of a cell's counts of a gene came from the soup.

Model of the count of gene g in cell i of cluster k::

    counts_ig = soup_ig + own_ig
    soup_ig ~ Poisson(lambda_i * s_g)                   s: the soup's profile, measured in the empty droplets
    own_ig  ~ NegBin(mean n_i * phi_kg, size r)         phi: the cluster's own profile, n_i: the cell's own UMIs
    lambda_i ~ Gamma(mean lambda, shape 1 / spread)     lambda: soup UMIs in a cell's droplet, near that of an empty one
    phi_kg = rho_kg * s_g,  rho_kg ~ G_k                G_k: any distribution on a grid, with a point mass at zero

``lambda`` is what tells soup from own transcripts. Genes that a cluster does not express sit at the rate of the soup
alone, so the totals of a cluster, ``Poisson(s_g * (sum lambda_i + sum n_i * rho))``, pile up at the soup's rate.
``lambda`` is the maximum of the marginal likelihood of all clusters, with G_k estimated freely (Kiefer and Wolfowitz
1956, Ann Math Stat) but for a least mass at zero, and a prior at the empties' amount. The expected soup counts of each
cell and gene are then rounded to whole counts so that every gene's total over the cells of a cluster is kept and soup
goes first where it is most likely (the aim of the knapsack estimator of CellBender, Fleming et al. 2023, Nat Methods,
reached by sorting).
"""

import numpy as np
import scipy.sparse as sp
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from compartments.cells.mixtures import Floats, Ints, cluster_totals, estimate_level, own_profiles
from compartments.cells.soup import Soup
from compartments.core.matrix import totals as sums

OWN_SIZE = 4.0  # r: scatter of a gene among cells of one cluster, squared coefficient of variation 1/r
STRAY = 0.002  # of the cells that express a gene, those in a cluster that does not
MIN_SPREAD = 0.02  # of the soup's amount between droplets, squared coefficient of variation
LAMBDA_ITERATIONS = 8
DISTANCE = 0.6  # cosine distance at which strangers are of different kinds
WORTHWHILE = 0.05  # expected soup counts below which a count is left alone: nearly all that it would cost is signal
EXACT = 40  # counts up to which the posterior is summed exactly


def fit(counts: sp.csr_matrix, soup: Soup, clusters: Ints) -> tuple[Floats, Ints, Floats, float]:
    """Expected soup in every stored count.

    Parameters
    ----------
    counts : csr_matrix of int, shape (cells, genes)
    soup : Soup
    clusters : ndarray of int, shape (cells,)

    Returns
    -------
    expected : ndarray of float, shape (nnz,)
        In the order of ``counts.data``; between 0 and the count.
    clusters : ndarray of int, shape (cells,)
        As used: with cells that did not belong taken out into clusters of their own.
    lam : ndarray of float, shape (cells,)
        Soup UMIs of each cell.
    level : float
        Their mean in the sample.
    """
    umis = sums(counts).astype(float)
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    s = soup.profile[counts.indices]
    for last in (False, True):
        totals, sizes = cluster_totals(counts, clusters), np.bincount(clusters)
        if not last:
            level = estimate_level(totals, sizes, soup)
        phi = own_profiles(totals, sizes, soup, level)[clusters[rows], counts.indices]
        lam = np.minimum(np.full(counts.shape[0], level), 0.9 * umis)
        if last:
            break
        strangers = find_strangers(counts, rows, lam[rows] * s + (umis - lam)[rows] * phi, clusters)
        if not len(strangers):
            break
        clusters = clusters.copy()
        clusters[strangers] = clusters.max() + 1 + group_strangers(counts[strangers])
        clusters = np.unique(clusters, return_inverse=True)[1]
    shape = 1 / max(soup.spread, MIN_SPREAD)
    for _ in range(LAMBDA_ITERATIONS):
        soup_rate = lam[rows] * s
        share = soup_rate / np.maximum(soup_rate + (umis - lam)[rows] * phi, 1e-300)
        found = np.bincount(rows, weights=counts.data * share, minlength=counts.shape[0])
        lam = np.minimum((shape + found) / (shape / level + 1), 0.9 * umis)
    stray = STRAY * np.minimum(umis.mean() * totals.sum(axis=0) / totals.sum(), 1)
    expected = expected_soup(counts.data, lam[rows] * s, (umis - lam)[rows] * phi, stray[counts.indices])
    return expected, clusters, lam, level


def find_strangers(counts: sp.csr_matrix, rows: Ints, rate: Floats, clusters: Ints) -> Ints:
    """Cells that their cluster's profile and the soup do not explain.

    A cell's misfit is the sum of the negative binomial half deviances of its counts far above ``rate`` (more than 3
    each); strangers lie far outside the others of their cluster (eight median absolute deviations, and at least 20).
    """
    c = counts.data
    above = np.flatnonzero((c > rate) & (c > 1))
    x, e = c[above].astype(float), np.maximum(rate[above], 1e-3)
    deviance = x * np.log(x / e) - (x + OWN_SIZE) * np.log((x + OWN_SIZE) / (e + OWN_SIZE))
    misfit = np.bincount(rows[above], weights=np.where(deviance > 3, deviance, 0), minlength=counts.shape[0])
    limit = np.empty(counts.shape[0])
    for k in range(clusters.max() + 1):
        members = clusters == k
        middle = np.median(misfit[members])
        limit[members] = middle + np.maximum(8 * 1.4826 * np.median(np.abs(misfit[members] - middle)), 20)
    return np.flatnonzero(misfit > limit)


def group_strangers(counts: sp.csr_matrix) -> Ints:
    """Clusters of few cells: average linkage of cosine distances of log counts, cut at ``DISTANCE``."""
    if counts.shape[0] == 1:
        return np.zeros(1, dtype=int)
    umis = np.maximum(sums(counts), 1)
    logged = sp.diags_array(np.median(umis) / umis) @ counts.astype(float)
    logged.data = np.log1p(logged.data)
    dense = logged.toarray() - np.asarray(logged.mean(axis=0)).ravel()
    return fcluster(linkage(np.nan_to_num(pdist(dense, "cosine"), nan=1.0), "average"), DISTANCE, "distance") - 1


def expected_soup(counts: Ints, soup_rate: Floats, own_rate: Floats, stray: Floats) -> Floats:
    """Posterior mean of the soup's part of each count.

    Exact up to ``EXACT`` counts, beyond by the normal approximation within four standard deviations of the soup. A
    heavy tail of own counts, ``stray / (x (x + 1))``, keeps what a cell of another kind in the cluster expresses.

    Parameters
    ----------
    counts : ndarray of int, shape (n,)
        All > 0.
    soup_rate, own_rate : ndarray of float, shape (n,)
        Expected counts of either.
    stray : ndarray of float, shape (n,)

    Returns
    -------
    ndarray of float, shape (n,)
    """
    q = own_rate / (OWN_SIZE + own_rate)
    zero = (1 - q) ** OWN_SIZE
    expected = np.zeros(len(counts))
    one = counts == 1
    soup = soup_rate[one] * zero[one]
    expected[one] = soup / np.maximum(soup + zero[one] * OWN_SIZE * q[one] + 0.5 * stray[one], 1e-300)

    several = np.flatnonzero((counts > 1) & (counts <= EXACT))
    order = several[np.argsort(counts[several], kind="stable")]
    c = counts[order].astype(float)
    rate, ratio_own, own, tail = np.maximum(soup_rate[order], 1e-30), q[order], zero[order].copy(), stray[order]
    # sum over x own and c - x soup counts, all terms relative to Poisson(c): Poisson(c - x) = c! / (c - x)! / rate^x
    poisson = np.ones(len(c))
    total, weighted = own.copy(), own * c
    for x in range(1, EXACT + 1):
        part = slice(np.searchsorted(c, x), None)
        poisson[part] *= (c[part] - x + 1) / rate[part]
        own[part] *= (x - 1 + OWN_SIZE) / x * ratio_own[part]
        term = poisson[part] * (own[part] + tail[part] / (x * (x + 1)))
        total[part] += term
        weighted[part] += term * (c[part] - x)
        large = np.flatnonzero(np.maximum(total, poisson) > 1e200)
        for values in (total, weighted, poisson):
            values[large] *= 1e-200
    expected[order] = weighted / np.maximum(total, 1e-300)

    many = counts > EXACT
    rate, mean, c = soup_rate[many], own_rate[many], counts[many]
    variance = mean + mean**2 / OWN_SIZE
    guess = rate + rate / np.maximum(rate + variance, 1e-300) * (c - rate - mean)
    expected[many] = np.clip(guess, 0, np.minimum(c, rate + 4 * np.sqrt(rate) + 2))
    expected[soup_rate <= 0] = 0
    return expected


def allocate(expected: Floats, groups: Ints, seed: int) -> Ints:
    """Whole numbers near ``expected`` that keep the sum of each group: floors, and one more where the rest is largest.

    Parameters
    ----------
    expected : ndarray of float, shape (n,)
    groups : ndarray of int, shape (n,)
    seed : int
        For rounding each group's sum (floor plus a Bernoulli draw, so that it is right on average) and for ties.

    Returns
    -------
    ndarray of int, shape (n,)
        ``floor(expected)`` or one more.
    """
    rng = np.random.default_rng(seed)
    whole = np.floor(expected).astype(np.int64)
    open_ = np.flatnonzero(expected > whole)
    rest, group = (expected - whole)[open_], groups[open_]
    order = np.lexsort((rng.random(len(open_)), -rest, group))
    group = group[order]
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    sums = np.add.reduceat(rest[order], starts) if len(starts) else np.zeros(0)
    quota = np.floor(sums + rng.random(len(sums)))
    lengths = np.diff(starts, append=len(group))
    rank = np.arange(len(group)) - np.repeat(starts, lengths)
    whole[open_[order[rank < np.repeat(quota, lengths)]]] += 1
    return whole


def take_out(counts: sp.csr_matrix, expected: Floats, clusters: Ints, strength: float, seed: int) -> sp.csr_matrix:
    """Counts less their expected soup, whole.

    Counts with less than ``WORTHWHILE`` expected soup are left alone; the others are rounded by :func:`allocate` within
    each cluster and gene.

    Parameters
    ----------
    counts : csr_matrix of int, shape (cells, genes)
    expected : ndarray of float, shape (nnz,)
        From :func:`fit`.
    clusters : ndarray of int, shape (cells,)
        From :func:`fit`.
    strength : float
        Factor of ``expected``: 1 leaves totals unbiased, more takes more soup and more of the cells' own counts.
    seed : int

    Returns
    -------
    csr_matrix of int32
        Elementwise <= ``counts``.
    """
    expected = np.where(expected < WORTHWHILE, 0, np.minimum(strength * expected, counts.data))
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    removed = allocate(expected, clusters[rows] * np.int64(counts.shape[1]) + counts.indices, seed)
    data = (counts.data - np.minimum(removed, counts.data)).astype(np.int32)
    corrected = sp.csr_matrix((data, counts.indices.copy(), counts.indptr.copy()), shape=counts.shape)
    corrected.eliminate_zeros()
    return corrected


def remove_soup(
    counts: sp.csr_matrix, soup: Soup, clusters: Ints, seed: int, strength: float = 1.0
) -> tuple[sp.csr_matrix, float]:
    """Counts without soup.

    Parameters
    ----------
    counts : csr_matrix of int, shape (cells, genes)
    soup : ambient.Soup
    clusters : ndarray of int, shape (cells,)
    seed : int
    strength : float
        Of :func:`take_out`.

    Returns
    -------
    corrected : csr_matrix of int32
        Elementwise <= ``counts``.
    level : float
        Estimated soup UMIs in a cell's droplet.
    """
    expected, clusters, _, level = fit(counts, soup, clusters)
    return take_out(counts, expected, clusters, strength, seed), level
