"""Cells and empty droplets of one sample."""

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from compartments.core.errors import SampleSkipped, UserError
from compartments.core.vocabulary import WITHOUT_EMPTIES


def split_droplets(droplets: AnnData, calls: pd.DataFrame) -> tuple[AnnData, sp.csr_matrix | None]:
    """Cells and empty droplets of one sample.

    Parameters
    ----------
    droplets : AnnData
        All barcodes, counts in ``X`` (CSR); see the contracts.
    calls : DataFrame
        Columns ``barcode`` and ``is_cell``; ``source`` where the cells were called here.

    Returns
    -------
    cells : AnnData
        The called cells in the order of ``droplets``; no ``X``, ``layers['counts']`` int32 CSR.
    empties : csr_matrix or None
        Barcodes not called, (empty droplets x genes); None when the sample came without them, or when they were too few
        to call cells by (then the other barcodes may well be cells).

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
    cells = AnnData(
        obs=pd.DataFrame(index=droplets.obs_names[is_cell]),
        var=droplets.var[["gene_id"]].copy(),
        layers={"counts": sp.csr_matrix(matrix[is_cell], dtype=np.int32)},
        uns={"sample": str(droplets.uns["sample"]), "chemistry": str(droplets.uns.get("chemistry", ""))},
    )
    judged = "source" not in calls or not calls["source"].isin(WITHOUT_EMPTIES).any()
    empties = matrix[~is_cell] if droplets.uns["kind"] == "raw" and judged else None
    return cells, empties
