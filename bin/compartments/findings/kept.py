"""Question 2: lineages lost from one compartment and kept in the other (``discordant_*_retained``, ``maintained_*``).

``discordant`` says that the loss is smaller where the lineage is kept; only ``maintained`` says that it is non-inferior
there. On the relative scale the words are relative to what is taken as unchanged.
"""

import math
from dataclasses import replace

from compartments.compare.moderated import interval
from compartments.findings import basis, headlines, words
from compartments.findings.evidence import CANNOT_TELL, NO, YES, Limits, Verdict, claimable
from compartments.findings.lineages import FILE, Lineage, lineages, outside_range, why_none
from compartments.findings.rows import Answer, Comparison, Finding, Tables, lead, overall, summary


def judge(each: Lineage, limits: Limits) -> Verdict:
    """Kept on one side (where that is called), alike on both, lost from neither, or not to be told."""
    for up, _ in each.sides:
        call = kept_by(each, up["compartment"], limits)
        if call:
            strictly = call.startswith("maintained") and each.scale == "abs"
            return Verdict(YES, "kept" if strictly else "kept_better", up["compartment"], {"call": call})
    if not claimable(each.tier):
        return Verdict(CANNOT_TELL, "too_few")
    low, high = interval(each.difference["log2fc"], each.difference["se"], each.difference["df"], 0.9)
    if -limits.margin < low and high < limits.margin:
        return Verdict(NO, "alike", numbers={"low": low, "high": high})
    if each.falls_less(limits.margin):
        return Verdict(NO, "lost_from_neither")
    return Verdict(CANNOT_TELL, "open")


def kept_by(each: Lineage, side: str, limits: Limits) -> str:
    """The call that says that a compartment keeps the lineage, the stricter one first; empty where none is made."""
    for call in (f"maintained_{side}", f"discordant_{side}_retained"):
        if each.called(call, limits):
            return call
    return ""


def judge_all(answers: list[Answer]) -> Verdict:
    """The question for all lineages together."""
    answer = overall(answers)
    return Verdict(answer, {YES: "some", NO: "none"}.get(answer, "open"))


def kept(comparison: Comparison, tables: Tables) -> list[Finding]:
    """Rows of ``findings.tsv`` for question 2: the summary, and one per lineage."""
    c, answers = comparison, []
    confirmed = {each.name: each for each in lineages(c, tables, "lineage_marker")}
    for each in lineages(c, tables):
        verdict = judge(each, c.limits)
        numbers = each.evidence(each.difference, verdict.numbers.get("call", ""))
        if verdict.kind == "open":  # the p and q that belong to the interval that is said
            numbers |= {column: each.difference.get(column, math.nan) for column in ("p_value", "q_value")}
        numbers |= basis.kept(verdict.numbers.get("call", ""), numbers, c)
        text = words.kept(verdict, each, numbers, c)
        if verdict.answer == YES and each.name in confirmed:
            marked = confirmed[each.name]
            text += words.confirmation(marked.difference, bool(kept_by(marked, verdict.side, c.limits)))
        elif verdict.kind == "too_few":
            text += words.outside_range(outside_range(tables.single_case, each))
        answers.append(
            c.answer(
                2,
                verdict,
                text + words.notes(each.own, each.base) + words.behind(numbers, c, each.name in c.primary),
                numbers,
                lineage=each.name,
                aspect=verdict.side,
                unit=words.LOG2_DIFFERENCE,
                source=words.source(FILE, each.difference, words.COMPOSITION_KEYS),
            )._replace(rows=each)
        )
    if not answers:
        verdict = why_none(c, tables)
        return [c.answer(2, verdict, words.unanswered("composition", verdict, c), source=FILE).finding]
    verdict = judge_all(answers)
    leading = lead(answers, verdict.answer)
    text = words.kept_at_all(verdict, answers, leading.finding.statement, c)
    told = summary(leading, verdict, text, headlines.kept(verdict, answers, c), answers)
    return [replace(told, aspect=""), *(each.finding for each in answers)]
