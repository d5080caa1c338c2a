"""What a number is in what users write (cells of tables, parameters), and how a p or q is written for readers."""

import math
import re

from compartments.core.vocabulary import ALPHA

SMALLEST = 1e-300  # of a p or q that is told; below, a double is 0 or loses its digits

# as every program reads it: Python alone takes 1_000, and digits of other scripts
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.I | re.A)


def number_in(text: str) -> float | None:
    """The finite number that a text is; None of anything else, such as ``1_000``, which Python alone takes for one."""
    value = float(text) if NUMBER.fullmatch(text) else math.inf
    return value if math.isfinite(value) else None


def probability(letter: str, value: float | None, *limits: float) -> str:
    """``p = 0.0503``, ``q < 1e-300`` or ``no p``: what is missing, and on which side of the limits a value lies.

    Parameters
    ----------
    letter : str
        ``p`` or ``q``.
    value : float or None
    *limits : float
        Besides :data:`ALPHA`.
    """
    if value is None or not math.isfinite(value):
        return f"no {letter}"
    if value < SMALLEST:
        return f"{letter} < {SMALLEST:g}"
    return f"{letter} = {beside(value, ALPHA, *limits)}"


def beside(value: float, *limits: float, digits: int = 2) -> str:
    """A number with ``digits`` that count, or as many as show on which side of each limit it lies: 0.0502, not 0.05."""

    def sides(number: float) -> list[tuple[bool, bool]]:
        return [(number < limit, number > limit) for limit in limits]

    texts = [f"{value:.{more}g}" for more in range(digits, 18)]
    return next((text for text in texts if sides(float(text)) == sides(value)), texts[-1])
