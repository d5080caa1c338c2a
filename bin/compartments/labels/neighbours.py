"""Cells that model and markers leave unnamed, named after the cells around them in their own sample."""

import numpy as np
import pandas as pd
from scipy import sparse

from compartments.cells.clusters import cell_space
from compartments.core.vocabulary import UNASSIGNED

N_NEIGHBOURS = 9
SEED = 0  # of the start of a singular value decomposition
# few cells among many: a vote would end them; what the model guesses of them is kept or left open
PROTECTED = ("pDC", "Plasma", "Mast_Baso", "cDC1", "HSPC", "T_cycling")


def borrow_lineages(labels: pd.DataFrame, counts: sparse.csr_matrix) -> None:
    """Give unassigned cells the lineage that most of the named cells around them have, in place.

    Parameters
    ----------
    labels : DataFrame, one row per cell of one sample
        From :func:`annotation.annotate`; changed are ``lineage, lineage_broad, display_label, confidence`` (to
        ``neighbours``).
    counts : CSR matrix, shape (cells, genes)

    Notes
    -----
    Only cells that the model is sure of (confidence ``high``) have a vote, and more than half of the ``N_NEIGHBOURS``
    nearest in :func:`cells.clusters.cell_space` must agree. Neighbours come from the sample alone: its labels do not
    depend on who else is in the run. A cell that the model's best guess makes one of ``PROTECTED`` stays as it is.
    """
    from sklearn.neighbors import NearestNeighbors

    sure = np.flatnonzero(labels["confidence"] == "high")
    # cycling cells lie together whatever their lineage
    protected = labels["model_lineage"].isin(PROTECTED) | labels["celltypist_label"].str.contains("ycling")
    asked = np.flatnonzero((labels["lineage"] == UNASSIGNED) & ~protected)
    if len(sure) < N_NEIGHBOURS or not len(asked):
        return
    space = cell_space(counts, SEED)
    nearest = NearestNeighbors(n_neighbors=N_NEIGHBOURS).fit(space[sure]).kneighbors(space[asked])[1]
    lineages, code = np.unique(labels["lineage"].to_numpy(str)[sure], return_inverse=True)
    votes = (code[nearest][:, :, None] == np.arange(len(lineages))).sum(axis=1)
    won = votes.max(axis=1) > N_NEIGHBOURS / 2
    named, winner = asked[won], lineages[votes.argmax(axis=1)[won]]
    broad = dict(zip(labels["lineage"].iloc[sure], labels["lineage_broad"].iloc[sure], strict=True))
    labels.loc[named, ["lineage", "display_label"]] = np.column_stack([winner, winner]).astype(object)
    labels.loc[named, "lineage_broad"] = [broad[name] for name in winner]
    labels.loc[named, "confidence"] = "neighbours"
