"""What a number is in what users write: cells of tables, parameters."""

import math
import re

# as every program reads it: Python alone takes 1_000, and digits of other scripts
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.I | re.A)


def number_in(text: str) -> float | None:
    """The finite number that a text is; None of anything else, such as ``1_000``, which Python alone takes for one."""
    value = float(text) if NUMBER.fullmatch(text) else math.inf
    return value if math.isfinite(value) else None
