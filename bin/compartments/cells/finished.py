"""Cells as a finished CellBender output has them."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from compartments.cells.removal import set_corrected
from compartments.cells.soup import Soup, soup_or_reason
from compartments.cells.split import split_droplets
from compartments.core.errors import SampleSkipped, UserError
from compartments.counts.reading import read_counts


def import_cellbender(droplets: AnnData, output: str | Path | None = None) -> tuple[AnnData, Soup | None, str | None]:
    """Cells as CellBender called and corrected them.

    Parameters
    ----------
    droplets : AnnData
        With ``output`` absent, its ``layers['corrected']`` and ``obs['is_cell']`` are those of a finished output.
    output : str or Path, optional
        CellBender's h5 of these very droplets.

    Returns
    -------
    cells : AnnData
        As :func:`remove_ambient` leaves them.
    soup : Soup or None
    reason : str or None
        What could not be had.

    Raises
    ------
    UserError
        If the output does not belong to these droplets.
    SampleSkipped
        If CellBender found no cell.
    """
    if output is not None:
        corrected, positions = _read_output(output, droplets)
    elif "corrected" in droplets.layers:
        positions = np.flatnonzero(droplets.obs["is_cell"])
        corrected = sp.csr_matrix(droplets.layers["corrected"])[positions]
    else:
        raise UserError(f"sample '{droplets.uns['sample']}' has no CellBender output: give it with --cellbender")
    if not len(positions):
        raise SampleSkipped("CellBender found no cell")
    calls = pd.DataFrame({"barcode": droplets.obs_names[positions], "is_cell": True})
    cells, empties = split_droplets(droplets, calls)
    corrected = sp.csr_matrix(corrected, dtype=np.int32)
    corrected.eliminate_zeros()
    if (corrected > cells.layers["counts"]).nnz:
        raise UserError(
            f"sample '{droplets.uns['sample']}': CellBender's counts exceed the raw counts: give the raw matrix "
            "it was run on"
        )
    soup, reason = soup_or_reason(empties)
    if droplets.uns.get("counts_are_corrected", False):
        reason = "only CellBender's output was given: what it removed is not known"
    set_corrected(cells, corrected, soup, "cellbender")
    return cells, soup, reason


def _read_output(output: str | Path, droplets: AnnData) -> tuple[sp.csr_matrix, npt.NDArray[np.intp]]:
    """Corrected counts of CellBender's cells, and their positions in ``droplets``, whose order they have."""
    counts = read_counts(output)
    called = counts.source.cells()
    positions = droplets.obs_names.get_indexer(counts.barcodes[called])
    if (positions < 0).any() or not np.array_equal(counts.symbol, droplets.var_names):
        raise UserError(
            f"{output}: its barcodes or genes are not those of sample '{droplets.uns['sample']}': give "
            "CellBender's output of this sample"
        )
    order = np.argsort(positions)
    return counts.matrix[called][order], positions[order]
