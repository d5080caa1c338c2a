"""Question 5: does the condition act differently on the compartments? The verdict of ``coupling/coupling.tsv``.

Yes for ``partly_uncoupled`` and ``uncoupled``, no for ``coupled`` (which needs proof of equivalence).
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pandas as pd

from compartments.findings import basis, headlines, words
from compartments.findings.evidence import CANNOT_TELL, NO, YES, Row, Verdict, claimable, missing
from compartments.findings.rows import Comparison, Finding, Tables

FILE = "coupling/coupling.tsv"
ANSWERS = {"partly_uncoupled": YES, "uncoupled": YES, "coupled": NO}


def judge(row: Row) -> Verdict:
    """The verdict of the coupling index, if it rests on more than a description."""
    answer = ANSWERS.get(str(row["verdict"]), CANNOT_TELL) if claimable(row["tier"]) else CANNOT_TELL
    return Verdict(answer, "open" if answer == CANNOT_TELL else str(row["verdict"]))


def claim(row: Row) -> dict[str, Any]:
    """The spread over lineages, with its interval, and the p that the verdict is of; nothing is adjusted."""
    spread = {"estimate": row["tau_u"], "ci_low": row["tau_low"], "ci_high": row["tau_high"]}
    both = row.get("p_uncoupled")
    return {**row, **spread, "p_value": row["p_value"] if missing(both) else both, "q_value": math.nan}


def drivers_of(comparison: Comparison, table: pd.DataFrame | None, row: Row) -> list[tuple[str, float]]:
    """Lineages that ``coupling.tsv`` names as drivers: (name, tau_U without it), strongest first."""
    listed = row.get("drivers")
    if table is None or not isinstance(listed, str):
        return []
    rows = table[(table["contrast"] == comparison.contrast) & (table["compartment"] == comparison.compartment)]
    rows = rows[(rows["level"] == row["level"]) & (rows["kind"] == "lineage")]
    tau = dict(zip(rows["left_out"].astype(str), rows["tau_u"], strict=True))
    return [(name, tau[name]) for name in listed_names(listed, tau)]


def listed_names(text: str, known: Iterable[str]) -> list[str]:
    """The known names of a list with commas, in its order; a name may have commas itself, so the longest one counts."""
    longest, found = sorted(known, key=len, reverse=True), []
    while text:
        name = next((name for name in longest if name and f"{text},".startswith(f"{name},")), "")
        found += [name] if name else []
        text = text[len(name) + 1 :] if name else text.partition(",")[2]
    return found


def uncoupled(comparison: Comparison, tables: Tables) -> list[Finding]:
    """Rows of ``findings.tsv`` for question 5: the summary, and a row per lineage that drives tau_U."""
    c, table = comparison, tables.coupling
    if table is None:
        verdict = tables.absent()
        return [c.answer(5, verdict, words.unanswered("uncoupled", verdict, c), source=FILE).finding]
    table = table[
        (table["contrast"] == c.contrast) & (table["compartment"] == c.compartment) & (table["level"] == "lineage")
    ]
    table = table[table["tau_u"].notna()]
    if table.empty:
        verdict = c.untested()
        return [c.answer(5, verdict, words.unanswered("uncoupled", verdict, c), source=FILE).finding]
    row: dict[str, Any] = table.iloc[0].to_dict()
    verdict, numbers = judge(row), claim(row)
    numbers |= basis.uncoupled(row, numbers)
    drivers = drivers_of(c, tables.drivers, row) if verdict.answer == YES else []
    text = words.uncoupled(verdict, row, numbers, c, [name for name, _ in drivers])
    source = words.source(FILE, row, ["contrast", "compartment", "level", "scale"])
    told = c.answer(5, verdict, text, numbers, unit=words.SPREAD, source=source).finding
    found = [replace(told, headline=headlines.uncoupled(verdict, row, numbers, c, [name for name, _ in drivers]))]
    for name, tau in drivers:
        keys = {"contrast": c.contrast, "compartment": c.compartment, "left_out": name}
        source = words.source("coupling/drivers.tsv", keys, list(keys))
        driver = {"estimate": tau, "tier": row["tier"]}
        text = words.driver(name, row["tau_u"], tau, numbers, c)
        about = {"lineage": name, "aspect": "driver", "unit": words.SPREAD, "source": source}
        found.append(c.answer(5, verdict, text, driver, **about).finding)
    return found
