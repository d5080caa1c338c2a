"""Counts of several samples in one h5ad to a file for each, some entries at a time."""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from compartments.core.errors import UserError
from compartments.counts.hdf5 import check_claim, whole
from compartments.counts.source import Source, Texts
from compartments.counts.values import check_indices, check_values, value_problem

MOST = 4_000_000  # entries, or values of a dense matrix, that are in memory at a time
CHUNK = 2**15  # values stored together


def split_counts(
    source: Source, code: npt.NDArray[np.int64], paths: dict[int, Path], columns: dict[str, Texts], most: int = MOST
) -> None:
    """Write the counts of every sample to an h5ad, with all features and the barcodes as they are.

    Parameters
    ----------
    source : Source
        Of the whole file.
    code : ndarray of int, shape (n_barcodes,)
        Sample of each barcode; those without a path are left out.
    paths : dict of int to Path
        File of each sample.
    columns : dict of str to ndarray of str, shape (n_barcodes,)
        Columns of obs that go along.
    most : int
        Entries in memory at a time.

    Raises
    ------
    UserError
        Values that are no counts, indices outside the matrix.
    """
    targets = {sample: _Target(path, np.flatnonzero(code == sample)) for sample, path in paths.items()}
    with h5py.File(source.path, "r") as file:
        for start, part in blocks(source, file[source.node], most):
            for target in targets.values():
                target.take(start, part, source.by_barcode)
    for target in targets.values():
        target.close(source, {name: values[target.rows] for name, values in columns.items()})


def blocks(
    source: Source, node: h5py.Group | h5py.Dataset, most: int
) -> Iterator[tuple[int, sp.csr_matrix | sp.csc_matrix]]:
    """Parts of the matrix along its stored axis, and where each begins."""
    if isinstance(node, h5py.Dataset):
        check_claim(node)
        step = max(1, most // max(1, node.shape[1]))
        for start in range(0, node.shape[0], step):
            values = node[start : start + step]
            check_values(source, value_problem(values))
            yield start, sp.csr_matrix(values.astype(np.int32))
        return
    pointers = whole(node["indptr"]).astype(np.int64)
    if (np.diff(pointers) < 0).any():
        raise UserError(f"{source.path}: index pointers go backwards (damaged); export the file again")
    width, build = (len(source.symbol), sp.csr_matrix) if source.by_barcode else (len(source.barcodes), sp.csc_matrix)
    start = 0
    while start < len(pointers) - 1:
        end = max(start + 1, int(np.searchsorted(pointers, pointers[start] + most, side="right")) - 1)
        first, last = int(pointers[start]), int(pointers[end])
        values, indices = node["data"][first:last], node["indices"][first:last].astype(np.int64)
        check_values(source, value_problem(values))
        check_indices(source, indices)
        shape = (end - start, width) if source.by_barcode else (width, end - start)
        yield start, build((values.astype(np.int32), indices, pointers[start : end + 1] - first), shape=shape)
        start = end


class _Target:
    """The file of one sample, written part by part along the stored axis of the whole."""

    def __init__(self, path: Path, rows: npt.NDArray[np.intp]) -> None:
        self.rows, self.lengths = rows, list[npt.NDArray[np.int64]]()
        self.file = h5py.File(path, "w", rdcc_nbytes=0)
        self.matrix = self.file.create_group("X")
        for name in ("data", "indices"):
            self.matrix.create_dataset(
                name, (0,), np.int32, maxshape=(None,), chunks=(CHUNK,), compression="lzf", shuffle=True
            )

    def take(self, start: int, part: sp.csr_matrix | sp.csc_matrix, by_barcode: bool) -> None:
        """Add this sample's entries of a part that begins at ``start``."""
        if by_barcode:
            first, last = np.searchsorted(self.rows, [start, start + part.shape[0]])
            part = part[self.rows[first:last] - start]
        else:
            part = part[self.rows]
        self.lengths.append(np.diff(part.indptr).astype(np.int64))
        for name, values in (("data", part.data), ("indices", part.indices)):
            node = self.matrix[name]
            size = node.shape[0]
            node.resize((size + len(values),))
            node[size:] = values.astype(np.int32)

    def close(self, source: Source, columns: dict[str, Texts]) -> None:
        """Write names and what else makes it an h5ad."""
        from anndata.io import write_elem

        kind = "csr_matrix" if source.by_barcode else "csc_matrix"
        self.matrix["indptr"] = np.concatenate([np.zeros(1, np.int64), np.concatenate(self.lengths)]).cumsum()
        shape = (len(self.rows), len(source.symbol))
        self.matrix.attrs.update({"encoding-type": kind, "encoding-version": "0.1.0", "shape": np.array(shape)})
        var = {"gene_ids": source.gene_id}
        var |= {"feature_types": source.feature_type} if (source.feature_type != "").any() else {}
        var |= {"genome": source.genome} if source.genome is not None else {}
        self.file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        if source.chemistry:
            write_elem(self.file, "uns", {"chemistry": source.chemistry})
        write_elem(self.file, "obs", pd.DataFrame(columns, index=pd.Index(source.barcodes[self.rows], dtype=object)))
        write_elem(self.file, "var", pd.DataFrame(var, index=pd.Index(source.symbol, dtype=object)))
        self.file.close()
