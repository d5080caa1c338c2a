"""Coupling: does a condition change the compartments together, or each in its own way?

Built on the composition effects: the interaction U of every lineage (compartment minus reference compartment), its
spread over lineages (tau_U), the agreement of the two compartments' changes, and what these rest on. All in log2.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.compare.calls import call_table
from compartments.compare.donor_variance import donor_variance
from compartments.compare.engine import ONE_SIDED, fit_arms
from compartments.compare.heterogeneity import (
    concordance_correlation,
    concordance_interval,
    dersimonian_laird,
    q_reference,
    q_test,
    simes,
    tau_interval,
)
from compartments.compare.moderated import interval
from compartments.compare.weighted import fit_weighted
from compartments.core.left_out import LeftOut
from compartments.core.numbers import probability
from compartments.core.vocabulary import ALPHA, CLAIMABLE, EQUIV_MARGIN, LN2, TIERS
from compartments.study.arms import arm_design, arm_numbers, held_design, residual_df
from compartments.study.study import Contrast, Study
from compartments.study.terms import Term, term_of

EFFECTS = ["level", "lineage", "contrast", "term", "compartment", "scale", "log2fc", "se", "df", "q_value"]
EFFECTS += ["n_condition", "n_reference", "tier", "df_arms", *ONE_SIDED]
DONORS = ["level", "lineage", "contrast", "term", "compartment", "donor", "condition", "log2_value", "variance"]
GENES = ["lineage", "gene", "term", "compartment", "log2fc", "q_value"]
MIN_LINEAGES = 3
EXPRESSION_Q = 0.1
MIN_GENES = 3
DRIVER_SHARE = 0.1  # of tau_U, that it must fall by without a lineage
Matrix = npt.NDArray[np.float64]


def mean_difference(
    values: Matrix, variances: Matrix, term: Term, covariates: Sequence[str] = ()
) -> tuple[float, float, float]:
    """Compartment-wide difference: donors' weighted mean over lineages, compared between conditions.

    Parameters
    ----------
    values, variances : array, shape (units, lineages), log2
        Differences between compartments and their sampling variances.
    term : Term
        With these units.
    covariates : sequence of str

    Returns
    -------
    mean, low, high : float
        The donor is the unit, so that the error of a sample's total, common to its lineages, is in the interval. A
        lineage weighs 1 / (its mean sampling variance + the variance between donors common to all): a weight by its own
        residuals would favour those that are small by chance and make the interval too short.
    """
    design, _, _ = arm_design(term, covariates)
    tau2 = donor_variance(values * LN2, variances * LN2**2, design.to_numpy(), arm_numbers(term))
    w = 1 / (variances.mean(0) + tau2.mean() / LN2**2)
    per_donor = (values @ w / w.sum())[:, None]
    fit, _ = fit_arms(term, per_donor, None, covariates)
    # of one feature alone, unless donors have several units: those need a common correlation
    se, df = ("se", "df") if term.repeated else ("se_plain", "df_plain")
    low, high = interval(fit["estimate"], fit[se], fit[df])
    return float(fit["estimate"].iloc[0]), float(low.iloc[0]), float(high.iloc[0])


def verdict(row: Mapping[str, Any], margin: float) -> tuple[str, str]:
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
    if row["tier"] not in CLAIMABLE:
        return "cannot_tell", f"{row['tier']}: at least two donors per condition with both compartments are needed"
    if row["p_uncoupled"] < ALPHA:
        evidence = [
            f"interactions differ between lineages or a lineage is discordant ({probability('p', row['p_uncoupled'])})"
        ]
        if row["n_discordant"]:
            evidence.append(f"{row['n_discordant']} discordant lineages at q < {ALPHA}")
        evidence.append(f"{row['n_shared']} lineages change in both compartments")
        return "partly_uncoupled" if row["n_shared"] else "uncoupled", "; ".join(evidence)
    if row["p_value"] < ALPHA or row["n_discordant"]:
        discordant = f"the discordant lineages (smallest {probability('q', row['q_discordant'])})"
        together = f"do not hold together ({probability('p', row['p_uncoupled'])})"
        return "cannot_tell", f"the Q test ({probability('p', row['p_value'])}) and {discordant} {together}"
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


@dataclass(frozen=True)
class Question:
    """One contrast, compartment and level, and the composition effects that answer it.

    Attributes
    ----------
    keys : dict
        ``contrast, compartment, level``.
    between, within, reference : DataFrame, index lineage
        Effects ``log2fc, se, df ...``: the interaction, within the compartment and within the reference compartment;
        the last two with the lineages of the first.
    """

    keys: dict[str, str]
    between: pd.DataFrame
    within: pd.DataFrame
    reference: pd.DataFrame

    @classmethod
    def of(cls, study: Study, effects: pd.DataFrame, contrast: Contrast, compartment: str, level: str) -> "Question":
        """The question with its part of ``effects``."""
        keys = {"contrast": contrast.contrast, "compartment": compartment, "level": level}
        asked = effects[(effects["contrast"] == contrast.contrast) & (effects["level"] == level)]

        def term(name: str, compartment: str) -> pd.DataFrame:
            rows = asked[(asked["term"] == name) & (asked["compartment"] == compartment)]
            return rows[rows["tier"] != TIERS[-1]].set_index("lineage")

        between, base = term("interaction", compartment), study.reference_compartment
        within, reference = (term(f"within:{one}", one).reindex(between.index) for one in (compartment, base))
        return cls(keys, between, within, reference)

    def unanswerable(self) -> str:
        """Why it cannot be answered; empty if it can."""
        if len(self.between) < MIN_LINEAGES:
            return f"{len(self.between)} lineages with an interaction, at least {MIN_LINEAGES} are needed"
        if self.between["se"].isna().any():
            return "no residual degrees of freedom: the interactions have no standard errors"
        return ""

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Rows of a table with columns ``contrast, compartment, level``."""
        for column, value in self.keys.items():
            table = table[table[column] == value]
        return table


def compare(
    study: Study,
    effects: pd.DataFrame,
    donors: pd.DataFrame,
    left_out: LeftOut,
    equiv_margin: float = EQUIV_MARGIN,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Coupling of every contrast, compartment and level.

    Parameters
    ----------
    study : Study
    effects, donors : DataFrame
        From :func:`compartments.compare.composition.compare`.
    left_out : LeftOut
        Is given the reasons for what cannot be answered.
    equiv_margin : float
        log2.
    seed : int
        Of the bootstrap of the concordance.

    Returns
    -------
    coupling, drivers : DataFrame
        Columns as in ``coupling/coupling.tsv`` and ``drivers.tsv``; none where nothing can be answered.
    """
    calls = call_table(effects, study.reference_compartment, study.primary_lineages)
    rows, drivers = [], []
    for contrast, term_name, compartment in study.terms():
        if term_name != "interaction":
            continue
        term = term_of(study, contrast, term_name, compartment)
        for level in effects["level"].unique():
            question = Question.of(study, effects, contrast, compartment, level)
            why = question.unanswerable()
            if why:
                left_out.add(f"{compartment}, {level}: {why}", contrast=contrast.contrast)
                continue
            row = _summary(question, question.rows(calls), seed, study.primary_lineages)
            values, variances, units = donor_matrices(question.rows(donors), question.between.index)
            asked = replace(term, units=term.units.set_index(["donor", "arm"], drop=False).loc[units])
            if row["scale"] == "abs":
                mean = mean_difference(values, variances, asked, study.covariates)
                row |= dict(zip(["mean_u", "mean_u_low", "mean_u_high"], mean, strict=True))
            left = leave_one_out(question, values, variances, asked, study.covariates, row["tau_u"])
            drivers.append(left.assign(**question.keys))
            row |= _driver_summary(left)
            row["verdict"], row["reason"] = verdict(row, equiv_margin)
            rows.append(row)
    return pd.DataFrame(rows), pd.concat(drivers, ignore_index=True) if drivers else pd.DataFrame()


def _summary(question: Question, calls: pd.DataFrame, seed: int, primary: Collection[str]) -> dict[str, Any]:
    """Index, test, concordance and counts of lineages; the mean is added on the absolute scale."""
    u, within, reference = question.between, question.within, question.reference
    spread = Spread.of(u)
    low, high = spread.interval()
    scale, trust = u["scale"].iloc[0], u["tier"].iloc[0]
    if scale == "rel" and trust == "inferential":
        trust = "exploratory"  # where most lineages change, nothing tells which of them did not
    kind = calls["call"].str.removeprefix("relatively_")
    apart = kind.str.match("discordant_|maintained_")
    held = calls["q_value"] < ALPHA
    changed = (within["q_value"] < ALPHA) | (reference["q_value"] < ALPHA)
    depleted = int(((reference["q_value"] < ALPHA) & (reference["log2fc"] < 0)).sum())
    row = question.keys | {
        "scale": scale,
        "tau_u": spread.tau,
        "tau_low": low,
        "tau_high": high,
        "q_statistic": spread.q,
        "q_df1": len(u) - 1,
        "q_df2": spread.df2,
        "p_value": spread.p if trust in CLAIMABLE else np.nan,
        **dict.fromkeys(["mean_u", "mean_u_low", "mean_u_high", "ccc", "ccc_low", "ccc_high"], np.nan),
        "n_lineages": len(u),
        "n_depleted_reference": depleted,
        "n_changed": int(changed.sum()),
        "n_shared": calls.loc[held & kind.isin(["depleted_both", "increased_both"]), "lineage"].nunique(),
        "n_discordant": calls.loc[held & apart, "lineage"].nunique(),
        "q_discordant": simes(calls[apart].groupby(calls["lineage"].isin(primary))["q_value"].min()),
        "n_condition": int(u["n_condition"].iloc[0]),
        "n_reference": int(u["n_reference"].iloc[0]),
        "tier": trust,
    }
    row["p_uncoupled"] = simes([row["p_value"], row["q_discordant"]])
    both = within["log2fc"].notna() & reference["log2fc"].notna()
    if depleted >= MIN_LINEAGES and both.sum() >= MIN_LINEAGES:
        row["ccc"] = concordance_correlation(within["log2fc"][both], reference["log2fc"][both])
        row["ccc_low"], row["ccc_high"] = concordance_interval(within[both], reference[both], u[both], seed)
    return row


@dataclass(frozen=True)
class Spread:
    """Whether interactions differ between lineages by more than their errors.

    Attributes
    ----------
    estimate, se, df : array, shape (lineages,)
    common : float
        Degrees of freedom of the variances that the lineages share.
    """

    estimate: Matrix
    se: Matrix
    df: Matrix
    common: float

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "Spread":
        """Of rows of effects; on the relative scale without the zero's own error, which all lineages share.

        The values have lost one mean there, so that their squared deviations are too small by 1 - 1/n.
        """
        estimate, se, df = (rows[column].to_numpy(float) for column in ("log2fc", "se", "df"))
        if rows["scale"].iloc[0] == "rel":
            n = len(rows)
            share = (np.pi / 2 - 1) / n
            own = se**2 - share * np.median(se**2) / (1 + share)
            se = np.sqrt(np.maximum(own, 1e-9) * n / (n - 1))
        return cls(estimate, se, df, float(np.median(rows["df_arms"])))

    @property
    def tau(self) -> float:
        """Standard deviation of the true interactions."""
        return dersimonian_laird(self.estimate, self.se)[0]

    @property
    def q(self) -> float:
        """Cochran's Q."""
        return dersimonian_laird(self.estimate, self.se)[1]

    @property
    def p(self) -> float:
        """Of no spread."""
        return q_test(self.q, self.se, self.df, self.common)

    @property
    def df2(self) -> float:
        """Denominator degrees of freedom of the test."""
        return q_reference(self.se, self.df, common=self.common)[1]

    def interval(self) -> tuple[float, float]:
        """95 % interval of tau."""
        return tau_interval(self.estimate, self.se, self.df, common=self.common)


def donor_matrices(donors: pd.DataFrame, lineages: pd.Index) -> tuple[Matrix, Matrix, pd.MultiIndex]:
    """Differences between compartments behind the interactions.

    Parameters
    ----------
    donors : DataFrame
        Rows of the composition's ``donors.tsv`` of one contrast, compartment and level.
    lineages : Index

    Returns
    -------
    values, variances : array, shape (units, lineages), log2
    units : MultiIndex
        Donor and condition of each.
    """
    rows = donors[donors["term"] == "interaction"].set_index(["donor", "condition"])
    units = rows.index.unique()
    values, variances = (
        rows.pivot(columns="lineage", values=column).loc[units, lineages].to_numpy()
        for column in ("log2_value", "variance")
    )
    return values, variances, units


def leave_one_out(
    question: Question,
    values: Matrix,
    variances: Matrix,
    term: Term,
    covariates: Sequence[str],
    tau: float,
) -> pd.DataFrame:
    """tau_U without each lineage and without each donor.

    Returns
    -------
    DataFrame ``left_out, kind (lineage|donor), tau_u, change, p_value``
        ``change`` is the fall of tau_U: a lineage with a large one drives it. Donors without whom
        the others do not tell the contrast, or leave no residual df, have no row.
    """
    rows = []
    between, donors = question.between, term.units["donor"].to_numpy(object)
    if len(between) > MIN_LINEAGES:
        for lineage in between.index:
            spread = Spread.of(between.drop(index=lineage))
            rows.append((lineage, "lineage", spread.tau, spread.p))
    for donor in dict.fromkeys(donors):
        kept = donors != donor
        left = term.of(kept)
        if left.absent():
            continue
        held = held_design(term, covariates, kept)
        if held and residual_df(left, held[0].shape[1]) > 0:
            z, s, arms = values[kept] * LN2, variances[kept] * LN2**2, arm_numbers(left)
            fit = fit_weighted(z, s, *held, arms, donors[kept])
            estimate, se, df = (fit[name].to_numpy() for name in ("estimate", "se", "df"))
            spread = Spread(estimate / LN2, se / LN2, df, float(fit["df_arms"].median()))
            rows.append((donor, "donor", spread.tau, spread.p))
    table = pd.DataFrame(rows, columns=["left_out", "kind", "tau_u", "p_value"])
    return table.assign(change=tau - table["tau_u"])


def _driver_summary(left: pd.DataFrame) -> dict[str, Any]:
    """Lineages without which tau_U falls by a tenth or more, largest first, and the range over left-out donors."""
    lineages, donors = (left[left["kind"] == kind] for kind in ("lineage", "donor"))
    full = (lineages["tau_u"] + lineages["change"]).max() if len(lineages) else np.nan
    named = lineages[lineages["change"] >= DRIVER_SHARE * full] if full > 0 else lineages[:0]
    return {
        "drivers": ",".join(named.sort_values("change", ascending=False, kind="stable")["left_out"]),
        "tau_low_donor": donors["tau_u"].min(),
        "tau_high_donor": donors["tau_u"].max(),
    }


def concordance(
    tables: Iterable[tuple[str, pd.DataFrame]],
    reference_compartment: str,
    left_out: LeftOut,
    unnamed: Mapping[str, Mapping[str, str]] | None = None,
) -> pd.DataFrame:
    """:func:`expression_concordance` of several contrasts, of each its name and table; one in memory at a time."""
    made = [expression_concordance(table, name, reference_compartment, left_out, unnamed) for name, table in tables]
    return pd.concat([pd.DataFrame(), *made], ignore_index=True)


def expression_concordance(
    table: pd.DataFrame,
    contrast: str,
    reference_compartment: str,
    left_out: LeftOut,
    unnamed: Mapping[str, Mapping[str, str]] | None = None,
) -> pd.DataFrame:
    """Agreement of expression changes between each compartment and the reference, per lineage.

    Parameters
    ----------
    table : DataFrame
        ``expression/<contrast>.parquet``: ``lineage, gene, term, compartment, log2fc, q_value``.
    contrast, reference_compartment : str
    left_out : LeftOut
        Is given the lineages with too few genes.
    unnamed : mapping, compartment -> lineage -> reason
        Lineages that only one of the models of the compartment and the reference can name.

    Returns
    -------
    DataFrame
        Columns as in ``coupling/concordance.tsv``, over genes with q < .1 in either compartment; descriptive, since
        those genes are chosen by their effect. ``same_direction`` is the share of them that change alike in sign.
    """
    rows = []
    interactions = table[table["term"] == "interaction"]
    pairs = table[table["term"].str.startswith("within:") & (table["compartment"] != reference_compartment)]
    for (lineage, compartment), within in pairs.groupby(["lineage", "compartment"], sort=False, observed=True):
        base = table[(table["lineage"] == lineage) & (table["term"] == f"within:{reference_compartment}")]
        why = (unnamed or {}).get(compartment, {}).get(lineage)
        if why and not base.empty:
            left_out.add(f"concordance of expression: {why}", lineage=lineage, contrast=contrast)
        if why or base.empty:
            continue
        u = interactions[(interactions["lineage"] == lineage) & (interactions["compartment"] == compartment)]
        both = within.set_index("gene")[["log2fc", "q_value"]].join(
            base.set_index("gene")[["log2fc", "q_value"]], how="inner", rsuffix="_base"
        )
        both = both.dropna(subset=["log2fc", "log2fc_base"])
        in_compartment, in_base = both["q_value"] < EXPRESSION_Q, both["q_value_base"] < EXPRESSION_Q
        chosen = both[in_compartment | in_base]
        enough = len(chosen) >= MIN_GENES
        if not enough:
            why = f"{len(chosen)} genes with q < {EXPRESSION_Q} in {compartment} or {reference_compartment}"
            reason = f"concordance of expression: {why}, at least {MIN_GENES} are needed"
            left_out.add(reason, lineage=lineage, contrast=contrast)
        alike = np.sign(chosen["log2fc"]) == np.sign(chosen["log2fc_base"])
        rows.append(
            {
                "contrast": contrast,
                "compartment": compartment,
                "lineage": lineage,
                "n_genes": len(chosen),
                "ccc": concordance_correlation(chosen["log2fc"], chosen["log2fc_base"]) if enough else np.nan,
                "same_direction": alike.mean() if len(chosen) else np.nan,
                "n_changed_compartment": int(in_compartment.sum()),
                "n_changed_reference": int(in_base.sum()),
                "n_interaction": int((u["q_value"] < EXPRESSION_Q).sum()),
                "tier": "descriptive",
            }
        )
    return pd.DataFrame(rows)
