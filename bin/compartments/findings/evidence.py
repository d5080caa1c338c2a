"""What a verdict rests on: rows of the effects tables, the three that belong together, and the limits of a claim."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from compartments.core.vocabulary import ALPHA, CLAIMABLE, TIERS

Row = Mapping[str, Any]

YES, NO, CANNOT_TELL = "yes", "no", "cannot_tell"
EQUIV_MARGIN = 1.0  # log2; where neither the user nor composition.json says one
SCORE_MARGIN = math.log2(1.5)  # score points, the largest rise of the other compartment that still counts as none
DONORS = ("n_condition", "n_reference")
NUMBERS = ("ci_low", "ci_high", "p_value", "q_value", *DONORS, "tier", "se", "df")


@dataclass(frozen=True)
class Limits:
    """Limits of a claim: the largest q, and the margin of equivalence in log2."""

    alpha: float = ALPHA
    margin: float = EQUIV_MARGIN


@dataclass(frozen=True)
class Verdict:
    """What a rule decided, without words.

    Attributes
    ----------
    answer : str
        ``yes``, ``no`` or ``cannot_tell``.
    kind : str
        Why: the name of its sentence in :mod:`compartments.findings.words`.
    side : str
        The compartment, or the condition, that it is about.
    numbers : dict
        What the rule computed and the sentence says.
    """

    answer: str
    kind: str
    side: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Triple:
    """Rows of one feature: change in the compartment, in the reference compartment, and their difference."""

    own: Row
    base: Row
    difference: Row

    @property
    def tier(self) -> str:
        """The worst tier of the three rows."""
        return max((row["tier"] for row in (self.own, self.base, self.difference)), key=TIERS.index)

    @property
    def least(self) -> dict[str, Any]:
        """What a claim on all three rows rests on: the fewest donors of each arm, the worst tier, and the ``term`` of
        the row with the fewest donors, which says how they are compared."""
        rows = [self.difference, self.own, self.base]
        known = [row for row in rows if not any(missing(row.get(arm)) for arm in DONORS)]
        fewest = {arm: min((row[arm] for row in known), default=math.nan) for arm in DONORS}
        row = min(known or rows, key=lambda row: sum(row.get(arm, 0) for arm in DONORS))
        return {**fewest, "tier": self.tier, "term": row.get("term", "interaction")}

    def rises_less(self, margin: float) -> bool:
        """Rises of ``margin`` or more are excluded in both compartments; without an interval nothing is."""
        return all(row["ci_high"] < margin for row in (self.own, self.base))

    def falls_less(self, margin: float) -> bool:
        """Falls of ``margin`` or more are excluded in both compartments; without an interval nothing is."""
        return all(row["ci_low"] > -margin for row in (self.own, self.base))

    @property
    def rise(self) -> tuple[float, float]:
        """How near the rows are to a rise in one compartment beyond that of the other; the smaller, the nearer.

        Of the side where it is nearer: the p of both at once, one-sided (1 where one is missing), and the smaller of
        the two estimates, its sign reversed.
        """
        found = []
        for up, sign in ((self.own, 1), (self.base, -1)):
            tests = [(up["estimate"], up), (sign * self.difference["estimate"], self.difference)]
            found.append((max(_one_sided(size, row) for size, row in tests), -min(size for size, _ in tests)))
        return min(found)

    @property
    def sides(self) -> tuple[tuple[Row, Row], tuple[Row, Row]]:
        """Each compartment's row with that of the other, the compartment of the comparison first."""
        return (self.own, self.base), (self.base, self.own)


def _one_sided(rise: float, row: Row) -> float:
    p = row.get("p_value")
    if p is None or missing(p):
        return 1.0
    return p / 2 if rise > 0 else 1 - p / 2


def triples(
    table: pd.DataFrame, compartment: str, base: str, keys: list[str], value: str = "estimate"
) -> Iterator[Triple]:
    """Every feature (named by ``keys``) with an estimate in all three terms, in the order of the differences."""
    parts = []
    for term, side in ((f"within:{compartment}", compartment), (f"within:{base}", base), ("interaction", compartment)):
        parts.append({tuple(row[k] for k in keys): row for row in estimated(table, term, side, value)})
    own, other, difference = parts
    for key in difference:
        if key in own and key in other:
            yield Triple(own[key], other[key], difference[key])


def estimated(table: pd.DataFrame, term: str, compartment: str, value: str) -> list[dict[str, Any]]:
    """Rows of a term of an effects table that have an estimate."""
    rows = (table["term"] == term) & (table["compartment"] == compartment) & table[value].notna()
    return table[rows].to_dict("records")


def evidence(row: Row, value: str = "estimate", **instead: Any) -> dict[str, Any]:
    """The numbers of a row that a finding is written with, ``value`` as ``estimate``; some replaced by others."""
    numbers = {column: row.get(column, math.nan) for column in NUMBERS}
    return numbers | {"estimate": row[value], "term": row.get("term", "interaction")} | instead


def claimable(tier: str) -> bool:
    """Better than descriptive: yes or no may be said."""
    return tier in CLAIMABLE


def calls(row: Row) -> set[str]:
    """The calls of a row: one word, or several joined by ; or ,"""
    call = row.get("call")
    if missing(call):
        return set()
    return {word.removeprefix("relatively_") for word in re.split(r"[;,\s]+", str(call)) if word}


def missing(value: Any) -> bool:
    """Not a number that can be said."""
    return value is None or (isinstance(value, float) and not math.isfinite(value)) or value is pd.NA


def significant(row: Row, limits: Limits) -> bool:
    """A q that is there, at or below alpha."""
    return not missing(row.get("q_value")) and row["q_value"] <= limits.alpha


def true(column: pd.Series) -> pd.Series:
    """Flags as they are read from a TSV, which may be text."""
    return column.astype(str).str.lower().isin(["true", "1"])
