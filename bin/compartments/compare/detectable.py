"""Power of the user's own design: the smallest change that a comparison of donors would find."""

from collections.abc import Sequence
from math import comb

import numpy as np
import pandas as pd

from compartments.compare.moderated import minimum_detectable_effect
from compartments.core.errors import UserError
from compartments.core.vocabulary import CV_TOTAL, LN2, MORE_DONORS, PLANNED_CELLS
from compartments.study.arms import tier

COMPARISON = ["level", "lineage", "contrast", "term", "compartment"]
NEEDED = [*COMPARISON, "se", "df", "df_residual", "df_prior", "df_arms", "n_condition", "n_reference"]


def with_more_donors(effects: pd.DataFrame, more: Sequence[int] = MORE_DONORS) -> pd.DataFrame:
    """Minimum detectable effect of every row at this cohort's size, and with more donors in each arm.

    Parameters
    ----------
    effects : DataFrame
        ``composition/effects.tsv``, columns ``NEEDED``; rows without a standard error are left out.
    more : sequence of int
        Donors added to each arm.

    Returns
    -------
    DataFrame
        Columns as in ``composition/power.tsv``: 80 % power, two-sided .05, log2 and fold.

    Notes
    -----
    Added donors are like those of the cohort: the standard error shrinks with sqrt(1/n_condition + 1/n_reference), the
    residual df grow by two per added pair of donors, and the df of the arms' variances in proportion.
    """
    usable = effects[effects["se"].notna() & (effects["df"] > 0)]
    tables = []
    for k in more:
        n_condition, n_reference = usable["n_condition"] + k, usable["n_reference"] + k
        now = 1 / usable["n_condition"] + 1 / usable["n_reference"]
        residual = usable["df_residual"] + 2 * k
        limit = usable["df_arms"] * residual / usable["df_residual"]
        table = usable[COMPARISON].assign(
            more_donors=k,
            n_condition=n_condition,
            n_reference=n_reference,
            df=np.minimum(residual + usable["df_prior"], limit),
            se=usable["se"] * np.sqrt((1 / n_condition + 1 / n_reference) / now),
        )
        tables.append(_with_mde(table, residual))
    return pd.concat(tables, ignore_index=True)


def before_a_study(
    n_condition: int,
    n_reference: int,
    cells: Sequence[float] = PLANNED_CELLS,
    more: Sequence[int] = MORE_DONORS,
    sd_donor: float = 0.35,
    sd_sample: float = 0.30,
    cv_total: float = CV_TOTAL,
) -> pd.DataFrame:
    """Minimum detectable effect from numbers alone, for lineages of given size.

    Parameters
    ----------
    n_condition, n_reference : int
        Donors per arm, each with both compartments.
    cells : sequence of float
        Cells of the lineage per sample.
    sd_donor, sd_sample : float
        ln units: deviation of a donor common to the compartments, and of each sample.
    cv_total : float
        Of the measured cells per microlitre.

    Returns
    -------
    DataFrame
        Columns as in ``composition/power.tsv``; ``lineage`` reads ``<cells> cells per sample``; terms ``within`` and
        ``interaction``; the other lineages add as many df as the donors leave.

    Raises
    ------
    UserError
        An arm without donors, cells or a spread below zero, or one donor in each arm.
    """
    for name, n_donors in (("--condition", n_condition), ("--reference", n_reference)):
        if n_donors < 1:
            raise UserError(f"{name} {n_donors}: give at least one donor per arm")
    if min(cells) <= 0:
        raise UserError(f"--cells {min(cells):g}: give cells of the lineage per sample, above 0")
    for name, spread in (("--sd_donor", sd_donor), ("--sd_sample", sd_sample), ("--cv_total", cv_total)):
        if spread < 0:
            raise UserError(f"{name} {spread}: a spread is not below 0")
    rows = []
    for k in more:
        condition, reference = n_condition + k, n_reference + k
        residual = condition + reference - 2
        for count in cells:
            per_sample = sd_sample**2 + 1 / count + cv_total**2
            for term, variance in (("within", per_sample + sd_donor**2), ("interaction", 2 * per_sample)):
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
    return _with_mde(table, table["n_condition"] + table["n_reference"] - 2)


def _with_mde(table: pd.DataFrame, residual: pd.Series) -> pd.DataFrame:
    """Add the effect found with 80 % power, the permutation floor and the tier."""
    arms = list(zip(table["n_condition"], table["n_reference"], residual, strict=True))
    mde = [minimum_detectable_effect(se, df) for se, df in zip(table["se"], table["df"], strict=True)]
    return table.assign(
        mde80=mde,
        fold_mde80=2.0 ** np.array(mde, float),
        permutation_floor=[(2 if a == b else 1) / comb(int(a + b), int(a)) for a, b, _ in arms],
        tier=[tier(a, b, df) for a, b, df in arms],
    )
