"""Gene-set scores per sample and lineage, and their comparison between donors.

A score is one number per pseudobulk: the mean z-score of the set's genes minus that of genes as strongly expressed.
Donors, not genes or cells, are the observations of every test.
"""

import zlib
from collections.abc import Collection, Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.cohort.pseudobulk import Lineage
from compartments.compare.donor_scores import ALL, compare_features, enough_samples, in_order, standardised
from compartments.compare.elevated import raised_more, words_of
from compartments.compare.engine import ARMS, OTHER_TEST, TESTS, Comparison
from compartments.core.contract import Contract
from compartments.core.left_out import LeftOut
from compartments.core.multiple_testing import benjamini_hochberg
from compartments.core.vocabulary import CALL_Q
from compartments.study.study import COMPARTMENTS, Study

PREREGISTERED = ("GOBP_LEUKOCYTE_MIGRATION", "CSF_MIGRATION_CORE")
MIN_DETECTED, MIN_COVERAGE = 10, 0.5
BINS, CONTROLS = 25, 50
SCORE_COLUMNS = [
    *["sample", "donor", "compartment", "condition", "lineage", "gene_set"],
    *["score", "n_genes", "coverage", "n_cells"],
]


def choose_primary(names: Collection[str]) -> list[str]:
    """Names of the primary sets: the pre-registered ones present, else all."""
    return [name for name in PREREGISTERED if name in names] or list(names)


def score_lineage(lineage: Lineage, sets: Mapping[str, list[str]], seed: int, left_out: LeftOut) -> pd.DataFrame:
    """Scores of all sets in the samples of one lineage.

    Parameters
    ----------
    lineage : Lineage
    sets : dict of list of str
    seed : int
        Choice of control genes; depends on lineage and set name too, so that other sets do not change it.
    left_out : LeftOut
        Gets sets with fewer than 10 genes detected or less than half of them; a lineage in fewer than three samples.

    Returns
    -------
    DataFrame
        ``SCORE_COLUMNS``.

    Notes
    -----
    Values of :func:`standardised`. Controls: 50 genes outside the set, drawn without replacement from the set gene's
    bin of 25 bins of mean expression (Tirosh et al. 2016 Science 352:189), each set gene's controls weighing the same.
    """
    if not enough_samples(lineage, left_out):
        return pd.DataFrame(columns=SCORE_COLUMNS)
    genes, means, z = standardised(lineage)
    order = np.argsort(means, kind="stable")
    bins = np.empty(len(genes), int)
    bins[order] = np.arange(len(genes)) * BINS // max(len(genes), 1)

    tables = []
    for name, members in sets.items():
        positions = genes.get_indexer(pd.Index(members))
        positions = positions[positions >= 0]
        coverage = len(positions) / len(members)
        if len(positions) < MIN_DETECTED or coverage < MIN_COVERAGE:
            few = f"{len(positions)} of {len(members)} genes of {name} detected"
            left_out.add(f"not_testable: {few}, needs {MIN_DETECTED} and half", lineage=lineage.name)
            continue
        if len(np.unique(positions)) == len(genes):
            left_out.add(f"not_testable: no gene outside {name} to compare with", lineage=lineage.name)
            continue
        rng = np.random.default_rng([seed, zlib.crc32(lineage.name.encode()), zlib.crc32(name.encode())])
        tables.append(
            lineage.samples[["donor", "compartment", "condition"]].assign(
                sample=lineage.samples.index,
                lineage=lineage.name,
                gene_set=name,
                score=z[:, positions].mean(1) - z @ _control_weights(positions, bins, rng),
                n_genes=len(positions),
                coverage=coverage,
                n_cells=lineage.samples["n_cells"],
            )
        )
    return pd.concat(tables, ignore_index=True)[SCORE_COLUMNS] if tables else pd.DataFrame(columns=SCORE_COLUMNS)


def _control_weights(
    positions: npt.NDArray[np.intp], bins: npt.NDArray[np.int_], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Weights of all genes as controls of the set at ``positions``; each set gene's controls weigh the same."""
    outside = np.ones(len(bins), bool)
    outside[positions] = False
    weights = np.zeros(len(bins))
    for position in positions:
        pool = np.flatnonzero(outside & (bins == bins[position]))
        pool = pool if len(pool) else np.flatnonzero(outside)
        chosen = rng.choice(pool, min(CONTROLS, len(pool)), replace=False)
        weights[chosen] += 1 / (len(chosen) * len(positions))
    return weights


def score_lineages(
    lineages: Iterable[Lineage], sets: Mapping[str, list[str]], seed: int, left_out: LeftOut
) -> pd.DataFrame:
    """Scores of several lineages, as :func:`score_lineage`."""
    scored = [score_lineage(lineage, sets, seed, left_out) for lineage in lineages]
    tables = [scores for scores in scored if len(scores)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=SCORE_COLUMNS)


def compare_scores(scores: pd.DataFrame, study: Study, primary: Collection[str], left_out: LeftOut) -> Comparison:
    """Effects of the conditions on scores within compartments and between them; of one condition, of compartments.

    Parameters
    ----------
    scores : DataFrame
        ``SCORE_COLUMNS``.
    study : Study
    primary : collection of str
        Names of the primary sets; they are one family of tests, the others another.
    left_out : LeftOut
        Gets lineages without a donor in one arm.

    Returns
    -------
    Comparison
        Effects in z-score points, as :func:`compartments.compare.donor_scores.compare_features`.
        ``q_value``: BH over lineages and the sets of the family, per contrast, term and compartment; ``all`` apart.
        ``call``: ``<compartment>_only`` or ``_higher``, raised there and more than in the other, of the two that an
        interaction row compares; of one condition ``_higher`` of the compartment that is.
    """
    effects, compared = compare_features(scores, study, ["gene_set"], left_out)
    if effects.empty:
        columns = Contract.of(left_out.stage).names("migration/effects.tsv")
        return Comparison(pd.DataFrame(columns=columns), compared)
    effects["primary"] = effects["gene_set"].isin(primary)
    effects["pooled"] = effects["lineage"] == ALL
    family = ["contrast", "term", "compartment", "primary", "pooled"]
    effects["q_value"] = effects.groupby(family)["p_value"].transform(benjamini_hochberg)
    effects = add_set_calls(effects, study)
    effects["call_q"] = effects.groupby(family)["call_p"].transform(benjamini_hochberg)
    effects["call"] = np.where(effects["call_q"] < CALL_Q, effects["word"], "")
    effects = in_order(effects, study, ["primary", "gene_set", "lineage"], [False, True, True])
    columns = ["gene_set", "primary", "lineage", "contrast", "term", "compartment", *TESTS, *OTHER_TEST, *ARMS]
    return Comparison(effects[[*columns, "q_value", "call", "call_p", "call_q"]], compared)


def add_set_calls(effects: pd.DataFrame, study: Study) -> pd.DataFrame:
    """``call_p`` of rows that may have a call, and the ``word`` that it would be."""
    keys, reference = ["contrast", "gene_set", "lineage"], study.reference_compartment
    effects = effects.assign(call_p=np.nan, word="")
    is_interaction, still = effects["term"] == "interaction", effects["term"] == COMPARTMENTS
    effects.loc[still, "call_p"] = effects["p_value"]
    effects.loc[still, "word"] = effects["compartment"].where(effects["estimate"] > 0, reference) + "_higher"
    rows = effects[is_interaction]
    within = effects[effects["term"].str.startswith("within:")].set_index([*keys, "term"])
    own, base = (
        within.reindex(pd.MultiIndex.from_frame(rows[keys].assign(term=term)))
        for term in ("within:" + rows["compartment"], f"within:{reference}")
    )
    here, p = raised_more(own, base, rows, "estimate")
    effects.loc[is_interaction, "call_p"] = p
    effects.loc[is_interaction, "word"] = words_of(
        here, rows["compartment"], reference, own["ci_high"], base["ci_high"]
    )
    return effects
