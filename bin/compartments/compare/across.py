"""Ligands of one compartment with receptors of cells in another: hypotheses, not findings."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.compare.candidates import NEEDED_SAMPLES
from compartments.compare.engine import ARMS, Measured, compare
from compartments.compare.pair_scores import Scores
from compartments.core.vocabulary import LN2
from compartments.study.study import Study
from compartments.study.terms import Term, terms_of

COLUMNS = [
    *["group", "contrast", "ligand_compartment", "receptor_compartment", "source", "target", "ligand", "receptor"],
    *["mean_condition", "mean_reference", "log2fc", "se", "df", "ci_low", "ci_high", *ARMS],
]


@dataclass(frozen=True)
class Direction:
    """From the ligands of one compartment to the receptors of another: positions of samples, names, lineages."""

    sending: npt.NDArray[np.intp]
    receiving: npt.NDArray[np.intp]
    compartments: tuple[str, str]
    traffics: npt.NDArray[np.bool_]


def cross_compartments(
    study: Study, scores: Scores, groups: Mapping[str, npt.NDArray[np.bool_]], min_donors: int = 2
) -> pd.DataFrame:
    """Ligands of one compartment with receptors of cells in another: hypotheses, not findings.

    Parameters
    ----------
    study : Study
    scores : Scores
    groups : dict of str to bool array, shape (pairs of the resource,)
        Only their pairs are looked at (migration).
    min_donors : int
        A receiving lineage traffics if so many donors have it in both compartments.

    Returns
    -------
    DataFrame
        ``group, contrast, ligand_compartment, receptor_compartment, source, target, ligand, receptor, mean_condition,
        mean_reference`` (log2 of the edge score), ``log2fc, se, df, ci_low, ci_high, n_condition, n_reference, tier``.
        ``tier`` is ``hypothesis_generating`` and there is no p-value: cells of two compartments were never seen side by
        side, and the two scores of a row come from different samples of a donor.
    """
    tables = []
    for term in terms_of(study, scores.samples):
        if not term.across or len(term.parts) > 2 or term.repeated:
            continue
        first, second = scores.rows(term)
        names = (term.compartment, study.reference_compartment)
        traffics = scores.having(term).sum(0) >= min_donors
        for direction in (
            Direction(first, second, names, traffics),
            Direction(second, first, names[::-1], traffics),
        ):
            for group, members in groups.items():
                inside = np.asarray(members)[scores.pairs.index]
                tables.append(_cross(scores, term, direction, inside).assign(group=group))
    return pd.concat(tables, ignore_index=True)[COLUMNS] if tables else pd.DataFrame(columns=COLUMNS)


def _cross(scores: Scores, term: Term, direction: Direction, inside: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Rows of one term, direction and group of pairs."""
    sending, receiving = direction.sending, direction.receiving
    n_units, n_lineages = len(term.units), len(scores.lineages)
    expressed = np.zeros((n_lineages, n_lineages, inside.sum()), np.int16)
    for a, b in zip(sending, receiving, strict=True):
        expressed += scores.expresses_ligand[a][:, None, inside] & scores.expresses_receptor[b][None, :, inside]
    having = scores.valid[sending][:, :, None] & scores.valid[receiving][:, None, :]
    arms = [term.has(arm) for arm in term.arms]
    testable = np.logical_and.reduce([having[arm].any(0) for arm in arms]) & direction.traffics[None, :]
    s, t, p = np.nonzero((expressed >= min(NEEDED_SAMPLES, max(n_units, 1))) & testable[..., None])
    # rows with the same donors stand together
    order = np.lexsort(having[:, s, t][::-1]) if n_units else slice(None)
    s, t, p = s[order], t[order], np.flatnonzero(inside)[p][order]
    z = (scores.ligand[sending][:, s, p] + scores.receptor[receiving][:, t, p]) / 2
    v = (scores.v_ligand[sending][:, s, p] + scores.v_receptor[receiving][:, t, p]) / 4
    z[~having[:, s, t]] = np.nan
    effects = compare(term, Measured(pd.RangeIndex(len(s)), z, v, LN2)).effects
    means = [np.nanmean(z[arm], axis=0) / LN2 if len(s) else np.empty(0) for arm in arms]
    return pd.concat([scores.edge_keys(s, t, p), effects.rename(columns={"estimate": "log2fc"})], axis=1).assign(
        contrast=term.contrast.contrast,
        ligand_compartment=direction.compartments[0],
        receptor_compartment=direction.compartments[1],
        mean_condition=means[0],
        mean_reference=means[1],
        tier="hypothesis_generating",
    )
