"""How the page of case studies judges a published size."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import case_studies


@pytest.mark.parametrize(
    ("log2fc", "low", "high", "q", "published", "word"),
    [
        (2.0, 1.0, 3.0, 0.01, 2.5, "shown"),
        (2.0, 1.0, 3.0, 0.01, 3.5, "shown, other size"),
        (2.0, -1.0, 5.0, 0.2, 2.5, "not shown, size possible"),
        (0.2, -1.0, 1.4, 0.8, 2.5, "not shown"),
        (-2.0, -3.0, -1.0, 0.01, 2.5, "**against**"),
        (0.2, -1.0, 1.4, 0.8, 0.1, "no change, possible"),
        (2.0, 1.0, 3.0, 0.01, 0.1, "no change, excluded"),
        (2.0, np.nan, np.nan, np.nan, 2.0, "not tested"),
    ],
)
def test_verdict(log2fc, low, high, q, published, word):
    row = pd.Series({"log2fc": log2fc, "ci_low": low, "ci_high": high, "q_value": q})
    assert case_studies.verdict(row, published) == word
    assert case_studies.verdict(None, published) == "not tested"


def test_rows_become_a_table():
    assert case_studies.table_of([{"a": 1, "b": "x"}]) == "| a | b |\n|---|---|\n| 1 | x |"
