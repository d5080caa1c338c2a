"""Numbers as text."""

import numpy as np

from compartments.report.numbers import show


def test_cells_of_tables():
    assert show(0.00123456) == "0.00123" and show(12345) == "12,345" and show(3.0) == "3" and show(True) == "yes"
    assert show(0.0499996) == "0.0499996" and show(0.05) == "0.05" and show(0.0503) == "0.0503"
    assert show(float("nan")) == "" and show(None) == "" and show(np.bool_(False)) == "no"
