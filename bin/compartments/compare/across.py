"""Ligands of one compartment with receptors of cells in another: hypotheses, not findings."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.compare.candidates import NEEDED_SAMPLES
from compartments.compare.engine import ARMS, Measured, compare
from compartments.compare.pair_scores import Scores
from compartments.core.left_out import LeftOut
from compartments.core.vocabulary import LN2
from compartments.study.study import COMPARTMENTS, Study
from compartments.study.terms import Part, Term, terms_of

COLUMNS = [
    *["group", "contrast", "ligand_compartment", "receptor_compartment", "source", "target", "ligand", "receptor"],
    *["mean_condition", "mean_reference", "log2fc", "se", "df", "ci_low", "ci_high", *ARMS],
]


Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Direction:
    """From the ligands of one compartment to the receptors of another: parts of both for each condition, names.

    Attributes
    ----------
    pairs : list of (Part, Part)
        Of one condition each: where the ligand is, where the receptor is.
    weights : list of float
        Of the conditions.
    compartments : tuple of str
    """

    pairs: list[tuple[Part, Part]]
    weights: list[float]
    compartments: tuple[str, str]

    @classmethod
    def both(cls, term: Term) -> "list[Direction]":
        """From the compartment of a term to the reference, and back."""
        own = [part for part in term.parts if part.compartment == term.compartment]
        base = [part for part in term.parts if part.compartment != term.compartment]
        names, weights = (term.compartment, base[0].compartment), [part.weight for part in own]
        return [
            cls(list(zip(own, base, strict=True)), weights, names),
            cls(list(zip(base, own, strict=True)), weights, names[::-1]),
        ]

    def rows(self, scores: Scores, term: Term) -> list[list[npt.NDArray[np.intp]]]:
        """Positions of the sending and the receiving sample of each unit, condition by condition."""
        return [scores.rows(term, pair) for pair in self.pairs]


def cross_compartments(
    study: Study,
    scores: Scores,
    groups: Mapping[str, npt.NDArray[np.bool_]],
    left_out: LeftOut,
    min_donors: int = 2,
) -> pd.DataFrame:
    """Ligands of one compartment with receptors of cells in another: hypotheses, not findings.

    Parameters
    ----------
    study : Study
    scores : Scores
    groups : dict of str to bool array, shape (pairs of the resource,)
        Only their pairs are looked at (migration).
    left_out : LeftOut
        Gets the contrasts that no condition changes in.
    min_donors : int
        A receiving lineage traffics if so many donors have it in both compartments.

    Returns
    -------
    DataFrame
        ``group, contrast, ligand_compartment, receptor_compartment, source, target, ligand, receptor, mean_condition,
        mean_reference`` (log2 of the edge score; of its change, where groups of donors are compared in it), ``log2fc,
        se, df, ci_low, ci_high, n_condition, n_reference, tier``.
        ``tier`` is ``hypothesis_generating`` and there is no p-value: cells of two compartments were never seen side by
        side, and the two scores of a row come from different samples of a donor.
    """
    tables = []
    for term in terms_of(study, scores.samples):
        if not term.across:
            continue
        if term.kind == COMPARTMENTS:
            reason = "pairs across compartments are compared between conditions, and all samples have one"
            left_out.add(reason, contrast=term.contrast.contrast)
            continue
        donors = term.units["donor"].to_numpy(object)
        traffics = np.array([len(set(donors[there])) >= min_donors for there in scores.having(term).T], bool)
        for direction in Direction.both(term):
            for group, members in groups.items():
                inside = np.asarray(members)[scores.pairs.index] & scores.comparable(term)
                tables.append(_cross(scores, term, direction, traffics, inside).assign(group=group))
    return pd.concat(tables, ignore_index=True)[COLUMNS] if tables else pd.DataFrame(columns=COLUMNS)


def _cross(
    scores: Scores,
    term: Term,
    direction: Direction,
    traffics: npt.NDArray[np.bool_],
    inside: npt.NDArray[np.bool_],
) -> pd.DataFrame:
    """Rows of one term, direction and group of pairs, with receivers that traffic."""
    rows, n_units = direction.rows(scores, term), len(term.units)
    having = np.logical_and.reduce([scores.valid[a][:, :, None] & scores.valid[b][:, None, :] for a, b in rows])
    testable = np.logical_and.reduce([having[term.has(arm)].any(0) for arm in term.arms]) & traffics[None, :]
    expressed = _expressing(scores, rows, inside) >= min(NEEDED_SAMPLES, max(n_units, 1))
    s, t, p = np.nonzero(expressed & testable[..., None])
    # rows with the same donors stand together
    order = np.lexsort(having[:, s, t][::-1]) if n_units else slice(None)
    s, t, p = s[order], t[order], np.flatnonzero(inside)[p][order]
    of_conditions = [(scores.ligand[a][:, s, p] + scores.receptor[b][:, t, p]) / 2 for a, b in rows]
    variances = [(scores.v_ligand[a][:, s, p] + scores.v_receptor[b][:, t, p]) / 4 for a, b in rows]
    weights = np.array(direction.weights)
    z = np.tensordot(weights, np.array(of_conditions), axes=1)
    v = np.tensordot(weights**2, np.array(variances), axes=1)
    counted = having[:, s, t]
    effects = compare(term, Measured(pd.RangeIndex(len(s)), np.where(counted, z, np.nan), v, LN2)).effects
    means = _means(term, direction, z, of_conditions, counted)
    return pd.concat([scores.edge_keys(s, t, p), effects.rename(columns={"estimate": "log2fc"})], axis=1).assign(
        contrast=term.contrast.contrast,
        ligand_compartment=direction.compartments[0],
        receptor_compartment=direction.compartments[1],
        mean_condition=means[0],
        mean_reference=means[1],
        tier="hypothesis_generating",
    )


def _expressing(
    scores: Scores, rows: list[list[npt.NDArray[np.intp]]], inside: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int16]:
    """Units that express the ligand in the source and the receptor in the target, with some condition."""
    n_lineages = len(scores.lineages)
    number = np.zeros((n_lineages, n_lineages, inside.sum()), np.int16)
    for unit in zip(*(zip(*pair, strict=True) for pair in rows), strict=True):
        number += np.logical_or.reduce(
            [
                scores.expresses_ligand[a][:, None, inside] & scores.expresses_receptor[b][None, :, inside]
                for a, b in unit
            ]
        )
    return number


def _means(
    term: Term, direction: Direction, z: Array, of_conditions: list[Array], counted: npt.NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Mean scores of the arms; of one arm with the condition and with the reference; log2."""
    if term.one_arm:
        named = [own.condition for own, _ in direction.pairs]
        sides = [(of_conditions[named.index(name)], counted) for name in term.contrast[1:3]]
    else:
        sides = [(z[term.has(arm)], counted[term.has(arm)]) for arm in term.arms]
    first, second = (np.where(there, value, 0).sum(0) / np.maximum(there.sum(0), 1) / LN2 for value, there in sides)
    return first, second
