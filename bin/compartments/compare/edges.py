"""Edges between lineages: does the score of a ligand and its receptor change with the condition?"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from compartments.compare.by_arm import ByArm
from compartments.compare.candidates import PARTNERS, Candidates, find_candidates
from compartments.compare.engine import ARMS, TESTS, Compared, Comparison, compare_every
from compartments.compare.pair_scores import Scores
from compartments.core.left_out import LeftOut
from compartments.core.multiple_testing import benjamini_hochberg
from compartments.core.vocabulary import AMBIENT_SHARE_MAX, LN2
from compartments.study.study import Study
from compartments.study.terms import Term, terms_of

TOP_EDGES = 25  # of a contrast and compartment, whose scores are written donor by donor


def compare_edges(
    study: Study, scores: Scores, left_out: LeftOut, ambient_share_max: float = AMBIENT_SHARE_MAX
) -> Comparison:
    """Test every edge in every contrast and term.

    Parameters
    ----------
    study : Study
    scores : Scores
    left_out : LeftOut
        Gets the numbers of edges that are not tested.
    ambient_share_max : float

    Returns
    -------
    Comparison
        Effects: ``source, target, ligand, receptor, contrast, term, compartment``, the columns of the engine with
        ``q_value``, ``confident_log2fc`` (end of the interval nearer to zero), ``ligand_log2fc, receptor_log2fc`` (of
        the partner alone, over the donors that have its lineage), ``evidence, p_both``, ``ligand_ambient,
        receptor_ambient`` and ``status`` (both from :class:`~compartments.compare.candidates.Candidates`, or
        ``not_testable``). They are log2 of the edge score, the mean of ligand (in the source) and receptor (in the
        target).

    Notes
    -----
    Edges with the same donors share one fit, with variances moderated over them and weights from sampling variances;
    Benjamini-Hochberg over the edges of a contrast and term.

    A single gene that changes raises the score of every edge that it is part of, so the largest changes of the mean are
    mostly one gene repeated. Rows are therefore sorted by what both partners' own tests say together: ``evidence`` is
    (z_ligand + z_receptor) / sqrt 2 of their signed normal scores (Stouffer 1949), which one gene alone cannot make
    large, because few donors bound each z, and which opposite changes cancel. ``p_both`` is the p that both change: the
    larger of the two where they change in the same direction, else 1 (intersection-union, Berger 1982). Edges of a
    lineage to itself follow those between lineages, as the networks leave them out; then what was not tested.
    """
    tables, compared = [], []
    for term in terms_of(study, scores.samples):
        candidates = find_candidates(scores, term, ambient_share_max)
        edges = scores.edge_keys(candidates.source, candidates.target, candidates.pair)
        answer, status = _compare_candidates(scores, term, candidates, study.covariates)
        table = pd.concat([edges.assign(**term.keys), _effects_of(answer, len(edges))], axis=1)
        partners = [
            _compare_partner(scores, term, role, candidates.edges(np.flatnonzero(status == "tested")), study.covariates)
            for role in PARTNERS
        ]
        table = table.join(_both_change(*partners).set_axis(np.flatnonzero(status == "tested")))
        lesser = table.pop("lesser").fillna(-1)
        for role, share in candidates.ambient.items():
            table[f"{role}_ambient"] = np.round(share.astype(float), 4)
        table["status"] = status
        tables.append(table.iloc[_by_evidence(table, lesser)])
        features = pd.MultiIndex.from_frame(edges.iloc[answer.values.columns])
        compared.append(replace(answer, values=answer.values.set_axis(features, axis=1)))
        for word, n in tables[-1]["status"].value_counts().items():
            if word != "tested":
                left_out.add(f"{term.name} {term.compartment}: {n} edges {word}", contrast=term.contrast.contrast)
    return Comparison(pd.concat(tables, ignore_index=True), compared)


def _compare_candidates(
    scores: Scores, term: Term, candidates: Candidates, covariates: Sequence[str]
) -> tuple[Compared, npt.NDArray[np.object_]]:
    """Scores of the candidates that can be tested compared, features being their positions; status of all."""
    tested = candidates.tested()
    s, t, p = candidates.edges(tested)

    def measure(of: Term) -> ByArm:
        values = (scores.in_units(scores.ligand, of)[:, s, p] + scores.in_units(scores.receptor, of)[:, t, p]) / 2
        variances = scores.variance_in_units(scores.v_ligand, of)[:, s, p]
        variances = (variances + scores.variance_in_units(scores.v_receptor, of)[:, t, p]) / 4
        having = scores.having(of)
        values[~(having[:, s] & having[:, t])] = np.nan
        return ByArm(pd.Index(tested), values, variances, LN2)

    answer = compare_every(term, measure, covariates)
    status = candidates.status.copy()
    for group in answer.groups:
        if group.absent:
            status[group.features] = "not_testable"
    return answer, status


def _effects_of(answer: Compared, n_edges: int) -> pd.DataFrame:
    """Columns of the engine for all candidates; empty where one was not tested."""
    table = answer.effects[[*TESTS, *ARMS]].rename(columns={"estimate": "log2fc"}).reindex(range(n_edges))
    table["tier"] = table["tier"].fillna("not_testable")
    table["q_value"] = benjamini_hochberg(table["p_value"])
    table["confident_log2fc"] = _nearest_to_zero(table["ci_low"], table["ci_high"])
    return table.fillna({"n_condition": 0, "n_reference": 0}).astype({"n_condition": int, "n_reference": int})


def _nearest_to_zero(low: pd.Series, high: pd.Series) -> npt.NDArray[np.float64]:
    """End of an interval that is nearer to zero; 0 where the interval holds zero, missing where there is none."""
    return np.where(np.isnan(low), np.nan, np.maximum(low, 0) + np.minimum(high, 0))


def _compare_partner(
    scores: Scores, term: Term, role: str, edges: tuple[npt.NDArray[np.intp], ...], covariates: Sequence[str]
) -> pd.DataFrame:
    """Change of the ligand (receptor) of edges alone, over all units that have its lineage.

    Parameters
    ----------
    role : str
        ``ligand`` or ``receptor``.
    edges : int arrays ``source, target, pair``, shape (edges,)

    Returns
    -------
    DataFrame, shape (edges, ...)
        ``estimate, ci_low, ci_high, p_value``. Each gene of a lineage is fitted once.
    """
    source, target, pair = edges
    lineage, entity = source if role == "ligand" else target, pd.factorize(scores.pairs[role])[0]
    _, first, partner = np.unique(np.stack([lineage, entity[pair]]), axis=1, return_index=True, return_inverse=True)
    k, p = lineage[first], pair[first]

    def measure(of: Term) -> ByArm:
        values = scores.in_units(getattr(scores, role), of)[:, k, p]
        variances = scores.variance_in_units(getattr(scores, f"v_{role}"), of)[:, k, p]
        values[~scores.having(of)[:, k]] = np.nan
        return ByArm(pd.RangeIndex(len(first)), values, variances, LN2)

    answer = compare_every(term, measure, covariates)
    columns = ["estimate", "ci_low", "ci_high", "p_value"]
    return answer.effects[columns].reindex(range(len(first))).iloc[partner.ravel()].reset_index(drop=True)


def _both_change(ligand: pd.DataFrame, receptor: pd.DataFrame) -> pd.DataFrame:
    """Changes of both partners, their evidence together, the p that both change alike, the lesser confident change."""
    z = [np.sign(x["estimate"]) * norm.isf(x["p_value"] / 2) for x in (ligand, receptor)]
    p = np.maximum(ligand["p_value"], receptor["p_value"])
    same = np.sign(ligand["estimate"]) == np.sign(receptor["estimate"])
    confident = [np.abs(_nearest_to_zero(x["ci_low"], x["ci_high"])) for x in (ligand, receptor)]
    return pd.DataFrame(
        {
            "ligand_log2fc": ligand["estimate"],
            "receptor_log2fc": receptor["estimate"],
            "evidence": sum(z) / np.sqrt(2),
            "p_both": p.where(same | p.isna(), 1.0),
            "lesser": np.where(same, np.minimum(*confident), 0.0),
        }
    )


def _by_evidence(table: pd.DataFrame, lesser: pd.Series) -> npt.NDArray[np.intp]:
    """Order of rows: tested, between lineages, evidence of both partners (where there is no p, the lesser change)."""
    ties = [-table["log2fc"].abs().fillna(-1), -table["confident_log2fc"].abs().fillna(-1), -lesser]
    evidence = -table["evidence"].abs().fillna(-1)
    return np.lexsort([*ties, evidence, table["source"] == table["target"], table["status"] != "tested"])


def score_top_edges(study: Study, scores: Scores, effects: pd.DataFrame) -> pd.DataFrame:
    """Scores of single samples for the edges that differ most between compartments, or within the only one.

    Parameters
    ----------
    study : Study
    scores : Scores
    effects : DataFrame
        From :func:`compare_edges`.

    Returns
    -------
    DataFrame
        ``source, target, ligand, receptor, contrast, compared`` (compartment of the row), ``sample, donor,
        compartment, condition, score`` (log2 of the edge score), for the samples that the comparison is of and that
        have both lineages; edges in the order of ``effects``.
    """
    keys = ["source", "target", "ligand", "receptor", "contrast"]
    across = ~effects["term"].str.startswith("within:")
    rows = effects[(across | (len(study.compartments) == 1)) & (effects["status"] == "tested")]
    rows = rows.groupby(["contrast", "compartment"], sort=False).head(TOP_EDGES)
    s, t = (scores.lineages.get_indexer(rows[end]) for end in ("source", "target"))
    pairs = pd.MultiIndex.from_frame(scores.pairs[["ligand", "receptor"]])
    p = pairs.get_indexer(pd.MultiIndex.from_frame(rows[["ligand", "receptor"]]))
    value = (scores.ligand[:, s, p] + scores.receptor[:, t, p]) / (2 * LN2)
    has = scores.valid[:, s] & scores.valid[:, t]
    of_sample = study.samples.set_index("sample")[["donor", "compartment", "condition"]]
    compared = {}
    for term in terms_of(study, scores.samples):
        units = term.units.loc[term.in_arms(), term.sample_columns]
        compared[tuple(term.keys.values())] = scores.samples.isin(units.to_numpy().ravel())
    tables = []
    for edge, row in enumerate(rows[[*keys, "compartment", "term"]].itertuples(index=False)):
        there = has[:, edge] & compared[row.contrast, row.term, row.compartment]
        chosen = of_sample.loc[scores.samples[there]].assign(score=value[there, edge])
        values = dict(zip([*keys, "compared"], row, strict=False))
        tables.append(chosen.reset_index(names="sample").assign(**values))
    columns = [*keys, "compared", "sample", "donor", "compartment", "condition", "score"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
