"""Question 3: primary gene sets raised in one compartment (calls ``<compartment>_only``, ``<compartment>_higher``).

``only`` includes that the other compartment does not rise by more than the margin; ``higher`` says that it rises less,
and the sentence says so.
"""

from typing import Any

from compartments.findings import basis, headlines, words
from compartments.findings.evidence import (
    CANNOT_TELL,
    NO,
    SCORE_MARGIN,
    YES,
    Limits,
    Triple,
    Verdict,
    calls,
    claimable,
    evidence,
    missing,
    significant,
    triples,
    true,
)
from compartments.findings.rows import Answer, Comparison, Finding, Tables, lead, overall, summary

FILE = "migration/effects.tsv"
KEYS = ["gene_set", "lineage", "contrast", "term", "compartment"]


def claim(each: Triple) -> dict[str, Any]:
    """The difference, with p and q of the call of the compartment that it speaks for, where it has one; donors and tier
    are those that all three rows rest on."""
    row = each.difference
    called = {"p_value": row.get("call_p"), "q_value": row.get("call_q")}
    return evidence(row, **each.least) | {column: value for column, value in called.items() if not missing(value)}


def judge(each: Triple, limits: Limits) -> Verdict:
    """Raised on one side only, more there than on the other, on neither side, or not to be told."""
    numbers = claim(each)
    if not claimable(numbers["tier"]):
        return Verdict(CANNOT_TELL, "too_few")
    made = calls(each.own) | calls(each.base) | calls(each.difference)
    for up, _ in reversed(each.sides) if significant(numbers, limits) else ():
        for kind in ("only", "higher"):
            if f"{up['compartment']}_{kind}" in made:
                return Verdict(YES, kind, up["compartment"])
    if each.rises_less(SCORE_MARGIN):
        return Verdict(NO, "neither")
    return Verdict(CANNOT_TELL, "open")


def migration(comparison: Comparison, tables: Tables) -> list[Finding]:
    """Rows of ``findings.tsv`` for question 3: the summary, and one per gene set and lineage."""
    c, answers = comparison, []
    if tables.migration is None:
        verdict = tables.absent()
        return [c.answer(3, verdict, words.unanswered("migration", verdict, c), source=FILE).finding]
    table = tables.migration
    table = table[(table["contrast"] == c.contrast) & true(table["primary"])]
    for each in triples(table, c.compartment, c.base, ["gene_set", "lineage"]):
        verdict, numbers = judge(each, c.limits), claim(each)
        if verdict.kind == "open":  # the p and q that belong to the interval that is said
            numbers = evidence(each.difference, **each.least)
        numbers |= basis.migration(each, numbers, c, called=verdict.kind != "open")
        answers.append(
            c.answer(
                3,
                verdict,
                words.migration(verdict, each, numbers, c),
                numbers,
                lineage=each.difference["lineage"],
                aspect=each.difference["gene_set"],
                unit=words.SCORE_DIFFERENCE,
                source=words.source(FILE, each.difference, KEYS),
            )._replace(rows=each)
        )
    if not answers:
        verdict = c.untested()
        return [c.answer(3, verdict, words.unanswered("migration", verdict, c), source=FILE).finding]
    pooled = [each for each in answers if each.finding.lineage == "all"] or answers
    verdict = Verdict(overall(pooled), "summary")
    leading = lead(pooled, verdict.answer, sign=1)
    text = leading.finding.statement
    if verdict.answer == YES:
        text += words.migration_agrees(*agreement(leading, pooled), carriers(leading, answers))
    return [
        summary(leading, verdict, text, headlines.migration(verdict, pooled, c), pooled),
        *(each.finding for each in answers),
    ]


def agreement(leading: Answer, answers: list[Answer]) -> tuple[int, int]:
    """Of the other gene sets of the same lineage, those raised on the same side, and all."""
    lineage = leading.finding.lineage
    others = [each for each in answers if each is not leading and each.finding.lineage == lineage]
    return sum(_on_side_of(leading, each) for each in others), len(others)


def carriers(leading: Answer, answers: list[Answer]) -> list[str]:
    """Lineages in which the set of a row of all lineages is raised on the same side; none of a row of one lineage."""
    if leading.finding.lineage != "all":
        return []
    single = [each for each in answers if each.finding.lineage != "all" and _on_side_of(leading, each)]
    return [each.finding.lineage for each in single if each.finding.aspect == leading.finding.aspect]


def _on_side_of(leading: Answer, each: Answer) -> bool:
    return each.verdict.answer == YES and each.verdict.side == leading.verdict.side
