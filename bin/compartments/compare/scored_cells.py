"""The cells that ligand-receptor pairs are scored on: those of lineages large enough, and their expression."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.core import matrix
from compartments.core.vocabulary import UNASSIGNED


def log_normalise(counts: Any) -> sparse.csr_matrix:
    """log1p of counts scaled to 10,000 per cell.

    Parameters
    ----------
    counts : array or sparse, shape (cells, genes)

    Returns
    -------
    CSR of float32, without stored zeros. Cells without counts stay zero.
    """
    x = matrix.log_normalise(counts)
    x.eliminate_zeros()
    return x.astype(np.float32)


def testable_cells(lineages: npt.NDArray[Any], min_cells: int) -> tuple[npt.NDArray[np.intp], dict[str, str]]:
    """Cells of lineages with enough cells, and why the others are left out.

    Parameters
    ----------
    lineages : array of str, shape (cells,)
    min_cells : int

    Returns
    -------
    keep : int array
        Positions, ascending.
    reasons : dict of str to str
        Lineage (``unassigned`` among them) to reason.
    """
    lineages = np.asarray(lineages, object)
    counts = pd.Series(lineages).value_counts().sort_index()
    reasons, keep = {}, []
    for lineage, n in counts.items():
        cells = np.flatnonzero(lineages == lineage)
        if lineage == UNASSIGNED:
            reasons[lineage] = f"{n} cells without a lineage: not a cell type"
        elif n < min_cells:
            reasons[lineage] = f"{n} cells, fewer than --min_cells {min_cells}: its edges are missing, not zero"
        else:
            keep.append(cells)
    return np.sort(np.concatenate(keep)) if keep else np.array([], int), reasons
