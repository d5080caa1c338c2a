"""Numbers as the page writes them."""

import math
from typing import Any

import numpy as np
import pandas as pd

from compartments.core.numbers import beside
from compartments.core.vocabulary import ALPHA


def is_numeric(series: pd.Series) -> bool:
    """True for numbers, not for booleans."""
    return pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series)


def show(value: Any) -> str:
    """A table cell as text: three significant digits (more beside :data:`ALPHA`), empty for missing."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if isinstance(value, float | np.floating):
        number = float(value)
        return f"{int(number):,}" if number.is_integer() and abs(number) < 1e15 else beside(number, ALPHA, digits=3)
    return str(value)
