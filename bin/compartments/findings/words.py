"""Every sentence of ``findings.tsv``: one function per question, one line per kind of verdict.

A sentence that is not an answer starts with ``cannot be told:`` and the reason. Each ends with the donors, how they are
compared, and the tier that it rests on. Nothing is decided here.
"""

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

from compartments.core.numbers import probability
from compartments.findings import designs, names, undecided
from compartments.findings.evidence import CANNOT_TELL, NO, SCORE_MARGIN, YES, Row, Triple, Verdict, evidence, missing
from compartments.findings.lineages import Lineage
from compartments.findings.rows import Answer, Comparison, named
from compartments.study.study import CHANGE

LOG2 = "log2 fold change"
LOG2_DIFFERENCE = "log2 fold change, difference between compartments"
SCORE = "z-score points"
SCORE_DIFFERENCE = "z-score points, difference between compartments"
ODDS = "log-odds of the share of signalling"
SPREAD = "log2, spread over lineages"
SMALL = 0.0704  # log2, 5 %: below it "about unchanged" says more than "1-fold"
MOST = 20.0  # log2: no study has more, but noise may hide more
COMPOSITION_KEYS = ["level", "lineage", "contrast", "term", "compartment", "scale"]
NEXT_KEY = re.compile(r", (?=[a-z_]+=)")  # of a source
CANNOT = "cannot be told: "
KEPT = {"kept": "kept", "kept_better": "kept better"}  # kinds of a yes to question 2: only the first is unchanged
RELATIVE = " relative to what is taken as unchanged"

UNFINISHED = {
    "composition": "the comparison of composition did not finish",
    "migration": "the migration scores did not finish",
    "central": "the comparison of interactions did not finish",
    "signalling": "the comparison of interactions did not finish",
    "uncoupled": "the coupling index did not finish",
}
UNTESTED = {
    "composition": "no lineage was tested in both compartments",
    "migration": "no primary gene set could be tested in both compartments",
    "central": "no lineage has its share in enough samples of both compartments",
    "signalling": "no group of pairs could be tested in both compartments",
    "uncoupled": "too few lineages have an interaction with an interval",
}


def unanswered(room: str, verdict: Verdict, c: Comparison) -> str:
    """Why a question has no row to answer it with."""
    reasons = {
        "unfinished": UNFINISHED[room],
        "apart": "it was not taken together, since not all cohorts have it alike (skipped.tsv says why)",
        "not_asked": "this run was asked to leave out interactions (--skip)",
        "untested": UNTESTED[room] if c.base else UNTESTED[room].replace("both compartments", c.compartment),
        "no_pairs": designs.needed(c.asked, verdict.side, c.place),
        "untested_within": f"no lineage could be tested in {verdict.side}",
        "untested_difference": f"no lineage could be tested for a difference between {c.compartment} and {c.base}",
    }
    return CANNOT + reasons[verdict.kind]


def lacking(c: Comparison) -> str:
    """Why a question cannot be asked of this study."""
    if c.base:
        return f"{CANNOT}this needs two conditions, and all samples are of one"
    return f"{CANNOT}this needs two compartments, and all samples are {c.compartment}"


def framed(statement: str, c: Comparison) -> str:
    """A statement on a change of change says against which change."""
    if c.asked.kind != CHANGE:
        return statement
    against = (
        f"against the change ({c.asked.condition} against {c.asked.reference}) of {c.asked.group_reference} donors"
    )
    if statement.startswith(CANNOT):
        return f"{CANNOT}{against}: {tail(statement)}"
    return f"{against}: {statement}"


def depleted(
    verdict: Verdict, each: Lineage, numbers: Row, c: Comparison, outside: tuple[int, int] | None = None
) -> str:
    """Question 1, one lineage."""
    name = names.lineage(each.name)
    both = f"{change(each.own, each.scale)} in {c.compartment} and {change(each.base, each.scale)} in {c.base}"
    shares = f"{CANNOT}without cells_per_ul only shares are known; relative to what is taken as unchanged, {name} is"
    match verdict.kind:
        case "both":
            text = f"{name} is depleted in both: {both}, {q(numbers, c)}"
        case "spared":
            fall = f"a fall of {fold(c.limits.margin)} or more is excluded in {verdict.side}"
            text = f"{name} is not depleted in both: {fall}; {both}"
        case "relatively_both":
            text = f"{shares} depleted in both: {both}"
        case "relatively_open":
            text = f"{shares} not shown to be depleted in both: {both}"
        case "open":
            unsure = " and ".join(verdict.numbers["unsure"])
            reason = (
                f"a fall in {unsure} is {undecided.NEITHER}" if unsure else undecided.over_lineages(numbers, c.limits)
            )
            text = f"{CANNOT}{reason}; {name} is {both}"
        case _:
            text = f"{CANNOT}{too_few(numbers, c)}; {name} is {both}{outside_range(outside)}"
    return text + notes(each.own, each.base) + behind(numbers, c, each.name in c.primary)


def depleted_at_all(
    verdict: Verdict, answers: Sequence[Answer], leading: str, c: Comparison, factors: Mapping[str, float | None]
) -> str:
    """Question 1, all lineages; ``factors`` are those of total cells at which every lineage is down."""
    yes, no, n = named(answers, YES), named(answers, NO), len(answers)
    match verdict.kind:
        case "some":
            told = f"lineages are depleted in {c.compartment} and {c.base} at once"
            return f"{len(yes)} of {n} {told}: {names.lineages(yes)}; clearest: {leading}"
        case "none":
            fall = f"depleted by {fold(c.limits.margin)} or more in both {c.compartment} and {c.base}"
            return f"none of {n} lineages is {fall}; closest: {leading}"
        case "open":
            shown = f"of {n} lineages none is shown to be depleted in both {c.compartment} and {c.base}"
            return f"{CANNOT}{shown}, and depletion is excluded for {len(no)} only; closest: {tail(leading)}"
    text = (
        f"{CANNOT}cells_per_ul is missing, and a fall common to all lineages is invisible in shares (not identifiable)"
    )
    for side, factor in factors.items():
        if factor:
            text += f"; every lineage would be down in {side} {tipped(factor)}"
    relatively = [each.finding.lineage for each in answers if each.verdict.kind == "relatively_both"]
    if relatively:
        text += f"; relative to what is taken as unchanged, {names.lineages(relatively)} are decreased in both"
    return text


def tipped(factor: float) -> str:
    """At which total every lineage is down, by the factor on total cells below which that is so."""
    if size(max(factor, 1 / factor)) == "1":
        return "if total cells fell there at all"
    if factor > 1:
        return f"unless total cells rose {size(factor)}-fold or more there"
    return f"if total cells fell more than {size(1 / factor)}-fold there"


def kept(verdict: Verdict, each: Lineage, numbers: Row, c: Comparison) -> str:
    """Question 2, one lineage."""
    name, difference = names.lineage(each.name), f"difference {estimate(numbers)}"
    both = f"{change(each.own, each.scale)} in {c.compartment}, {change(each.base, each.scale)} in {c.base}"
    match verdict.kind:
        case "kept" | "kept_better":
            return _kept(verdict, each, f"{difference}, {q(numbers, c)}", c)
        case "alike":
            limits = f"90 % CI {verdict.numbers['low']:z.2f} to {verdict.numbers['high']:z.2f}"
            return (
                f"{name} changes alike: the compartments differ by less than {fold(c.limits.margin)} ({limits}); {both}"
            )
        case "lost_from_neither":
            return f"{name} is lost from neither: falls of {fold(c.limits.margin)} or more are excluded; {both}"
        case "open":
            mde = each.difference.get("mde80", math.nan)
            lacks = "that the lineage is lost from one and kept in the other"
            told = undecided.change(f"a difference between {c.compartment} and {c.base}", numbers, c.limits, lacks)
            if not missing(mde) and undecided.within_zero(numbers):
                told += f" (differences of {fold(mde)} are found with 80 % power)"
            return f"{CANNOT}{told}; {name} is {both}; {difference}"
    return f"{CANNOT}{too_few(numbers, c)}; {name} is {both}; {difference}"


def _kept(verdict: Verdict, each: Lineage, difference: str, c: Comparison) -> str:
    keeps, strictly = verdict.side, verdict.kind == "kept"
    up, other = each.sides[0] if keeps == c.compartment else each.sides[1]
    relative = RELATIVE if each.scale == "rel" else ""
    text = (
        f"{names.lineage(each.name)} is lost from {other['compartment']} ({change(other, each.scale)}) and "
        f"{KEPT[verdict.kind]} in {keeps} ({change(up, each.scale)}){relative}; {difference}"
    )
    return text if strictly else f"{text}; that it is unchanged in {keeps} is not shown"


def confirmation(difference: Row, agrees: bool) -> str:
    """What the marker-confirmed cells of the same name say."""
    return f"; marker-confirmed cells {'agree' if agrees else 'do not show it'} ({estimate(difference)})"


def kept_at_all(verdict: Verdict, answers: Sequence[Answer], leading: str, c: Comparison) -> str:
    """Question 2, all lineages."""
    yes, no, n = named(answers, YES), named(answers, NO), len(answers)
    match verdict.kind:
        case "some":
            sides = "; ".join(
                f"{names.lineages(held)} {how} in {side}"
                for side in (c.compartment, c.base)
                for kind, how in KEPT.items()
                if (held := [x.finding.lineage for x in answers if (x.verdict.side, x.verdict.kind) == (side, kind)])
            )
            relative = any(getattr(each.rows, "scale", "abs") == "rel" for each in answers)
            return f"{len(yes)} of {n} lineages: {sides}{RELATIVE if relative else ''}; clearest: {leading}"
        case "none":
            far = f"lost from the other by {fold(c.limits.margin)} or more"
            return f"none of {n} lineages is kept in one compartment and {far}; {leading}"
    shown = (
        f"no lineage of {n} is shown to be kept in one and lost from the other, and it is excluded for {len(no)} only"
    )
    return f"{CANNOT}{shown}; largest difference: {tail(leading)}"


def migration(verdict: Verdict, each: Triple, numbers: Row, c: Comparison) -> str:
    """Question 3, one gene set in one lineage or in all."""
    own, base = each.own, each.base
    who = named_set(each.difference)
    up, other = each.sides[0] if verdict.side == own["compartment"] else each.sides[1]
    here, there = up["compartment"], other["compartment"]
    match verdict.kind:
        case "only":
            text = f"{who} is raised in {here} only ({points(up)}; {there} {points(other)})"
        case "higher":
            text = f"{who} is raised in {here} ({points(up)}) and more than in {there} ({points(other)})"
            text += f"; that {there} does not rise at all is not shown"
        case "neither":
            both = f"{own['compartment']} {points(own)}; {base['compartment']} {points(base)}"
            rises = f"rises of {SCORE_MARGIN:z.2f} points or more are excluded"
            text = f"{who} is raised in neither compartment: {rises} ({both})"
        case _:
            reason = too_few(numbers, c)
            if verdict.kind == "open":
                reason = both_open(each, numbers, c, SCORE_MARGIN)
            both = f"{own['compartment']} {points(own)}, {base['compartment']} {points(base)}"
            text = f"{CANNOT}{reason}; {who}: {both}, difference {points(numbers)}"
    if verdict.answer == YES:
        text += f"; difference {points(numbers)}, {q(numbers, c)}"
    return text + behind(numbers, c)


def migration_agrees(agree: int, others: int, carriers: Sequence[str]) -> str:
    """Question 3, what the other gene sets and the lineages add to the clearest one."""
    text = f"; {agree} of {others} other primary sets agree" if others else ""
    return text + (f"; carried by {names.lineages(carriers)}" if carriers else "")


def central(verdict: Verdict, each: Triple, numbers: Row, c: Comparison) -> str:
    """Question 4, one lineage in the network of all pairs or of those of migration."""
    own, base = each.own, each.base
    lineage, network = names.lineage(each.difference["lineage"]), each.difference["network"]
    pairs = f"{network} pairs"
    shares = f"{c.compartment} {odds(own)}, {c.base} {odds(base)}, ratio {odds(each.difference)}"
    match verdict.kind:
        case "gained":
            role = f"gains a central role in {verdict.side} ({pairs}): odds of its share {shares}, {q(numbers, c)}"
            return f"{lineage} {role}"
        case "excluded":
            odd = f"{fold(c.limits.margin)} odds are excluded in both"
            return f"{lineage} gains no central role ({pairs}): {odd}; {shares}"
        case "open":
            reason = both_open(each, evidence(each.difference), c, math.log(2) * c.limits.margin)
        case "not_over_lineages":
            reason = f"a gain in {verdict.side} has {p(numbers)}, but {q(numbers, c)} over lineages"
        case _:
            reason = too_few(numbers, c)
    return f"{CANNOT}{reason}; {lineage} ({pairs}): odds of its share {shares}"


def central_at_all(verdict: Verdict, answers: Sequence[Answer], leading: str, c: Comparison) -> str:
    """Question 4, all lineages: central role."""
    match verdict.kind:
        case "some":
            gains = [each for each in answers if each.verdict.answer == YES]
            sides = dict.fromkeys(each.verdict.side for each in gains)
            told = "; ".join(
                f"{side}: {names.lineages(x.finding.lineage for x in gains if x.verdict.side == side)}"
                for side in sides
            )
            return f"a central role is gained in {told}; clearest: {leading}"
        case "none":
            n = len({each.finding.lineage for each in answers})
            far = f"by {fold(c.limits.margin)} odds or more"
            return f"no lineage of {n} gains a central role {far}; closest: {leading}"
    told = "no lineage is shown to gain a central role, nor is it excluded for all"
    return f"{CANNOT}{told}; closest: {tail(leading)}"


def signalling(verdict: Verdict, each: Triple, numbers: Row, c: Comparison) -> str:
    """Question 4, one group of pairs between all lineages, or from or to one."""
    own, base, row = each.own, each.base, each.difference
    pooled = (row["source"], row["target"]) == ("all", "all")
    ends = [names.lineage(row[end]) for end in ("source", "target")]
    who = f"{row['group']} signalling" + ("" if pooled else f" from {ends[0]} to {ends[1]}")
    within = f"{own['compartment']} {points(own)}, {base['compartment']} {points(base)}"
    both = f"{within}, difference {points(row)}"
    match verdict.kind:
        case "stronger":
            text = f"{who} is stronger in {verdict.side}: {both}, {q(numbers, c)}"
        case "neither":
            text = f"{who} is stronger in neither: rises of {SCORE_MARGIN:z.2f} points are excluded; {both}"
        case "open":
            text = f"{CANNOT}{both_open(each, numbers, c, SCORE_MARGIN)}; {who}: {both}"
        case _:
            text = f"{CANNOT}{too_few(numbers, c)}; {who}: {both}"
    return text + behind(numbers, c)


def uncoupled(verdict: Verdict, row: Row, numbers: Row, c: Comparison, drivers: Sequence[str]) -> str:
    """Question 5, and the lineages that drive it."""
    spread = f"the spread of the difference over {int(row['n_lineages'])} lineages is tau_U = {ci(numbers)} log2"
    spread += f" (0 = coupled; {p(row)}{undecided.spread(row, numbers, verdict.answer == YES)})"
    if not missing(row.get("mean_u")):
        spread += f", its mean {row['mean_u']:z.2f} ({row['mean_u_low']:z.2f} to {row['mean_u_high']:z.2f})"
    if row["scale"] == "rel":
        spread += "; relative scale: a shift common to all lineages is not seen"
    if verdict.answer == CANNOT_TELL:
        reason = row["reason"] if isinstance(row.get("reason"), str) else "neither is shown"
        text = f"{CANNOT}{reason}; {spread}"
    else:
        text = f"{c.compartment} and {c.base} are {verdict.kind.replace('_', ' ')}: {spread}"
    driven = f"; driven by {names.lineages(drivers)}" if drivers else ""
    return text + driven + behind(numbers, c)


def driver(name: str, spread: float, without: float, numbers: Row, c: Comparison) -> str:
    """Question 5, one lineage that drives the spread."""
    return f"without {names.lineage(name)}, tau_U falls from {spread:z.2f} to {without:z.2f} log2{behind(numbers, c)}"


def outside_range(donors: tuple[int, int] | None) -> str:
    """Donors outside the range of the reference donors, of all that could be compared with it."""
    if donors is None:
        return ""
    return f"; in {donors[0]} of {donors[1]} donors the difference is outside the range of the reference donors"


def notes(*rows: Row) -> str:
    """What the table says about the size of the changes, such as an arm without a cell."""
    said = [note for note in dict.fromkeys(row.get("note") for row in rows) if isinstance(note, str) and note]
    return "".join(f"; {note.rstrip('.')}" for note in said)


def behind(numbers: Row, c: Comparison, primary: bool = False) -> str:
    """The donors and the tier that a statement rests on; a lineage named beforehand is a family of its own for q."""
    n = [numbers[f"n_{arm}"] for arm in ("condition", "reference")]
    donors = ""
    if not any(missing(x) for x in n):
        donors = f"{designs.comparison(c.of(numbers.get('term', 'interaction')), int(n[0]), int(n[1]))}, "
    return f" [{donors}{numbers['tier']}{'; named beforehand' if primary else ''}]"


def too_few(row: Row, c: Comparison) -> str:
    """Why the donors carry no yes or no."""
    contrast, n = c.of(row.get("term", "interaction")), (int(row["n_condition"]), int(row["n_reference"]))
    donors, one = designs.donors(contrast, *n, "against"), designs.one_arm(contrast) and n[0] == 1
    if row["tier"] == "descriptive":
        return f"{donors} allow{'s' if one else ''} a description, not a test"
    return f"{donors} {'is' if one else 'are'} too few"


def source(file: str, row: Row, keys: Sequence[str]) -> str:
    """``composition/effects.tsv: level=lineage, lineage=pDC``: table and row that a finding comes from."""
    return f"{file}: " + ", ".join(f"{key}={row[key]}" for key in keys)


def keys_of(told: object) -> dict[str, str]:
    """The keys of a row that :func:`source` names; values may have commas, such as names of groups."""
    _, _, keys = str(told).partition(": ")
    return dict(part.split("=", 1) for part in NEXT_KEY.split(keys) if "=" in part)


def tail(statement: str) -> str:
    """A statement to be quoted after ``cannot be told:``"""
    return statement.removeprefix(CANNOT)


def fold(log2: float) -> str:
    """``8.6-fold``"""
    return f"{times(log2)}-fold"


def times(log2: float, digits: int = 2) -> str:
    """``8.6``; of a size that no study has, as the least difference that noise hides may be, only that."""
    return size(2**log2, digits) if log2 < MOST else f"more than {2**MOST:,.0f}"


def apart(log2: float) -> str:
    """A difference whatever its sign: ``8.6-fold``, or ``less than 1.05-fold``, as "1-fold" would say nothing."""
    return f"less than {2**SMALL:.3g}-fold" if abs(log2) < SMALL else fold(abs(log2))


def size(value: float, digits: int = 2) -> str:
    """A number with so many digits that count, never as a power of ten: ``8.6``, ``260``."""
    text = f"{value:.{digits}g}"
    return f"{float(text):.0f}" if "e+" in text else text


def change(row: Row, scale: str) -> str:
    """``down 8.6-fold (log2 -3.10, 95 % CI -4.20 to -2.00)``"""
    down = row["log2fc"] < 0
    word, how = ("down" if down else "up"), ""
    if scale == "rel":
        word, how = ("relatively decreased" if down else "relatively increased"), "relatively "
    limits = "" if missing(row["ci_low"]) else f", 95 % CI {row['ci_low']:z.2f} to {row['ci_high']:z.2f}"
    much = f"{how}about unchanged" if abs(row["log2fc"]) < SMALL else f"{word} {fold(abs(row['log2fc']))}"
    return f"{much} (log2 {row['log2fc']:z.2f}{limits})"


def estimate(row: Row) -> str:
    """``8-fold (log2 3.00, 95 % CI 2.10 to 3.90)``"""
    value = row.get("estimate", row.get("log2fc"))
    limits = "" if missing(row["ci_low"]) else f", 95 % CI {row['ci_low']:z.2f} to {row['ci_high']:z.2f}"
    return f"{apart(value)} (log2 {value:z.2f}{limits})"


def both_open(each: Triple, numbers: Row, c: Comparison, margin: float) -> str:
    """What the intervals say of the two compartments and of their difference, whose ``numbers`` the sentence says."""
    difference = f"a difference between {c.compartment} and {c.base}"
    told = undecided.change(difference, numbers, c.limits, "all that the answer needs")
    return f"{undecided.rises(each.own, each.base, margin)}; {told}"


def named_set(row: Row) -> str:
    """``leukocyte migration (GO) in CD4 T``"""
    where = "" if row["lineage"] == "all" else f" in {names.lineage(row['lineage'])}"
    return names.gene_set(row["gene_set"]) + where


def points(row: Row) -> str:
    """``+1.50 [0.90, 2.10]``"""
    limits = "" if missing(row["ci_low"]) else f" [{row['ci_low']:z.2f}, {row['ci_high']:z.2f}]"
    return f"{row['estimate']:+z.2f}{limits}"


def odds(row: Row) -> str:
    """``4.5x [2.1, 9.6]``"""
    limits = ""
    if not missing(row["ci_low"]):
        limits = f" [{size(np.exp(row['ci_low']))}, {size(np.exp(row['ci_high']))}]"
    return f"{size(np.exp(row['estimate']))}x{limits}"


def ci(row: Row) -> str:
    """``0.90 (0.40 to 1.60)``"""
    limits = "" if missing(row["ci_low"]) else f" ({row['ci_low']:z.2f} to {row['ci_high']:z.2f})"
    return f"{row['estimate']:z.2f}{limits}"


def p(row: Row) -> str:
    """``p = 0.003``"""
    return probability("p", row["p_value"])


def q(row: Row, c: Comparison) -> str:
    """``q = 0.003``, on its side of the limit of a claim."""
    return probability("q", row["q_value"], c.limits.alpha)
