"""The rows of ``findings.tsv``: who is compared, a finding, and which of them a summary quotes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

import pandas as pd

from compartments.findings.evidence import CANNOT_TELL, EQUIV_MARGIN, NO, YES, Limits, Row, Verdict, missing
from compartments.study.arms import donors_per_arm
from compartments.study.study import Study
from compartments.study.terms import term_of


@dataclass(frozen=True)
class Tables:
    """What the findings are drawn from; a table that was not written is ``None``.

    Attributes
    ----------
    composition, calls, single_case, migration, centrality, groups, coupling, drivers : DataFrame or None
        Columns as in ``assets/dictionary.tsv``.
    composition_summary : dict
        ``composition.json``.
    """

    composition: pd.DataFrame | None = None
    calls: pd.DataFrame | None = None
    single_case: pd.DataFrame | None = None
    migration: pd.DataFrame | None = None
    centrality: pd.DataFrame | None = None
    groups: pd.DataFrame | None = None
    coupling: pd.DataFrame | None = None
    drivers: pd.DataFrame | None = None
    composition_summary: dict[str, Any] = field(default_factory=dict)

    @property
    def margin(self) -> float:
        """Equivalence margin in log2 with which the compositions were compared."""
        margin: float = self.composition_summary.get("equiv_margin", EQUIV_MARGIN)
        return margin


@dataclass(frozen=True)
class Finding:
    """A row of ``findings.tsv``; the fields are its columns."""

    question: int
    contrast: str
    compartment: str
    lineage: str
    aspect: str
    statement: str
    estimate: float
    ci_low: float
    ci_high: float
    unit: str
    p_value: float
    q_value: float
    n_condition: int
    n_reference: int
    tier: str
    verdict: str
    source: str


COLUMNS = [column.name for column in fields(Finding)]


class Answer(NamedTuple):
    """A verdict and the row that says it."""

    verdict: Verdict
    finding: Finding


@dataclass(frozen=True)
class Comparison:
    """One contrast in one compartment against the reference compartment, with its donors that have both."""

    contrast: str
    condition: str
    reference: str
    compartment: str
    base: str
    pairs_condition: int
    pairs_reference: int
    limits: Limits
    primary: tuple[str, ...] = ()

    def answer(
        self,
        question: int,
        verdict: Verdict,
        statement: str,
        numbers: Row | None = None,
        *,
        lineage: str = "",
        aspect: str = "",
        unit: str = "",
        source: str = "",
    ) -> Answer:
        """A verdict with its row; estimate, donors and tier are those of ``numbers``."""
        numbers = {} if numbers is None else numbers
        condition, reference = numbers.get("n_condition"), numbers.get("n_reference")
        finding = Finding(
            question=question,
            contrast=self.contrast,
            compartment=self.compartment,
            lineage=lineage,
            aspect=aspect,
            statement=statement,
            estimate=numbers.get("estimate", math.nan),
            ci_low=numbers.get("ci_low", math.nan),
            ci_high=numbers.get("ci_high", math.nan),
            unit=unit,
            p_value=numbers.get("p_value", math.nan),
            q_value=numbers.get("q_value", math.nan),
            n_condition=self.pairs_condition if condition is None or missing(condition) else int(condition),
            n_reference=self.pairs_reference if reference is None or missing(reference) else int(reference),
            tier=numbers.get("tier") or "not_testable",
            verdict=verdict.answer,
            source=source,
        )
        return Answer(verdict, finding)

    def untested(self, kind: str = "untested", side: str = "") -> Verdict:
        """Why no table has a row of this comparison: the missing pairs as far as the design tells, else ``kind``."""
        for count, condition in ((self.pairs_condition, self.condition), (self.pairs_reference, self.reference)):
            if count == 0:
                return Verdict(CANNOT_TELL, "no_pairs", condition)
        return Verdict(CANNOT_TELL, kind, side)


def comparisons(study: Study, limits: Limits) -> list[Comparison]:
    """Every contrast x compartment (against the reference compartment) of a study."""
    found = []
    for contrast, term, compartment in study.terms():
        if term == "interaction":
            n = donors_per_arm(term_of(study, contrast, term, compartment))
            arms = (contrast.contrast, contrast.condition, contrast.reference)
            sides = (compartment, study.reference_compartment)
            found.append(Comparison(*arms, *sides, *n, limits, tuple(study.primary_lineages)))
    return found


def overall(answers: Sequence[Answer]) -> str:
    """Yes if it is so of one row, no if it is so of none and excluded for all, else it cannot be told."""
    given = [each.verdict.answer for each in answers]
    if YES in given:
        return YES
    return NO if all(answer == NO for answer in given) else CANNOT_TELL


def named(answers: Sequence[Answer], answer: str) -> list[str]:
    """Lineages with an answer."""
    return [each.finding.lineage for each in answers if each.verdict.answer == answer]


def lead(answers: Sequence[Answer], answer: str, falling: bool = False) -> Answer:
    """The row that a summary quotes: the smallest q among the answer, then the largest (or lowest) estimate."""

    def order(each: Answer) -> tuple[float, float]:
        row = each.finding
        q = 2.0 if missing(row.q_value) else row.q_value
        size = row.estimate if falling else -abs(row.estimate)
        return (q if answer == YES else 0.0, 9e9 if missing(size) else size)

    return min((each for each in answers if each.verdict.answer == answer), key=order)


def summary(leading: Answer, verdict: Verdict, statement: str) -> Finding:
    """The row that answers a question for all lineages, with the numbers of the one that it quotes."""
    return replace(leading.finding, lineage="", verdict=verdict.answer, statement=statement)
