"""The lineages of a comparison, each with its three rows of ``composition/effects.tsv`` and its calls."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from compartments.core.vocabulary import POOLS
from compartments.findings.evidence import (
    CANNOT_TELL,
    Limits,
    Row,
    Triple,
    Verdict,
    calls,
    claimable,
    estimated,
    evidence,
    triples,
    true,
)
from compartments.findings.rows import Comparison, Tables

FILE = "composition/effects.tsv"
NO_CALL = (math.nan, math.nan)


@dataclass(frozen=True)
class Lineage(Triple):
    """The three rows of one lineage.

    Attributes
    ----------
    name, level, scale : str
        As in the table.
    calls : dict
        Call without ``relatively_`` to its (p, q).
    late : dict
        The same of calls that were tested and do not hold.
    """

    name: str
    level: str
    scale: str
    calls: Mapping[str, tuple[float, float]]
    late: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def called(self, call: str, limits: Limits) -> bool:
        """The call is made with q at or below alpha, on more than a description."""
        return claimable(self.tier) and self.calls.get(call, NO_CALL)[1] <= limits.alpha

    def evidence(self, row: Row, call: str = "") -> dict[str, Any]:
        """``row`` with p and q of the call, held or late, and what all three rows rest on."""
        p, q = self.calls.get(call) or self.late.get(call, NO_CALL)
        return evidence(row, "log2fc", p_value=p, q_value=q, **self.least)


def lineages(comparison: Comparison, tables: Tables, level: str = "lineage") -> list[Lineage]:
    """The testable lineages of a comparison, on the absolute scale if the table has it."""
    if tables.composition is None:
        return []
    c, rows = comparison, rows_of(comparison, tables.composition, level)
    made, late = (_calls(c, tables.calls, level, holds) for holds in (True, False))
    found = []
    for each in triples(rows, c.compartment, c.base, ["lineage"], "log2fc"):
        name, row = each.difference["lineage"], each.difference
        single = dict.fromkeys(calls(row), (row.get("call_p", math.nan), row.get("call_q", math.nan)))
        scale = rows["scale"].iloc[0]
        held = made.get(name) or single
        found.append(Lineage(each.own, each.base, row, name, level, scale, held, late.get(name, {})))
    return found


def why_none(comparison: Comparison, tables: Tables) -> Verdict:
    """Why a comparison has no testable lineage: not computed, no pairs, or the term that has none."""
    if tables.composition is None:
        return tables.absent()
    rows = rows_of(comparison, tables.composition, "lineage")
    for side in (comparison.compartment, comparison.base):
        if not estimated(rows, f"within:{side}", side, "log2fc"):
            return comparison.untested("untested_within", side)
    if not estimated(rows, "interaction", comparison.compartment, "log2fc"):
        return comparison.untested("untested_difference")
    return Verdict(CANNOT_TELL, "untested")


def outside_range(table: pd.DataFrame | None, each: Lineage) -> tuple[int, int] | None:
    """Donors whose difference is outside the range of the reference donors, and all; from ``single_case.tsv``."""
    if table is None:
        return None
    mask = (table["lineage"] == each.name) & (table["level"] == each.level)
    for column in ("contrast", "term", "compartment"):
        mask &= table[column] == each.difference[column]
    outside = table.loc[mask, "outside_reference_range"].astype(str).str.lower().eq("true")
    return (int(outside.sum()), len(outside)) if len(outside) else None


def rows_of(comparison: Comparison, table: pd.DataFrame, level: str) -> pd.DataFrame:
    """Rows of a contrast and level, without the pools, on one scale."""
    rows = table[(table["contrast"] == comparison.contrast) & (table["level"] == level)]
    rows = rows[~rows["lineage"].isin(POOLS)]
    return rows[rows["scale"] == ("abs" if (rows["scale"] == "abs").any() else "rel")]


def _calls(
    comparison: Comparison, table: pd.DataFrame | None, level: str, holds: bool
) -> dict[str, dict[str, tuple[float, float]]]:
    """Lineage -> call -> (p, q) from ``calls.tsv``, which has all calls and not only the most specific one.

    Parameters
    ----------
    holds : bool
        Those that hold, or the others.
    """
    if table is None:
        return {}
    rows = table[
        (table["contrast"] == comparison.contrast)
        & (table["compartment"] == comparison.compartment)
        & (table["level"] == level)
        & (true(table["holds"]) == holds)
    ]
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for row in rows.itertuples():
        found.setdefault(row.lineage, {})[row.call.removeprefix("relatively_")] = (row.p_value, row.q_value)
    return found
