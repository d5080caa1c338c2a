"""Pipeline parameters against ``nextflow_schema.json``: unknown names, wrong types, values out of range."""

import difflib
import re
from collections.abc import Iterable
from typing import Any

from compartments.core.errors import UserError
from compartments.core.numbers import number_in

NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[dDfF]?")  # of Java, whose numbers may end in d or f


def known_parameters(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Name -> definition of every parameter in a Nextflow schema (groups under ``$defs``)."""
    return {name: value for group in schema["$defs"].values() for name, value in group["properties"].items()}


def check_parameters(given: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """Problems of a set of parameters.

    Parameters
    ----------
    given : dict
        As Nextflow hands them over: a command-line value may be a string. Names in camelCase or with hyphens are other
        parameters to Nextflow, which no step reads: they are unknown.
    schema : dict
        Content of ``nextflow_schema.json``.

    Returns
    -------
    list of str
        One sentence per problem.
    """
    known = known_parameters(schema)
    problems: list[str] = []
    for name, value in given.items():
        definition = known.get(name)
        if definition is None:
            close = difflib.get_close_matches(_snake(name), known, 1, 0.6)
            hint = f"did you mean --{close[0]}?" if close else "see --help"
            problems.append(f"unknown parameter --{name}; {hint}")
            continue
        if value is None or value == "":
            continue
        problems += _check_value(name, value, definition)
    return problems


def names_in(value: object) -> list[str]:
    """Names of a parameter that holds several: separated by commas, or a list of a params file."""
    text = as_text(value)
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    return [name.strip() for name in text.split(",") if name.strip()]


def as_text(value: object) -> str:
    """A parameter as text: 0 and false are values, what is not given is empty."""
    return "" if value is None else str(value).strip()


def as_level(name: str, value: object, levels: Iterable[str]) -> str:
    """The level of a samplesheet column that a parameter names.

    Nextflow makes numbers and truth values of what looks like them (``01`` is 1, ``FALSE`` false, ``1d`` 1.0): the form
    is lost, and the level is the one that it must have been.

    Parameters
    ----------
    name : str
        Of the parameter, for messages.
    value : object
        As Nextflow hands it over.
    levels : iterable of str
        Of the column.

    Returns
    -------
    str
        A level; the value as text if it can be none of them, for the caller to refuse; empty if not given.

    Raises
    ------
    UserError
        Several levels may be meant.
    """
    levels = list(dict.fromkeys(levels))
    text = as_text(value)
    read = _read_as(value) if isinstance(value, str) else value
    if read is None or (isinstance(value, str) and text in levels):
        return text
    likely = [level for level in levels if _read_as(level) == read and isinstance(read, bool) == _is_truth(level)]
    if len(likely) > 1:
        raise UserError(
            f"--{name}: Nextflow hands over {text.lower()}, which may be any of {', '.join(likely)}; name these apart "
            "in the samplesheet, or give the parameter in quotes in a -params-file"
        )
    return likely[0] if likely else text


def _is_truth(text: str) -> bool:
    return text.lower() in ("true", "false")


def _read_as(text: str) -> object:
    """What Nextflow makes of a word of the command line; None if it stays text."""
    if _is_truth(text):
        return text.lower() == "true"
    found = NUMBER.fullmatch(text)
    return float(found[1]) if found else None


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).replace("-", "_").lower()


def _check_value(name: str, value: object, definition: dict[str, Any]) -> list[str]:
    kind = definition["type"]
    if kind == "boolean":
        if str(value).lower() not in ("true", "false"):
            return [f"--{name} is '{value}'; give true or false"]
        return []
    if kind in ("integer", "number"):
        number = number_in(str(value))
        if number is None:
            return [f"--{name} is '{value}', not a number"]
        if kind == "integer" and number != int(number):
            return [f"--{name} is {value}; give a whole number"]
        low, high = definition.get("minimum"), definition.get("maximum")
        above = definition.get("exclusiveMinimum")
        if above is not None and number <= above:
            return [f"--{name} is {value}; it must be above {above}"]
        if (low is not None and number < low) or (high is not None and number > high):
            bounds = f"at least {low}" if high is None else f"from {low} to {high}"
            return [f"--{name} is {value}; it must be {bounds}"]
        return []
    text = str(value)
    if "enum" in definition and text not in definition["enum"]:
        close = difflib.get_close_matches(text, definition["enum"], 1, 0.5)
        hint = f"did you mean '{close[0]}'?" if close else "choose " + ", ".join(definition["enum"])
        return [f"--{name} is '{text}'; {hint}"]
    if "pattern" in definition and not re.fullmatch(definition["pattern"], text):
        choices = dict.fromkeys(re.findall(r"[a-z_]+", definition["pattern"]))
        return [f"--{name} is '{text}'; give one of {', '.join(choices)}, or several separated by commas"]
    return []
