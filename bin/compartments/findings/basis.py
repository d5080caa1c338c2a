"""What the numbers of a row are of: the estimate with its interval, and p and q, which may be of more than that.

A call of two compartments needs several tests at once; its p is the largest of theirs (Berger 1982), see
:func:`compartments.compare.calls.call_table`.
"""

from compartments.core.numbers import probability
from compartments.findings.evidence import Row, Triple, missing
from compartments.findings.rows import Comparison

TWICE = "the largest of their one-sided p, doubled as the reverse may be claimed, too"


def basis(estimate: str, p: str, numbers: Row) -> dict[str, str]:
    """``estimate_of`` and ``p_of`` of a row of ``findings.tsv``; without a p nothing is said of it."""
    return {"estimate_of": estimate, "p_of": "" if missing(numbers.get("p_value")) else p}


def depleted(weaker: Row, numbers: Row, c: Comparison) -> dict[str, str]:
    """Question 1: the change of the compartment with the smaller fall, p of the falls in both."""
    both = f"a fall in {c.compartment} and one in {c.base} at once: the larger of the two one-sided p"
    return basis(f"in {weaker['compartment']}, where it falls less", both, numbers)


def kept(call: str, numbers: Row, c: Comparison) -> dict[str, str]:
    """Question 2: the difference between compartments, p of the call, or where none was made of the difference."""
    estimate = f"difference between {c.compartment} and {c.base}"
    for side, other in ((c.compartment, c.base), (c.base, c.compartment)):
        needs = [f"a fall in {other}", f"less of one in {side}"]
        if call == f"maintained_{side}":
            needs.append(f"none beyond the margin in {side}")
        elif call != f"discordant_{side}_retained":
            continue
        return basis(estimate, f"{', '.join(needs[:-1])} and {needs[-1]} at once: {TWICE}", numbers)
    return basis(estimate, "this difference, two-sided", numbers)


def migration(each: Triple, numbers: Row, c: Comparison, called: bool) -> dict[str, str]:
    """Question 3: the difference, p of the call where it has one and ``numbers`` are of it (``called``)."""
    estimate = f"difference between {c.compartment} and {c.base}"
    if not called or missing(each.difference.get("call_p")):
        return basis(estimate, "this difference, two-sided", numbers)
    up, other = each.sides[0] if each.difference["estimate"] > 0 else each.sides[1]
    both = f"a rise in {up['compartment']} and a larger one than in {other['compartment']} at once: {TWICE}"
    return basis(estimate, both, numbers)


def central(risen: Row, each: Triple, numbers: Row, c: Comparison) -> dict[str, str]:
    """Question 4: the change within a compartment; what is said of the difference stands beside it."""
    place = risen["compartment"]
    more = (
        f"; the difference between {c.compartment} and {c.base} has {probability('p', each.difference.get('p_value'))}"
    )
    return basis(f"in {place}", f"this change in {place}, two-sided{more}", numbers)


def signalling(each: Triple, numbers: Row, c: Comparison) -> dict[str, str]:
    """Question 4: the difference; the rise that a yes needs as well stands beside it."""
    up = each.own if each.difference["estimate"] > 0 else each.base
    rise = f"the change in {up['compartment']} has {probability('q', up.get('q_value'), c.limits.alpha)}"
    return basis(f"difference between {c.compartment} and {c.base}", f"this difference, two-sided; {rise}", numbers)


def uncoupled(row: Row, numbers: Row) -> dict[str, str]:
    """Question 5: the spread, p of the spread and of the lineages one by one together."""
    q = row.get("q_discordant")
    single = "" if q is None or missing(q) else f", of the single lineages the smallest {probability('q', q)}"
    of = f"the spread alone{single}"
    if not missing(row.get("p_uncoupled")):
        alone = f"the spread alone has {probability('p', row.get('p_value'))}{single}"
        of = f"the spread and the single lineages together (Simes); {alone}"
    return basis("typical difference between the compartments", of, numbers)


def alone(numbers: Row, c: Comparison) -> dict[str, str]:
    """Questions 1, 3 and 4 of a study of one compartment."""
    return basis(f"in {c.compartment}", "this change, two-sided", numbers)
