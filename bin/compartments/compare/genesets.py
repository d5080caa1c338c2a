"""Gene-set scores per sample and lineage, and their comparison between donors.

A score is one number per pseudobulk: the mean z-score of the set's genes minus that of genes as strongly expressed.
Donors, not genes or cells, are the observations of every test.
"""

import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.cohort.ambient_genes import ambient_genes
from compartments.cohort.pseudobulk import Lineage
from compartments.compare.by_arm import ByArm
from compartments.compare.engine import ARMS, OTHER_TEST, TESTS, Compared, Comparison, compare_every
from compartments.compare.normalisation import log_cpm
from compartments.core.contract import Contract
from compartments.core.left_out import LeftOut
from compartments.core.multiple_testing import benjamini_hochberg
from compartments.core.vocabulary import AMBIENT_SHARE_MAX, CALL_MARGIN, CALL_Q
from compartments.study.study import CHANGE, COMPARTMENTS, Study
from compartments.study.terms import Term, terms_of

PREREGISTERED = ("GOBP_LEUKOCYTE_MIGRATION", "CSF_MIGRATION_CORE")
ALL = "all"
MIN_DETECTED, MIN_COVERAGE = 10, 0.5
MIN_SAMPLES = 3  # a z-score over fewer says nothing
BINS, CONTROLS = 25, 50
SCORE_COLUMNS = [
    *["sample", "donor", "compartment", "condition", "lineage", "gene_set"],
    *["score", "n_genes", "coverage", "n_cells"],
]


def choose_primary(names: Collection[str]) -> list[str]:
    """Names of the primary sets: the pre-registered ones present, else all."""
    return [name for name in PREREGISTERED if name in names] or list(names)


def without_ambient(lineage: Lineage, left_out: LeftOut, ambient_share_max: float = AMBIENT_SHARE_MAX) -> Lineage:
    """The lineage without the genes that :func:`ambient_genes` finds, as in expression,
    nor those that the file of any of its samples does not list.

    Parameters
    ----------
    lineage : Lineage
        With raw and ambient counts.
    left_out : LeftOut
        Gets how many genes there were.
    ambient_share_max : float
    """
    if lineage.counts is None or lineage.ambient is None:
        raise TypeError(f"{lineage.name} was read without its raw and ambient counts")
    groups = (lineage.samples["condition"] + " " + lineage.samples["compartment"]).to_numpy()
    kept, lacking = ~ambient_genes(lineage.counts, lineage.ambient, groups, ambient_share_max), lineage.lacking()
    if not kept.all():
        reason = f"{(~kept).sum()} genes do not count in scores: more than {ambient_share_max:.0%} of them was ambient"
        left_out.add(reason, lineage=lineage.name)
    if lacking.any():
        reason = "genes do not count in scores: the files of some samples do not list them (cohort/genes.tsv)"
        left_out.add(f"{lacking.sum()} {reason}", lineage=lineage.name)
    kept &= ~lacking
    return Lineage(lineage.name, lineage.samples, lineage.genes[kept], lineage.corrected[:, kept], None, None)


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
    log2(CPM + .5) with TMM library sizes, z per gene over all samples of the lineage. A gene is detected if it is
    counted in at least two samples. Controls: 50 genes outside the set, drawn without replacement from the set gene's
    bin of 25 bins of mean expression (Tirosh et al. 2016 Science 352:189), each set gene's controls weighing the same.
    """
    if len(lineage.samples) < MIN_SAMPLES:
        reason = f"not_testable: {len(lineage.samples)} samples have enough cells, needs {MIN_SAMPLES}"
        left_out.add(reason, lineage=lineage.name)
        return pd.DataFrame(columns=SCORE_COLUMNS)
    detected = (lineage.corrected > 0).sum(0) >= 2
    genes = lineage.genes[detected]
    values = log_cpm(lineage.corrected)[:, detected]
    sd = values.std(0)
    usable = sd > 0
    genes, values, sd = genes[usable], values[:, usable], sd[usable]
    means = values.mean(0)
    z = (values - means) / sd
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


def add_all_lineages(
    scores: pd.DataFrame, n_samples: int, left_out: LeftOut, unnamed: Collection[str] = ()
) -> pd.DataFrame:
    """Append lineage ``all``: per set and sample, the mean score of the lineages that every sample has.

    The same lineages count in every sample, so that composition does not enter.

    Parameters
    ----------
    scores : DataFrame
        From :func:`score_lineage`, several lineages.
    n_samples : int
        Samples of the study.
    left_out : LeftOut
        Gets sets that no lineage has in every sample.
    unnamed : collection of str
        Lineages that do not count, as not every compartment's model can name them.

    Returns
    -------
    DataFrame
        ``SCORE_COLUMNS`` and ``n_lineages``, which is 1 but in the rows ``all``, whose ``n_genes`` and ``coverage`` are
        means.
    """
    scores = scores.assign(n_lineages=1)
    present = scores.groupby(["gene_set", "lineage"])["sample"].transform("nunique")
    complete = scores[(present == n_samples) & ~scores["lineage"].isin(unnamed)]
    for name in scores["gene_set"].unique():
        if not (complete["gene_set"] == name).any():
            reason = f"{name}: no lineage is scored in all {n_samples} samples, so none over lineages"
            left_out.add(reason, lineage=ALL)
    keys = ["sample", "donor", "compartment", "condition", "gene_set"]
    pooled = complete.groupby(keys, sort=False).agg(
        score=("score", "mean"),
        n_genes=("n_genes", "mean"),
        coverage=("coverage", "mean"),
        n_cells=("n_cells", "sum"),
        n_lineages=("lineage", "nunique"),
    )
    pooled = pooled.reset_index().assign(lineage=ALL)
    return pd.concat([scores, pooled], ignore_index=True)[[*SCORE_COLUMNS, "n_lineages"]]


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
        Effects in z-score points. ``p_value``, ``se``, ``df`` and interval are those of one set in one lineage, with
        one ratio of the arms' variances over sets and lineages; ``p_plain`` is that of the t test that takes them as
        equal; ``*_moderated`` borrow variance over sets and lineages.
        ``q_value``: BH over lineages and the sets of the family, per contrast, term and compartment; ``all`` apart.
        ``call``: ``<compartment>_only`` or ``_higher``, raised there and more than in the reference (interaction rows);
        of one condition ``_higher`` of the compartment that is.
    """
    wide = scores.pivot(index="sample", columns=["lineage", "gene_set"], values="score")
    wide = wide.sort_index(axis=1)
    compared = []
    for term in terms_of(study, wide.index):
        unnamed = wide.columns.get_level_values("lineage").isin(list(term.unnamed))
        for lineage in dict.fromkeys(wide.columns[unnamed].get_level_values("lineage")):
            left_out.add(term.unnamed[lineage], lineage=lineage, contrast=term.label)
        table = wide.loc[:, ~unnamed]
        answer = compare_every(term, partial(_values, table, True), study.covariates)
        moderated = compare_every(term, partial(_values, table, False), study.covariates)
        compared.append(replace(answer, effects=answer.effects.assign(**moderated.effects[OTHER_TEST])))
        _give_reasons(compared[-1], left_out)
    tables = [one.effects.reset_index().assign(**one.term.keys) for one in compared if len(one.effects)]
    if not tables:
        columns = Contract.of(left_out.stage).names("migration/effects.tsv")
        return Comparison(pd.DataFrame(columns=columns), compared)
    effects = pd.concat(tables, ignore_index=True)
    effects["primary"] = effects["gene_set"].isin(primary)
    effects["pooled"] = effects["lineage"] == ALL
    family = ["contrast", "term", "compartment", "primary", "pooled"]
    effects["q_value"] = effects.groupby(family)["p_value"].transform(benjamini_hochberg)
    effects = add_set_calls(effects, study)
    effects["call_q"] = effects.groupby(family)["call_p"].transform(benjamini_hochberg)
    effects["call"] = np.where(effects["call_q"] < CALL_Q, effects["word"], "")
    order = {name: i for i, name in enumerate(study.contrasts["contrast"])}
    effects = effects.sort_values(
        ["contrast", "primary", "gene_set", "lineage"],
        key=lambda column: column.map(order) if column.name == "contrast" else column,
        ascending=[True, False, True, True],
        kind="stable",
    )
    columns = ["gene_set", "primary", "lineage", "contrast", "term", "compartment", *TESTS, *OTHER_TEST, *ARMS]
    return Comparison(effects[[*columns, "q_value", "call", "call_p", "call_q"]].reset_index(drop=True), compared)


def _values(wide: pd.DataFrame, own: bool, term: Term) -> ByArm:
    """Scores of the units of a term, with a variance of each set in each lineage alone or moderated over them."""
    of_lineage = wide.columns.get_level_values("lineage").to_numpy(object)
    return ByArm(wide.columns, term.values(wide), together=of_lineage, own=own)


def _give_reasons(compared: Compared, left_out: LeftOut) -> None:
    """Why lineages are not compared, and covariates that are not adjusted for."""
    for group in compared.groups:
        lineages = list(group.features.unique("lineage"))
        if group.absent:
            named = f"with {'group' if compared.term.kind == CHANGE else 'condition'} '{group.absent}'"
            reason = f"not_testable: no {compared.term.noun} {named}"
            if compared.term.one_arm:
                reason = "not_testable: no donor has it in all samples that are compared"
            left_out.lineages(lineages, compared.term.label, reason)
        for reason in group.dropped:
            left_out.add(reason, lineage=", ".join(lineages), contrast=compared.term.label)


def add_set_calls(effects: pd.DataFrame, study: Study) -> pd.DataFrame:
    """``call_p`` of rows that may have a call, and the ``word`` that it would be."""
    keys = ["contrast", "gene_set", "lineage"]
    half, up = effects["p_value"] / 2, effects["estimate"] > 0
    effects = effects.assign(above=np.where(up, half, 1 - half), call_p=np.nan, word="")
    is_interaction, still = effects["term"] == "interaction", effects["term"] == COMPARTMENTS
    effects.loc[still, "call_p"] = effects["p_value"]
    effects.loc[still, "word"] = effects["compartment"].where(up, study.reference_compartment) + "_higher"
    indexed = effects.set_index([*keys, "term"])
    rows = effects[is_interaction]
    own = pd.MultiIndex.from_frame(rows[keys].assign(term="within:" + rows["compartment"]))
    base = pd.MultiIndex.from_frame(rows[keys].assign(term=f"within:{study.reference_compartment}"))
    within = indexed[indexed.index.get_level_values("term") != "interaction"]
    above = within["above"].reindex(own).to_numpy()
    effects.loc[is_interaction, "call_p"] = np.maximum(above, rows["above"].to_numpy())
    only = within["ci_high"].reindex(base).to_numpy() < CALL_MARGIN
    effects.loc[is_interaction, "word"] = rows["compartment"] + np.where(only, "_only", "_higher")
    return effects
