"""Question 1: lineages depleted in the compartment and in the reference compartment (call ``depleted_both``).

On the relative scale a fall common to all lineages cannot be seen, so nothing is answered with yes or no and the
tipping point is stated instead.
"""

from typing import Any

from compartments.findings import basis, headlines, words
from compartments.findings.evidence import CANNOT_TELL, NO, YES, Limits, Verdict, claimable, missing
from compartments.findings.lineages import FILE, Lineage, lineages, outside_range, why_none
from compartments.findings.rows import Answer, Comparison, Finding, Tables, lead, overall, summary

CALL = "depleted_both"


def judge(each: Lineage, limits: Limits) -> Verdict:
    """Both fall; one is shown not to fall by the margin; or it cannot be told."""
    called = each.called(CALL, limits)
    if each.scale == "rel":
        return Verdict(CANNOT_TELL, "relatively_both" if called else "relatively_open")
    if called:
        return Verdict(YES, "both")
    if not claimable(each.tier):
        return Verdict(CANNOT_TELL, "too_few")
    spared = [row for row in (each.own, each.base) if row["ci_low"] > -limits.margin]
    if spared:
        return Verdict(NO, "spared", max(spared, key=lambda row: row["ci_low"])["compartment"])
    unsure = [row["compartment"] for row in (each.own, each.base) if missing(row["ci_high"]) or row["ci_high"] >= 0]
    return Verdict(CANNOT_TELL, "open", numbers={"unsure": unsure})


def judge_all(answers: list[Answer]) -> Verdict:
    """The question for all lineages together."""
    if any(each.verdict.kind.startswith("relatively_") for each in answers):
        return Verdict(CANNOT_TELL, "relative")
    answer = overall(answers)
    return Verdict(answer, {YES: "some", NO: "none"}.get(answer, "open"))


def tipping_factor(comparison: Comparison, composition: dict[str, Any], compartment: str) -> float | None:
    """Factor on total cells at which every lineage is down, from ``composition.json``."""
    term = {"contrast": comparison.contrast, "term": f"within:{compartment}", "compartment": compartment}
    wanted = {"level": "lineage"} | term
    for given in composition.get("terms", []):
        if all(given.get(key) == value for key, value in wanted.items()) and given.get("tipping_factor"):
            return given["tipping_factor"]
    return None


def depleted(comparison: Comparison, tables: Tables) -> list[Finding]:
    """Rows of ``findings.tsv`` for question 1: the summary, and one per lineage."""
    c, answers = comparison, []
    for each in lineages(c, tables):
        verdict = judge(each, c.limits)
        weaker = max((each.own, each.base), key=lambda row: row["log2fc"])
        numbers = each.evidence(weaker, CALL)
        numbers |= basis.depleted(weaker, numbers, c)
        text = words.depleted(verdict, each, numbers, c, outside_range(tables.single_case, each))
        source = words.source(FILE, weaker, words.COMPOSITION_KEYS)
        row = c.answer(1, verdict, text, numbers, lineage=each.name, unit=words.LOG2, source=source)
        answers.append(row._replace(rows=each))
    if not answers:
        verdict = why_none(c, tables)
        return [c.answer(1, verdict, words.unanswered("composition", verdict, c), source=FILE).finding]
    verdict = judge_all(answers)
    factors = {side: tipping_factor(c, tables.composition_summary, side) for side in (c.compartment, c.base)}
    leading = lead(answers, verdict.answer, sign=-1)
    text = words.depleted_at_all(verdict, answers, leading.finding.statement, c, factors)
    return [
        summary(leading, verdict, text, headlines.depleted(verdict, answers, c), answers),
        *(each.finding for each in answers),
    ]
