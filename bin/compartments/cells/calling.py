"""Which barcodes hold cells: EmptyDrops on all droplets, knee and expected number where it cannot be used.

Lun et al. 2019, Genome Biology 20:63 (EmptyDrops); Gale & Sampson 1995, J Quant Linguist 2:217 (simple Good-Turing);
Zheng et al. 2017, Nat Commun 8:14049 (the tenth of the 99th percentile of the expected cells).
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.special import gammaincc, gammaln

from compartments.core.errors import SampleSkipped
from compartments.core.vocabulary import WITHOUT_EMPTIES

LOWER = 100
FDR = 0.001
ITERATIONS = 10_000
THIN_TO = 3000
AMBIENT_UMIS = 2000
RETAIN_FOLD = 3
LEAST_SOUP = 10  # UMIs; smaller barcodes, mostly errors of other barcodes, do not tell how large empty droplets get
MOST_UNLIKE = 0.5  # share of the smaller barcodes that are unlikely draws of their own profile (.05 of empty droplets)
FEW_CELLS = 50
LEAST_CELLS = 10


@dataclass
class Calls:
    """Called cells of one sample.

    Attributes
    ----------
    is_cell : ndarray of bool, shape (n_barcodes,)
    source : ndarray of str, shape (n_barcodes,)
        ``filtered`` or ``cellbender`` (given), ``retained`` (by size), ``emptydrops``, ``expected_cells`` or
        ``knee`` for cells, else empty.
    fdr : ndarray of float, shape (n_barcodes,)
        Adjusted p-value of the barcode being ambient; NaN where not tested.
    summary : dict
        Method, limits and numbers, flat.
    """

    is_cell: np.ndarray
    source: np.ndarray
    fdr: np.ndarray
    summary: dict


def good_turing(counts):
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


def ambient_profile(matrix, totals, limit):
    """Proportions of the soup from the barcodes up to ``limit`` UMIs: ndarray of float, shape (n_genes,).

    Genes without a count in any barcode get 0, the others their Good-Turing share.
    """
    present = np.bincount(matrix.indices, minlength=matrix.shape[1]) > 0
    profile = np.zeros(matrix.shape[1])
    profile[present] = good_turing(np.asarray(matrix[totals <= limit].sum(0)).ravel()[present])
    return profile


def log_probability(matrix, log_p):
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
    return np.asarray(sp.csr_matrix((terms, matrix.indices, matrix.indptr), shape=matrix.shape).sum(1)).ravel()


def monte_carlo(totals, observed, p, n_iterations=ITERATIONS, seed=0):
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


def _pearson_tail(moments, shift, which, observed):
    """Lower tail of Pearson type III distributions, from raw moments 1-3 about ``shift`` (3 x totals)."""
    mean = moments[0]
    variance = np.maximum(moments[1] - mean**2, 1e-12)
    third = moments[2] - 3 * mean * moments[1] + 2 * mean**3
    skew = np.minimum(third / variance**1.5, -1e-3)  # rare genes pull the log-probability down
    z = (observed - (shift + mean)[which]) / np.sqrt(variance)[which]
    # -X is a shifted gamma distribution with shape 4 / skew^2
    shape = 4 / skew[which] ** 2
    return gammaincc(shape, np.maximum(shape + np.sqrt(shape) * -z, 0))


def adjust(p):
    """Benjamini-Hochberg adjusted p-values: ndarray of float in, ndarray of the same shape out."""
    order = np.argsort(p)[::-1]
    scaled = p[order] * len(p) / np.arange(len(p), 0, -1)
    out = np.empty(len(p))
    out[order] = np.minimum(np.minimum.accumulate(scaled), 1)
    return out


def thin(matrix, most, seed=0):
    """Rows with more than ``most`` UMIs drawn down to ``most`` without replacement; csr_matrix in and out."""
    totals = np.asarray(matrix.sum(1)).ravel()
    rng = np.random.default_rng(seed)
    data = matrix.data.copy()
    for row in np.flatnonzero(totals > most):
        part = slice(matrix.indptr[row], matrix.indptr[row + 1])
        data[part] = rng.multivariate_hypergeometric(data[part], most, method="marginals")
    out = sp.csr_matrix((data, matrix.indices.copy(), matrix.indptr.copy()), shape=matrix.shape)
    out.eliminate_zeros()
    return out


def knee_point(totals, lower=LOWER):
    """Knee and inflection of the barcode rank curve above ``lower``.

    Parameters
    ----------
    totals : ndarray of int, shape (n_barcodes,)
    lower : int
        Totals up to this are left out.

    Returns
    -------
    knee, inflection : float
        The inflection is where log total falls fastest with log rank; the knee is the point farthest above the straight
        line from the largest barcode to the inflection. NaN with fewer than 3 distinct totals.
    """
    values, numbers = np.unique(totals[totals > lower], return_counts=True)
    if len(values) < 3:
        return np.nan, np.nan
    values, numbers = values[::-1], numbers[::-1]
    x = np.log10(np.cumsum(numbers) - (numbers - 1) / 2)
    y = np.log10(values)
    # even steps of the rank, so that single barcodes at the top do not look like cliffs
    grid = np.linspace(x[0], x[-1], 100)
    curve = np.interp(grid, x, y)
    inflection = int(np.argmin(np.gradient(np.convolve(np.pad(curve, 2, mode="edge"), np.ones(5) / 5, "valid"), grid)))
    if inflection < 2:
        return 10 ** curve[inflection], 10 ** curve[inflection]
    line = curve[0] + (curve[inflection] - curve[0]) * (grid - grid[0]) / (grid[inflection] - grid[0])
    knee = int(np.argmax((curve - line)[: inflection + 1]))
    return float(10 ** curve[knee]), float(10 ** curve[inflection])


def expected_limit(totals, expected):
    """A tenth of the 99th percentile of the ``expected`` largest totals (Zheng 2017)."""
    top = np.sort(totals)[::-1][: max(1, int(expected))]
    return float(np.quantile(top, 0.99) / 10)


def ambient_limit(totals, lower=LOWER):
    """Up to which total barcodes count as empty.

    ``lower``, unless the barcodes up to it hold fewer than ``AMBIENT_UMIS`` UMIs, too few for a profile: then (deep
    sequencing, much soup) the median total, as most barcodes of a full matrix are empty.

    Returns
    -------
    limit : float
    enough : bool
        False when even so no profile of empty droplets can be had.
    """
    if totals[totals <= lower].sum() >= AMBIENT_UMIS:
        return float(lower), True
    limit = float(np.median(totals))
    return limit, totals[totals <= limit].sum() >= AMBIENT_UMIS


def are_alike(matrix, p, seed, n_rows=200, n_iterations=1000):
    """Whether the rows of ``matrix`` (csr_matrix of int, all > 0) look like draws from ``p``, as empty droplets do.

    Of up to ``n_rows`` of them, cells of several types are nearly all unlikely draws from their common profile.
    """
    rows = thin(matrix[np.unique(np.linspace(0, matrix.shape[0] - 1, n_rows).astype(int))], THIN_TO, seed)
    with np.errstate(divide="ignore"):
        observed = log_probability(rows, np.log(p))
    p_value, _ = monte_carlo(np.asarray(rows.sum(1)).ravel(), observed, p, n_iterations, seed)
    return bool((p_value <= 0.05).mean() <= MOST_UNLIKE)


def call_cells(matrix, expected_cells=None, lower=LOWER, fdr=FDR, n_iterations=ITERATIONS, seed=0):
    """Cells among all droplets.

    Parameters
    ----------
    matrix : csr_matrix of int, shape (n_barcodes, n_genes)
        Every barcode.
    expected_cells : int, optional
        Sets the total above which barcodes are kept without a test (a tenth of the 99th percentile of that many largest
        ones; by default of as many as the test finds), and replaces the test where there are no empties.
    lower, fdr, n_iterations, seed
        Of EmptyDrops.

    Returns
    -------
    Calls
    """
    totals = np.asarray(matrix.sum(1, dtype=np.int64)).ravel()
    n = len(totals)
    limit, enough = ambient_limit(totals, lower)
    out_fdr = np.full(n, np.nan)
    p = ambient_profile(matrix, totals, limit)
    all_large = limit > lower and enough  # then the smaller ones are empty droplets only if they are all alike
    if all_large:
        enough = are_alike(matrix[(totals > 0) & (totals <= limit)], p, seed)
    summary = {"method": "emptydrops", "ambient_limit": limit, "n_ambient": int((totals <= limit).sum())}
    if not enough:
        if expected_cells or all_large:
            word, retain = "expected_cells", expected_limit(totals, expected_cells or n)
        else:
            word, retain = "knee", knee_point(totals, 0)[1]
        is_cell = totals >= retain
        summary |= {"method": word, "retain": retain, "knee": None, "inflection": None, "empty_upper": None}
        return Calls(is_cell, np.where(is_cell, word, ""), out_fdr, summary)

    tested = np.flatnonzero(totals > limit)
    p_value = np.array([])
    if len(tested):
        rows = thin(matrix[tested], THIN_TO, seed)
        rows_total = np.asarray(rows.sum(1)).ravel()
        with np.errstate(divide="ignore"):
            observed = log_probability(rows, np.log(p))
        p_value, tail = monte_carlo(rows_total, observed, p, n_iterations, seed)
        # few cells among many droplets need smaller p-values than any affordable number of draws can give
        beyond = p_value * (n_iterations + 1) < 1.5
        p_value = np.where(beyond, np.minimum(p_value, tail), p_value)
    # how large empty droplets get here: nothing is kept untested unless it is plainly larger. All barcodes that may be
    # empty count, not the tested ones alone: cells of the type that makes most of the soup have large p-values, too
    may_be_empty = (totals >= LEAST_SOUP) & (totals <= limit)
    may_be_empty[tested[p_value > 0.05]] = True
    upper = float(limit)
    if may_be_empty.sum() >= 20:
        logs = np.log(totals[may_be_empty])
        centre = np.median(logs)
        upper = max(upper, float(np.exp(centre + 4 * 1.4826 * np.median(np.abs(logs - centre)))))
    knee, inflection = knee_point(totals, upper)
    # a dominant cell type resembles the soup that it makes: what is far above empty droplets and within a tenth of the
    # large cells stays without a test. The number of cells for that limit comes from the test unless it is given
    n_cells = expected_cells or max(1, int((adjust(p_value) <= fdr).sum()))
    retain = max(expected_limit(totals, n_cells), RETAIN_FOLD * upper)
    adjusted = adjust(np.where(totals[tested] >= retain, 0.0, p_value))
    out_fdr[tested] = adjusted
    is_cell = np.nan_to_num(out_fdr, nan=1.0) <= fdr
    source = np.where(is_cell, np.where(totals >= retain, "retained", "emptydrops"), "")
    summary |= {
        "retain": retain,
        "knee": None if np.isnan(knee) else knee,
        "inflection": None if np.isnan(inflection) else inflection,
        "empty_upper": upper,
    }
    return Calls(is_cell, source, out_fdr, summary)


def accept_cells(is_cell, word):
    """Cells given from outside, as they are: ``is_cell`` (ndarray of bool), ``word`` for their source."""
    summary = {"method": word, "ambient_limit": None, "n_ambient": None, "retain": None}
    summary |= {"knee": None, "inflection": None, "empty_upper": None}
    return Calls(is_cell, np.where(is_cell, word, ""), np.full(len(is_cell), np.nan), summary)


def rank_curve(totals, n_points=200):
    """Barcode rank curve thinned to ``n_points`` even steps of log rank: list of ranks, list of totals."""
    ordered = np.sort(totals)[::-1]
    ranks = np.unique(np.round(np.geomspace(1, len(ordered), n_points)).astype(int))
    return ranks.tolist(), ordered[ranks - 1].tolist()


def check_number(n_cells):
    """Whether cells are few (under ``FEW_CELLS``); raises :class:`SampleSkipped` under ``LEAST_CELLS``."""
    if n_cells < LEAST_CELLS:
        raise SampleSkipped(f"{n_cells} cells, fewer than {LEAST_CELLS}: nothing to analyse")
    return n_cells < FEW_CELLS


def warn(n_cells, expected_cells, method):
    """One sentence when the number of cells is not to be trusted, else None."""
    if expected_cells and not expected_cells / 3 <= n_cells <= expected_cells * 3:
        return f"{n_cells} cells called, {expected_cells} expected: look at the barcode rank curve"
    if method in WITHOUT_EMPTIES:
        where = "above the inflection of the rank curve" if method == "knee" else "down to a tenth of the large ones"
        return f"no empty droplets to test against: cells are the barcodes {where}"
    return None
