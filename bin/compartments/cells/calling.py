"""Which barcodes hold cells: EmptyDrops on all droplets, knee and expected number where it cannot be used.

Lun et al. 2019, Genome Biology 20:63 (EmptyDrops); Gale & Sampson 1995, J Quant Linguist 2:217 (simple Good-Turing);
Zheng et al. 2017, Nat Commun 8:14049 (the tenth of the 99th percentile of the expected cells).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from compartments.cells.emptydrops import (
    ITERATIONS,
    UNLIKELY,
    ambient_profile,
    are_alike,
    unlikeliness,
)
from compartments.cells.ranks import LOWER, expected_limit, knee_point, rank_curve
from compartments.core.errors import SampleSkipped
from compartments.core.multiple_testing import benjamini_hochberg
from compartments.core.vocabulary import WITHOUT_EMPTIES
from compartments.counts.droplets import Droplets

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

    is_cell: npt.NDArray[np.bool_]
    source: npt.NDArray[np.str_]
    fdr: npt.NDArray[np.float64]
    summary: dict[str, Any]


def ambient_limit(totals: npt.NDArray[np.int64], lower: int = LOWER) -> tuple[float, bool]:
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
    return limit, bool(totals[totals <= limit].sum() >= AMBIENT_UMIS)


def call_cells(
    matrix: sp.csr_matrix,
    expected_cells: int | None = None,
    lower: int = LOWER,
    fdr: float = FDR,
    n_iterations: int = ITERATIONS,
    seed: int = 0,
) -> Calls:
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
    limit, enough = ambient_limit(totals, lower)
    p = ambient_profile(matrix, totals, limit)
    all_large = limit > lower and enough  # then the smaller ones are empty droplets only if they are all alike
    if all_large:
        enough = are_alike(matrix[(totals > 0) & (totals <= limit)], p, seed)
    summary = {"method": "emptydrops", "ambient_limit": limit, "n_ambient": int((totals <= limit).sum())}
    if not enough:
        return _without_test(totals, expected_cells, all_large, summary)

    tested = np.flatnonzero(totals > limit)
    p_value = unlikeliness(matrix[tested], p, n_iterations, seed) if len(tested) else np.array([])
    # all barcodes that may be empty count, not the tested ones alone: cells of the type that makes most of the soup
    # have large p-values, too
    may_be_empty = (totals >= LEAST_SOUP) & (totals <= limit)
    may_be_empty[tested[p_value > UNLIKELY]] = True
    upper = _largest_empty(totals[may_be_empty], limit)
    knee, inflection = knee_point(totals, upper)
    # a dominant cell type resembles the soup that it makes: what is far above empty droplets and within a tenth of the
    # large cells stays without a test. The number of cells for that limit comes from the test unless it is given
    n_cells = expected_cells or max(1, int((benjamini_hochberg(p_value) <= fdr).sum()))
    retain = max(expected_limit(totals, n_cells), RETAIN_FOLD * upper)
    adjusted = np.full(len(totals), np.nan)
    adjusted[tested] = benjamini_hochberg(np.where(totals[tested] >= retain, 0.0, p_value))
    is_cell = np.nan_to_num(adjusted, nan=1.0) <= fdr
    source = np.where(is_cell, np.where(totals >= retain, "retained", "emptydrops"), "")
    summary |= {
        "retain": retain,
        "knee": None if np.isnan(knee) else knee,
        "inflection": None if np.isnan(inflection) else inflection,
        "empty_upper": upper,
    }
    return Calls(is_cell, source, adjusted, summary)


def _without_test(
    totals: npt.NDArray[np.int64], expected_cells: int | None, all_large: bool, summary: dict[str, Any]
) -> Calls:
    """Cells by their size alone, where no droplet is known to be empty."""
    if expected_cells or all_large:
        method, retain = "expected_cells", expected_limit(totals, expected_cells or len(totals))
    else:
        method, retain = "knee", knee_point(totals, 0)[1]
    is_cell = totals >= retain
    summary = summary | {"method": method, "retain": retain, "knee": None, "inflection": None, "empty_upper": None}
    return Calls(is_cell, np.where(is_cell, method, ""), np.full(len(totals), np.nan), summary)


def _largest_empty(totals: npt.NDArray[np.int64], limit: float) -> float:
    """How large empty droplets get here: nothing is kept untested unless it is plainly larger."""
    if len(totals) < 20:
        return float(limit)
    logs = np.log(totals)
    centre = np.median(logs)
    return max(float(limit), float(np.exp(centre + 4 * 1.4826 * np.median(np.abs(logs - centre)))))


def accept_cells(is_cell: npt.NDArray[np.bool_], source: str) -> Calls:
    """Cells given from outside, as they are."""
    summary: dict[str, Any] = {"method": source, "ambient_limit": None, "n_ambient": None, "retain": None}
    summary |= {"knee": None, "inflection": None, "empty_upper": None}
    return Calls(is_cell, np.where(is_cell, source, ""), np.full(len(is_cell), np.nan), summary)


def check_number(n_cells: int) -> bool:
    """Whether cells are few (under ``FEW_CELLS``); raises :class:`SampleSkipped` under ``LEAST_CELLS``."""
    if n_cells < LEAST_CELLS:
        raise SampleSkipped(f"{n_cells} cells, fewer than {LEAST_CELLS}: nothing to analyse")
    return n_cells < FEW_CELLS


def warn(n_cells: int, expected_cells: int | None, method: str) -> str | None:
    """One sentence when the number of cells is not to be trusted, else None."""
    if expected_cells and not expected_cells / 3 <= n_cells <= expected_cells * 3:
        return f"{n_cells} cells called, {expected_cells} expected: look at the barcode rank curve"
    if method in WITHOUT_EMPTIES:
        limit = "above the inflection of the rank curve" if method == "knee" else "down to a tenth of the large ones"
        return f"no empty droplets to test against: cells are the barcodes {limit}"
    return None


def call(droplets: Droplets, expected_cells: int | None, seed: int) -> Calls:
    """Cells of one sample: as they were given, or called where all droplets are there."""
    if droplets.is_cell is not None:
        return accept_cells(droplets.is_cell, droplets.cell_source)
    if droplets.kind == "filtered":
        return accept_cells(np.ones(len(droplets.totals), dtype=bool), "filtered")
    return call_cells(droplets.matrix, expected_cells, seed=seed)


def calls_table(droplets: Droplets, calls: Calls) -> pd.DataFrame:
    """Every barcode and whether it is a cell: ``barcode, total, is_cell, source, fdr``."""
    return pd.DataFrame(
        {
            "barcode": droplets.barcodes,
            "total": droplets.totals,
            "is_cell": calls.is_cell,
            "source": calls.source,
            "fdr": calls.fdr,
        }
    )


def summarise(droplets: Droplets, calls: Calls, expected_cells: int | None) -> dict[str, Any]:
    """The flat JSON summary of one sample.

    Raises
    ------
    SampleSkipped
        If there are fewer than ``LEAST_CELLS`` cells.
    """
    totals, n_cells = droplets.totals, int(calls.is_cell.sum())
    few_cells = check_number(n_cells)
    in_cells = totals[calls.is_cell]
    ranks, curve = rank_curve(totals)
    return {
        "sample": droplets.sample,
        **calls.summary,
        "expected_cells": expected_cells,
        "n_barcodes": len(totals),
        "n_cells": n_cells,
        "few_cells": few_cells,
        "n_retained": int((calls.source == "retained").sum()),
        "median_umis_cells": float(np.median(in_cells)),
        "median_umis_empty": float(np.median(totals[~calls.is_cell])) if n_cells < len(totals) else None,
        "fraction_umis_in_cells": float(in_cells.sum() / totals.sum()),
        "warning": warn(n_cells, expected_cells, calls.summary["method"]),
        "curve_rank": ranks,
        "curve_total": curve,
    }
