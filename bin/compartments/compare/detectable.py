"""Power of the user's own design: the smallest change that a comparison of donors would find."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.compare.counted import MIN_EXPECTED
from compartments.compare.moderated import minimum_detectable_effect, power_of
from compartments.core.errors import UserError
from compartments.core.vocabulary import CV_TOTAL, LN2, MORE_DONORS, PLANNED_CELLS
from compartments.study.arms import residual_df, tier
from compartments.study.plan import smallest_p
from compartments.study.study import BETWEEN, WITHIN
from compartments.study.terms import Term

COMPARISON = ["level", "lineage", "contrast", "term", "compartment"]
PLANNED = (
    *(
        "design",
        "term",
        "donors",
        "cells_per_sample",
        "lineage_cells",
        "df",
        "se",
        "mde80",
        "fold_mde80",
        "fold",
        "power",
    ),
    *("permutation_floor", "tier"),
)
NEEDED = [*COMPARISON, "se", "df", "df_residual", "df_prior", "df_arms", "n_condition", "n_reference"]


def with_more_donors(
    effects: pd.DataFrame, more: Sequence[int] = MORE_DONORS, terms: Iterable[Term] = ()
) -> pd.DataFrame:
    """Minimum detectable effect of every row at this cohort's size, and with more donors in each arm.

    Parameters
    ----------
    effects : DataFrame
        ``composition/effects.tsv``, columns ``NEEDED``; rows without a standard error are left out.
    more : sequence of int
        Donors added to each arm, or in all where donors are their own controls.
    terms : iterable of Term
        What the effects answer; donors differ between the arms of others.

    Returns
    -------
    DataFrame
        Columns as in ``composition/power.tsv``: 80 % power, two-sided .05, log2 and fold.

    Notes
    -----
    Added donors are like those of the cohort: the standard error shrinks with sqrt(1/n_condition + 1/n_reference), the
    residual df grow by one per unit, and the df of the arms' variances in proportion. Where some donors have both
    conditions, so have as many of the added ones.
    """
    usable = effects[effects["se"].notna() & (effects["df"] > 0)]
    rows = pd.MultiIndex.from_frame(usable[["contrast", "term", "compartment"]])
    # by how much the units' residual df are more than those that a term has
    kinds = {
        tuple(term.keys.values()): (term.one_arm, term.repeated, len(term.units) - residual_df(term, 0))
        for term in terms
    }
    one_arm, repeated, more_df = np.array([kinds.get(row, (0, 0, 0)) for row in rows], int).reshape(-1, 3).T
    tables = []
    for k in more:
        n_condition, n_reference = usable["n_condition"] + k, usable["n_reference"] + k
        now = 1 / usable["n_condition"] + 1 / usable["n_reference"]
        residual = usable["df_residual"] + (2 - one_arm) * k
        limit = usable["df_arms"] * residual / usable["df_residual"]
        table = usable[COMPARISON].assign(
            more_donors=k,
            n_condition=n_condition,
            n_reference=n_reference,
            df=np.minimum(residual + usable["df_prior"], limit),
            se=usable["se"] * np.sqrt((1 / n_condition + 1 / n_reference) / now),
        )
        tables.append(_with_mde(table, residual - more_df, one_arm > 0, repeated > 0))
    return pd.concat(tables, ignore_index=True)


def before_a_study(
    n_condition: int,
    n_reference: int,
    cells: Sequence[float] = PLANNED_CELLS,
    more: Sequence[int] = MORE_DONORS,
    sd_donor: float = 0.35,
    sd_sample: float = 0.30,
    cv_total: float = CV_TOTAL,
    design: str = BETWEEN,
) -> pd.DataFrame:
    """Minimum detectable effect from numbers alone, for lineages of given size.

    Parameters
    ----------
    n_condition, n_reference : int
        Donors per arm, each with both compartments; the same donors in both ``within`` donors.
    cells : sequence of float
        Cells of the lineage per sample.
    sd_donor, sd_sample : float
        ln units: deviation of a donor common to the compartments, and of each sample.
    cv_total : float
        Of the measured cells per microlitre.
    design : {"between", "within"}
        Whether each donor has one of the conditions or both: then what a donor has in common cancels.

    Returns
    -------
    DataFrame
        Columns as in ``composition/power.tsv``; ``lineage`` reads ``<cells> cells per sample``; terms ``within`` and
        ``interaction``; the other lineages add as many df as the donors leave.

    Raises
    ------
    UserError
        An arm without donors, cells or a spread below zero, or arms of unlike size of the same donors.
    """
    for name, n_donors in (("--condition", n_condition), ("--reference", n_reference)):
        if n_donors < 1:
            raise UserError(f"{name} {n_donors}: give at least one donor per arm")
    if design == WITHIN and n_condition != n_reference:
        raise UserError(
            f"--condition {n_condition} --reference {n_reference}: --design within is of the same donors, so give "
            "their number twice"
        )
    if min(cells) <= 0:
        raise UserError(f"--cells {min(cells):g}: give cells of the lineage per sample, above 0")
    for name, spread in (("--sd_donor", sd_donor), ("--sd_sample", sd_sample), ("--cv_total", cv_total)):
        if spread < 0:
            raise UserError(f"{name} {spread}: a spread is not below 0")
    rows = []
    one_arm = design == WITHIN
    for k in more:
        condition, reference = n_condition + k, n_reference + k
        residual = condition - 1 if one_arm else condition + reference - 2
        for count in cells:
            per_sample = sd_sample**2 + 1 / count + cv_total**2
            of_donor = 0.0 if one_arm else sd_donor**2
            for term, variance in (("within", per_sample + of_donor), ("interaction", 2 * per_sample)):
                rows.append(
                    {
                        "level": "lineage",
                        "lineage": f"{count:g} cells per sample",
                        "contrast": "condition_vs_reference",
                        "term": term,
                        "compartment": "any",
                        "more_donors": k,
                        "n_condition": condition,
                        "n_reference": reference,
                        "df": 2.0 * residual,
                        "se": np.sqrt(variance * (1 / condition + 1 / reference)) / LN2,
                    }
                )
    table = pd.DataFrame(rows)
    return _with_mde(table, table["df"] / 2, np.full(len(table), one_arm), np.zeros(len(table), bool))


def over_designs(
    donors: Sequence[int],
    cells: Sequence[float],
    share: float,
    fold: float = 2.0,
    sd_donor: float = 0.35,
    sd_sample: float = 0.30,
    cv_total: float = CV_TOTAL,
) -> pd.DataFrame:
    """What studies of several sizes would find, in donors that differ and in donors that are their own controls.

    Parameters
    ----------
    donors : sequence of int
        Of each arm; pairs of samples where each donor has both conditions.
    cells : sequence of float
        Of all lineages per sample.
    share : float
        Of the lineage among them.
    fold : float
        Change whose power is asked for, above 1.
    sd_donor, sd_sample, cv_total : float
        As for :func:`before_a_study`.

    Returns
    -------
    DataFrame
        Columns as of ``plan.tsv``; rows in which an arm has fewer than ``MIN_EXPECTED`` cells of the lineage are not
        testable and have no number.
    """
    if not 0 < share <= 1:
        raise UserError(f"--lineage {share:g}: give the share of the lineage among the cells, as 0.5% or .005")
    if fold <= 1:
        raise UserError(f"--fold {fold:g}: give a fold change above 1, as 2 for a doubling or halving")
    if min(donors) < 1 or min(cells) <= 0:
        raise UserError("--donors and --cells: give whole numbers from 1 on")
    own = {f"{count * share:g} cells per sample": count for count in cells}
    parts = []
    for design in (BETWEEN, WITHIN):
        for n in donors:
            spreads = sd_donor, sd_sample, cv_total
            table = before_a_study(n, n, [count * share for count in cells], [0], *spreads, design)
            parts.append(table.assign(design=design, donors=n, cells_per_sample=table["lineage"].map(own)))
    table = pd.concat(parts, ignore_index=True)
    table["lineage_cells"] = table["cells_per_sample"] * share
    few = table["lineage_cells"] * table["donors"] < MIN_EXPECTED
    unknown = few | (table["df"] <= 0)
    table.loc[unknown, ["se", "mde80", "fold_mde80"]] = np.nan
    table.loc[few, "tier"] = "not_testable"
    power = power_of(np.log2(fold), table["se"].to_numpy(float), table["df"].to_numpy(float))
    return table.assign(fold=fold, power=power)[list(PLANNED)]


def _with_mde(
    table: pd.DataFrame, residual: pd.Series, one_arm: npt.NDArray[np.bool_], repeated: npt.NDArray[np.bool_]
) -> pd.DataFrame:
    """Add the effect found with 80 % power, the permutation floor and the tier."""
    arms = list(zip(table["n_condition"].astype(int), table["n_reference"].astype(int), strict=True))
    mde = minimum_detectable_effect(table["se"], table["df"])
    floors = [smallest_p(a, b, bool(own)) for (a, b), own in zip(arms, one_arm, strict=True)]
    return table.assign(
        mde80=mde,
        fold_mde80=2.0**mde,
        permutation_floor=np.where(repeated, np.nan, floors),
        tier=[tier(a, b, df) for (a, b), df in zip(arms, residual, strict=True)],
    )
