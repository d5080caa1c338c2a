"""Coupling: does a condition change the compartments together, or each in its own way?

Built on the composition effects: the interaction U of every lineage (compartment minus reference compartment), its
spread over lineages (tau_U), the agreement of the two compartments' changes, and what these rest on. All in log2.
"""

import numpy as np
import pandas as pd
from scipy import optimize, stats

from compartments.compare.composition import call_table, fit_arms
from compartments.compare.moderated import excess_variance, interval
from compartments.study.arms import arm_design, donors_per_arm

STAGE = "compare_coupling"
ALPHA = 0.05
MIN_LINEAGES = 3
EXPRESSION_Q = 0.1
MIN_GENES = 3
COUPLING = [
    "contrast", "compartment", "level", "scale", "tau_u", "tau_low", "tau_high", "q_statistic", "q_df1",
    "q_df2", "p_value", "mean_u", "mean_u_low", "mean_u_high", "ccc", "ccc_low", "ccc_high", "n_lineages",
    "n_depleted_reference", "n_changed", "n_shared", "n_discordant", "q_discordant", "p_uncoupled", "drivers",
    "tau_low_donor", "tau_high_donor", "n_condition", "n_reference", "tier", "verdict", "reason",
]  # fmt: skip
DRIVERS = ["contrast", "compartment", "level", "left_out", "kind", "tau_u", "change", "p_value"]
CONCORDANCE = [
    "contrast", "compartment", "lineage", "n_genes", "ccc", "same_direction", "n_changed_compartment",
    "n_changed_reference", "n_interaction", "tier",
]  # fmt: skip


def dersimonian_laird(estimate, se):
    """Spread of true effects beyond their standard errors.

    Parameters
    ----------
    estimate, se : array, shape (lineages,)

    Returns
    -------
    tau : float
        Standard deviation, same units, at least 0.
    q : float
        Cochran's Q, sum of w (estimate - weighted mean)^2 with w = 1/se^2.

    Notes
    -----
    DerSimonian and Laird (1986) Control Clin Trials 7:177.
    """
    w = 1 / np.asarray(se, float) ** 2
    q = cochran_q(estimate, se, 0.0)
    return float(np.sqrt(max(0.0, (q - (len(w) - 1)) / (w.sum() - (w**2).sum() / w.sum())))), q


def cochran_q(estimate, se, tau):
    """Cochran's Q with weights ``1 / (se^2 + tau^2)``."""
    w = 1 / (np.asarray(se, float) ** 2 + tau**2)
    return float((w * (estimate - (w * estimate).sum() / w.sum()) ** 2).sum())


def q_reference(se, df, tau=0.0):
    """What Q is compared with when the standard errors are estimated: ``factor * F(n - 1, df2)``.

    Parameters
    ----------
    se, df : array, shape (lineages,)
    tau : float

    Returns
    -------
    factor, df2 : float

    Notes
    -----
    Welch (1951) Biometrika 38:330: each weight's own degrees of freedom enter by its share of the total weight.
    """
    w = 1 / (np.asarray(se, float) ** 2 + tau**2)
    n = len(w)
    # with tau > 0 only the estimated part of the variance is uncertain
    uncertain = (np.asarray(se, float) ** 2 * w) ** 2 / np.asarray(df, float)
    total = (uncertain * (1 - w / w.sum()) ** 2).sum()
    return (n - 1) * (1 + 2 * (n - 2) / (n**2 - 1) * total), (n**2 - 1) / (3 * total)


def q_test(q, se, df):
    """p of no spread, from Q by :func:`q_reference`."""
    factor, df2 = q_reference(se, df)
    return float(stats.f.sf(q / factor, len(se) - 1, df2))


def tau_interval(estimate, se, df, level=0.95):
    """Q-profile interval of tau: all values whose Q is neither too large nor too small.

    Parameters
    ----------
    estimate, se, df : array, shape (lineages,)

    Returns
    -------
    low, high : float

    Notes
    -----
    Viechtbauer (2007) Stat Med 26:37, with :func:`q_reference` in place of chi-square.
    """
    estimate, se = np.asarray(estimate, float), np.asarray(se, float)
    bounds = []
    for share in (0.5 + level / 2, 0.5 - level / 2):

        def excess(tau, share=share):
            factor, df2 = q_reference(se, df, tau)
            return cochran_q(estimate, se, tau) - factor * stats.f.ppf(share, len(se) - 1, df2)

        top = max(1.0, np.ptp(estimate), se.max())
        while excess(top) > 0:
            top *= 2
        bounds.append(optimize.brentq(excess, 0.0, top, xtol=1e-10) if excess(0.0) > 0 else 0.0)
    return bounds[0], bounds[1]


def concordance_correlation(x, y):
    """Lin's concordance correlation coefficient (Lin 1989 Biometrics 45:255) along the last axis.

    NaN for fewer than 2 points.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    n = x.shape[-1]
    if n < 2:
        return np.nan
    dx, dy = x - x.mean(-1, keepdims=True), y - y.mean(-1, keepdims=True)
    spread = ((dx**2).sum(-1) + (dy**2).sum(-1)) / (n - 1) + (x.mean(-1) - y.mean(-1)) ** 2
    with np.errstate(invalid="ignore"):
        return (2 * (dx * dy).sum(-1) / (n - 1) / spread)[()]


def concordance_interval(own, base, u, seed=0, draws=2000):
    """Parametric bootstrap interval of the concordance of two compartments' changes.

    Parameters
    ----------
    own, base, u : DataFrame, shape (lineages, ...)
        Columns ``log2fc, se``; effects in the compartment, in the reference, and their interaction.

    Returns
    -------
    low, high : float, within [-1, 1]

    Notes
    -----
    Normal interval on Fisher's z scale with the bootstrap's spread; the simulated values themselves lie too low, since
    they hold the sampling error twice. Both changes share the donors' own deviations: their covariance is
    (se_own^2 + se_base^2 - se_u^2) / 2.
    """
    rng = np.random.default_rng(seed)
    a, b = own["se"].to_numpy(), base["se"].to_numpy()
    rho = np.clip((a**2 + b**2 - u["se"].to_numpy() ** 2) / (2 * a * b), -0.99, 0.99)
    first, second = rng.normal(size=(2, draws, len(a)))
    x = own["log2fc"].to_numpy() + a * first
    y = base["log2fc"].to_numpy() + b * (rho * first + np.sqrt(1 - rho**2) * second)
    simulated = concordance_correlation(x, y)
    centre = np.arctanh(concordance_correlation(own["log2fc"], base["log2fc"]))
    half = stats.norm.ppf(0.975) * np.arctanh(simulated).std(ddof=1)
    return float(np.tanh(centre - half)), float(np.tanh(centre + half))


def mean_difference(values, variances, units, contrast):
    """Compartment-wide difference: donors' weighted mean over lineages, compared between conditions.

    Parameters
    ----------
    values, variances : array, shape (donors, lineages), log2
        Within-donor differences and their sampling variances.
    units : DataFrame, index donor, with ``condition``
    contrast : named tuple ``contrast, condition, reference``

    Returns
    -------
    mean, low, high : float
        The donor is the unit, so that the error of a sample's total, common to its lineages, is in the interval. A
        lineage weighs 1 / (its mean sampling variance + the excess variance common to all): a weight by its own
        residuals would favour those that are small by chance and make the interval too short.
    """
    design, _, _ = arm_design(units, contrast)
    w = 1 / (variances.mean(0) + excess_variance(values, design.to_numpy(), variances))
    per_donor = (values @ w / w.sum())[:, None]
    fit, _ = fit_arms(units, contrast, per_donor, None, adjust=False)
    low, high = interval(fit["estimate"], fit["se_plain"], fit["df_plain"])
    return float(fit["estimate"].iloc[0]), float(low.iloc[0]), float(high.iloc[0])


def simes(p):
    """One p-value from several that need not be independent: the smallest of ``n p_(i) / i``; NaN are left out.

    Simes (1986) Biometrika 73:751.
    """
    p = np.asarray(p, float)
    p = np.sort(p[~np.isnan(p)])
    return float((len(p) * p / np.arange(1, len(p) + 1)).min()) if len(p) else np.nan


def verdict(row, margin):
    """One word on the coupling of two compartments, with the reason.

    Parameters
    ----------
    row : mapping
        Keys ``tier, p_value, q_discordant, p_uncoupled, n_changed, n_shared, n_discordant, tau_high, mean_u_low,
        mean_u_high, scale``.
    margin : float
        Equivalence margin, log2.

    Returns
    -------
    verdict, reason : str
        ``partly_uncoupled`` or ``uncoupled`` need evidence of a difference, ``p_uncoupled`` < .05: the Q test and the
        discordant and maintained calls together (:func:`simes`). They differ in whether any lineage changes in both
        compartments (q < .05). ``coupled`` needs lineages that change, no such evidence, and proof of equivalence:
        95 % of lineages' interactions within the margin at the upper limit of tau (1.96 tau_high < margin) and, on
        the absolute scale, the interval of the mean within the margin. All else is ``cannot_tell``.
    """
    if row["tier"] not in ("inferential", "exploratory"):
        return "cannot_tell", f"{row['tier']}: at least two donors per condition with both compartments are needed"
    if row["p_uncoupled"] < ALPHA:
        evidence = [f"interactions differ between lineages or a lineage is discordant (p = {row['p_uncoupled']:.2g})"]
        if row["n_discordant"]:
            evidence.append(f"{row['n_discordant']} discordant lineages at q < {ALPHA}")
        evidence.append(f"{row['n_shared']} lineages change in both compartments")
        return "partly_uncoupled" if row["n_shared"] else "uncoupled", "; ".join(evidence)
    if row["p_value"] < ALPHA or row["n_discordant"]:
        return (
            "cannot_tell",
            f"the Q test (p = {row['p_value']:.2g}) and the discordant lineages (smallest q = "
            f"{row['q_discordant']:.2g}) do not hold together (p = {row['p_uncoupled']:.2g})",
        )
    if row["n_changed"] < MIN_LINEAGES:
        return (
            "cannot_tell",
            f"{row['n_changed']} lineages change at q < {ALPHA}: too few to ask whether they do so together",
        )
    equivalent = 1.96 * row["tau_high"] < margin
    if row["scale"] == "abs":
        equivalent &= -margin < row["mean_u_low"] and row["mean_u_high"] < margin
    if equivalent:
        return "coupled", f"no discordance, and differences above {margin:g} log2 are excluded for 95 % of lineages"
    return "cannot_tell", f"no discordance shown, but differences above {margin:g} log2 are not excluded"


def compare(study, effects, donors, equiv_margin=1.0, seed=0):
    """Coupling of every contrast, compartment and level.

    Parameters
    ----------
    study : compartments.study.study.Study
    effects, donors : DataFrame
        From :func:`compartments.compare.composition.compare`.
    equiv_margin : float
        log2.
    seed : int
        Of the bootstrap of the concordance.

    Returns
    -------
    coupling, drivers : DataFrame
    skipped : list of dict
    """
    calls = call_table(effects, equiv_margin, study.primary_lineages)
    rows, drivers, skipped = [], [], []
    for contrast in study.contrasts.itertuples(index=False):
        for compartment in study.compartments[1:]:
            for level in effects["level"].unique():
                place = {"contrast": contrast.contrast, "compartment": compartment, "level": level}
                here = effects[(effects["contrast"] == contrast.contrast) & (effects["level"] == level)]
                u = _term(here, "interaction", compartment)
                why = ""
                if len(u) < MIN_LINEAGES:
                    why = f"{len(u)} lineages with an interaction, at least {MIN_LINEAGES} are needed"
                elif u["se"].isna().any():
                    why = "no residual degrees of freedom: the interactions have no standard errors"
                if why:
                    reason = f"{compartment}, {level}: {why}"
                    skipped.append({"stage": STAGE, "contrast": contrast.contrast, "reason": reason})
                    continue
                own = _term(here, f"within:{compartment}", compartment).reindex(u.index)
                base = _term(here, f"within:{study.reference_compartment}", study.reference_compartment)
                base = base.reindex(u.index)
                values, variances, units = donor_matrices(donors, place, u.index)
                row = place | _summary(u, own, base, _calls_at(calls, place), seed, study.primary_lineages)
                if row["scale"] == "abs":
                    names = ["mean_u", "mean_u_low", "mean_u_high"]
                    row |= dict(zip(names, mean_difference(values, variances, units, contrast), strict=True))
                left = leave_one_out(u, values, variances, units, contrast, row["scale"], row["tau_u"])
                drivers.append(left.assign(**place))
                row |= _driver_summary(left)
                row["verdict"], row["reason"] = verdict(row, equiv_margin)
                rows.append(row)
    drivers = pd.concat(drivers, ignore_index=True) if drivers else pd.DataFrame()
    return pd.DataFrame(rows).reindex(columns=COUPLING), drivers.reindex(columns=DRIVERS), skipped


def _term(effects, term, compartment):
    found = effects[(effects["term"] == term) & (effects["compartment"] == compartment)]
    return found.set_index("lineage")


def _calls_at(calls, place):
    for column, value in place.items():
        calls = calls[calls[column] == value]
    return calls


def _summary(u, own, base, calls, seed, primary):
    """Index, test, concordance and counts of lineages of one contrast, compartment and level."""
    estimate, se = u["log2fc"].to_numpy(), u["se"].to_numpy()
    tau, q = dersimonian_laird(estimate, se)
    df = u["df"].to_numpy()
    low, high = tau_interval(estimate, se, df)
    scale = u["scale"].iloc[0]
    word = u["tier"].iloc[0]
    if scale == "rel" and word == "inferential":
        word = "exploratory"  # centring makes the test slightly liberal
    kind = calls["call"].str.removeprefix("relatively_")
    apart = kind.str.match("discordant_|maintained_")
    held = calls["q_value"] < ALPHA
    changed = (own["q_value"] < ALPHA) | (base["q_value"] < ALPHA)
    depleted = int(((base["q_value"] < ALPHA) & (base["log2fc"] < 0)).sum())
    row = {
        "scale": scale,
        "tau_u": tau,
        "tau_low": low,
        "tau_high": high,
        "q_statistic": q,
        "q_df1": len(u) - 1,
        "q_df2": q_reference(se, df)[1],
        "p_value": q_test(q, se, df) if word in ("inferential", "exploratory") else np.nan,
        "ccc": np.nan,
        "n_lineages": len(u),
        "n_depleted_reference": depleted,
        "n_changed": int(changed.sum()),
        "n_shared": calls.loc[held & kind.isin(["depleted_both", "increased_both"]), "lineage"].nunique(),
        "n_discordant": calls.loc[held & apart, "lineage"].nunique(),
        "q_discordant": simes(calls[apart].groupby(calls["lineage"].isin(primary))["q_value"].min()),
        "n_condition": int(u["n_condition"].iloc[0]),
        "n_reference": int(u["n_reference"].iloc[0]),
        "tier": word,
    }
    row["p_uncoupled"] = simes([row["p_value"], row["q_discordant"]])
    both = own["log2fc"].notna() & base["log2fc"].notna()
    if depleted >= MIN_LINEAGES and both.sum() >= MIN_LINEAGES:
        row["ccc"] = concordance_correlation(own["log2fc"][both], base["log2fc"][both])
        row["ccc_low"], row["ccc_high"] = concordance_interval(own[both], base[both], u[both], seed)
    return row


def donor_matrices(donors, place, lineages):
    """Within-donor differences behind the interactions.

    Parameters
    ----------
    donors : DataFrame
        ``donors.tsv`` of the composition.
    place : dict
        ``contrast, compartment, level``.
    lineages : Index

    Returns
    -------
    values, variances : array, shape (donors, lineages), log2
    units : DataFrame, index donor, with ``condition``
    """
    rows = donors[donors["term"] == "interaction"]
    for column, value in place.items():
        rows = rows[rows[column] == value]
    order = rows["donor"].unique()
    values, variances = (
        rows.pivot(index="donor", columns="lineage", values=column).loc[order, lineages].to_numpy()
        for column in ("log2_value", "variance")
    )
    return values, variances, rows.drop_duplicates("donor").set_index("donor")[["condition"]]


def leave_one_out(u, values, variances, units, contrast, scale, tau):
    """tau_U without each lineage and without each donor.

    Returns
    -------
    DataFrame ``left_out, kind (lineage|donor), tau_u, change, p_value``
        ``change`` is the fall of tau_U: a lineage with a large one drives it. Donors whose arm would be empty or
        leave no residual df have no row.
    """
    rows = []
    estimate, se, df = (u[c].to_numpy() for c in ("log2fc", "se", "df"))
    if len(u) > MIN_LINEAGES:
        for i, lineage in enumerate(u.index):
            kept = np.arange(len(u)) != i
            rows.append((lineage, "lineage", *_spread(estimate[kept], se[kept], df[kept])))
    ln2 = np.log(2)
    for i, donor in enumerate(units.index):
        kept = np.arange(len(units)) != i
        if min(donors_per_arm(units[kept], contrast)) == 0:
            continue
        fit, _ = fit_arms(
            units[kept], contrast, values[kept] * ln2, variances[kept] * ln2**2, adjust=False, centre=scale == "rel"
        )
        if fit["se"].notna().all():
            rows.append((donor, "donor", *_spread(fit["estimate"] / ln2, fit["se"] / ln2, fit["df"])))
    table = pd.DataFrame(rows, columns=["left_out", "kind", "tau_u", "p_value"])
    return table.assign(change=tau - table["tau_u"])


def _spread(estimate, se, df):
    tau, q = dersimonian_laird(np.asarray(estimate), np.asarray(se))
    return tau, q_test(q, se, df)


def _driver_summary(left):
    """Lineages without which tau_U falls by a tenth or more, largest first, and the range over left-out donors."""
    lineages, donors = (left[left["kind"] == kind] for kind in ("lineage", "donor"))
    full = (lineages["tau_u"] + lineages["change"]).max() if len(lineages) else np.nan
    named = lineages[lineages["change"] >= 0.1 * full] if full > 0 else lineages[:0]
    return {
        "drivers": ",".join(named.sort_values("change", ascending=False, kind="stable")["left_out"]),
        "tau_low_donor": donors["tau_u"].min(),
        "tau_high_donor": donors["tau_u"].max(),
    }


def expression_concordance(table, contrast, reference_compartment):
    """Agreement of expression changes between each compartment and the reference, per lineage.

    Parameters
    ----------
    table : DataFrame
        ``expression/<contrast>.parquet``: ``lineage, gene, term, compartment, log2fc, q_value, tier``.
    contrast : str

    Returns
    -------
    DataFrame, columns ``CONCORDANCE``
        Over genes with q < .1 in either compartment; descriptive, since those genes are chosen by their effect.
        ``same_direction`` is the share of them that change alike in sign.
    skipped : list of dict
    """
    rows, skipped = [], []
    interactions = table[table["term"] == "interaction"]
    pairs = table[table["term"].str.startswith("within:") & (table["compartment"] != reference_compartment)]
    for (lineage, compartment), own in pairs.groupby(["lineage", "compartment"], sort=False, observed=True):
        base = table[(table["lineage"] == lineage) & (table["term"] == f"within:{reference_compartment}")]
        if base.empty:
            continue
        u = interactions[(interactions["lineage"] == lineage) & (interactions["compartment"] == compartment)]
        both = own.set_index("gene")[["log2fc", "q_value"]].join(
            base.set_index("gene")[["log2fc", "q_value"]], how="inner", rsuffix="_base"
        )
        both = both.dropna(subset=["log2fc", "log2fc_base"])
        in_own, in_base = both["q_value"] < EXPRESSION_Q, both["q_value_base"] < EXPRESSION_Q
        chosen = both[in_own | in_base]
        if len(chosen) < MIN_GENES:
            why = f"{len(chosen)} genes with q < {EXPRESSION_Q} in {compartment} or {reference_compartment}"
            reason = f"concordance of expression: {why}, at least {MIN_GENES} are needed"
            skipped.append({"stage": STAGE, "lineage": lineage, "contrast": contrast, "reason": reason})
        rows.append(
            {
                "contrast": contrast,
                "compartment": compartment,
                "lineage": lineage,
                "n_genes": len(chosen),
                "ccc": concordance_correlation(chosen["log2fc"], chosen["log2fc_base"])
                if len(chosen) >= MIN_GENES
                else np.nan,
                "same_direction": (np.sign(chosen["log2fc"]) == np.sign(chosen["log2fc_base"])).mean()
                if len(chosen)
                else np.nan,
                "n_changed_compartment": int(in_own.sum()),
                "n_changed_reference": int(in_base.sum()),
                "n_interaction": int((u["q_value"] < EXPRESSION_Q).sum()),
                "tier": "descriptive",
            }
        )
    return pd.DataFrame(rows, columns=CONCORDANCE), skipped
