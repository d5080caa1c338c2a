"""Sentences of studies of one compartment, of questions 1, 3 and 4; what these share with others is in ``words``."""

import math
from collections.abc import Sequence

from compartments.findings import names, undecided, words
from compartments.findings.evidence import NO, YES, Row, Verdict
from compartments.findings.rows import Answer, Comparison

ALONE = {  # of one compartment: what a lineage, set or group does, what several do, what is excluded of it and of all
    "composition": ("is depleted", "lineages are depleted", "a fall of {} or more",
                    "lineages is depleted by {} or more"),
    "migration": ("is raised", "primary sets are raised", "a rise of {} points or more",
                  "primary sets is raised by {} points or more"),
    "central": ("gains a central role", "lineages and networks gain a central role", "a gain of {} odds or more",
                "lineages and networks gains a central role by {} odds or more"),
    "signalling": ("signalling is stronger", "groups of pairs signal more", "a rise of {} points or more",
                   "groups of pairs signals more by {} points or more"),
}  # fmt: skip


def margin_of(room: str, margin: float) -> str:
    """The margin of a question to one compartment, as its sentences say it."""
    if room in ("migration", "signalling"):
        return f"{margin:z.2f}"
    return words.fold(margin / math.log(2) if room == "central" else margin)


def none_of(n: int, room: str, margin: float) -> str:
    """``none of 6 lineages is depleted by 2-fold or more``: less is not excluded."""
    return f"none of {n} {ALONE[room][3].format(margin_of(room, margin))}"


def alone(verdict: Verdict, row: Row, numbers: Row, c: Comparison, room: str, margin: float) -> str:
    """Questions 1, 3 and 4 of a study of one compartment, one lineage, set or group."""
    does, _, excluded, _ = ALONE[room]
    match room:
        case "composition":
            who, said = names.lineage(row["lineage"]), words.change(row, row["scale"])
        case "central":
            who, said = names.lineage(row["lineage"]), f"odds of its share ({row['network']} pairs) {words.odds(row)}"
        case "migration":
            who, said = words.named_set(row), words.points(row)
        case _:
            who, said = row["group"], words.points(row)
    match verdict.kind:
        case "changed":
            text = f"{who} {does} in {c.compartment}: {said}, {words.q(numbers, c)}"
        case "excluded":
            text = f"{who} in {c.compartment}: {excluded.format(margin_of(room, margin))} is excluded; {said}"
        case "open":
            change_of = f"{'a fall' if room == 'composition' else 'a rise'} in {c.compartment}"
            reason = undecided.change(change_of, numbers, c.limits, "that it ranks among the first")
            text = f"{words.CANNOT}{reason}; {who} in {c.compartment}: {said}"
        case "too_few":
            text = f"{words.CANNOT}{words.too_few(numbers, c)}; {who} in {c.compartment}: {said}"
        case _:
            shown = "" if verdict.kind == "relatively" else "not shown to be "
            text = f"{words.CANNOT}without cells_per_ul only shares are known; relative to what is taken as unchanged, "
            text += f"{who} is {shown}depleted in {c.compartment}: {said}"
    if room == "composition":
        text += words.notes(row)
    return text + words.behind(numbers, c, room in ("composition", "central") and row["lineage"] in c.primary)


def alone_at_all(leading: Answer, answers: Sequence[Answer], c: Comparison, room: str, margin: float) -> str:
    """Questions 1, 3 and 4 of a study of one compartment, all rows."""
    n, do = len(answers), ALONE[room][1]
    only = f"in {c.compartment}, the only compartment,"
    said = leading.finding.statement
    yes = [each.finding for each in answers if each.verdict.answer == YES]
    who = [names.gene_set(row.aspect) if row.lineage == "all" else row.lineage for row in yes]
    match leading.verdict:
        case Verdict(answer="yes"):
            told = "" if room == "signalling" else f": {names.lineages(who)}"
            return f"{only} {len(yes)} of {n} {do}{told}; clearest: {said}"
        case Verdict(answer="no"):
            return f"{only} {none_of(n, room, margin)}; closest: {said}"
        case Verdict(kind="relatively" | "relatively_open"):
            down = [each.finding.lineage for each in answers if each.verdict.kind == "relatively"]
            told = f"relative to what is taken as unchanged, {names.lineages(down) if down else 'none'} of {n} fall"
            unseen = "cells_per_ul is missing, and a fall common to all lineages is invisible in shares"
            return f"{words.CANNOT}{unseen}; {told}"
    excluded = sum(each.verdict.answer == NO for each in answers)
    told = f"{only} none of {n} {do} for certain, and it is excluded for {excluded} only"
    return f"{words.CANNOT}{told}; closest: {words.tail(said)}"
