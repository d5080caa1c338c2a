"""Options of steps come from the schema: type, default, limits; a mistake is one line."""

import pytest

from compartments.core import options
from compartments.core.errors import UserError

DEFINITIONS = {
    "n": {"type": "integer", "description": "How many", "default": 3, "minimum": 1},
    "share": {"type": "number", "description": "Share, in %", "default": 0.5, "minimum": 0, "maximum": 1},
    "margin": {"type": "number", "description": "Margin", "default": 1, "exclusiveMinimum": 0},
    "way": {"type": "string", "description": "Way", "default": "a", "enum": ["a", "b"]},
    "really": {"type": "boolean", "description": "Really", "default": False},
    "name": {"type": "string", "description": "Name"},
}


@pytest.fixture
def parser(monkeypatch):
    monkeypatch.setattr(options.Contract, "of", lambda step: options.Contract(step, {}, DEFINITIONS))
    return options.Options("toy", "Does nothing.")


def test_defaults_and_types_are_those_of_the_schema(parser):
    assert vars(parser.parse_args([])) == {
        "n": 3,
        "share": 0.5,
        "margin": 1.0,
        "way": "a",
        "really": False,
        "name": None,
    }
    given = parser.parse_args(["--n", "7", "--share", "1", "--way", "b", "--really", "--name", "it's"])
    assert vars(given) == {"n": 7, "share": 1.0, "margin": 1.0, "way": "b", "really": True, "name": "it's"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--n", "x"], "--n is 'x', not a number"),
        (["--n", "0"], "--n is 0; give a whole number at least 1"),
        (["--n", "1.5"], "--n is 1.5; give a whole number"),
        (["--share", "nan"], "--share is 'nan', not a number"),
        (["--share", "2"], "--share is 2; give a number at least 0 and at most 1"),
        (["--margin", "0"], "--margin 0.0 is not above 0"),
        (["--way", "c"], "--way is 'c'; choose a, b"),
        (["--ways", "c"], "sc-compartments toy: unrecognized arguments: --ways c; see sc-compartments toy --help"),
    ],
)
def test_a_mistake_is_the_users(parser, arguments, words):
    with pytest.raises(UserError) as error:
        parser.parse_args(arguments)
    assert words in str(error.value)


def test_help_says_every_option_with_its_default(parser):
    text = " ".join(parser.format_help().split())
    assert text.startswith("usage: sc-compartments toy") and "Does nothing." in text
    assert "How many (default: 3)" in text and "Share, in % (default: 0.5)" in text
    assert "Way (a, b) (default: a)" in text and "Name" in text and "None" not in text and "False" not in text
