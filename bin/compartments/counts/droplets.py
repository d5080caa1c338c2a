"""``droplets.h5ad`` read back without anndata, which costs seconds to import."""

from dataclasses import dataclass

import h5py
import numpy as np

from compartments.counts.hdf5 import row_names, text_of


@dataclass
class Droplets:
    """``droplets.h5ad`` read back without anndata (which costs seconds to import).

    Attributes
    ----------
    sample, kind, cell_source : str
    matrix : csr_matrix of int32, shape (n_barcodes, n_genes)
    barcodes : ndarray of str, shape (n_barcodes,)
    totals : ndarray of int64, shape (n_barcodes,)
    is_cell : ndarray of bool or None, shape (n_barcodes,)
    """

    sample: str
    kind: str
    cell_source: str
    matrix: object
    barcodes: np.ndarray
    totals: np.ndarray
    is_cell: np.ndarray | None


def read_droplets(path):
    """Read ``droplets.h5ad``: :class:`Droplets`."""
    import scipy.sparse as sp

    with h5py.File(path, "r") as file:
        group = file["X"]
        parts = (group["data"][:], group["indices"][:], group["indptr"][:])
        matrix = sp.csr_matrix(parts, shape=tuple(group.attrs["shape"]))
        is_cell = file["obs/is_cell"][:].astype(bool) if "is_cell" in file["obs"] else None
        words = (text_of(file["uns"][key][()]) for key in ("sample", "kind", "cell_source"))
        totals = np.asarray(matrix.sum(1, dtype=np.int64)).ravel()
        return Droplets(*words, matrix, row_names(file["obs"]), totals, is_cell)
