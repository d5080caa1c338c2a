"""Counts of one file, all of them."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from compartments.core.errors import UserError
from compartments.core.matrix import as_whole, memberships
from compartments.counts.folders import entries
from compartments.counts.formats import describe
from compartments.counts.hdf5 import check_claim, whole
from compartments.counts.names import ENSEMBL, make_unique
from compartments.counts.opening import READ_ERRORS, unreadable
from compartments.counts.source import CELLBENDER, Source, Texts
from compartments.counts.values import check_indices, check_values, unlike_counts, value_problem

DENSE_VALUES = 20_000_000  # of a dense matrix, looked at at a time


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


def read_counts(path: str | Path, genome: str | None = None, gtf: str | None = None) -> Counts:
    """Read every barcode's gene expression counts.

    Parameters and errors are those of :func:`~compartments.counts.formats.describe`.

    Returns
    -------
    Counts
        Non-zeros and totals are those of the file's gene expression features; int64 index pointers where there are
        2**31 non-zeros or more.
    """
    return counts_of(describe(path, genome, gtf))


def counts_of(source: Source) -> Counts:
    """The same of a file that was described."""
    try:
        matrix = _read_mtx(source) if source.format == "10x mtx" else _read_h5(source)
    except READ_ERRORS as error:
        raise unreadable(source.path, error) from None
    if not matrix.has_canonical_format:
        matrix = matrix.astype(np.int64)  # in which sums do not overflow
        matrix.sum_duplicates()
    expected = _kept_total(matrix, source.keep)
    matrix, symbol, gene_id = _by_gene(matrix, source)
    matrix.eliminate_zeros()
    matrix.sort_indices()
    unlike = "" if source.format == CELLBENDER else unlike_counts(matrix)  # its input was judged
    check_values(source, value_problem(matrix.data) or unlike)
    matrix = sp.csr_matrix((matrix.data.astype(np.int32), matrix.indices, matrix.indptr), shape=matrix.shape)
    found = int(matrix.data.sum(dtype=np.int64))
    if found != expected:
        raise RuntimeError(f"{source.path}: total {found} after reading, {expected} in the file")
    return Counts(matrix, source.barcodes, make_unique(symbol), gene_id, source)


def _counted(source: Source, values: np.ndarray) -> npt.NDArray[np.int32]:
    """Values as whole numbers; a UserError if they are no counts."""
    check_values(source, value_problem(values))
    return values.astype(np.int32, copy=False)


def _read_mtx(source: Source) -> sp.csr_matrix:
    rows, columns, data = [], [], []
    for barcodes, features, values in entries(source):
        rows.append(barcodes.astype(np.int32))
        columns.append(features.astype(np.int32))
        counted = _counted(source, np.rint(values) if source.fractional else values)
        data.append(values if source.fractional else counted.astype(np.int64))  # doubled entries are added up
    shape = (len(source.barcodes), len(source.symbol))
    if not data:
        return sp.csr_matrix(shape, dtype=np.int64)
    found = sp.coo_matrix((np.concatenate(data), (np.concatenate(rows), np.concatenate(columns))), shape=shape).tocsr()
    return _whole_molecules(found, source) if source.fractional else found


def _whole_molecules(matrix: sp.csr_matrix, source: Source) -> sp.csr_matrix:
    """The matrix with no share of a molecule, and a note of how many there were."""
    if shared := int((matrix.data != np.floor(matrix.data)).sum()):
        source.notes.append(
            f"{shared:,} values are shares of molecules that several genes may have: made whole, the total of each "
            "barcode stays"
        )
    return as_whole(matrix)


def _read_h5(source: Source) -> sp.csr_matrix:
    shape = (len(source.barcodes), len(source.symbol))
    with h5py.File(source.path, "r") as file:
        node = file[source.node]
        if isinstance(node, h5py.Dataset):
            return _read_dense(source, node)
        data, indices, indptr = (whole(node[name]) for name in ("data", "indices", "indptr"))
    check_indices(source, indices)
    if (np.diff(indptr.astype(np.int64)) < 0).any():
        raise UserError(f"{source.path}: index pointers go backwards (damaged); export the file again")
    indices = indices if indices.dtype in (np.int32, np.int64) else indices.astype(np.int64)
    parts = (_counted(source, data), indices, indptr.astype(np.int64))
    return (sp.csr_matrix if source.by_barcode else sp.csc_matrix)(parts, shape=shape).tocsr()


def _read_dense(source: Source, node: h5py.Dataset) -> sp.csr_matrix:
    """A dense matrix, some rows at a time."""
    check_claim(node)
    step = max(1, DENSE_VALUES // max(1, node.shape[1]))
    parts = [sp.csr_matrix(_counted(source, node[start : start + step])) for start in range(0, node.shape[0], step)]
    return sp.csr_matrix(sp.vstack(parts))


def _by_gene(matrix: sp.csr_matrix, source: Source) -> tuple[sp.csr_matrix, Texts, Texts]:
    """Columns of the genes alone, those of one Ensembl id added up: probes of Flex, or versions of an id."""
    kept = np.flatnonzero(source.keep)
    symbol, gene_id = source.symbol[kept], source.gene_id[kept]
    matrix = matrix if len(kept) == len(source.keep) else matrix[:, kept]
    first: dict[str, int] = {}
    place = np.array(
        [first.setdefault(g, n) if source.summed or ENSEMBL.match(g) else n for n, g in enumerate(gene_id)], dtype=int
    )
    genes, column = np.unique(place, return_inverse=True)
    if len(genes) == len(place):
        return matrix, symbol, gene_id
    source.notes.append(f"{len(place)} features added up to {len(genes)} genes, by Ensembl id")
    return sp.csr_matrix(matrix @ memberships(column, len(genes), np.int64).T), symbol[genes], gene_id[genes]


def _kept_total(matrix: sp.csr_matrix, keep: npt.NDArray[np.bool_]) -> int:
    """Total of the columns ``keep``, straight from the stored triplets."""
    data = matrix.data if keep.all() else matrix.data[keep[matrix.indices]]
    return int(data.sum(dtype=np.int64))
