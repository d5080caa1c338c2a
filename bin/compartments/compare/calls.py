"""What the changes of two compartments say together: intersection-union calls, and the tipping point of total cells."""

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from compartments.core.multiple_testing import benjamini_hochberg
from compartments.core.vocabulary import ALPHA, TIERS

CALLS = ["level", "lineage", "contrast", "compartment", "call", "p_value", "q_value", "holds", "tier"]


def call_table(effects: pd.DataFrame, margin: float = 1.0, primary: Collection[str] = ()) -> pd.DataFrame:
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

    def above(which: str, bound: float = 0.0) -> npt.NDArray[np.float64]:
        return stats.t.sf((joined[f"log2fc_{which}"] - bound) / joined[f"se_{which}"], joined[f"df_{which}"])

    def below(which: str, bound: float = 0.0) -> npt.NDArray[np.float64]:
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


def _reference_compartment(effects: pd.DataFrame) -> str:
    """The compartment that has no interaction of its own."""
    others = set(effects.loc[effects["term"] == "interaction", "compartment"])
    return next(c for c in effects["compartment"] if c not in others)


def chosen_calls(calls: pd.DataFrame) -> pd.DataFrame:
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


def tipping_point(estimate: npt.ArrayLike) -> tuple[float, float]:
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
