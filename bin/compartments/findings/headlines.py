"""The answer to a question in one line: who, how much, how many donors. It is what the first screen of the page shows.

The numbers are those of the rows that the answer names: of several lineages the smallest and the largest.
"""

import math
from collections.abc import Sequence
from typing import Any

from compartments.core.numbers import probability
from compartments.core.vocabulary import TIERS
from compartments.findings import designs, names, words, words_alone
from compartments.findings.evidence import CANNOT_TELL, NO, SCORE_MARGIN, YES, Row, Triple, Verdict, missing
from compartments.findings.rows import Answer, Comparison, nearest_to

PART = {
    "migration": "its part in the signals of migration (odds)",
    "all": "its part in all signals between cells (odds)",
}


def spread(changes: Sequence[float]) -> str:
    """Log2 changes as ``down 6.6- to 8.4-fold``, ``down 8.4-fold`` of one, ``down 2-fold to up 3-fold``."""
    low, high = min(changes), max(changes)
    near, far = sorted((abs(low), abs(high)))
    if far < words.SMALL:
        return one(0.0)
    if low * high <= 0 or near < words.SMALL:
        return f"{one(low)} to {one(high)}"
    sizes = dict.fromkeys(words.times(change) for change in (near, far))
    return f"{'down' if low < 0 else 'up'} {'- to '.join(sizes)}-fold"


def folds(rows: Sequence[Row]) -> str:
    """Changes of abundance as :func:`spread`; of a lineage with no cell in an arm, whose estimate is extrapolated, how
    much it is at least by its interval."""
    lacking = [0 in (row.get("cells_condition"), row.get("cells_reference")) for row in rows]
    gone = [row for row, lacks in zip(rows, lacking, strict=True) if lacks]
    sound = [row["log2fc"] for row, lacks in zip(rows, lacking, strict=True) if not lacks]
    told = [spread(sound)] if sound else []
    if gone:
        who = f"{names.lineages(row['lineage'] for row in gone)} " if sound else ""
        told.append(who + at_least(gone))
    return ", ".join(told)


def at_least(rows: Sequence[Row]) -> str:
    """Changes by the ends of their intervals nearer to none: ``down at least 8.4-fold``."""
    signs = [-1 if row["log2fc"] < 0 else 1 for row in rows]
    near = [row["ci_low" if sign > 0 else "ci_high"] for row, sign in zip(rows, signs, strict=True)]
    if not all(sign * end >= words.SMALL for sign, end in zip(signs, near, strict=True)):
        return "by an unknown amount"
    return spread(near).replace("down ", "down at least ").replace("up ", "up at least ")


def one(change: float) -> str:
    """A log2 change as ``down 8.4-fold``."""
    if abs(change) < words.SMALL:
        return "about unchanged"
    return f"{'down' if change < 0 else 'up'} {words.fold(abs(change))}"


def depleted(verdict: Verdict, answers: Sequence[Answer], c: Comparison) -> str:
    """Question 1."""
    n, both = len(answers), f"in both {c.compartment} and {c.base}"
    match verdict.kind:
        case "some":
            yes = _of(answers, YES)
            left = [each for each in yes if not _vanished(each, c)]
            rows = [row for each in left for row in (_rows(each).own, _rows(each).base)]
            told = [f"{_who(left)}: {folds(rows)} {both}"] if left else []
            told += [f"{_who([each])}: {_vanished(each, c)}" for each in yes if each not in left]
            return _with_donors("; ".join(told), yes, c)
        case "none":
            text = f"none of {n} lineages is depleted by {words.fold(c.limits.margin)} or more {both}"
            return _with_donors(text, answers, c)
        case "relative":
            return f"without cells per microlitre a fall of all lineages {both} cannot be seen in shares"
    return _open(answers, f"none of {n} lineages is shown to be depleted {both}", c)


def kept(verdict: Verdict, answers: Sequence[Answer], c: Comparison) -> str:
    """Question 2."""
    n = len(answers)
    match verdict.kind:
        case "some":
            told, yes = [], _of(answers, YES)
            for side, other in ((c.compartment, c.base), (c.base, c.compartment)):
                held = [each for each in yes if each.verdict.side == side]
                if held:
                    rows = [_rows(each).sides[side != c.compartment] for each in held]
                    how = "kept" if all(each.verdict.kind == "kept" for each in held) else "kept better"
                    lost, stays = (folds([row[i] for row in rows]) for i in (1, 0))
                    told.append(f"{_who(held)}: {lost} in {other}, {how} in {side} ({stays})")
            relative = getattr(_rows(yes[0]), "scale", "abs") == "rel"
            text = "; ".join(told) + (", relative to what is taken as unchanged" if relative else "")
            return _with_donors(text, yes, c)
        case "none":
            far = f"lost from the other by {words.fold(c.limits.margin)} or more"
            return _with_donors(f"none of {n} lineages is kept in one and {far}", answers, c)
    return _open(answers, f"none of {n} lineages is shown to be kept in one and lost from the other", c)


def migration(verdict: Verdict, answers: Sequence[Answer], c: Comparison) -> str:
    """Question 3, the gene sets of all cells."""
    if verdict.answer == YES:
        yes, told = _of(answers, YES), []
        for each in yes:
            up, other = _rows(each).sides[each.verdict.side != c.compartment]
            how = "only" if each.verdict.kind == "only" else f"than in {other['compartment']}"
            told.append(
                f"genes of {words.named_set(up)}: more active in {up['compartment']} {how} "
                f"(score {up['estimate']:+z.2f}, {other['compartment']} {other['estimate']:+z.2f})"
            )
        return _with_donors("; ".join(told), yes, c)
    if verdict.answer == NO:
        none = (
            f"of {len(answers)} sets of genes none is more active in {c.compartment} or {c.base} "
            f"by a score of {SCORE_MARGIN:z.2f} or more"
        )
        return _with_donors(none, answers, c)
    return _open(answers, f"of {len(answers)} sets of genes none is shown to be more active in one only", c)


def central(verdict: Verdict, answers: Sequence[Answer], c: Comparison) -> str:
    """Question 4, central role."""
    n = len({each.finding.lineage for each in answers})
    if verdict.answer == YES:
        yes = sorted(_of(answers, YES), key=nearest_to(YES))
        clearest = {each.finding.lineage: each for each in reversed(yes)}  # of a lineage in two networks
        told = []
        for lineage, each in reversed(clearest.items()):
            up, other = _rows(each).sides[each.verdict.side != c.compartment]
            odds = f"{_times(up)} in {up['compartment']}, {_times(other)} in {other['compartment']}"
            told.append(f"{names.lineage(lineage)}: {PART[up['network']]} {odds}")
        return _with_donors("; ".join(told), list(clearest.values()), c)
    if verdict.answer == NO:
        return _with_donors(
            f"none of {n} lineages gains a central role by {words.fold(c.limits.margin)} odds or more", answers, c
        )
    # of a lineage in all networks
    excluded = n - len({each.finding.lineage for each in answers if each.verdict.answer != NO})
    return _open(answers, f"none of {n} lineages is shown to gain a central role", c, excluded)


def signalling(answers: Sequence[Answer], c: Comparison) -> str:
    """Question 4, the groups of pairs between all lineages."""
    yes, n = _of(answers, YES), len(answers)
    if yes:
        told = []
        for each in yes:
            up, other = _rows(each).sides[each.verdict.side != c.compartment]
            told.append(
                f"{names.lineage(up['group'])} signals: stronger in {up['compartment']} (score {up['estimate']:+z.2f}, "
                f"{other['compartment']} {other['estimate']:+z.2f})"
            )
        return _with_donors("; ".join(told), yes, c)
    if all(each.verdict.answer == NO for each in answers):
        far = f"by a score of {SCORE_MARGIN:z.2f} or more"
        return _with_donors(f"signals of migration are stronger in neither {far} ({n} groups)", answers, c)
    return _open(answers, f"signals of migration are not shown to be stronger in one ({n} groups)", c)


def uncoupled(verdict: Verdict, row: Row, numbers: Row, c: Comparison, drivers: Sequence[str]) -> str:
    """Question 5."""
    over = f"{int(row['n_lineages'])} lineages{_overall(row, numbers)}"
    size = f"changes in {c.compartment} and in {c.base} differ {words.apart(row['tau_u'])} over {over}"
    if verdict.answer == YES:
        size = f"{verdict.kind.replace('_', ' ')}: {size}" + (
            f"; most for {names.lineages(drivers)}" if drivers else ""
        )
    elif verdict.answer == NO:
        size += ", which counts as alike"
    else:
        size += ", which may be chance and may be more"
    return size + words.behind(numbers, c).replace(" [", "; ").rstrip("]")


def _overall(row: Row, numbers: Row) -> str:
    """``, overall p = 0.054, with the lineages one by one p = 0.03``"""
    if missing(row["p_value"]):
        return ""
    told = f", overall {probability('p', row['p_value'])}"
    if missing(numbers["p_value"]) or numbers["p_value"] == row["p_value"]:
        return told
    return f"{told}, with the lineages one by one {probability('p', numbers['p_value'])}"


def alone(leading: Answer, answers: Sequence[Answer], c: Comparison, room: str, margin: float) -> str:
    """Questions 1, 3 and 4 of a study of one compartment."""
    yes, n = _of(answers, YES), len(answers)
    if yes and room == "composition":
        return _with_donors(f"{_who(yes)}: {folds([_rows(each).own for each in yes])} in {c.compartment}", yes, c)
    if yes and room == "central":
        told = "; ".join(
            f"{_who([each])}: {PART[_rows(each).own['network']]} {_times(_rows(each).own)}" for each in yes
        )
        return _with_donors(f"{told} in {c.compartment}", yes, c)
    if yes:
        rows = [_rows(each).own for each in yes]
        said = [
            f"genes of {words.named_set(row)}: more active in {c.compartment} (score {row['estimate']:+z.2f})"
            if room == "migration"
            else f"{names.lineage(row['group'])} signals: stronger in {c.compartment} (score {row['estimate']:+z.2f})"
            for row in rows
        ]
        return _with_donors("; ".join(said), yes, c)
    if leading.verdict.kind in ("relatively", "relatively_open"):
        return f"without cells per microlitre a fall of all lineages in {c.compartment} cannot be seen in shares"
    if leading.verdict.answer == NO:
        return _with_donors(f"{words_alone.none_of(n, room, margin)} in {c.compartment}", answers, c)
    return _open(answers, f"none of {n} {words_alone.ALONE[room][1]} for certain in {c.compartment}", c)


def _of(answers: Sequence[Answer], answer: str) -> list[Answer]:
    return [each for each in answers if each.verdict.answer == answer]


def _rows(answer: Answer) -> Triple:
    if answer.rows is None:
        raise ValueError("the answer was given without its rows")
    return answer.rows


def _who(answers: Sequence[Answer]) -> str:
    return names.lineages(each.finding.lineage for each in answers)


def _vanished(answer: Answer, c: Comparison) -> str:
    """Where the condition left no cell of a lineage, and of how many: how far it fell is then not known."""
    rows = _rows(answer)
    sides = [(c.compartment, rows.own), (c.base, rows.base)]
    gone = [(side, row["cells_reference"]) for side, row in sides if row.get("cells_condition") == 0]
    said = [f"in {side} (against {n:.0f})" for side, n in gone]
    return f"no cell left {' and '.join(said)}" if said else ""


def _times(row: Row) -> str:
    """Odds ratio as ``up 4.7-fold``."""
    return one(row["estimate"] / math.log(2))


def _open(answers: Sequence[Answer], text: str, c: Comparison, excluded: int | None = None) -> str:
    """Nothing is shown: for how many it is excluded (by default as many as answers say no), or too few donors."""
    few = [each for each in answers if each.verdict.kind == "too_few"]
    excluded = len(_of(answers, NO)) if excluded is None else excluded
    if few and len(few) == len(_of(answers, CANNOT_TELL)):
        text += ", with too few donors to test"
    return _with_donors(f"{text} (excluded for {excluded})" if excluded else text, answers, c)


def _with_donors(text: str, answers: Sequence[Answer], c: Comparison) -> str:
    """A text with the donors and tier of its rows: the fewest donors and the weakest tier."""
    rows = [each.finding for each in answers]
    n: list[Any] = [min(row.n_condition for row in rows), min(row.n_reference for row in rows)]
    several = len({(row.n_condition, row.n_reference) for row in rows}) > 1
    tier = max((row.tier for row in rows), key=TIERS.index)
    term = "interaction" if c.base else f"within:{c.compartment}"
    donors = designs.comparison(c.of(term), *n)
    return f"{text}; {'at least ' if several else ''}{donors}, {tier}"
