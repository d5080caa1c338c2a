"""What the changes of two compartments say together: intersection-union calls, and the tipping point of total cells."""

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.compare.engine import ONE_SIDED
from compartments.core.multiple_testing import benjamini_hochberg
from compartments.core.vocabulary import ALPHA, CLAIMABLE, TIERS

CALLS = ["level", "lineage", "contrast", "compartment", "call", "p_value", "q_value", "holds", "tier"]
WORDS = ["call", "call_p", "call_q", "suggested"]


def with_calls(
    effects: pd.DataFrame, reference: str, primary: Collection[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Effects with the word of each lineage in their interaction rows, and all calls (:func:`call_table`)."""
    calls = call_table(effects, reference, primary)
    if calls.empty:
        return effects, calls
    words = chosen_calls(calls).assign(term="interaction")
    return effects.drop(columns=WORDS).merge(words, how="left")[list(effects)], calls


def call_table(effects: pd.DataFrame, reference: str, primary: Collection[str] = ()) -> pd.DataFrame:
    """All intersection-union calls of every lineage, contrast and compartment against the reference compartment.

    Parameters
    ----------
    effects : DataFrame
        ``level, lineage, contrast, term, compartment, scale, tier`` and the one-sided p-values ``p_decrease,
        p_increase, p_above_margin, p_below_margin``.
    reference : str
        The reference compartment.
    primary : collection of str
        Lineages named beforehand, a family of their own.

    Returns
    -------
    DataFrame, columns ``CALLS``
        ``p_value`` is the largest of the one-sided p-values that a call needs all of (Berger 1982), twice that for
        discordant and maintained ones: of the same lineage the opposite may be claimed; ``q_value`` is
        Benjamini-Hochberg over lineages within level, contrast, compartment and call; ``holds`` is q < .05.
    """
    interaction = effects[(effects["term"] == "interaction") & effects["tier"].isin(CLAIMABLE)]
    if interaction.empty:
        return pd.DataFrame(columns=CALLS)
    keys = ["level", "lineage", "contrast"]
    within = effects[effects["term"].str.startswith("within:") & effects["tier"].isin(CLAIMABLE)]
    own = within[[*keys, "compartment", "tier", *ONE_SIDED]]
    base = own[own["compartment"] == reference].drop(columns="compartment")
    joined = interaction[[*keys, "compartment", "scale", "tier", *ONE_SIDED]]
    joined = joined.merge(own, on=[*keys, "compartment"], suffixes=("_u", "_own"))
    joined = joined.merge(base.rename(columns={c: f"{c}_base" for c in ["tier", *ONE_SIDED]}), on=keys)
    if joined.empty:
        return pd.DataFrame(columns=CALLS)

    def p(test: str, which: str) -> npt.NDArray[np.float64]:
        return joined[f"p_{test}_{which}"].to_numpy(float)

    down, down_base, up, up_base = (p(test, of) for test in ("decrease", "increase") for of in ("own", "base"))
    more, less = p("increase", "u"), p("decrease", "u")
    kept, kept_base = p("above_margin", "own"), p("above_margin", "base")
    needs = {
        "depleted_both": [down, down_base],
        "increased_both": [up, up_base],
        "concordant": [p("above_margin", "u"), p("below_margin", "u")],
        "maintained_{own}": [down_base, more, kept],
        "maintained_{base}": [down, less, kept_base],
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
    directions = np.array([2 if name.startswith(("discordant", "maintained")) else 1 for name in needs])
    strongest = np.array([np.max(needed, axis=0) for needed in needs.values()]).T
    calls["p_value"] = np.minimum(strongest * directions, 1).ravel()
    named = calls["lineage"].isin(primary)
    families = calls.groupby(["level", "contrast", "compartment", "call", named], sort=False)["p_value"]
    calls["q_value"] = families.transform(benjamini_hochberg)
    calls["holds"] = calls["q_value"] < ALPHA
    calls["tier"] = np.where((weakest == TIERS[0]).all(axis=1), TIERS[0], TIERS[1]).repeat(n_calls)
    return calls[CALLS]


def chosen_calls(calls: pd.DataFrame) -> pd.DataFrame:
    """The one word of each lineage, the most specific call that holds, and what is only suggested.

    A difference shown to be smaller than the margin is never called discordant; `maintained` says more than
    `discordant`, and of two discordant calls the one with the smaller p-value stands.

    Parameters
    ----------
    calls : DataFrame
        From :func:`call_table`.

    Returns
    -------
    DataFrame ``level, lineage, contrast, compartment, call, call_p, call_q, suggested``
        For ``inconclusive`` the p and q of the call that came nearest. ``suggested``: the word at p < .05 without
        regard to how many lineages were asked, empty where there is none or it is the call.
    """
    by = ["level", "lineage", "contrast", "compartment"]
    words = _most_specific(calls, calls["holds"], by)
    hinted = _most_specific(calls, calls["p_value"] < ALPHA, by).set_index(by)["call"]
    hinted = hinted.loc[pd.MultiIndex.from_frame(words[by])].to_numpy()
    words["suggested"] = np.where(hinted == words["call"], "", hinted)
    return words.rename(columns={"p_value": "call_p", "q_value": "call_q"})


def _most_specific(calls: pd.DataFrame, holds: pd.Series, by: list[str]) -> pd.DataFrame:
    """Of each lineage the call that says most among those that hold."""
    kind = calls["call"].str.removeprefix("relatively_")
    similar = holds & (kind == "concordant")
    similar = similar.groupby([calls[k] for k in by]).transform("any")
    rank = np.select(
        [
            ~holds,
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
    return best[[*by, "call", "p_value", "q_value"]]


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
