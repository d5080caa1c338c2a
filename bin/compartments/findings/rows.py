"""The rows of ``findings.tsv``: who is compared, a finding, and which of them a summary quotes."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

import pandas as pd

from compartments.core.vocabulary import TIERS
from compartments.findings.evidence import CANNOT_TELL, EQUIV_MARGIN, NO, YES, Limits, Row, Triple, Verdict, missing
from compartments.study.arms import donors_per_arm
from compartments.study.study import Contrast, Study
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
    skipped : tuple of str
        Parts that the run was asked to leave out (``--skip``).
    together : bool
        They are of several cohorts together (``sc-compartments combine``).
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
    skipped: tuple[str, ...] = ()
    together: bool = False

    def absent(self, part: str = "") -> Verdict:
        """Why there is no table of ``part``, a value of ``--skip``: it was not asked for, or did not finish."""
        if self.together:
            return Verdict(CANNOT_TELL, "apart")
        return Verdict(CANNOT_TELL, "not_asked" if part in self.skipped else "unfinished")

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
    headline: str = ""  # of summaries, as the next
    leading: str = ""
    estimate_of: str = ""
    p_of: str = ""


COLUMNS = [column.name for column in fields(Finding)]


class Answer(NamedTuple):
    """A verdict, the row that says it, and the rows that it was drawn from."""

    verdict: Verdict
    finding: Finding
    rows: Triple | None = None


@dataclass(frozen=True)
class Comparison:
    """One contrast in one compartment against the reference compartment, with its donors that have both.

    Attributes
    ----------
    asked : Contrast
    compartment : str
    base : str
        Empty where the study has one compartment.
    pairs_condition, pairs_reference : int
        Donors per arm; the same number twice where they are their own controls.
    absent : str
        The arm that no donor is in.
    limits : Limits
    primary : tuple of str
    kinds : dict
        Kind of the contrast in each term, by the term's name.
    """

    asked: Contrast
    compartment: str
    base: str
    pairs_condition: int
    pairs_reference: int
    absent: str
    limits: Limits
    primary: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)

    @property
    def contrast(self) -> str:
        """Name of the contrast."""
        return self.asked.contrast

    @property
    def place(self) -> str:
        """``both CSF and blood``, or the only compartment."""
        return f"both {self.compartment} and {self.base}" if self.base else self.compartment

    def of(self, term: str) -> Contrast:
        """The contrast with the kind that it has in a term; of the difference between compartments by default."""
        return self.asked._replace(kind=self.kinds.get(term, self.asked.kind))

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
        """A verdict with its row; estimate, what it and p are of, donors and tier are those of ``numbers``."""
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
            estimate_of=numbers.get("estimate_of", ""),
            p_of=numbers.get("p_of", ""),
        )
        return Answer(verdict, finding)

    def untested(self, kind: str = "untested", side: str = "") -> Verdict:
        """Why no table has a row of this comparison: the missing donors as far as the design tells, else ``kind``."""
        if self.absent:
            return Verdict(CANNOT_TELL, "no_pairs", self.absent)
        return Verdict(CANNOT_TELL, kind, side)


def comparisons(study: Study, limits: Limits) -> list[Comparison]:
    """Every contrast x compartment (against the reference compartment) of a study; of one compartment that alone."""
    found = []
    several = len(study.compartments) > 1
    kinds: dict[str, dict[str, str]] = {}
    for contrast, name, compartment in study.terms():
        term = term_of(study, contrast, name, compartment)
        known = kinds.setdefault(contrast.contrast, {})
        if not term.across:
            known[name] = term.kind
        if several and not term.across:
            continue
        base = study.reference_compartment if several else ""
        n, primary = donors_per_arm(term, study.covariates), tuple(study.primary_lineages)
        of_terms = known | {"interaction": term.kind}
        found.append(Comparison(contrast, compartment, base, *n, term.absent(), limits, primary, of_terms))
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


def lead(answers: Sequence[Answer], answer: str, sign: int = 0) -> Answer:
    """The row that a summary quotes: of a yes that of the smallest q, else the one that is nearest to a yes.

    Parameters
    ----------
    answers : sequence of Answer
        With their rows where rises are asked for.
    answer : str
        That of the summary: the row has the same.
    sign : int
        Of the change that is asked for: of rises :attr:`Triple.rise` says which is nearest, of falls the lowest
        estimate is, of a difference (0) the largest.
    """
    return min((each for each in answers if each.verdict.answer == answer), key=nearest_to(answer, sign))


def nearest_to(answer: str, sign: int = 0) -> Callable[[Answer], tuple[float, float]]:
    """The order of :func:`lead`: of a yes by q, and of those alike in q by size."""

    def order(each: Answer) -> tuple[float, float]:
        row = each.finding
        if sign > 0 and answer != YES and each.rows is not None:
            return each.rows.rise
        q = 2.0 if missing(row.q_value) else row.q_value
        size = row.estimate if sign < 0 else -abs(row.estimate)
        return (q if answer == YES else 0.0, 9e9 if missing(size) else size)

    return order


def summary(
    leading: Answer, verdict: Verdict, statement: str, headline: str, answers: Sequence[Answer] = ()
) -> Finding:
    """The row that answers a question for all lineages, with the numbers of the one that it quotes; its tier is the
    weakest of the rows that it rests on, as in the headline: of a yes those that are one, else all ``answers``."""
    row = leading.finding
    rested = [each.finding for each in answers if verdict.answer != YES or each.verdict.answer == YES]
    tier = max((each.tier for each in (row, *rested)), key=TIERS.index)
    row = replace(row, lineage="", leading=row.lineage, verdict=verdict.answer, tier=tier)
    return replace(row, statement=statement, headline=headline)
