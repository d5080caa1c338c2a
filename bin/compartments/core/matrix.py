"""Sparse matrices of counts: sums, memberships, the one log-normalisation."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

TARGET_SUM = 1e4


def totals(matrix: Any, axis: int = 1) -> npt.NDArray[Any]:
    """Sums of rows (``axis=1``) or columns (``axis=0``) of a matrix, dense or sparse, as a plain array."""
    return np.asarray(matrix.sum(axis=axis)).ravel()


def memberships(codes: npt.NDArray[np.integer], n_groups: int, dtype: npt.DTypeLike = np.float64) -> sparse.csr_matrix:
    """Which group each row is of: ``memberships(codes, n) @ counts`` are the sums of the groups.

    Parameters
    ----------
    codes : int array, shape (rows,)
        Group of each row, 0 to ``n_groups - 1``.
    n_groups : int
    dtype : dtype
        Of the ones.

    Returns
    -------
    CSR, shape (groups, rows)
    """
    n = len(codes)
    return sparse.csr_matrix((np.ones(n, dtype), (codes, np.arange(n))), shape=(n_groups, n))


def log_normalise(counts: Any, dtype: npt.DTypeLike = np.float64) -> sparse.csr_matrix:
    """Natural ``log1p`` of counts scaled to 10,000 per cell over all genes.

    Parameters
    ----------
    counts : array or sparse, shape (cells, genes)
    dtype : dtype
        In which it is computed and given.

    Returns
    -------
    CSR, shape (cells, genes)
        A fresh copy; a cell without counts stays empty.
    """
    values = sparse.csr_matrix(counts, dtype=dtype, copy=True)
    total = totals(counts)
    factor = np.divide(TARGET_SUM, total, out=np.zeros(len(total)), where=total > 0)
    values.data *= np.repeat(factor, np.diff(values.indptr)).astype(values.dtype)
    np.log1p(values.data, out=values.data)
    return values


def thin(
    counts: Any, kept: npt.NDArray[np.float64] | float, rng: np.random.Generator, dtype: npt.DTypeLike = np.int64
) -> sparse.csr_matrix:
    """Counts as if fewer had been sequenced: each stays with a probability (binomial).

    Parameters
    ----------
    counts : array or sparse of whole numbers, shape (cells, genes)
    kept : float, or array of shape (cells,)
        The probability, of all or of each row.
    rng : Generator
    dtype : dtype
        Of the result.

    Returns
    -------
    CSR, shape (cells, genes)
        Without stored zeros.
    """
    thinner = sparse.csr_matrix(counts, copy=True)
    share = np.repeat(np.broadcast_to(kept, thinner.shape[0]), np.diff(thinner.indptr))
    thinner.data = rng.binomial(thinner.data.astype(np.int64), share).astype(dtype)
    thinner.eliminate_zeros()
    return thinner


def as_whole(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Whole molecules in place of shares: of each row the largest remainders are rounded up, so that its total stays.

    Parameters
    ----------
    matrix : csr_matrix of float, shape (droplets, features)

    Returns
    -------
    csr_matrix of int64, shape (droplets, features)
    """
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    low = np.floor(matrix.data)
    rest = matrix.data - low
    missing = np.rint(np.bincount(rows, rest, matrix.shape[0])).astype(np.int64)
    order = np.lexsort((matrix.indices, -rest, rows))
    rank = np.arange(len(order)) - matrix.indptr[rows]
    low[order] += rank < missing[rows]
    return type(matrix)((low.astype(np.int64), matrix.indices, matrix.indptr), matrix.shape)
