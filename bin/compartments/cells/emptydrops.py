"""Which droplets are unlikely draws from the soup.

Lun et al. 2019, Genome Biology 20:63 (EmptyDrops); Gale & Sampson 1995, J Quant Linguist 2:217 (simple Good-Turing).
"""

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.special import gammaincc, gammaln

from compartments.core.matrix import totals as totals_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ITERATIONS = 10_000
THIN_TO = 3000
UNLIKELY = 0.05  # p-value up to which a droplet is an unlikely draw of the soup; cells are called by their own FDR
MOST_UNLIKE = 0.5  # share of the smaller barcodes that are unlikely draws of their own profile (.05 of empty droplets)


def good_turing(counts: npt.ArrayLike) -> Floats:
    """Simple Good-Turing proportions: a probability for each gene, unseen ones included.

    Parameters
    ----------
    counts : ndarray of int, shape (n_genes,)
        Ambient counts.

    Returns
    -------
    ndarray of float, shape (n_genes,)
        Sums to 1. The mass of the unseen, the share of genes seen once, is divided evenly among genes with no count.

    Notes
    -----
    Gale & Sampson 1995: frequencies of frequencies are averaged over the gap to their neighbours (Z), a line is fitted
    to log Z against log r, and Turing's estimate is used until it is within 1.96 standard errors (as in edgeR) of the
    fitted one. With no gene left unseen the unseen mass is dropped.
    """
    counts = np.asarray(counts)
    total = counts.sum()
    r, n_r = np.unique(counts[counts > 0], return_counts=True)
    if len(r) == 0:
        return np.full(len(counts), 1 / len(counts))
    p0 = n_r[0] / total if r[0] == 1 else 0.0
    if len(r) < 2:
        star = r.astype(float)
    else:
        before = np.r_[0, r[:-1]]
        after = np.r_[r[1:], 2 * r[-1] - r[-2]]
        log_z = np.log(2 * n_r / (after - before))
        log_r = np.log(r)
        slope = np.cov(log_r, log_z, bias=True)[0, 1] / np.var(log_r)
        fitted = r * (1 + 1 / r) ** (slope + 1)
        following = np.append(r[1:] == r[:-1] + 1, False)
        n_next = np.append(n_r[1:], 1)
        turing = (r + 1) * n_next / n_r
        deviation = np.sqrt((r + 1.0) ** 2 * n_next / n_r**2 * (1 + n_next / n_r))
        usable = following & (np.abs(fitted - turing) > 1.96 * deviation)
        star = np.where(np.logical_and.accumulate(usable), turing, fitted)
    unseen = int((counts == 0).sum())
    p0 = p0 if unseen else 0.0
    share = (1 - p0) * star / (star * n_r).sum()
    out = np.full(len(counts), p0 / unseen if unseen else 0.0)
    out[counts > 0] = share[np.searchsorted(r, counts[counts > 0])]
    return out


def ambient_profile(matrix: sp.csr_matrix, totals: Ints, limit: float) -> Floats:
    """Proportions of the soup from the barcodes up to ``limit`` UMIs: ndarray of float, shape (n_genes,).

    Genes without a count in any barcode get 0, the others their Good-Turing share.
    """
    present = np.bincount(matrix.indices, minlength=matrix.shape[1]) > 0
    profile = np.zeros(matrix.shape[1])
    profile[present] = good_turing(totals_of(matrix[totals <= limit], axis=0)[present])
    return profile


def log_probability(matrix: sp.csr_matrix, log_p: Floats) -> Floats:
    """Multinomial log-probability of each row, without the term of its total.

    Parameters
    ----------
    matrix : csr_matrix of int, shape (n_barcodes, n_genes)
    log_p : ndarray of float, shape (n_genes,)

    Returns
    -------
    ndarray of float, shape (n_barcodes,)
        ``sum_g x_g log p_g - log x_g!``.
    """
    terms = matrix.data * log_p[matrix.indices] - gammaln(matrix.data + 1.0)
    return totals_of(sp.csr_matrix((terms, matrix.indices, matrix.indptr), shape=matrix.shape))


def monte_carlo(
    totals: Ints, observed: Floats, p: Floats, n_iterations: int = ITERATIONS, seed: int = 0
) -> tuple[Floats, Floats]:
    """How unlikely the observed droplets are among random ones of the same total.

    Parameters
    ----------
    totals : ndarray of int, shape (n_barcodes,)
        UMIs of each barcode.
    observed : ndarray of float, shape (n_barcodes,)
        :func:`log_probability` of each.
    p : ndarray of float, shape (n_genes,)
        Ambient proportions.

    Returns
    -------
    p_value : ndarray of float, shape (n_barcodes,)
        ``(1 + number of draws with at most the observed log-probability) / (1 + n_iterations)``.
    tail : ndarray of float, shape (n_barcodes,)
        The same probability from a Pearson type III distribution with the mean, variance and skewness of the draws.

    Notes
    -----
    One random droplet is grown gene by gene up to the largest total and serves every total on its way (Lun 2019,
    supplement): adding gene ``g`` seen ``k`` times changes the log-probability by ``log p_g - log(k + 1)``.
    """
    rng = np.random.default_rng(seed)
    used = np.flatnonzero(p > 0)
    log_p = np.log(p[used])
    cumulative = np.cumsum(p[used])
    cumulative /= cumulative[-1]
    longest = int(totals.max())
    small = np.uint16 if len(used) < 2**16 else np.int64  # 16-bit keys sort by radix
    log_step = np.log(np.arange(1, longest + 2))
    lengths, which = np.unique(totals, return_inverse=True)
    last = np.asarray(lengths, dtype=np.int64) - 1
    threshold = observed + 1e-8 * np.abs(observed)
    below = np.zeros(len(totals), dtype=np.int64)
    entropy = float((p[used] * log_p).sum())
    shift = (last + 1) * entropy  # near the mean, so that the sums of powers keep their digits
    powers = np.zeros((3, len(lengths)))
    block = max(1, min(n_iterations, 1_000_000 // longest))
    position = np.arange(longest)
    for start in range(0, n_iterations, block):
        size = min(block, n_iterations - start)
        genes = np.searchsorted(cumulative, rng.random((size, longest)), side="right").astype(small)
        ranked = np.argsort(genes, axis=1, kind="stable")
        ordered = np.take_along_axis(genes, ranked, axis=1)
        first = np.ones(ordered.shape, dtype=bool)
        first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        seen = position - np.maximum.accumulate(np.where(first, position, 0), axis=1)
        grown = np.empty(ordered.shape)
        np.put_along_axis(grown, ranked, log_p[ordered] - log_step[seen], axis=1)
        np.cumsum(grown, axis=1, out=grown)
        grown = grown[:, last]
        for row in grown:
            below += row[which] <= threshold
        grown -= shift
        for i in range(3):
            powers[i] += (grown ** (i + 1)).sum(0)
    return (below + 1) / (n_iterations + 1), _pearson_tail(powers / n_iterations, shift, which, observed)


def _pearson_tail(moments: np.ndarray, shift: np.ndarray, which: npt.NDArray[np.intp], observed: Floats) -> Floats:
    """Lower tail of Pearson type III distributions, from raw moments 1-3 about ``shift`` (3 x totals)."""
    mean = moments[0]
    variance = np.maximum(moments[1] - mean**2, 1e-12)
    third = moments[2] - 3 * mean * moments[1] + 2 * mean**3
    skew = np.minimum(third / variance**1.5, -1e-3)  # rare genes pull the log-probability down
    z = (observed - (shift + mean)[which]) / np.sqrt(variance)[which]
    # -X is a shifted gamma distribution with shape 4 / skew^2
    shape = 4 / skew[which] ** 2
    return gammaincc(shape, np.maximum(shape + np.sqrt(shape) * -z, 0))


def thin(matrix: sp.csr_matrix, most: int, seed: int = 0) -> sp.csr_matrix:
    """Rows with more than ``most`` UMIs drawn down to ``most`` without replacement; csr_matrix in and out."""
    totals = totals_of(matrix)
    rng = np.random.default_rng(seed)
    data = matrix.data.copy()
    for row in np.flatnonzero(totals > most):
        part = slice(matrix.indptr[row], matrix.indptr[row + 1])
        data[part] = rng.multivariate_hypergeometric(data[part], most, method="marginals")
    out = sp.csr_matrix((data, matrix.indices.copy(), matrix.indptr.copy()), shape=matrix.shape)
    out.eliminate_zeros()
    return out


def are_alike(matrix: sp.csr_matrix, p: Floats, seed: int, n_rows: int = 200, n_iterations: int = 1000) -> bool:
    """Whether the rows of ``matrix`` (csr_matrix of int, all > 0) look like draws from ``p``, as empty droplets do.

    Of up to ``n_rows`` of them, cells of several types are nearly all unlikely draws from their common profile.
    """
    rows = thin(matrix[np.unique(np.linspace(0, matrix.shape[0] - 1, n_rows).astype(int))], THIN_TO, seed)
    with np.errstate(divide="ignore"):
        observed = log_probability(rows, np.log(p))
    p_value, _ = monte_carlo(totals_of(rows), observed, p, n_iterations, seed)
    return bool((p_value <= UNLIKELY).mean() <= MOST_UNLIKE)


def unlikeliness(
    matrix: sp.csr_matrix, p: Floats, n_iterations: int = ITERATIONS, seed: int = 0
) -> npt.NDArray[np.float64]:
    """p-values of rows of counts (all > 0) being draws from ``p``.

    Parameters
    ----------
    matrix : csr_matrix of int, shape (n_barcodes, n_genes)
    p : ndarray of float, shape (n_genes,)
        Ambient proportions.

    Returns
    -------
    ndarray of float, shape (n_barcodes,)
        Of :func:`monte_carlo`; where no draw was as unlikely, the smaller one of its two.
    """
    rows = thin(matrix, THIN_TO, seed)
    with np.errstate(divide="ignore"):
        observed = log_probability(rows, np.log(p))
    p_value, tail = monte_carlo(totals_of(rows), observed, p, n_iterations, seed)
    # few cells among many droplets need smaller p-values than any affordable number of draws can give
    beyond = p_value * (n_iterations + 1) < 1.5
    return np.where(beyond, np.minimum(p_value, tail), p_value)
