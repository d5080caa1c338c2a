"""Groups of pairs: the mean standardised edge score of a sample, compared between donors."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.compare.by_arm import ByArm
from compartments.compare.candidates import find_candidates
from compartments.compare.engine import ARMS, TESTS, Compared, Comparison, compare
from compartments.compare.pair_scores import Scores
from compartments.core.contract import Contract
from compartments.core.left_out import LeftOut
from compartments.core.multiple_testing import benjamini_hochberg
from compartments.core.vocabulary import AMBIENT_SHARE_MAX, LN2
from compartments.study.study import Study
from compartments.study.terms import Term, terms_of

KEYS = ["group", "source", "target", "level", "n_edges"]
LEVELS = ["all", "source", "target", "pair"]


class Side(NamedTuple):
    """The lineages that edges of a row run between; None stands for any."""

    level: str
    source: int | None
    target: int | None

    @property
    def fixed(self) -> list[int]:
        """Lineages that a unit must have."""
        return [lineage for lineage in (self.source, self.target) if lineage is not None]


def sides(n_lineages: int) -> list[Side]:
    """All rows of one group: of all edges, of each source, of each target, of each pair of lineages."""
    every = range(n_lineages)
    found = [Side("all", None, None)]
    found += [Side("source", k, None) for k in every] + [Side("target", None, k) for k in every]
    return found + [Side("pair", k, j) for k in every for j in every]


def compare_groups(
    study: Study,
    scores: Scores,
    groups: Mapping[str, npt.NDArray[np.bool_]],
    left_out: LeftOut,
    ambient_share_max: float = AMBIENT_SHARE_MAX,
) -> Comparison:
    """Test groups of pairs (pathways): the mean standardised edge score of a sample, compared between donors.

    Parameters
    ----------
    study : Study
    scores : Scores
    groups : dict of str to bool array, shape (pairs of the resource,)
    left_out : LeftOut
        Gets groups of which no pair is testable, units without a lineage, and that no lineage is in all others.
    ambient_share_max : float

    Returns
    -------
    Comparison
        Effects: ``group, source, target`` (``all`` where summed over), ``level`` (all, source, target, pair),
        ``contrast, term, compartment, n_edges, estimate`` (units: z-score points) with se, interval, p, BH q (within
        level), and ``log2fc``, the same difference of the mean edge score.

    Notes
    -----
    Edges are standardised over all samples that have them. A row rests on the units that have its source and target,
    and on the edges between lineages that all these units have, so that no score changes by a lineage coming or going.
    All weights are 1: a mean over edges has little sampling variance beside that between donors.
    """
    tables, compared = [], []
    for term in terms_of(study, scores.samples):
        candidates = find_candidates(scores, term, ambient_share_max)
        edges = candidates.edges(candidates.tested())
        of_samples = _standardised(scores, *edges)
        rows: list[Row] = []
        _say_who_shares_none(scores.having(term), term, left_out)
        for group, members in groups.items():
            inside = np.asarray(members)[scores.pairs.index][edges[2]]
            found = list(_rows(scores, term, edges, of_samples, group, inside))
            if not found:
                reason = f"group '{group}', {term.name} {term.compartment}: none of its pairs is testable"
                left_out.add(reason, contrast=term.contrast.contrast)
            rows += found
        if rows:
            table, answer = _compare_rows(term, rows, study.covariates)
            tables.append(table)
            compared.append(answer)
    if not tables:
        return Comparison(pd.DataFrame(columns=Contract.of(left_out.stage).names("interactions/groups.tsv")), compared)
    table = pd.concat(tables, ignore_index=True)
    order = ["contrast", "term", "compartment", "level", "group", "source", "target"]
    table["level"] = pd.Categorical(table["level"], LEVELS)
    return Comparison(table.sort_values(order, kind="stable", ignore_index=True), compared)


def _say_who_shares_none(having: npt.NDArray[np.bool_], term: Term, left_out: LeftOut) -> None:
    """Units without any lineage, and why there is no row of all edges; ``having`` of the units and lineages."""
    place, some = f"groups of pairs, {term.name} {term.compartment}", having.any(1)
    if lost := (~some).sum():
        reason = f"{place}: {lost} of {len(some)} {term.noun}s have no lineage with enough cells, and do not count"
        left_out.add(reason, contrast=term.contrast.contrast)
    if some.any() and not having[some].all(0).any():
        reason = f"{place}: no lineage that all {some.sum()} {term.noun}s have, so none over all lineages"
        left_out.add(reason, contrast=term.contrast.contrast)


class Row(NamedTuple):
    """One group between the lineages of one side: keys, and values of all units, missing where they do not count."""

    keys: tuple[str, str, str, str, int]
    standardised: npt.NDArray[np.float64]
    plain: npt.NDArray[np.float64]


def _rows(
    scores: Scores,
    term: Term,
    edges: tuple[npt.NDArray[np.intp], ...],
    of_samples: tuple[npt.NDArray[np.float64], ...],
    group: str,
    inside: npt.NDArray[np.bool_],
) -> Iterator[Row]:
    """Rows of one group (the edges ``inside``) that both arms have, from the two scores of samples and edges."""
    s, t, _ = edges
    having = scores.having(term)
    for side in sides(len(scores.lineages)):
        present = having[:, side.fixed].all(1) & having.any(1)
        if term.of(present).absent():
            continue
        common = having[present].all(0)
        chosen = inside & common[s] & common[t]
        chosen &= (s == side.source) if side.source is not None else True
        chosen &= (t == side.target) if side.target is not None else True
        if not chosen.any():
            continue
        source, target = ("all" if k is None else scores.lineages[k] for k in (side.source, side.target))
        values = (scores.in_units(score[:, chosen].mean(1), term) for score in of_samples)
        standardised, plain = (np.where(present, value, np.nan) for value in values)
        yield Row((group, source, target, side.level, int(chosen.sum())), standardised, plain)


def _compare_rows(term: Term, rows: list[Row], covariates: Sequence[str]) -> tuple[pd.DataFrame, Compared]:
    """Effects on the standardised scores, with the change of the plain ones beside."""
    features = pd.MultiIndex.from_tuples([row.keys for row in rows], names=KEYS)
    # rows of a source share its ligands, and those of a level all genes: they are no independent word on the arms
    source = features.get_level_values("source").to_numpy(object)
    answer = compare(term, ByArm(features, np.array([row.standardised for row in rows]).T, together=source), covariates)
    plain = ByArm(features, np.array([row.plain for row in rows]).T, unit=LN2)
    table = answer.effects[[*TESTS, *ARMS]].reset_index().assign(**term.keys)
    table["log2fc"] = compare(term, plain, covariates).effects["estimate"].to_numpy()
    table["q_value"] = table.groupby("level")["p_value"].transform(benjamini_hochberg)
    return table, answer


def _standardised(
    scores: Scores, s: npt.NDArray[np.intp], t: npt.NDArray[np.intp], p: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Edge scores of all samples, standardised over those that have source, target and genes, and as they are."""
    value = (scores.ligand[:, s, p] + scores.receptor[:, t, p]) / 2
    has = scores.valid[:, s] & scores.valid[:, t] & scores.listed[:, p]
    n = np.maximum(has.sum(0), 1)
    centred = np.where(has, value - np.where(has, value, 0).sum(0) / n, 0)
    sd = np.sqrt((centred**2).sum(0) / np.maximum(n - 1, 1))
    return centred / np.where(sd > 0, sd, np.inf), value
