"""Counts of one file, all of them."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.io import mmread

from compartments.core.errors import UserError
from compartments.counts.formats import describe
from compartments.counts.names import make_unique
from compartments.counts.opening import READ_ERRORS, first_line, open_binary
from compartments.counts.source import Source, Texts
from compartments.counts.values import check_values


@dataclass
class Counts:
    """Counts of one file: gene expression only, symbols unique.

    Attributes
    ----------
    matrix : csr_matrix of int32, shape (n_barcodes, n_genes)
    barcodes : ndarray of str, shape (n_barcodes,)
    symbol, gene_id : ndarray of str, shape (n_genes,)
    source : Source
        Where they came from.
    """

    matrix: sp.csr_matrix
    barcodes: Texts
    symbol: Texts
    gene_id: Texts
    source: Source

    def totals(self) -> npt.NDArray[np.int64]:
        """UMIs per barcode, shape (n_barcodes,)."""
        return np.asarray(self.matrix.sum(1, dtype=np.int64)).ravel()

    def take(self, barcodes: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> "Counts":
        """The same counts of some barcodes (boolean mask or positions)."""
        return Counts(self.matrix[barcodes], self.barcodes[barcodes], self.symbol, self.gene_id, self.source)


def read_counts(path: str | Path, genome: str | None = None) -> Counts:
    """Read every barcode's gene expression counts.

    Parameters and errors are those of :func:`~compartments.counts.formats.describe`.

    Returns
    -------
    Counts
        Non-zeros and totals are those of the file's gene expression features; int64 index pointers where there are
        2**31 non-zeros or more.
    """
    source = describe(path, genome)
    try:
        matrix = _read_mtx(source) if source.format == "10x mtx" else _read_h5(source)
    except READ_ERRORS as error:
        raise UserError(f"{source.path}: damaged or cut off ({first_line(error)}); copy or export it again") from None
    check_values(source, matrix.data)
    if matrix.data.size and matrix.data.max() > np.iinfo(np.int32).max:
        raise UserError(f"{source.path}: a count above 2^31, which no cell has; give raw integer counts")
    matrix = matrix.tocsr()
    matrix.sum_duplicates()
    expected = _kept_total(matrix, source.keep)
    matrix = matrix if source.keep.all() else matrix[:, np.flatnonzero(source.keep)]
    matrix.eliminate_zeros()
    matrix.sort_indices()
    matrix = sp.csr_matrix((matrix.data.astype(np.int32), matrix.indices, matrix.indptr), shape=matrix.shape)
    found = int(matrix.data.sum(dtype=np.int64)), int(matrix.nnz)
    if found != expected:
        raise RuntimeError(f"{source.path}: totals and non-zeros {found} after reading, {expected} in the file")
    return Counts(matrix, source.barcodes, make_unique(source.symbol[source.keep]), source.gene_id[source.keep], source)


def _read_mtx(source: Source) -> sp.csr_matrix:
    # spelled out: by a name ending in .gz the reader decompresses too, but reports a cut file as a parse error
    with open_binary(source.path / source.node) as handle:
        return mmread(handle).T.tocsr()


def _read_h5(source: Source) -> sp.csr_matrix | sp.csc_matrix:
    shape = (len(source.barcodes), len(source.symbol))
    with h5py.File(source.path, "r") as file:
        node = file[source.node]
        if isinstance(node, h5py.Dataset):
            check_values(source, node[:])
            return sp.csr_matrix(node[:])
        data, indices, indptr = node["data"][:], node["indices"][:], node["indptr"][:]
    if indices.size and not 0 <= indices.min() <= indices.max() < shape[1 if source.by_barcode else 0]:
        raise UserError(f"{source.path}: indices outside the matrix (damaged); export the file again")
    if (np.diff(indptr) < 0).any():
        raise UserError(f"{source.path}: index pointers go backwards (damaged); export the file again")
    return (sp.csr_matrix if source.by_barcode else sp.csc_matrix)((data, indices, indptr), shape=shape)


def _kept_total(matrix: sp.csr_matrix, keep: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Total and non-zeros of the columns ``keep``, straight from the stored triplets."""
    data = matrix.data if keep.all() else matrix.data[keep[matrix.indices]]
    return int(data.sum(dtype=np.int64 if data.dtype.kind in "iu" else np.float64)), int(np.count_nonzero(data))
