"""One row of the scoreboard, judged by the text of its gate."""

import math
import re

COLUMNS = ["step", "metric", "setting", "value", "se", "gate", "pass", "n", "seed", "code"]
NUMBER = r"(-?\d*\.?\d+)"


def judge(value, gate):
    """Whether ``value`` meets ``gate``: ``a-b``, ``>= a``, ``> a``, ``<= a``, ``< a``, ``== a``; None without a gate.

    A value that is missing (NaN) misses every gate.
    """
    if not gate:
        return None
    between = re.fullmatch(rf"{NUMBER}-{NUMBER}", gate)
    if between:
        return float(between[1]) <= value <= float(between[2])
    one = re.fullmatch(rf"(>=|<=|==|>|<) {NUMBER}", gate)
    if not one:
        raise ValueError(f"gate '{gate}' is not understood")
    bound = float(one[2])
    return {
        ">=": value >= bound,
        "<=": value <= bound,
        ">": value > bound,
        "<": value < bound,
        "==": math.isclose(value, bound, abs_tol=1e-9),
    }[one[1]]


def row(step, metric, setting, value, gate, n, seed, se="", code=""):
    """A row with the keys ``COLUMNS``.

    ``se`` is the standard error of the value over studies, ``code`` the digest of the code that it was made with, or
    that repeats its first study, where a bench is resumed.
    """
    value = float(value)
    verdict = judge(value, gate)
    return dict(zip(COLUMNS, (step, metric, setting, value, se, gate, verdict, n, seed, code), strict=True))
