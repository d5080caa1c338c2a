"""Gene-set scores per sample and lineage, and their comparison between donors.

A score is one number per pseudobulk: the mean z-score of the set's genes minus that of genes as strongly expressed.
Donors, not genes or cells, are the observations of every test.
"""

import difflib
import zlib

import numpy as np
import pandas as pd

from compartments.cohort.pseudobulk import Lineage, log_cpm
from compartments.compare.expression import CALL_MARGIN, CALL_Q
from compartments.compare.moderated import fit_moderated, interval, minimum_detectable_effect
from compartments.core.errors import UserError
from compartments.core.multiple_testing import benjamini_hochberg
from compartments.study.arms import arm_design, donors_per_arm, tier

STAGE = "score_gene_sets"
PREREGISTERED = ("GOBP_LEUKOCYTE_MIGRATION", "CSF_MIGRATION_CORE")
ALL = "all"
MIN_DETECTED, MIN_COVERAGE = 10, 0.5
MIN_SAMPLES = 3  # a z-score over fewer says nothing
BINS, CONTROLS = 25, 50
SCORE_COLUMNS = "sample donor compartment condition lineage gene_set score n_genes coverage n_cells n_lineages".split()
EFFECT_COLUMNS = (
    "gene_set primary lineage contrast term compartment estimate se df ci_low ci_high p_value q_value p_plain "
    "p_moderated se_moderated df_moderated mde80 n_condition n_reference tier call call_p call_q"
).split()


def choose_primary(names, requested):
    """Names of the primary sets: those requested, else the pre-registered ones present, else all.

    Raises
    ------
    UserError
        A requested name that no file has, with the nearest one.
    """
    for name in requested:
        if name not in names:
            close = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean {close[0]}?" if close else f"they have {', '.join(list(names)[:10])}"
            raise UserError(f"--primary '{name}' is not in the gene-set files; {hint}")
    return list(requested) or [name for name in PREREGISTERED if name in names] or list(names)


def match_depth(lineage, seed):
    """Thin the counts of the deeper compartments to the depth of the shallowest one.

    Parameters
    ----------
    lineage : Lineage
    seed : int

    Returns
    -------
    Lineage
        Binomial thinning of ``corrected``, by compartment, to the lowest median total of all compartments. Differences
        in depth between samples of one compartment stay.
    """
    totals = pd.Series(lineage.corrected.sum(1), index=lineage.samples.index)
    medians = totals.groupby(lineage.samples["compartment"]).median()
    share = (medians.min() / medians)[lineage.samples["compartment"]].to_numpy()
    rng = np.random.default_rng([seed, zlib.crc32(lineage.name.encode())])
    thinned = rng.binomial(lineage.corrected, share[:, None])
    return Lineage(lineage.name, lineage.samples, lineage.genes, thinned, lineage.counts, lineage.ambient)


def score_lineage(lineage, sets, seed):
    """Scores of all sets in the samples of one lineage.

    Parameters
    ----------
    lineage : Lineage
    sets : dict of list of str
    seed : int
        Choice of control genes; depends on lineage and set name too, so that other sets do not change it.

    Returns
    -------
    scores : DataFrame
        ``SCORE_COLUMNS`` without ``n_lineages``.
    skipped : list of dict
        Sets with fewer than 10 genes detected or less than half of them; a lineage in fewer than three samples.

    Notes
    -----
    log2(CPM + .5) with TMM library sizes, z per gene over all samples of the lineage. A gene is detected if it is
    counted in at least two samples. Controls: 50 genes outside the set, drawn without replacement from the set gene's
    bin of 25 bins of mean expression (Tirosh et al. 2016 Science 352:189), each set gene's controls weighing the same.
    """
    columns = SCORE_COLUMNS[:-1]
    if len(lineage.samples) < MIN_SAMPLES:
        reason = f"not_testable: {len(lineage.samples)} samples have enough cells, needs {MIN_SAMPLES}"
        return pd.DataFrame(columns=columns), [{"stage": STAGE, "lineage": lineage.name, "reason": reason}]
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

    tables, skipped = [], []
    for name, members in sets.items():
        positions = genes.get_indexer(pd.Index(members))
        positions = positions[positions >= 0]
        coverage = len(positions) / len(members)
        if len(positions) < MIN_DETECTED or coverage < MIN_COVERAGE:
            found = f"{len(positions)} of {len(members)} genes of {name} detected"
            reason = f"not_testable: {found}, needs {MIN_DETECTED} and half"
            skipped.append({"stage": STAGE, "lineage": lineage.name, "reason": reason})
            continue
        outside = np.ones(len(genes), bool)
        outside[positions] = False
        if not outside.any():
            reason = f"not_testable: no gene outside {name} to compare with"
            skipped.append({"stage": STAGE, "lineage": lineage.name, "reason": reason})
            continue
        rng = np.random.default_rng([seed, zlib.crc32(lineage.name.encode()), zlib.crc32(name.encode())])
        weights = np.zeros(len(genes))
        for position in positions:
            pool = np.flatnonzero(outside & (bins == bins[position]))
            pool = pool if len(pool) else np.flatnonzero(outside)
            chosen = rng.choice(pool, min(CONTROLS, len(pool)), replace=False)
            weights[chosen] += 1 / (len(chosen) * len(positions))
        tables.append(
            lineage.samples[["donor", "compartment", "condition"]].assign(
                sample=lineage.samples.index,
                lineage=lineage.name,
                gene_set=name,
                score=z[:, positions].mean(1) - z @ weights,
                n_genes=len(positions),
                coverage=coverage,
                n_cells=lineage.samples["n_cells"],
            )
        )
    scores = pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
    return scores, skipped


def score_lineages(lineages, sets, seed, matched=False):
    """Scores and reasons of several lineages, thinned by :func:`match_depth` first if ``matched``."""
    tables, skipped = [], []
    for lineage in lineages:
        own, reasons = score_lineage(match_depth(lineage, seed) if matched else lineage, sets, seed)
        tables += [own] if len(own) else []
        skipped += reasons
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=SCORE_COLUMNS[:-1]), skipped


def add_all_lineages(scores, n_samples):
    """Append lineage ``all``: per set and sample, the mean score of the lineages that every sample has.

    The same lineages count in every sample, so that composition does not enter.

    Parameters
    ----------
    scores : DataFrame
        From :func:`score_lineage`, several lineages.
    n_samples : int
        Samples of the study.

    Returns
    -------
    scores : DataFrame
        ``SCORE_COLUMNS``; ``n_lineages`` is 1 but in the rows ``all``, whose ``n_genes`` and ``coverage`` are means.
    skipped : list of dict
        Sets that no lineage has in every sample.
    """
    scores = scores.assign(n_lineages=1)
    present = scores.groupby(["gene_set", "lineage"])["sample"].transform("nunique")
    skipped = []
    complete = scores[present == n_samples]
    for name in scores["gene_set"].unique():
        if not (complete["gene_set"] == name).any():
            reason = f"{name}: no lineage is scored in all {n_samples} samples, so none over lineages"
            skipped.append({"stage": STAGE, "lineage": ALL, "reason": reason})
    keys = ["sample", "donor", "compartment", "condition", "gene_set"]
    pooled = complete.groupby(keys, sort=False).agg(
        score=("score", "mean"),
        n_genes=("n_genes", "mean"),
        coverage=("coverage", "mean"),
        n_cells=("n_cells", "sum"),
        n_lineages=("lineage", "nunique"),
    )
    pooled = pooled.reset_index().assign(lineage=ALL)
    return pd.concat([scores, pooled], ignore_index=True)[SCORE_COLUMNS], skipped


def compare_scores(scores, study, primary):
    """Effects of the conditions on scores: within compartments, and on within-donor differences between them.

    Parameters
    ----------
    scores : DataFrame
        ``SCORE_COLUMNS``.
    study : Study
    primary : collection of str
        Names of the primary sets; they are one family of tests, the others another.

    Returns
    -------
    effects : DataFrame
        ``EFFECT_COLUMNS`` in z-score points. ``p_value``, ``se``, ``df`` and interval are those of the plain t test of
        one set in one lineage (``p_plain`` repeats it); ``*_moderated`` borrow variance over sets and lineages (capped
        prior). ``q_value``: BH over lineages and the sets of the family, per contrast, term and compartment; ``all``
        apart.
    skipped : list of dict
        Lineages without a donor in one arm.
    """
    wide = scores.pivot(index="sample", columns=["lineage", "gene_set"], values="score")
    wide = wide.sort_index(axis=1)
    rows, skipped = [], []
    for contrast, term, compartment in study.terms():
        units = study.units(term, compartment)
        units = units[units["sample"].isin(wide.index)]
        values = wide.loc[units["sample"]].set_axis(units.index)
        if term == "interaction":
            units = units[units["reference_sample"].isin(wide.index)]
            values = values.loc[units.index] - wide.loc[units["reference_sample"]].set_axis(units.index)
        patterns = {}
        for feature in wide.columns:
            patterns.setdefault(tuple(values[feature].notna()), []).append(feature)
        where = f"{contrast.contrast} {term}" + (f" {compartment}" if term == "interaction" else "")
        noun = "pair" if term == "interaction" else "sample"
        for pattern, features in patterns.items():
            own, z = units[list(pattern)], values.loc[list(pattern), features].to_numpy()
            numbers = donors_per_arm(own, contrast)
            if 0 in numbers:
                absent = contrast.condition if numbers[0] == 0 else contrast.reference
                skipped += [
                    {
                        "stage": STAGE,
                        "lineage": lineage,
                        "contrast": where,
                        "reason": f"not_testable: no {noun} with condition '{absent}'",
                    }
                    for lineage in dict.fromkeys(lineage for lineage, _ in features)
                ]
                continue
            design, vector, notes = arm_design(own, contrast, study.covariates, adjust=term != "interaction")
            skipped += [
                {
                    "stage": STAGE,
                    "contrast": where,
                    "reason": note,
                    "lineage": ", ".join(dict.fromkeys(f[0] for f in features)),
                }
                for note in notes
            ]
            fit = _fit(z, design.to_numpy(), vector)
            level = tier(*numbers, len(design) - design.shape[1])
            fit.index = pd.MultiIndex.from_tuples(features, names=["lineage", "gene_set"])
            rows.append(
                fit.reset_index().assign(
                    contrast=contrast.contrast,
                    term=term,
                    compartment=compartment,
                    n_condition=numbers[0],
                    n_reference=numbers[1],
                    tier=level,
                )
            )
    if not rows:
        return pd.DataFrame(columns=EFFECT_COLUMNS), skipped
    effects = pd.concat(rows, ignore_index=True)
    effects["primary"] = effects["gene_set"].isin(primary)
    # one donor in an arm: an effect, no test
    effects.loc[effects["tier"] == "descriptive", ["p_value", "p_plain", "p_moderated"]] = np.nan
    effects["mde80"] = [minimum_detectable_effect(se, df) for se, df in zip(effects["se"], effects["df"], strict=True)]
    effects["pooled"] = effects["lineage"] == ALL
    family = ["contrast", "term", "compartment", "primary", "pooled"]
    effects["q_value"] = effects.groupby(family)["p_value"].transform(benjamini_hochberg)
    effects = _add_calls(effects, study)
    effects["call_q"] = effects.groupby(family)["call_p"].transform(benjamini_hochberg)
    called = effects["call_q"] < CALL_Q
    effects["call"] = np.where(called, effects["compartment"] + np.where(effects["only"], "_only", "_higher"), "")
    order = {name: i for i, name in enumerate(study.contrasts["contrast"])}
    effects = effects.sort_values(
        ["contrast", "primary", "gene_set", "lineage"],
        key=lambda column: column.map(order) if column.name == "contrast" else column,
        ascending=[True, False, True, True],
        kind="stable",
    )
    return effects[EFFECT_COLUMNS].reset_index(drop=True), skipped


def _fit(z, design, vector):
    """Plain and moderated t of a contrast for every column of ``z``; only the estimate without residual df."""
    if len(design) == design.shape[1]:
        estimate = vector @ np.linalg.lstsq(design, z, rcond=None)[0]
        names = ["se", "df", "ci_low", "ci_high", "p_value", "p_plain", "p_moderated", "se_moderated", "df_moderated"]
        return pd.DataFrame({"estimate": estimate} | dict.fromkeys(names, np.nan))
    fit = fit_moderated(z, design, contrast=vector)
    low, high = interval(fit["estimate"], fit["se_plain"], fit["df_plain"])
    return pd.DataFrame(
        {
            "estimate": fit["estimate"],
            "se": fit["se_plain"],
            "df": fit["df_plain"],
            "ci_low": low,
            "ci_high": high,
            "p_value": fit["p_plain"],
            "p_plain": fit["p_plain"],
            "p_moderated": fit["p_value"],
            "se_moderated": fit["se"],
            "df_moderated": fit["df"],
        }
    )


def _add_calls(effects, study):
    """``call_p`` of interaction rows (raised in the compartment and more than in the reference) and ``only``."""
    keys = ["contrast", "gene_set", "lineage"]
    half = effects["p_value"] / 2
    effects = effects.assign(above=np.where(effects["estimate"] > 0, half, 1 - half), call_p=np.nan, only=False)
    indexed = effects.set_index([*keys, "term"])
    is_interaction = effects["term"] == "interaction"
    rows = effects[is_interaction]
    own = pd.MultiIndex.from_frame(rows[keys].assign(term="within:" + rows["compartment"]))
    base = pd.MultiIndex.from_frame(rows[keys].assign(term=f"within:{study.reference_compartment}"))
    within = indexed[indexed.index.get_level_values("term") != "interaction"]
    above = within["above"].reindex(own).to_numpy()
    effects.loc[is_interaction, "call_p"] = np.maximum(above, rows["above"].to_numpy())
    effects.loc[is_interaction, "only"] = within["ci_high"].reindex(base).to_numpy() < CALL_MARGIN
    return effects
