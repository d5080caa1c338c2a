"""What is known where nothing is claimed: the word follows from the interval, p and q that the sentence prints."""

from compartments.core.numbers import probability
from compartments.core.vocabulary import ALPHA
from compartments.findings.evidence import Limits, Row, missing, significant

NEITHER = "neither shown nor excluded"


def within_zero(row: Row) -> bool:
    """The interval has 0 in it, or there is none."""
    return missing(row["ci_low"]) or row["ci_low"] <= 0 <= row["ci_high"]


def change(what: str, row: Row, limits: Limits, lacks: str) -> str:
    """Why a change carries no answer.

    Parameters
    ----------
    what : str
        The change, such as ``a fall in CSF``.
    row : mapping
        Its interval, p and q, as the sentence says them.
    lacks : str
        What is not shown where the change itself is.
    """
    p, q = probability("p", row["p_value"]), probability("q", row["q_value"], limits.alpha)
    if within_zero(row):
        if missing(row["q_value"]):
            return f"{what} is {NEITHER}"
        return f"{what} has an interval around 0, but {q}" if significant(row, limits) else f"{what} is {NEITHER} ({q})"
    if missing(row["q_value"]):
        return f"{what} has an interval beyond 0, but no q"
    if significant(row, limits):
        return f"{what} is shown ({q}), but not {lacks}"
    if not row["p_value"] < ALPHA:  # interval and p need not be of one test
        return f"{what} has an interval beyond 0, but {p} taken by itself, and {q} over all that were tested"
    return f"{what} is shown taken by itself ({p}), but not over all that were tested ({q})"


def rises(own: Row, base: Row, margin: float) -> str:
    """In which compartments a rise is shown by its interval; else, in which it may be ``margin`` or more."""
    shown = [row["compartment"] for row in (own, base) if row["ci_low"] > 0]
    if shown:
        return f"a rise in {' and '.join(shown)} has an interval above 0"
    may = [row["compartment"] for row in (own, base) if not row["ci_high"] < margin]
    return f"a rise in {' and '.join(may)} is {NEITHER}"


def spread(row: Row, numbers: Row, claimed: bool) -> str:
    """What a claim on the spread over lineages rests on besides its own p: it is of both together.

    Parameters
    ----------
    row : mapping
        ``tau_low, q_discordant`` of ``coupling.tsv``.
    numbers : mapping
        ``p_value`` of the claim.
    """
    if not claimed or missing(numbers["p_value"]):
        return ""
    together = f"; with the lineages one by one, {probability('p', numbers['p_value'])}"
    if missing(row["tau_low"]) or row["tau_low"] > 0:
        return together
    q = row.get("q_discordant")
    which = "" if q is None or missing(q) or q > ALPHA else f", single lineages differ ({probability('q', q)})"
    return f"{together}: the interval reaches 0{which}"


def over_lineages(numbers: Row, limits: Limits) -> str:
    """Why a call that each compartment carries alone is not made of both."""
    if missing(numbers["q_value"]):
        return "that both are so at once has no q"
    level = min(limits.alpha, ALPHA)  # the tables make no call above ALPHA
    return (
        f"that both are so at once has {probability('q', numbers['q_value'], level)} over lineages, not below {level:g}"
    )
