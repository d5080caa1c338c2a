"""All questions of a study, answered for every contrast and compartment.

A verdict is ``yes`` only where a call of the tables is made with its q at or below alpha and the tier is better than
descriptive, ``no`` only where an interval lies on the far side of the equivalence margin, and ``cannot_tell``, with the
reason, everywhere else. A missing p-value is never read as "no change". A study of one condition or compartment has one
row of each question that it cannot ask.
"""

from dataclasses import replace

import pandas as pd

from compartments.core.vocabulary import ALPHA, QUESTIONS
from compartments.findings import words
from compartments.findings.alone import alone
from compartments.findings.central import central
from compartments.findings.depleted import depleted
from compartments.findings.evidence import CANNOT_TELL, Limits, Verdict
from compartments.findings.kept import kept
from compartments.findings.migration import migration
from compartments.findings.rows import COLUMNS, Comparison, Finding, Tables, comparisons
from compartments.findings.signalling import signalling
from compartments.findings.uncoupled import uncoupled
from compartments.study.study import COMPARTMENTS, Study

ROOMS = (depleted, kept, migration, central, signalling, uncoupled)


def answer_all(study: Study, tables: Tables, alpha: float = ALPHA, margin: float | None = None) -> pd.DataFrame:
    """Answer the five questions for every contrast and compartment.

    Parameters
    ----------
    study : Study
    tables : Tables
    alpha : float
        A claim needs ``q <= alpha``.
    margin : float
        Equivalence margin in log2 (``--equiv_margin``); by default that of ``composition.json``.

    Returns
    -------
    DataFrame, columns ``COLUMNS``
        Per question x contrast x compartment one summary row (``lineage`` empty; question 4 has two, told apart by
        ``aspect``), followed by a row per lineage.
    """
    found: list[Finding] = []
    for comparison in comparisons(study.of_specimens(), Limits(alpha, tables.margin if margin is None else margin)):
        found += [_told(row, comparison) for row in _answers(comparison, tables)]
    frame = pd.DataFrame([vars(row) for row in found], columns=COLUMNS)
    return frame.sort_values("question", kind="stable", ignore_index=True)


def _answers(c: Comparison, tables: Tables) -> list[Finding]:
    """All rows of one comparison."""
    if c.asked.kind == COMPARTMENTS:
        return [c.answer(each, Verdict(CANNOT_TELL, "lacking"), words.lacking(c)).finding for each in QUESTIONS]
    if not c.base:
        return alone(c, tables)
    return [row for answer in ROOMS for row in answer(c, tables)]


def _told(row: Finding, c: Comparison) -> Finding:
    """A row with what its statement is framed by; a summary without a headline of its own is its reason."""
    headline = row.headline or ("" if row.lineage else words.tail(row.statement))
    return replace(row, statement=words.framed(row.statement, c), headline=headline)
