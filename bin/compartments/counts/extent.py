"""How much a file holds, before it is read: what memory, time and disk are foreseen from."""

import h5py
import numpy as np

from compartments.counts.opening import READ_ERRORS, open_text, unreadable
from compartments.counts.source import Source

MIN_GENES = 200  # of a barcode that counts as a cell here; empty droplets have fewer
GENES = 1000  # of a cell, where a file does not say which values are whose
SOME = 1000  # barcodes of a dense matrix that are looked at


def extent(source: Source) -> dict[str, int]:
    """Barcodes that are likely cells, and their stored values; at most as many as the file has.

    Barcodes with ``MIN_GENES`` values are taken for cells where the file has an index of its barcodes; of other files
    all values count, and a cell for every ``GENES`` of them. No values are read but the first ``SOME`` barcodes of a
    dense matrix.

    Returns
    -------
    dict of str to int
        ``cells`` and ``values``.

    Raises
    ------
    UserError
        If the file cannot be read.
    """
    try:
        if source.format == "10x mtx":
            with open_text(source.path / source.node) as lines:
                size = next((line for line in lines if line.strip() and not line.startswith("%")), "0 0 0")
            return _guessed(source, int(size.split()[2]))
        with h5py.File(source.path, "r") as file:
            node = file[source.node]
            if isinstance(node, h5py.Dataset):
                share = np.count_nonzero(node[:SOME]) / max(node[:SOME].size, 1)
                return _guessed(source, round(share * node.size))
            if not source.by_barcode:
                return _guessed(source, int(node["data"].size))
            values = np.diff(node["indptr"][:].astype(np.int64))
    except READ_ERRORS as error:
        raise unreadable(source.path, error) from None
    cells = values >= MIN_GENES
    return {"cells": int(cells.sum()), "values": int(values[cells].sum())}


def _guessed(source: Source, values: int) -> dict[str, int]:
    return {"cells": min(len(source.barcodes), values // GENES), "values": values}
