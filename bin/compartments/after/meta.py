"""Random-effects meta-analysis of the effects of several cohorts, all rows of a table at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from compartments.compare.moderated import interval, minimum_detectable_effect
from compartments.core.vocabulary import CLAIMABLE, TIERS
from compartments.study.arms import tier

Array = npt.NDArray[np.float64]
ARMS = "df_arms"  # degrees of freedom of the variances that lineages share; of composition alone
DIFFER = 0.1  # p of heterogeneity, at or below which two cohorts are taken to disagree


def pooled(estimate: Array, se: Array, df: Array) -> dict[str, Array]:
    """Estimates of the same effect in several cohorts as one.

    Parameters
    ----------
    estimate, se, df : array, shape (effects, cohorts)

    Returns
    -------
    dict of array, shape (effects,)
        ``estimate, se, df`` of the mean effect; ``tau`` (its spread over cohorts), ``q_statistic`` (Cochran's Q),
        ``p_heterogeneity`` and ``i2``.

    Notes
    -----
    DerSimonian and Laird (1986) Control Clin Trials 7:177; of two cohorts all moment estimators of tau agree. The
    reference is t with Satterthwaite's degrees of freedom of the weighted mean, so that few donors stay few; the
    standard error is never below that of Hartung and Knapp (2001) Stat Med 20:3875, as Roever et al. (2015) BMC Med Res
    Methodol 15:99 advise. Q is compared with an F of these degrees of freedom in place of chi-square.
    """
    n = estimate.shape[1]
    weight = 1 / se**2
    total = weight.sum(1)
    fixed = (weight * estimate).sum(1) / total
    q = (weight * (estimate - fixed[:, None]) ** 2).sum(1)
    tau2 = np.maximum(0, (q - (n - 1)) / (total - (weight**2).sum(1) / total))
    weight = 1 / (se**2 + tau2[:, None])
    total = weight.sum(1)
    mean = (weight * estimate).sum(1) / total
    around = (weight * (estimate - mean[:, None]) ** 2).sum(1) / (n - 1)
    freedom = total**2 / (weight**2 / df).sum(1)
    return {
        "estimate": mean,
        "se": np.sqrt(np.maximum(around, 1) / total),
        "df": freedom,
        "tau": np.sqrt(tau2),
        "q_statistic": q,
        "p_heterogeneity": stats.f.sf(q / (n - 1), n - 1, freedom),
        "i2": np.where(q > 0, np.maximum(0, 1 - (n - 1) / np.maximum(q, 1e-300)), 0),
    }


def combined(tables: Sequence[pd.DataFrame], keys: Sequence[str], value: str) -> pd.DataFrame:
    """The rows that every cohort has an effect with a standard error of, pooled.

    Parameters
    ----------
    tables : sequence of DataFrame
        One of each cohort: ``keys``, ``value``, ``se, df, n_condition, n_reference, tier``.
    keys : sequence of str
        What tells the rows apart.
    value : str
        Column of the estimate.

    Returns
    -------
    DataFrame
        ``keys``; ``value, se, df, ci_low, ci_high, p_value, p_plain, mde80`` of the whole; donors of all cohorts; the
        tier that so many allow, ``exploratory`` at most where two cohorts disagree, without p where no cohort has one;
        ``tau, q_statistic, p_heterogeneity, i2``; ``df_arms`` where all tables have it. In the order of the first
        cohort.
    """
    taken = [value, "se", "df", "n_condition", "n_reference", "tier"]
    taken += [ARMS] if all(ARMS in table for table in tables) else []
    whole = tables[0].loc[_usable(tables[0]), [*keys, *taken]].rename(columns={name: f"{name}:0" for name in taken})
    for number, table in enumerate(tables[1:], start=1):
        named = {name: f"{name}:{number}" for name in taken}
        whole = whole.merge(table.loc[_usable(table), [*keys, *taken]].rename(columns=named), on=list(keys))

    def of(name: str) -> Any:
        return np.column_stack([whole[f"{name}:{number}"].to_numpy(float) for number in range(len(tables))])

    found = pooled(of(value), of("se"), of("df"))
    arms = {name: of(name).sum(1).astype(int) for name in ("n_condition", "n_reference")}
    tiers = np.array(
        [tier(*one) for one in zip(arms["n_condition"], arms["n_reference"], found["df"], strict=True)], object
    )
    disagree = (len(tables) == 2) & (found["p_heterogeneity"] <= DIFFER)
    tiers = np.where(disagree & (tiers == TIERS[0]), TIERS[1], tiers)
    low, high = interval(found["estimate"], found["se"], found["df"])
    p = 2 * stats.t.sf(np.abs(found["estimate"] / found["se"]), found["df"])
    p = np.where(pd.Index(tiers).isin(CLAIMABLE), p, np.nan)
    table = whole[list(keys)].assign(**{value: found.pop("estimate")}, se=found.pop("se"), df=found.pop("df"))
    table = table.assign(ci_low=low, ci_high=high, p_value=p, p_plain=p, **arms, tier=tiers, **found)
    table["mde80"] = minimum_detectable_effect(table["se"], table["df"])
    if ARMS in taken:
        # by the same formula: what the cohorts' lineages share, no lineage of the whole has more of
        table[ARMS] = pooled(of(value), of("se"), of(ARMS))["df"]
    return table


def _usable(table: pd.DataFrame) -> pd.Series:
    """Rows with an error that is known."""
    return (table["se"] > 0) & (table["df"] > 0)
