"""One rule for what a number is."""

import pytest

from compartments.core.numbers import number_in


@pytest.mark.parametrize(("text", "number"), [("1", 1.0), ("-.5", -0.5), ("2.", 2.0), ("1e3", 1000.0), ("+4E-2", 0.04)])
def test_numbers(text, number):
    assert number_in(text) == number


@pytest.mark.parametrize("text", ["", "1_000", "1,5", "\uff11\uff12", "inf", "nan", "1e999", "0x10", "1 2", "1e", "."])
def test_what_is_no_number(text):
    assert number_in(text) is None
