"""The command line: which steps there are, and how one is called."""

import re
import sys
from importlib import import_module
from pathlib import Path

from compartments.core.errors import UserError, run

PACKAGES = Path(__file__).resolve().parents[1]
# the way of the data: a package imports itself and those before it; the simulator stands beside the street
STREET = ("core", "study", "reads", "counts", "cells", "labels", "cohort", "compare", "findings", "report", "after")
BESIDE = ("simulate",)


def steps() -> dict[str, Path]:
    """Name -> file of every step, in the order of the analysis.

    A step is a module whose constant ``STEP`` is its name; modules are read, not imported. Where the whole pipeline is
    at hand, the order is that of its processes; a step without one follows the last of its package.
    """
    found = {path.stem: path for name in (*STREET, *BESIDE) for path in sorted((PACKAGES / name).glob("*.py"))}
    paths = {name: path for name, path in found.items() if is_step(path)}
    ordered = [name for name in processes() if name in paths]
    for name in sorted(paths.keys() - set(ordered)):
        package = [position for position, one in enumerate(ordered, 1) if paths[one].parent == paths[name].parent]
        ordered.insert(package[-1] if package else len(ordered), name)
    return {name: paths[name] for name in ordered}


def processes() -> list[str]:
    """Processes of the pipeline in lower case, in the order of the stages that main.nf includes; none in a task."""
    pipeline = PACKAGES.parents[1]
    if not (pipeline / "main.nf").is_file():
        return []
    stages = re.findall(r"from './workflows/(\w+)'", (pipeline / "main.nf").read_text(encoding="utf-8"))
    texts = [(pipeline / "modules" / f"{stage}.nf").read_text(encoding="utf-8") for stage in stages]
    return [name.lower() for text in texts for name in re.findall(r"(?m)^process (\w+)", text)]


def is_step(path: Path) -> bool:
    """Whether a module is a step by its own word."""
    return f'\nSTEP = "{path.stem}"\n' in path.read_text(encoding="utf-8")


def overview() -> str:
    """What ``sc-compartments --help`` prints: a line for each step."""
    import ast  # a task has no need of it, and every task starts anew

    rows = {
        name: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for name, path in steps().items()
    }
    lines = [f"  {name:<21} {text.partition(chr(10))[0]}" for name, text in rows.items()]
    return "\n".join(
        ["usage: sc-compartments STEP [options]", "", "Steps, in the order of the analysis:", *lines, ""]
        + ["sc-compartments STEP --help says every option with its default.", ""]
    )


def find(name: str) -> str:
    """Dotted name of the module of a step, which may be spelled with hyphens.

    Raises
    ------
    UserError
        No such step.
    """
    wanted = name.replace("-", "_")
    for package in (*STREET, *BESIDE):
        path = PACKAGES / package / f"{wanted}.py"
        if path.is_file() and is_step(path):
            return f"compartments.{package}.{wanted}"
    import difflib

    close = difflib.get_close_matches(wanted, steps(), 1, 0.6)
    raise UserError(f"there is no step '{name}'; " + (f"did you mean '{close[0]}'?" if close else "see --help"))


def main() -> None:
    """Run the step that the command line names."""
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        sys.stdout.write(overview())
        sys.exit(0 if len(sys.argv) > 1 else 2)
    run(lambda: call(sys.argv[1], sys.argv[2:]))


def call(name: str, arguments: list[str]) -> None:
    """Run a step with its arguments, as if it were a program of its own."""
    module = import_module(find(name))
    sys.argv = [f"sc-compartments {name.replace('-', '_')}", *arguments]
    module.main()
