"""Some cells of a file that is not read whole."""

import h5py
import numpy as np
import scipy.sparse as sp

from compartments.counts.folders import entries
from compartments.counts.opening import READ_ERRORS, unreadable
from compartments.counts.source import Source
from compartments.counts.values import check_indices

MOST = 600  # cells
MIN_GENES = 300  # of a cell
ENTRIES = 2_000_000  # of an mtx, its first ones


def few_cells(source: Source) -> sp.csr_matrix:
    """Counts of up to ``MOST`` cells from all over the file, shape (cells, genes that are kept).

    None where the file has its values by gene. A damaged file raises :class:`UserError`.
    """
    try:
        return sp.csr_matrix(_cells(source)[:, np.flatnonzero(source.keep)])
    except READ_ERRORS as error:
        raise unreadable(source.path, error) from None


def _cells(source: Source) -> sp.csr_matrix:
    width = len(source.symbol)
    if source.format == "10x mtx":
        barcodes, genes, values = next(entries(source, ENTRIES), (np.zeros(0, int),) * 3)
        first = sp.coo_matrix((values, (barcodes, genes)), shape=(len(source.barcodes), width)).tocsr()
        return first[_chosen(np.diff(first.indptr))]
    with h5py.File(source.path, "r") as file:
        node = file[source.node]
        if isinstance(node, h5py.Dataset):
            step = max(1, node.shape[0] // MOST)
            rows = sp.csr_matrix(np.stack([node[n] for n in range(0, node.shape[0], step)][:MOST]).astype(np.float32))
            return rows[_chosen(np.diff(rows.indptr))]
        if not source.by_barcode:
            return sp.csr_matrix((0, width), dtype=np.int64)
        pointers = node["indptr"][:].astype(np.int64)
        parts = [slice(*pointers[n : n + 2]) for n in _chosen(np.diff(pointers))]
        values, genes = (
            np.concatenate([node[name][part] for part in parts] or [np.zeros(0, np.int64)])
            for name in ("data", "indices")
        )
    check_indices(source, genes)
    ends = np.cumsum([0, *(part.stop - part.start for part in parts)])
    return sp.csr_matrix((values.astype(np.float32), genes, ends), shape=(len(parts), width))


def _chosen(genes: np.ndarray) -> np.ndarray:
    """Positions of cells by their numbers of genes, evenly over the file."""
    cells = np.flatnonzero(genes >= MIN_GENES)
    return cells[np.linspace(0, len(cells) - 1, min(MOST, len(cells))).astype(int)]
