"""Question 4, first part: lineages that become hubs in one compartment (call ``hub_gained_in_<compartment>``)."""

import math
from typing import Any

from compartments.core.vocabulary import POOLS
from compartments.findings import basis, headlines, words
from compartments.findings.evidence import (
    CANNOT_TELL,
    NO,
    YES,
    Limits,
    Row,
    Triple,
    Verdict,
    calls,
    claimable,
    evidence,
    significant,
    triples,
)
from compartments.findings.rows import Answer, Comparison, Finding, Tables, lead, overall, summary

FILE = "interactions/centrality_effects.tsv"
KEYS = ["network", "lineage", "contrast", "term", "compartment"]


def called(each: Triple) -> str:
    """The compartment in which a hub is called, if any."""
    sides = [row["compartment"] for row in (each.own, each.base)]
    return next((side for side in sides if f"hub_gained_in_{side}" in calls(each.difference)), "")


def risen(each: Triple) -> Row:
    """The row that the call rests on: the rise within its compartment. The sign of the difference and the ranks come on
    top."""
    return each.base if called(each) == each.base["compartment"] else each.own


def claim(each: Triple) -> dict[str, Any]:
    """The rise, with what all three rows rest on."""
    return evidence(risen(each), **each.least)


def judge(each: Triple, limits: Limits) -> Verdict:
    """A hub gained, excluded in both compartments, called but too late over all lineages, or open."""
    side = called(each)
    if not claimable(each.tier):
        return Verdict(CANNOT_TELL, "too_few")
    if side and significant(risen(each), limits):
        return Verdict(YES, "gained", side)
    if each.rises_less(math.log(2) * limits.margin):
        return Verdict(NO, "excluded")
    return Verdict(CANNOT_TELL, "not_over_lineages", side) if side else Verdict(CANNOT_TELL, "open")


def judge_all(answers: list[Answer]) -> Verdict:
    """The question for all lineages and networks together."""
    answer = overall(answers)
    return Verdict(answer, {YES: "some", NO: "none"}.get(answer, "open"))


def central(comparison: Comparison, tables: Tables) -> list[Finding]:
    """Rows of ``findings.tsv`` for the first part of question 4 (``aspect`` = ``hub``)."""
    c, answers = comparison, []
    if tables.centrality is None:
        verdict = tables.absent("interactions")
        return [c.answer(4, verdict, words.unanswered("central", verdict, c), aspect="hub", source=FILE).finding]
    table = tables.centrality[tables.centrality["contrast"] == c.contrast]
    table = table[~table["lineage"].isin(POOLS)]
    for each in triples(table, c.compartment, c.base, ["network", "lineage"]):
        verdict, numbers, lineage = judge(each, c.limits), claim(each), each.difference["lineage"]
        numbers |= basis.central(risen(each), each, numbers, c)
        answers.append(
            c.answer(
                4,
                verdict,
                words.central(verdict, each, numbers, c) + words.behind(numbers, c, lineage in c.primary),
                numbers,
                lineage=lineage,
                aspect="hub",
                unit=words.ODDS,
                source=words.source(FILE, risen(each), KEYS),
            )._replace(rows=each)
        )
    if not answers:
        verdict = c.untested()
        return [c.answer(4, verdict, words.unanswered("central", verdict, c), aspect="hub", source=FILE).finding]
    verdict = judge_all(answers)
    leading = lead(answers, verdict.answer, sign=1)
    text = words.central_at_all(verdict, answers, leading.finding.statement, c)
    return [
        summary(leading, verdict, text, headlines.central(verdict, answers, c), answers),
        *(each.finding for each in answers),
    ]
