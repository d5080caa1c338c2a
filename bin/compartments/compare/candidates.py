"""Which edges a question can test, and why others not."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compartments.compare.pair_scores import Scores
from compartments.study.terms import Term

NEEDED_SAMPLES = 2  # in which both partners are expressed, of some arm and compartment
NOT_LISTED, NOT_NAMED = "not_listed", "not_named"
PARTNERS = {"ligand": "source", "receptor": "target"}


@dataclass(frozen=True)
class Candidates:
    """Edges that are expressed in enough samples of some arm and compartment; arrays of the shape (edges,).

    Attributes
    ----------
    source, target, pair : int arrays
        Positions in ``Scores.lineages`` and ``Scores.pairs``.
    status : array of str
        ``tested``, ``ambient``, ``not_listed`` (files of some samples of the term do not list a gene of the pair),
        ``not_named`` (only one of the models of the two compartments can name a lineage),
        ``absent_in_<condition>`` (several joined by commas), where groups of donors or compartments are compared
        ``absent_in_<group>`` or ``absent_in_<compartment>``.
    ambient : dict of str to float array
        By role: largest share of the counts of the ligand in the source (receptor in the target) that was removed as
        ambient in an arm and compartment where the edge counts as expressed.
    """

    source: npt.NDArray[np.intp]
    target: npt.NDArray[np.intp]
    pair: npt.NDArray[np.intp]
    status: npt.NDArray[np.object_]
    ambient: dict[str, npt.NDArray[np.float32]]

    def tested(self) -> npt.NDArray[np.intp]:
        """Positions of the edges that are tested."""
        return np.flatnonzero(self.status == "tested")

    def edges(self, chosen: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.intp], ...]:
        """``source, target, pair`` of some of them."""
        return self.source[chosen], self.target[chosen], self.pair[chosen]


def find_candidates(scores: Scores, term: Term, ambient_share_max: float) -> Candidates:
    """Which edges a term can test, and why others not.

    Parameters
    ----------
    scores : Scores
    term : Term
        Units of other conditions than the two compared do not count.
    ambient_share_max : float

    Returns
    -------
    Candidates

    Notes
    -----
    Ambient: a share above the allowed one. Absent: the source or the target lacks cells in more than half of the arm's
    units, so that depletion itself explains the edge; where donors are their own controls, in the samples of a
    condition of more than half of the donors.
    """
    n_lineages, n_pairs = len(scores.lineages), len(scores.pairs)
    shape = (n_lineages, n_lineages, n_pairs)
    candidate = np.zeros(shape, bool)
    ambient = {role: np.zeros(shape, np.float32) for role in PARTNERS}
    absent = {}
    for condition, (side, parts) in term.sides().items():
        for rows in scores.rows(side, parts):
            expressed = _expressed(scores, rows)
            candidate |= expressed
            for role, highest in ambient.items():
                share = _ambient_share(scores, rows, role)
                np.maximum(highest, share[:, None] if role == "ligand" else share[None], out=highest, where=expressed)
        lacking = ~scores.having(side, parts)
        missing = lacking[:, :, None] | lacking[:, None, :]
        absent[condition] = missing.mean(0) > 0.5 if len(side.units) else np.ones(shape[:2], bool)
    s, t, p = np.nonzero(candidate)
    ambient = {role: highest[s, t, p] for role, highest in ambient.items()}
    high = np.maximum(*ambient.values()) > ambient_share_max
    status = np.where(high, "ambient", "tested").astype(object)
    lost = [np.where(absent[c][s, t], f"absent_in_{c}", "") for c in absent]
    words = np.array([",".join(filter(None, pair)) for pair in zip(*lost, strict=True)], object)
    status = np.where(words != "", words, status)
    status[~scores.comparable(term.every)[p]] = NOT_LISTED
    named = scores.named(term)
    status[~(named[s] & named[t])] = NOT_NAMED
    return Candidates(s, t, p, status, ambient)


def _expressed(scores: Scores, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Edges whose partners are both expressed in enough of the samples at ``rows``: (source, target, pair)."""
    n_samples = np.zeros((len(scores.lineages), len(scores.lineages), len(scores.pairs)), np.int16)
    for row in rows:
        n_samples += scores.expresses_ligand[row][:, None] & scores.expresses_receptor[row][None]
    return n_samples >= min(NEEDED_SAMPLES, max(len(rows), 1))


def _ambient_share(scores: Scores, rows: npt.NDArray[np.intp], role: str) -> npt.NDArray[np.float32]:
    """Share of a partner's counts in the samples at ``rows`` that was ambient, of its worst subunit."""
    total = getattr(scores, f"counts_{role}")[rows].sum(0)
    removed = getattr(scores, f"ambient_{role}")[rows].sum(0)
    return (removed / np.maximum(total, 1)).max(-1)
