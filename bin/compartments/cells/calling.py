"""Which barcodes hold cells: EmptyDrops on all droplets, knee and expected number where it cannot be used.

Lun et al. 2019, Genome Biology 20:63 (EmptyDrops); Gale & Sampson 1995, J Quant Linguist 2:217 (simple Good-Turing);
Zheng et al. 2017, Nat Commun 8:14049 (the tenth of the 99th percentile of the expected cells).
"""

from dataclasses import dataclass

import numpy as np

from compartments.cells.emptydrops import (
    ITERATIONS,
    THIN_TO,
    ambient_profile,
    are_alike,
    log_probability,
    monte_carlo,
    thin,
)
from compartments.cells.ranks import LOWER, expected_limit, knee_point
from compartments.core.errors import SampleSkipped
from compartments.core.vocabulary import WITHOUT_EMPTIES

FDR = 0.001
AMBIENT_UMIS = 2000
RETAIN_FOLD = 3
LEAST_SOUP = 10  # UMIs; smaller barcodes, mostly errors of other barcodes, do not tell how large empty droplets get
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


def adjust(p):
    """Benjamini-Hochberg adjusted p-values: ndarray of float in, ndarray of the same shape out."""
    order = np.argsort(p)[::-1]
    scaled = p[order] * len(p) / np.arange(len(p), 0, -1)
    out = np.empty(len(p))
    out[order] = np.minimum(np.minimum.accumulate(scaled), 1)
    return out


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
