"""Cells and empty droplets of one sample."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from compartments.cells.calling import call_cells
from compartments.core.errors import SampleSkipped, UserError
from compartments.core.matrix import totals
from compartments.core.vocabulary import GIVEN_LABEL, WITHOUT_EMPTIES

ITERATIONS = 1000  # draws of soup; limits of totals need no small p-values
CALLED_HERE = ("retained", "emptydrops")  # sources of cells among all droplets


def split_droplets(droplets: AnnData, calls: pd.DataFrame, seed: int = 0) -> tuple[AnnData, sp.csr_matrix | None]:
    """Cells and empty droplets of one sample.

    Parameters
    ----------
    droplets : AnnData
        All barcodes, counts in ``X`` (CSR); see the contracts.
    calls : DataFrame
        Columns ``barcode`` and ``is_cell``; ``source`` where the cells were called here.
    seed : int
        Of :func:`empty_droplets`.

    Returns
    -------
    cells : AnnData
        The called cells in the order of ``droplets``; no ``X``, ``layers['counts']`` int32 CSR.
    empties : csr_matrix or None
        Empty droplets x genes: those not called, where cells were called here, else :func:`empty_droplets`. None when
        the sample came without them, or when they were too few to call cells by (then the other barcodes may well be
        cells).

    Raises
    ------
    UserError
        If a called barcode is not in ``droplets``.
    SampleSkipped
        If no cell was called.
    """
    wanted = pd.Index(calls.loc[calls["is_cell"].astype(bool), "barcode"].astype(str))
    unknown = wanted.difference(droplets.obs_names)
    if len(unknown):
        raise UserError(
            f"sample '{droplets.uns['sample']}': {len(unknown)} called barcodes, '{unknown[0]}' first, are not among "
            "its droplets: give the calls made from this very matrix"
        )
    if not len(wanted):
        raise SampleSkipped("no cell was called")
    is_cell = droplets.obs_names.isin(wanted)
    matrix = sp.csr_matrix(droplets.X)
    # what the counts' file, or the counting of reads, says of single droplets
    said = droplets.obs[droplets.obs.columns.intersection([GIVEN_LABEL, "pct_exonic"])]
    cells = AnnData(
        obs=said[is_cell].copy(),
        var=droplets.var[["gene_id"]].copy(),
        layers={"counts": sp.csr_matrix(matrix[is_cell], dtype=np.int32)},
        uns={key: str(droplets.uns.get(key, "")) for key in ("sample", "count_warnings", "chemistry")},
    )
    sources = set(calls["source"]) if "source" in calls else set()
    if droplets.uns["kind"] != "raw" or sources & set(WITHOUT_EMPTIES):
        return cells, None
    empty = ~is_cell if sources & set(CALLED_HERE) else empty_droplets(matrix, seed)
    return cells, matrix[empty] if empty.any() else None


def empty_droplets(matrix: sp.csr_matrix, seed: int = 0) -> npt.NDArray[np.bool_]:
    """Droplets that hold nothing but soup, whatever cells were given: at the ambient level, and no cells by their test.

    Barcodes that were not given as cells may be cells all the same, of other samples of a pool or left out by one's own
    quality control. The droplets of one capture are the same for all samples that share it, and so is their soup.

    Parameters
    ----------
    matrix : csr_matrix of int, shape (n_barcodes, n_genes)
        Every barcode.
    seed : int
        Of :func:`~compartments.cells.calling.call_cells`.

    Returns
    -------
    ndarray of bool, shape (n_barcodes,)
        None of them where no barcodes are known to be empty.
    """
    found = call_cells(matrix, n_iterations=ITERATIONS, seed=seed)
    if found.summary["empty_upper"] is None:
        return np.zeros(matrix.shape[0], dtype=bool)
    return ~found.is_cell & (totals(matrix) <= found.summary["empty_upper"])
