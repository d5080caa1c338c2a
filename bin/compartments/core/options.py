"""Command lines of steps: parameters of the pipeline by their definition in ``nextflow_schema.json``."""

import argparse
import math
from collections.abc import Callable
from typing import Any, NoReturn

from compartments.core.contract import Contract
from compartments.core.errors import UserError
from compartments.core.numbers import number_in


class _Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Every option with its default, where it has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.default is False or action.default in ([], "") or action.required:
            return action.help
        return super()._get_help_string(action)


class Options(argparse.ArgumentParser):
    """Parser of a step's command line: one line and exit code 2 for a mistake, each default in the help.

    Parameters
    ----------
    step : str
        Its parameters of the pipeline, if it takes some, become options of the same name with the type, default and
        limits of ``nextflow_schema.json``.
    description : str
        What the step does: its module's docstring.
    """

    def __init__(self, step: str, description: str | None) -> None:
        super().__init__(prog=f"sc-compartments {step}", description=description, formatter_class=_Help)
        for name, definition in Contract.of(step).parameters.items():
            self._parameter(name, definition)

    def _parameter(self, name: str, definition: dict[str, Any]) -> None:
        text = definition["description"].replace("%", "%%")
        if definition["type"] == "boolean" and not definition.get("default"):
            self.add_argument(f"--{name}", action="store_true", help=text)
            return
        if definition["type"] == "boolean":  # true unless it is said not to be
            definition = definition | {"type": "string", "enum": ["true", "false"], "default": "true"}
        choices = definition.get("enum")
        help_text = text + (f" ({', '.join(choices)})" if choices else "")
        default = definition.get("default")
        if definition["type"] == "number" and default is not None:
            default = float(default)
        self.add_argument(f"--{name}", type=checked(name, definition), default=default, help=help_text)

    def error(self, message: str) -> NoReturn:
        """A mistake of the command line is the user's: one line, as any other."""
        raise UserError(f"{self.prog}: {message}; see {self.prog} --help")


def checked(name: str, definition: dict[str, Any]) -> Callable[[str], Any]:
    """Function that turns the text of an option into the value that its definition allows.

    Raises
    ------
    UserError
        From that function: not a number, out of range, not a choice.
    """
    low, high = definition.get("minimum", -math.inf), definition.get("maximum", math.inf)
    above = definition.get("exclusiveMinimum", -math.inf)

    def convert(text: str) -> Any:
        if definition["type"] == "string":
            if "enum" in definition and text not in definition["enum"]:
                raise UserError(f"--{name} is '{text}'; choose {', '.join(definition['enum'])}")
            return text
        number = number_in(text)
        if number is None:
            raise UserError(f"--{name} is '{text}', not a number")
        if number <= above:
            raise UserError(f"--{name} {number} is not above {above:g}")
        if not low <= number <= high or (definition["type"] == "integer" and number != int(number)):
            kind = "a whole number" if definition["type"] == "integer" else "a number"
            bounds = [f"at least {low:g}"] * (low > -math.inf) + [f"at most {high:g}"] * (high < math.inf)
            raise UserError(f"--{name} is {text}; give {' '.join([kind, ' and '.join(bounds)]).strip()}")
        return int(number) if definition["type"] == "integer" else number

    return convert
