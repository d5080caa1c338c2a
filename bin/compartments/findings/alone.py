"""Studies of one compartment: what questions 1, 3 and 4 can say of it. Questions 2 and 5 need two.

Yes needs a change within the compartment with ``q <= alpha``, no an interval short of the margin.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd

from compartments.compare.hubs import TOP_RANK
from compartments.core.vocabulary import POOLS
from compartments.findings import basis, central, depleted, headlines, migration, signalling, words, words_alone
from compartments.findings.evidence import (
    CANNOT_TELL,
    NO,
    SCORE_MARGIN,
    YES,
    Limits,
    Row,
    Triple,
    Verdict,
    claimable,
    estimated,
    evidence,
    missing,
    significant,
    true,
)
from compartments.findings.lineages import rows_of
from compartments.findings.rows import Answer, Comparison, Finding, Tables, lead, overall, summary


class Asked(NamedTuple):
    """A question to one compartment, and the table that answers it.

    Attributes
    ----------
    question : int
    aspect, room : str
        Of question 4; of the words.
    table : str
        Of :class:`Tables`.
    source : str
        Its file.
    keys : list of str
        Columns that tell its rows apart.
    value, unit : str
        Column of the estimate, and its unit.
    sign : int
        Of the change that is asked for.
    margin : callable
        ``margin(limits)``: smaller changes count as none.
    """

    question: int
    aspect: str
    room: str
    table: str
    source: str
    keys: list[str]
    value: str
    unit: str
    sign: int
    margin: Callable[[Limits], float]


ASKED = (
    Asked(1, "", "composition", "composition", depleted.FILE, words.COMPOSITION_KEYS, "log2fc", words.LOG2, -1,
          lambda limits: limits.margin),
    Asked(3, "", "migration", "migration", migration.FILE, migration.KEYS, "estimate", words.SCORE, 1,
          lambda limits: SCORE_MARGIN),
    Asked(4, "hub", "central", "centrality", central.FILE, central.KEYS, "estimate", words.ODDS, 1,
          lambda limits: math.log(2) * limits.margin),
    Asked(4, signalling.ASPECT, "signalling", "groups", signalling.FILE, signalling.KEYS, "estimate", words.SCORE, 1,
          lambda limits: SCORE_MARGIN),
)  # fmt: skip


def ranked(row: Row) -> bool:
    """Among the first in every sample, where rows have ranks at all; one that a sample lacks is not."""
    if "worst_rank" not in row:
        return True
    return not missing(row["worst_rank"]) and row["worst_rank"] <= TOP_RANK


def judge(row: Row, asked: Asked, limits: Limits) -> Verdict:
    """Changed as asked, shown not to change by the margin, or not to be told; of shares nothing is claimed."""
    changed = asked.sign * row[asked.value] > 0 and significant(row, limits) and claimable(row["tier"])
    changed = changed and ranked(row)
    if row.get("scale") == "rel":
        return Verdict(CANNOT_TELL, "relatively" if changed else "relatively_open")
    if not claimable(row["tier"]):
        return Verdict(CANNOT_TELL, "too_few")
    if changed:
        return Verdict(YES, "changed")
    bound = row["ci_high"] if asked.sign > 0 else -row["ci_low"]
    return Verdict(NO, "excluded") if bound < asked.margin(limits) else Verdict(CANNOT_TELL, "open")


def rows(asked: Asked, c: Comparison, tables: Tables) -> list[dict[str, Any]] | None:
    """Rows of the compartment with an estimate; ``None`` without the table."""
    table: pd.DataFrame | None = getattr(tables, asked.table)
    if table is None:
        return None
    table = table[table["contrast"] == c.contrast]
    if asked.room == "composition":
        table = rows_of(c, table, "lineage")
    elif asked.room == "migration":
        table = table[true(table["primary"])]
    elif asked.room == "central":
        table = table[~table["lineage"].isin(POOLS)]
    else:
        table = signalling.of_migration(table)
        table = table[(table["source"] == "all") & (table["target"] == "all")]
    return estimated(table, f"within:{c.compartment}", c.compartment, asked.value)


def about(row: Row, asked: Asked) -> dict[str, str]:
    """``lineage`` and ``aspect`` of a finding."""
    if asked.room == "migration":
        return {"lineage": row["lineage"], "aspect": row["gene_set"]}
    return {"lineage": row.get("lineage", "all"), "aspect": asked.aspect}


def answered(asked: Asked, c: Comparison, tables: Tables) -> list[Finding]:
    """Rows of ``findings.tsv`` for one question: the summary, and one per row of its table."""
    found = rows(asked, c, tables)
    if not found:
        verdict = tables.absent(asked.source.partition("/")[0]) if found is None else c.untested()
        text = words.unanswered(asked.room, verdict, c)
        return [c.answer(asked.question, verdict, text, aspect=asked.aspect, source=asked.source).finding]
    answers: list[Answer] = []
    for row in found:
        verdict, numbers = judge(row, asked, c.limits), evidence(row, asked.value)
        numbers |= basis.alone(numbers, c)
        text = words_alone.alone(verdict, row, numbers, c, asked.room, asked.margin(c.limits))
        source = words.source(asked.source, row, asked.keys)
        answers.append(
            c.answer(
                asked.question, verdict, text, numbers, unit=asked.unit, source=source, **about(row, asked)
            )._replace(rows=Triple(row, row, row))
        )
    pooled = answers
    if asked.room == "migration":
        pooled = [each for each in answers if each.finding.lineage == "all"] or answers
    leading = lead(pooled, overall(pooled), sign=asked.sign)
    margin = asked.margin(c.limits)
    text = words_alone.alone_at_all(leading, pooled, c, asked.room, margin)
    return [
        summary(leading, leading.verdict, text, headlines.alone(leading, pooled, c, asked.room, margin), pooled),
        *(each.finding for each in answers),
    ]


def alone(c: Comparison, tables: Tables) -> list[Finding]:
    """Rows of ``findings.tsv`` for a study of one compartment."""
    found = [c.answer(question, Verdict(CANNOT_TELL, "lacking"), words.lacking(c)).finding for question in (2, 5)]
    for asked in ASKED:
        found += answered(asked, c, tables)
    return found
