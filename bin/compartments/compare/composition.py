"""Composition: what a condition does to each lineage within a compartment, and what it does differently between them.

Log abundances per sample, within-donor differences between compartments, compared between conditions with precision
weights and moderated variances (:mod:`compartments.compare.moderated`). All computation is in ln units, all tables in
log2.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from compartments.compare.moderated import (
    fit_moderated,
    interval,
    minimum_detectable_effect,
    permutation_p,
    single_case_t,
)
from compartments.core.errors import UserError
from compartments.core.multiple_testing import benjamini_hochberg
from compartments.study.arms import arm_design, donors_per_arm, tier

LN2 = np.log(2)
STAGE = "compare_composition"
LEVELS = ["lineage", "lineage_broad", "lineage_marker"]
UNASSIGNED, OTHER = "unassigned", "other"
MIN_CELLS, MIN_SAMPLES = 10, 2
PSEUDOCOUNT = 0.5
ALPHA = 0.05
TIERS = ["inferential", "exploratory", "descriptive", "not_testable"]
KEYS = ["level", "contrast", "term", "compartment"]
EFFECTS = [
    "level", "lineage", "contrast", "term", "compartment", "scale", "log2fc", "se", "df", "ci_low", "ci_high",
    "p_value", "q_value", "p_plain", "p_permutation", "permutation_floor", "mde80", "df_residual", "n_condition",
    "n_reference", "cells_condition", "cells_reference", "tier", "call", "call_p", "call_q", "note",
]  # fmt: skip
DONORS = [
    "level", "lineage", "term", "compartment", "contrast", "donor", "condition", "log2_value", "variance", "n_cells",
    "n_cells_reference",
]  # fmt: skip
SINGLE_CASE = [
    "level", "lineage", "contrast", "term", "compartment", "donor", "scale", "log2_value", "reference_mean", "log2fc",
    "ci_low", "ci_high", "t", "df", "p_value", "outside_reference_range", "k_outside", "n_condition", "n_reference",
]  # fmt: skip
COMPARTMENTS = [
    "level", "lineage", "compartment", "reference_compartment", "scale", "log2fc", "se", "df", "ci_low", "ci_high",
    "p_value", "q_value", "mean_proportion", "mean_proportion_reference", "n_donors", "tier",
]  # fmt: skip
CALLS = ["level", "lineage", "contrast", "compartment", "call", "p_value", "q_value", "holds", "tier"]


@dataclass(frozen=True)
class Composition:
    """What :func:`compare` returns; each attribute is a file of the step.

    Attributes
    ----------
    effects, donors, single_case, calls, compartments : DataFrame
    summary : dict
    skipped : list of dict
    """

    effects: pd.DataFrame
    donors: pd.DataFrame
    single_case: pd.DataFrame
    calls: pd.DataFrame
    compartments: pd.DataFrame
    summary: dict
    skipped: list


def count_matrices(counts, name="counts.tsv"):
    """Cells per sample and lineage, one matrix per level.

    Parameters
    ----------
    counts : DataFrame
        Long table ``sample, level, lineage, n_cells``.
    name : str
        Named in messages.

    Returns
    -------
    dict level -> DataFrame (samples x lineages, int)
        In order of appearance; a missing combination is zero.

    Raises
    ------
    UserError
        Unknown level, negative or fractional count, a repeated row.
    """
    unknown = ~counts["level"].isin(LEVELS)
    if unknown.any():
        raise UserError(
            f"{name} row {unknown.argmax() + 2}, column level: '{counts['level'][unknown].iloc[0]}' is not one of "
            f"{', '.join(LEVELS)}"
        )
    cells = pd.to_numeric(counts["n_cells"], errors="coerce")
    bad = ~((cells >= 0) & (cells == np.floor(cells)))
    if bad.any():
        raise UserError(
            f"{name} row {bad.argmax() + 2}, column n_cells: '{counts['n_cells'][bad].iloc[0]}' is not a whole number "
            "of cells; give raw counts"
        )
    twice = counts.duplicated(["sample", "level", "lineage"])
    if twice.any():
        row = counts[twice].iloc[0]
        raise UserError(
            f"{name} row {twice.argmax() + 2}: {row['level']} '{row['lineage']}' of sample '{row['sample']}' is there "
            "twice; keep one row per sample, level and lineage"
        )
    matrices = {}
    for level, rows in counts.assign(n_cells=cells.astype(np.int64)).groupby("level", sort=False):
        wide = rows.pivot(index="sample", columns="lineage", values="n_cells").fillna(0).astype(np.int64)
        matrices[level] = wide.loc[rows["sample"].unique(), rows["lineage"].unique()].rename_axis(None, axis=1)
    return matrices


def pool_rare(table):
    """Pool lineages with fewer than ``MIN_CELLS`` cells or seen in fewer than ``MIN_SAMPLES`` samples into ``other``.

    Returns
    -------
    DataFrame, samples x (lineages kept, ``other`` where anything was pooled); ``unassigned`` is left as it is.
    pooled : dict lineage -> reason
    """
    lineages = table.drop(columns=UNASSIGNED, errors="ignore")
    cells, seen = lineages.sum(), (lineages > 0).sum()
    pooled = {
        lineage: f"{cells[lineage]} cells in {seen[lineage]} samples (at least {MIN_CELLS} in {MIN_SAMPLES} are "
        f"needed): counted in '{OTHER}'"
        for lineage in lineages
        if lineage != OTHER and (cells[lineage] < MIN_CELLS or seen[lineage] < MIN_SAMPLES)
    }
    kept = table.drop(columns=list(pooled))
    if pooled:
        kept[OTHER] = table[list(pooled)].sum(axis=1) + (table[OTHER] if OTHER in table else 0)
    return kept, pooled


def log_abundance(table, totals, scale, cells_per_ul=None, cv_total=0.15):
    """Log abundances and their sampling variances.

    Parameters
    ----------
    table : DataFrame, samples x lineages, int
        Without ``unassigned``.
    totals : Series, index samples
        All cells of the sample, the unassigned ones included.
    scale : {"abs", "rel"}
    cells_per_ul : Series, index samples
        For ``abs``.
    cv_total : float
        Coefficient of variation of ``cells_per_ul``.

    Returns
    -------
    z, v : DataFrame like ``table``
        ``abs``: ln of cells per microlitre. ``rel``: centred log-ratio. ``v`` in ln units squared.

    Notes
    -----
    The variance of the centred log-ratio is the delta method of crumblr (Hoffman and Roussos 2023), here in terms of
    counts y: (1 - 2/L)/y + sum(1/y)/L^2.
    """
    y = table + PSEUDOCOUNT
    n_lineages = table.shape[1]
    if scale == "rel":
        logs, inverse = np.log(y), 1 / y
        z = logs.sub(logs.mean(axis=1), axis=0)
        return z, (inverse * (1 - 2 / n_lineages)).add(inverse.sum(axis=1) / n_lineages**2, axis=0)
    parts = n_lineages + bool((totals > table.sum(axis=1)).any())
    log_total = np.log(cells_per_ul) - np.log(totals + PSEUDOCOUNT * parts)
    return np.log(y).add(log_total, axis=0), (1 / y).sub(1 / totals - cv_total**2, axis=0).clip(lower=cv_total**2)


def log_proportion(table, totals):
    """ln proportions with the pseudocount and their sampling variances, both DataFrame like ``table``."""
    ones = pd.Series(1.0, totals.index)
    return log_abundance(table, totals, "abs", ones, cv_total=0.0)


def unit_values(units, term, table):
    """Values of the observations of a term: of their sample, or sample minus reference sample for ``interaction``."""
    own = table.loc[units["sample"]].to_numpy()
    return own - table.loc[units["reference_sample"]].to_numpy() if term == "interaction" else own


def unit_variances(units, term, table):
    """Sampling variances that belong to :func:`unit_values`."""
    own = table.loc[units["sample"]].to_numpy()
    return own + table.loc[units["reference_sample"]].to_numpy() if term == "interaction" else own


def seen_lineages(units, term, table):
    """Lineages with cells in at least ``MIN_SAMPLES`` samples of each compartment that the term uses.

    Returns
    -------
    kept : list of str
    absent : dict lineage -> reason
    """
    sides = [("compartment", "sample")] + ([("reference compartment", "reference_sample")] * (term == "interaction"))
    absent = {}
    for side, column in sides:
        seen = (table.loc[units[column]] > 0).sum()
        for lineage in table.columns[(seen < min(MIN_SAMPLES, len(units))).to_numpy()]:
            absent.setdefault(
                lineage, f"cells in {seen[lineage]} of {len(units)} samples of the {side}: nothing to compare"
            )
    return [lineage for lineage in table if lineage not in absent], absent


def fit_arms(units, contrast, z, v, covariates=(), adjust=True, centre=False, names=None):
    """Fit condition against reference; with no residual df, the bare difference without an interval.

    Parameters
    ----------
    units : DataFrame
        Observations, from :meth:`compartments.study.study.Study.units`.
    contrast : named tuple ``contrast, condition, reference``
    z, v : array, shape (units, lineages), ln units
    covariates, adjust : see :func:`compartments.study.arms.arm_design`
    centre : bool
        Subtract the median over lineages.

    Returns
    -------
    fit : DataFrame
        As :func:`compartments.compare.moderated.fit_moderated`.
    dropped : list of str
        Covariates left out.

    Raises
    ------
    ValueError
        An arm is empty.
    """
    design, vector, dropped = arm_design(units, contrast, covariates, adjust)
    if len(units) > design.shape[1]:
        return fit_moderated(z, design, v, vector, names, centre=centre), dropped
    estimate = vector @ np.linalg.lstsq(design.to_numpy(), z, rcond=None)[0]
    zero = float(np.median(estimate)) if centre else 0.0
    fit = pd.DataFrame({"estimate": estimate - zero}, index=names)
    fit[["se", "df", "p_value", "p_plain", "df_plain"]] = [np.nan, np.nan, np.nan, np.nan, 0.0]
    fit.attrs = {"d0": np.nan, "s02": np.nan, "tau2": np.nan, "zero": zero}
    return fit, dropped


def effect_rows(fit, units, contrast, values, word, seed, primary=()):
    """Rows of ``effects.tsv`` of one term, without keys and calls; p-values only where donors replicate."""
    estimate, se, df = (fit[c].to_numpy() for c in ("estimate", "se", "df"))
    low, high = interval(estimate, se, df)
    rows = pd.DataFrame(
        {
            "lineage": fit.index,
            "log2fc": estimate / LN2,
            "se": se / LN2,
            "df": df,
            "ci_low": low / LN2,
            "ci_high": high / LN2,
            "mde80": [minimum_detectable_effect(s, d) / LN2 for s, d in zip(se, df, strict=True)],
            "df_residual": fit["df_plain"].to_numpy(),
        }
    )
    rows[["p_value", "q_value", "p_plain", "p_permutation", "permutation_floor"]] = np.nan
    if word in ("inferential", "exploratory"):
        arms = units["condition"].isin([contrast.condition, contrast.reference]).to_numpy()
        treated = (units["condition"] == contrast.condition).to_numpy()
        # under the relative scale the null is "like the median lineage", so that shift is taken off the condition
        shifted = values - np.outer(treated, np.full(values.shape[1], fit.attrs["zero"]))
        rows["p_value"], rows["p_plain"] = fit["p_value"].to_numpy(), fit["p_plain"].to_numpy()
        rows["q_value"] = benjamini_hochberg(rows["p_value"], rows["lineage"].isin(primary))
        rows["p_permutation"], rows["permutation_floor"] = permutation_p(shifted[arms], treated[arms], seed)
    return rows


def single_case_rows(units, contrast, values, lineages, centre):
    """One donor against the reference donors (Crawford and Howell 1998), for each donor with the condition.

    On the relative scale a donor's difference from the reference mean is taken against the median lineage.
    """
    condition = (units["condition"] == contrast.condition).to_numpy()
    reference = values[(units["condition"] == contrast.reference).to_numpy()]
    mean = reference.mean(0)
    difference = values[condition] - mean
    if centre:
        difference = difference - np.median(difference, axis=1, keepdims=True)
    case = mean + difference
    outside = (case < reference.min(0)) | (case > reference.max(0))
    rows = []
    for i, donor in enumerate(units["donor"][condition]):
        for j, lineage in enumerate(lineages):
            t, df, p = single_case_t(case[i, j], reference[:, j])
            half = stats.t.ppf(0.975, df) * abs(difference[i, j] / t) if t else np.nan
            rows.append(
                {
                    "lineage": lineage,
                    "donor": donor,
                    "log2_value": case[i, j] / LN2,
                    "reference_mean": mean[j] / LN2,
                    "log2fc": difference[i, j] / LN2,
                    "ci_low": (difference[i, j] - half) / LN2,
                    "ci_high": (difference[i, j] + half) / LN2,
                    "t": t,
                    "df": df,
                    "p_value": p,
                    "outside_reference_range": bool(outside[i, j]),
                    "k_outside": int(outside[:, j].sum()),
                }
            )
    return pd.DataFrame(rows)


def call_table(effects, margin=1.0, primary=()):
    """All intersection-union calls of every lineage, contrast and compartment against the reference compartment.

    Parameters
    ----------
    effects : DataFrame
        ``level, lineage, contrast, term, compartment, scale, log2fc, se, df, tier``.
    margin : float
        Equivalence and non-inferiority margin, log2.
    primary : collection of str
        Lineages named beforehand, a family of their own.

    Returns
    -------
    DataFrame, columns ``CALLS``
        ``p_value`` is the largest of the one-sided p-values that a call needs all of (Berger 1982); ``q_value`` is
        Benjamini-Hochberg over lineages within level, contrast, compartment and call; ``holds`` is p < .05.
    """
    columns = ["log2fc", "se", "df"]
    interaction = effects[(effects["term"] == "interaction") & effects["tier"].isin(TIERS[:2])]
    if interaction.empty:
        return pd.DataFrame(columns=CALLS)
    reference = _reference_compartment(effects)
    keys = ["level", "lineage", "contrast"]
    within = effects[effects["term"].str.startswith("within:") & effects["tier"].isin(TIERS[:2])]
    own = within[[*keys, "compartment", "tier", *columns]]
    base = own[own["compartment"] == reference].drop(columns="compartment")
    joined = interaction[[*keys, "compartment", "scale", "tier", *columns]]
    joined = joined.merge(own, on=[*keys, "compartment"], suffixes=("_u", "_own"))
    joined = joined.merge(base.rename(columns={c: f"{c}_base" for c in ["tier", *columns]}), on=keys)
    if joined.empty:
        return pd.DataFrame(columns=CALLS)

    def above(which, bound=0.0):
        return stats.t.sf((joined[f"log2fc_{which}"] - bound) / joined[f"se_{which}"], joined[f"df_{which}"])

    def below(which, bound=0.0):
        return stats.t.cdf((joined[f"log2fc_{which}"] - bound) / joined[f"se_{which}"], joined[f"df_{which}"])

    down, down_base, up, up_base = below("own"), below("base"), above("own"), above("base")
    more, less = above("u"), below("u")
    needs = {
        "depleted_both": [down, down_base],
        "increased_both": [up, up_base],
        "concordant": [above("u", -margin), below("u", margin)],
        "maintained_{own}": [down_base, more, above("own", -margin)],
        "maintained_{base}": [down, less, above("base", -margin)],
        "discordant_{own}_retained": [down_base, more],
        "discordant_{base}_retained": [down, less],
        "discordant_{own}_increased": [up, more],
        "discordant_{base}_increased": [up_base, less],
    }
    weakest = joined[["tier_u", "tier_own", "tier_base"]].to_numpy()
    prefix = np.where(joined["scale"] == "rel", "relatively_", "")
    words = [
        [p + name.format(own=c, base=reference) for name in needs]
        for p, c in zip(prefix, joined["compartment"], strict=True)
    ]
    n_calls = len(needs)
    calls = joined.loc[joined.index.repeat(n_calls), [*keys, "compartment"]].reset_index(drop=True)
    calls["call"] = np.concatenate(words)
    calls["p_value"] = np.array([np.max(p, axis=0) for p in needs.values()]).T.ravel()
    named = calls["lineage"].isin(primary)
    families = calls.groupby(["level", "contrast", "compartment", "call", named], sort=False)["p_value"]
    calls["q_value"] = families.transform(benjamini_hochberg)
    calls["holds"] = calls["p_value"] < ALPHA
    calls["tier"] = np.where((weakest == TIERS[0]).all(axis=1), TIERS[0], TIERS[1]).repeat(n_calls)
    return calls[CALLS]


def _reference_compartment(effects):
    """The compartment that has no interaction of its own."""
    others = set(effects.loc[effects["term"] == "interaction", "compartment"])
    return next(c for c in effects["compartment"] if c not in others)


def chosen_calls(calls):
    """The one word of each lineage: the most specific call that holds.

    A difference shown to be smaller than the margin is never called discordant; `maintained` says more than
    `discordant`, and of two discordant calls the one with the smaller p-value stands.

    Parameters
    ----------
    calls : DataFrame
        From :func:`call_table`.

    Returns
    -------
    DataFrame ``level, lineage, contrast, compartment, call, call_p, call_q``
        For ``inconclusive`` the p and q of the call that came nearest.
    """
    by = ["level", "lineage", "contrast", "compartment"]
    kind = calls["call"].str.removeprefix("relatively_")
    similar = calls["holds"] & (kind == "concordant")
    similar = similar.groupby([calls[k] for k in by]).transform("any")
    rank = np.select(
        [
            ~calls["holds"],
            kind.str.startswith("maintained_") & ~similar,
            kind.str.startswith("discordant_") & ~similar,
            kind.isin(["depleted_both", "increased_both"]),
            kind == "concordant",
        ],
        [4, 0, 1, 2, 3],
        4,
    )
    best = calls.assign(rank=rank).sort_values(["rank", "p_value"], kind="stable").drop_duplicates(by)
    best["call"] = best["call"].where(best["rank"] < 4, "inconclusive")
    return best[[*by, "call", "p_value", "q_value"]].rename(columns={"p_value": "call_p", "q_value": "call_q"})


def tipping_point(estimate):
    """By how much total cells must have fallen for lineages to be down, given changes of proportions.

    Parameters
    ----------
    estimate : array, shape (lineages,)
        log2 changes of proportions.

    Returns
    -------
    all_lineages, most_lineages : float
        Factor on total cells (condition over reference) below which all, or at least 80 %, of the lineages have
        fallen in absolute number.
    """
    ordered = np.sort(np.asarray(estimate, float))
    return float(2.0 ** -ordered[-1]), float(2.0 ** -ordered[int(np.ceil(0.8 * len(ordered))) - 1])


def compartment_rows(study, table, totals, z, v, scale):
    """How each compartment differs from the reference compartment, whatever the condition.

    Parameters
    ----------
    study : compartments.study.study.Study
    table, z, v : DataFrame, samples x lineages
        Cells, log abundances and their variances.
    totals : Series, index samples

    Returns
    -------
    DataFrame without ``level``
        Within-donor differences, averaged over conditions of equal weight; on the relative scale against the median
        lineage. ``mean_proportion`` is over all samples of the compartment, paired or not.
    """
    proportions = table.div(totals, axis=0)
    reference = study.units(f"within:{study.reference_compartment}", study.reference_compartment)
    parts = []
    for compartment in study.compartments[1:]:
        units = study.units("interaction", compartment)
        # a lineage that one of the two compartments lacks differs between them all the more
        both = table.loc[[*units["sample"], *units["reference_sample"]]]
        kept = list(table.columns[((both > 0).sum() >= MIN_SAMPLES).to_numpy()])
        design = pd.get_dummies(units["condition"]).astype(float)
        df = len(units) - design.shape[1]
        if len(kept) < 2 or df < 1:
            continue
        vector = np.full(design.shape[1], 1 / design.shape[1])
        values, variances = unit_values(units, "interaction", z[kept]), unit_variances(units, "interaction", v[kept])
        fit = fit_moderated(values, design, variances, vector, kept, centre=scale == "rel")
        low, high = interval(fit["estimate"], fit["se"], fit["df"])
        own = study.units(f"within:{compartment}", compartment)
        part = pd.DataFrame(
            {
                "lineage": kept,
                "compartment": compartment,
                "reference_compartment": study.reference_compartment,
                "scale": scale,
                "log2fc": fit["estimate"] / LN2,
                "se": fit["se"] / LN2,
                "df": fit["df"],
                "ci_low": low / LN2,
                "ci_high": high / LN2,
                "p_value": fit["p_value"],
                "q_value": benjamini_hochberg(fit["p_value"]),
                "mean_proportion": proportions.loc[own["sample"], kept].mean(),
                "mean_proportion_reference": proportions.loc[reference["sample"], kept].mean(),
                "n_donors": len(units),
                "tier": tier(len(units), len(units), df),
            }
        )
        parts.append(part.reset_index(drop=True))
    return _stack(parts, COMPARTMENTS[1:])


def compare(study, counts, equiv_margin=1.0, cv_total=0.15, seed=0):
    """Compare the composition of all samples: every level, contrast and term.

    Parameters
    ----------
    study : compartments.study.study.Study
    counts : DataFrame
        ``counts.tsv``: ``sample, level, lineage, n_cells``.
    equiv_margin : float
        Margin of equivalence and non-inferiority, log2.
    cv_total : float
        Coefficient of variation of ``cells_per_ul``.
    seed : int
        Of the permutations where they are too many to enumerate.

    Returns
    -------
    Composition

    Raises
    ------
    UserError
        Samples of ``counts`` that the study does not have, malformed counts.
    """
    strangers = [s for s in counts["sample"].unique() if s not in set(study.samples["sample"])]
    if strangers:
        raise UserError(f"counts.tsv: sample '{strangers[0]}' is not in the study; give the study it was counted for")
    matrices = count_matrices(counts)
    totals = _totals(matrices)
    skipped = [
        {"stage": STAGE, "sample": sample, "reason": "no cells: left out of the composition"}
        for sample in totals.index[totals == 0]
    ]
    study = study.subset(totals.index[totals > 0])
    known = {name for matrix in matrices.values() for name in matrix}
    skipped += [
        {
            "stage": STAGE,
            "lineage": name,
            "reason": f"named in --primary_lineages, but the cohort has {', '.join(sorted(known))}",
        }
        for name in study.primary_lineages
        if name not in known
    ]
    scale = "abs" if study.absolute else "rel"
    effects, donors, single, differences, terms, warnings = [], [], [], [], [], []
    if scale == "rel":
        warnings.append(
            "cells_per_ul is not given for every sample: all changes are relative to the median lineage, and a fall "
            "of all lineages at once cannot be seen"
        )
    for level, matrix in matrices.items():
        matrix = matrix.loc[study.samples["sample"]]
        table, pooled = pool_rare(matrix)
        skipped += [{"stage": STAGE, "lineage": k, "reason": f"{level}: {why}"} for k, why in pooled.items()]
        table = table.drop(columns=UNASSIGNED, errors="ignore")
        if table.shape[1] < 2:
            skipped.append({"stage": STAGE, "reason": f"{level}: fewer than two lineages, nothing to compare"})
            continue
        total = totals[table.index]
        cells_per_ul = study.samples.set_index("sample")["cells_per_ul"] if scale == "abs" else None
        z, v = log_abundance(table, total, scale, cells_per_ul, cv_total)
        proportion = log_proportion(table, total)
        differences.append(compartment_rows(study, table, total, z, v, scale).assign(level=level))
        for contrast, term, compartment in study.terms():
            units = study.units(term, compartment)
            keys = dict(zip(KEYS, (level, contrast.contrast, term, compartment), strict=True))
            kept, absent = seen_lineages(units, term, table) if len(units) else ([], {})
            where = {"stage": STAGE, "contrast": contrast.contrast}
            place = f"{level}, {term}" + (f" in {compartment}" if term == "interaction" else "")
            skipped += [where | {"lineage": k, "reason": f"{place}: {why}"} for k, why in absent.items()]
            if len(kept) < 2:
                skipped.append(where | {"reason": f"{place}: fewer than two lineages to compare"})
                continue
            values = unit_values(units, term, z[kept])
            variances = unit_variances(units, term, v[kept])
            adjust, centre = term != "interaction", scale == "rel"
            try:
                fit, dropped = fit_arms(units, contrast, values, variances, study.covariates, adjust, centre, kept)
            except ValueError as reason:
                skipped.append(where | {"reason": f"{place}: not testable, {reason}"})
                continue
            warnings += [f"{contrast.contrast}, {term}: {reason}" for reason in dropped]
            n_condition, n_reference = donors_per_arm(units, contrast)
            word = tier(n_condition, n_reference, fit["df_plain"].iloc[0])
            arms = {"scale": scale, "n_condition": n_condition, "n_reference": n_reference}
            rows = effect_rows(fit, units, contrast, values, word, seed, study.primary_lineages)
            effects.append(_with_cells(rows, units, contrast, term, table).assign(**keys, **arms, tier=word))
            donors.append(_donor_rows(units, contrast, term, values, variances, table[kept]).assign(**keys))
            if n_condition <= 2 <= n_reference:
                cases = single_case_rows(units, contrast, values, kept, centre)
                single.append(cases.assign(**keys, **arms))
            terms.append(keys | _term_summary(fit, word))
            if scale == "rel" and term != "interaction":
                logs, spread = (x.loc[units["sample"], kept].to_numpy() for x in proportion)
                plain, _ = fit_arms(units, contrast, logs, spread, study.covariates)
                every, most = tipping_point(plain["estimate"] / LN2)
                terms[-1] |= {"tipping_factor": every, "tipping_factor_80": most}
    effects = _stack(effects, EFFECTS)
    calls = call_table(effects, equiv_margin, study.primary_lineages)
    if len(calls):
        words = chosen_calls(calls).assign(term="interaction")
        effects = effects.drop(columns=["call", "call_p", "call_q"]).merge(words, how="left")[EFFECTS]
    summary = {
        "scale": scale,
        "equiv_margin": equiv_margin,
        "cv_total": cv_total if scale == "abs" else None,
        "reference_compartment": study.reference_compartment,
        "synchronous_depletion_of_all": "identifiable" if scale == "abs" else "not_identifiable",
        "warnings": list(dict.fromkeys(warnings)),
        "terms": terms,
    }
    return Composition(
        effects,
        _stack(donors, DONORS),
        _stack(single, SINGLE_CASE),
        calls,
        _stack(differences, COMPARTMENTS),
        summary,
        skipped,
    )


def _totals(matrices):
    """All cells per sample; a level that leaves some out (marker-confirmed lineages) has the same total."""
    return pd.concat([m.sum(axis=1) for m in matrices.values()], axis=1).max(axis=1).fillna(0).astype(np.int64)


def _stack(frames, columns):
    return pd.concat(frames, ignore_index=True).reindex(columns=columns) if frames else pd.DataFrame(columns=columns)


def _term_summary(fit, word):
    """What a term's fit rests on; numbers that JSON can hold."""
    numbers = {
        "tau2": fit.attrs["tau2"],
        "prior_df": fit.attrs["d0"],
        "prior_variance": fit.attrs["s02"],
        "zero_log2": fit.attrs["zero"] / LN2,
    }
    found = {k: float(x) if np.isfinite(x) else None for k, x in numbers.items()}
    nearest = fit["estimate"].abs().idxmin() if fit.attrs["zero"] else None
    return {"tier": word, "zero_lineage": nearest, **found}


def _with_cells(rows, units, contrast, term, table):
    """Cells behind each arm (of the compartment), and a note where an arm has none."""
    note = pd.Series("", rows.index)
    for arm, name in (("condition", contrast.condition), ("reference", contrast.reference)):
        own = units[units["condition"] == name]
        rows[f"cells_{arm}"] = table.loc[own["sample"], rows["lineage"]].sum().to_numpy()
        empty = rows[f"cells_{arm}"] == 0
        if term == "interaction":
            empty |= (table.loc[own["reference_sample"], rows["lineage"]].sum() == 0).to_numpy()
        note[empty] += f"no cell in {name}: the size of the change rests on the pseudocount. "
    return rows.assign(note=note.str.strip())


def _donor_rows(units, contrast, term, values, variances, table):
    """One row per donor of the two arms and lineage: the values that the estimate is made of, in log2."""
    arms = units["condition"].isin([contrast.condition, contrast.reference]).to_numpy()
    units, (n, lineages) = units[arms], values[arms].shape
    base = table.loc[units["reference_sample"]].to_numpy().ravel() if term == "interaction" else np.nan
    return pd.DataFrame(
        {
            "lineage": np.tile(table.columns, n),
            "donor": np.repeat(units["donor"].to_numpy(), lineages),
            "condition": np.repeat(units["condition"].to_numpy(), lineages),
            "log2_value": values[arms].ravel() / LN2,
            "variance": variances[arms].ravel() / LN2**2,
            "n_cells": table.loc[units["sample"]].to_numpy().ravel(),
            "n_cells_reference": base,
        }
    )
