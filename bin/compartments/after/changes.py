"""What two sets of findings of one study say differently."""

import numpy as np
import pandas as pd

from compartments.findings.words import keys_of

KEYS = ["question", "contrast", "compartment", "lineage", "aspect", "pairs"]
BESIDE = ["verdict", "estimate", "q_value"]


def changes_of(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Claims that are new, gone or have another verdict.

    Parameters
    ----------
    before, after : DataFrame
        ``findings.tsv``.

    Returns
    -------
    DataFrame
        Columns as of ``changes.tsv``, in the order of ``after``, those that are gone last.
    """
    sides = [_with_pairs(table)[KEYS + BESIDE].fillna(dict.fromkeys(KEYS, "")) for table in (after, before)]
    # rows alike in all keys would go with each other's
    numbered = [side.assign(number=side.groupby(KEYS).cumcount()) for side in sides]
    both = numbered[0].merge(
        numbered[1], on=[*KEYS, "number"], how="outer", suffixes=("_after", "_before"), indicator=True, sort=False
    )
    order = {tuple(row): number for number, row in enumerate(sides[0][KEYS].itertuples(index=False))}
    both = both.iloc[np.argsort([order.get(tuple(row), len(order)) for row in both[KEYS].itertuples(index=False)])]
    kinds = both["_merge"].map({"both": "verdict", "left_only": "new", "right_only": "gone"}).astype(str)
    other = (both["_merge"] != "both") | (both["verdict_after"] != both["verdict_before"])
    columns = [f"{name}_{side}" for name in BESIDE for side in ("before", "after")]
    return both.assign(change=kinds)[[*KEYS, "change", *columns]][other].reset_index(drop=True)


def _with_pairs(findings: pd.DataFrame) -> pd.DataFrame:
    """With the network or group of pairs that a lineage's row is of: it has one for each; a summary is of them all."""
    keys = findings["source"].map(keys_of)
    pairs = keys.map(lambda known: known.get("network", known.get("group")))
    return findings.assign(pairs=pairs.where(findings["lineage"].fillna("") != ""))


def in_words(changes: pd.DataFrame, after: pd.DataFrame, most: int = 10) -> list[str]:
    """Lines on what has changed: how much, and the first of it."""
    if changes.empty:
        return [f"All {len(after)} rows of findings.tsv have the verdict that they had."]
    n = changes["change"].value_counts().reindex(["verdict", "new", "gone"], fill_value=0)
    much = f"Of {len(after)} rows of findings.tsv, {n['verdict']} have another verdict and {n['new']} are new"
    lines = [f"{much}; {n['gone']} are gone (changes.tsv):"]
    for row in changes.head(most).itertuples():
        where = ", ".join(
            filter(None, [str(row.lineage) or "all", str(row.aspect), str(row.pairs), str(row.compartment)])
        )
        said = {"new": f"new: {row.verdict_after}", "gone": f"gone, was {row.verdict_before}"}
        change = said.get(str(row.change), f"{row.verdict_before} -> {row.verdict_after}")
        lines.append(f"  question {row.question}, {row.contrast}, {where}: {change}")
    return lines + [f"  and {len(changes) - most} more"] * (len(changes) > most)
