"""Cells as a finished CellBender output has them."""

import numpy as np
import pandas as pd
import scipy.sparse as sp

from compartments.cells.removal import set_corrected
from compartments.cells.soup import soup_or_reason
from compartments.cells.split import split_droplets
from compartments.core.errors import SampleSkipped, UserError


def import_cellbender(droplets, output=None):
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
        from compartments.counts import assembly, reading

        counts = reading.read_counts(output)
        found = counts.source.latents["cell_probability"] > assembly.CELL_PROBABILITY
        where = droplets.obs_names.get_indexer(counts.barcodes[found])
        if (where < 0).any() or not np.array_equal(counts.symbol, droplets.var_names):
            raise UserError(
                f"{output}: its barcodes or genes are not those of sample '{droplets.uns['sample']}': give "
                "CellBender's output of this sample"
            )
        order = np.argsort(where)
        corrected, where = counts.matrix[found][order], where[order]
    elif "corrected" in droplets.layers:
        where = np.flatnonzero(droplets.obs["is_cell"])
        corrected = sp.csr_matrix(droplets.layers["corrected"])[where]
    else:
        raise UserError(f"sample '{droplets.uns['sample']}' has no CellBender output: give it with --cellbender")
    if not len(where):
        raise SampleSkipped("CellBender found no cell")
    calls = pd.DataFrame({"barcode": droplets.obs_names[where], "is_cell": True})
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
