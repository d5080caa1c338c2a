"""Cells that the model is unsure of, or leaves unnamed, by the cells around them in their own sample."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from scipy.special import softmax

from compartments.cells.clusters import cell_space
from compartments.core.vocabulary import UNASSIGNED

N_NEIGHBOURS = 9
SEED = 0  # of the start of a singular value decomposition
# few cells among many: a vote would end them; what the model guesses of them is kept or left open
PROTECTED = ("pDC", "Plasma", "Mast_Baso", "cDC1", "HSPC", "T_cycling")
ROUNDS, SETTLED = 50, 1e-3  # at most so many rounds, until no probability moves further

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Surroundings:
    """What lies around the cells of one sample: its labels do not depend on who else is in the run.

    Attributes
    ----------
    counts : CSR matrix, shape (cells, genes)
    """

    counts: sparse.csr_matrix

    @cached_property
    def space(self) -> Floats:
        """Coordinates of the cells, made when first asked for."""
        return cell_space(self.counts, SEED)

    def nearest(self, asked: npt.NDArray[np.intp], among: npt.NDArray[np.intp], k: int) -> npt.NDArray[np.intp]:
        """Positions in ``among`` of the ``k`` cells that are nearest to each cell ``asked``, shape (asked, k)."""
        from sklearn.neighbors import NearestNeighbors

        found = NearestNeighbors(n_neighbors=k).fit(self.space[among])
        return np.asarray(found.kneighbors(self.space[asked], return_distance=False))


def neighbours_prior(
    log_probability: Floats,
    settled: npt.NDArray[np.bool_],
    marked: npt.NDArray[np.intp],
    around: Surroundings,
    overlap: float,
) -> Floats:
    """What the cells around a cell and its own markers say of its lineage, for cells that are not settled.

    Parameters
    ----------
    log_probability : array, shape (cells, states)
        Of the model alone; rows of probabilities sum to 1.
    settled : bool array, shape (cells,)
        Cells that keep their probabilities: they speak, and are not asked.
    marked : int array, shape (cells,)
        State that the markers name; -1 for none.
    around : Surroundings
    overlap : float
        Share of the model's genes that the data have.

    Returns
    -------
    array, shape (cells, states)
        Log prior to add to ``log_probability``; 0 for settled cells, and everywhere if the sample has too few cells.

    Notes
    -----
    A Potts model on the graph of the ``N_NEIGHBOURS`` nearest cells in :func:`cells.clusters.cell_space`, by mean
    field (Zhang 1992, IEEE Trans Signal Process 40:2570): the prior is the mean probability of the neighbours, and the
    posterior becomes their neighbours' prior, until nothing moves. A neighbour that is not settled itself counts
    1 - ``overlap``: where the data lack the model's genes its scores shrink in all cells alike, and what one cell lacks
    comes from many; where the genes are there, a cell is unsure for reasons of its own (few transcripts, two cells),
    and many such cells do not make each other sure. Markers that name a lineage weigh as much as all
    neighbours together. One more vote that says nothing bounds the rest: with 14 states unanimous neighbours shift the
    odds 127-fold, not without end.
    """
    prior, counts = np.zeros_like(log_probability), around.counts
    asked = np.flatnonzero(~settled)
    if len(prior) <= N_NEIGHBOURS or counts.shape[1] < 2 or not counts.nnz or not len(asked):
        return prior
    nearest = around.nearest(asked, np.arange(len(prior)), N_NEIGHBOURS + 1)
    itself = nearest == asked[:, None]
    itself[~itself.any(axis=1), -1] = True  # copies of a cell may stand before it
    nearest = nearest[~itself].reshape(len(asked), N_NEIGHBOURS)
    weight = np.where(settled, 1.0, 1.0 - overlap)[:, None]
    belief, votes = (
        np.exp(log_probability),
        np.full((len(asked), log_probability.shape[1]), 1 / log_probability.shape[1]),
    )
    named = marked[asked] >= 0
    votes[named, marked[asked][named]] += N_NEIGHBOURS
    for _ in range(ROUNDS):
        total = (weight * belief)[nearest].sum(axis=1) + votes
        prior[asked] = np.log(total / total.sum(axis=1, keepdims=True))
        new = softmax(log_probability[asked] + prior[asked], axis=1)
        moved = np.abs(new - belief[asked]).max()
        belief[asked] = new
        if moved < SETTLED:
            break
    return prior


def is_protected(lineage: pd.Series, label: npt.NDArray[np.str_]) -> npt.NDArray[np.bool_]:
    """Whether cells are of a type that a vote would end; cycling cells lie together whatever their lineage."""
    return (lineage.isin(PROTECTED) | pd.Series(label, index=lineage.index).str.contains("ycling")).to_numpy(bool)


def borrow_lineages(labels: pd.DataFrame, around: Surroundings) -> None:
    """Give unassigned cells the lineage that most of the named cells around them have, in place.

    Parameters
    ----------
    labels : DataFrame, one row per cell of one sample
        From :func:`annotation.annotate`; changed are ``lineage, lineage_broad, display_label, confidence`` (to
        ``neighbours``).
    around : Surroundings

    Notes
    -----
    Only cells that the model is sure of (confidence ``high``) have a vote, and more than half of the ``N_NEIGHBOURS``
    nearest in :func:`cells.clusters.cell_space` must agree. A cell that the model's best guess makes one of
    ``PROTECTED`` stays as it is.
    """
    sure = np.flatnonzero(labels["confidence"] == "high")
    protected = is_protected(labels["model_lineage"], labels["celltypist_label"].to_numpy(str))
    asked = np.flatnonzero((labels["lineage"] == UNASSIGNED) & ~protected)
    if len(sure) < N_NEIGHBOURS or not len(asked):
        return
    nearest = around.nearest(asked, sure, N_NEIGHBOURS)
    lineages, code = np.unique(labels["lineage"].to_numpy(str)[sure], return_inverse=True)
    votes = (code[nearest][:, :, None] == np.arange(len(lineages))).sum(axis=1)
    won = votes.max(axis=1) > N_NEIGHBOURS / 2
    named, winner = asked[won], lineages[votes.argmax(axis=1)[won]]
    broad = dict(zip(labels["lineage"].iloc[sure], labels["lineage_broad"].iloc[sure], strict=True))
    labels.loc[named, ["lineage", "display_label"]] = np.column_stack([winner, winner]).astype(object)
    labels.loc[named, "lineage_broad"] = [broad[name] for name in winner]
    labels.loc[named, "confidence"] = "neighbours"
