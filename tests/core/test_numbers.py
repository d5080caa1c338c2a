"""One rule for what a number is."""

import pytest

from compartments.core.numbers import beside, number_in, probability


@pytest.mark.parametrize(("text", "number"), [("1", 1.0), ("-.5", -0.5), ("2.", 2.0), ("1e3", 1000.0), ("+4E-2", 0.04)])
def test_numbers(text, number):
    assert number_in(text) == number


@pytest.mark.parametrize("text", ["", "1_000", "1,5", "\uff11\uff12", "inf", "nan", "1e999", "0x10", "1 2", "1e", "."])
def test_what_is_no_number(text):
    assert number_in(text) is None


def test_a_value_is_said_on_its_side_of_the_limit():
    values = (0.0502, 0.05, 0.0499, 0.0497, 0.076, 0.050004, 0.0499996)
    said = ["0.0502", "0.05", "0.0499", "0.0497", "0.076", "0.050004", "0.0499996"]
    assert [beside(value, 0.05) for value in values] == said
    assert beside(0.0996, 0.05, 0.1) == "0.0996" and beside(0.0996, 0.05) == "0.1"
    assert beside(0.049996, 0.05, digits=3) == "0.049996" and beside(0.0497, 0.05, digits=3) == "0.0497"


def test_a_p_is_never_0_and_never_beside_its_limit():
    """Just above and below .05 it is not the same text; of 0, which no test gives, what it is below."""
    assert [probability("q", value) for value in (0.0497, 0.0503)] == ["q = 0.0497", "q = 0.0503"]
    assert (
        probability("p", 0.0) == probability("p", 5e-324) == "p < 1e-300" and probability("p", 1e-299) == "p = 1e-299"
    )
    assert probability("p", None) == "no p" and probability("q", float("nan")) == "no q"
    assert probability("q", 0.1004) == "q = 0.1" and probability("q", 0.1004, 0.1) == "q = 0.1004"
