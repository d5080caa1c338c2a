"""``droplets.h5ad`` read back without anndata, which costs seconds to import."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from compartments.counts.hdf5 import csr_of, row_names, text_of
from compartments.counts.source import Texts


@dataclass
class Droplets:
    """Droplets of one sample.

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
    matrix: sp.csr_matrix
    barcodes: Texts
    totals: npt.NDArray[np.int64]
    is_cell: npt.NDArray[np.bool_] | None


def read_droplets(path: str | Path) -> Droplets:
    """Read ``droplets.h5ad``."""
    with h5py.File(path, "r") as file:
        matrix = csr_of(file["X"])
        is_cell = file["obs/is_cell"][:].astype(bool) if "is_cell" in file["obs"] else None
        sample, kind, cell_source = (text_of(file["uns"][key][()]) for key in ("sample", "kind", "cell_source"))
        totals = np.asarray(matrix.sum(1, dtype=np.int64)).ravel()
        return Droplets(sample, kind, cell_source, matrix, row_names(file["obs"]), totals, is_cell)
