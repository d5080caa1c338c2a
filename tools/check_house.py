#!/usr/bin/env python3
"""The rules of the house that linters do not know: imports run down the street, no room, function or line is too long,
options of inputs and outputs stand in parentheses.

Prints a line for every breach and fails if there is one.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

from compartments.core.door import BESIDE, STREET

ROOT = Path(__file__).resolve().parents[1]
MOST_LINES, MOST_CODE, WIDEST, LONGEST_MAIN = 500, 60, 120, 45
LENGTH_OF = (".py", ".nf", ".css", ".js")
WIDTH_OF = (*LENGTH_OF, ".config", ".test")
# Groovy's quick parser fails at the first of these, and the whole file is read once more by the slow one: seconds of
# every run's start
BARE_OPTION = re.compile(r" {4}(tuple|path|val|eval|ext) (?:(?! //)[^()]|\((?:[^()]|\([^()]*\))*\))*?\b[a-zA-Z]+: ")


def allowed(package: str) -> set[str]:
    """Packages that one may import."""
    return {"core", package} if package in BESIDE else set(STREET[: STREET.index(package) + 1])


def imported_packages(source: str) -> set[str]:
    """Packages of ``compartments`` that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("compartments"):
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {name.name for name in node.names}
        elif isinstance(node, ast.Import):
            found |= {name.name.split(".")[1] for name in node.names if name.name.startswith("compartments.")}
    return found


def uphill(package: str, source: str) -> list[str]:
    """Packages that a module of ``package`` imports and may not."""
    return sorted(imported_packages(source) - allowed(package))


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef, source: list[str]) -> int:
    """Lines of code of a function's body: without its docstring, comments and blank lines."""
    body = function.body[ast.get_docstring(function) is not None :]
    first = body[0].lineno if body else function.end_lineno
    lines = source[first - 1 : function.end_lineno]
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in lines)


def breaches_of_python(name: str, text: str) -> list[str]:
    """Functions that are too long, imports that run up."""
    found, lines = [], text.splitlines()
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            n = code_lines(node, lines)
            most = LONGEST_MAIN if node.name == "main" and name.startswith("bin/") else MOST_CODE
            if n > most:
                found.append(f"{name}:{node.lineno}: {node.name} has {n} lines of code, at most {most}")
    parts = Path(name).parts
    if parts[:2] == ("bin", "compartments") and len(parts) > 3:
        found += [f"{name}: {parts[2]} imports {up}, which runs up the street" for up in uphill(parts[2], text)]
    return found


def breaches(name: str, text: str) -> list[str]:
    """What is wrong with one file."""
    found, lines, ending = [], text.splitlines(), Path(name).suffix
    if ending in LENGTH_OF and len(lines) > MOST_LINES:
        found.append(f"{name} has {len(lines)} lines, at most {MOST_LINES}")
    if ending in WIDTH_OF:
        wide = [number for number, line in enumerate(lines, 1) if len(line) > WIDEST]
        found += [f"{name}:{number}: a line of more than {WIDEST} characters" for number in wide]
    if ending == ".py":
        found += breaches_of_python(name, text)
    if ending == ".nf":
        bare = [number for number, line in enumerate(lines, 1) if BARE_OPTION.match(line)]
        found += [f"{name}:{number}: options stand in parentheses, as in path('a', emit: b)" for number in bare]
        for block in re.finditer(r"(?m)^(?:def|workflow|process) ?(\w*)[^\n]*\{\n(.*?)^\}", text, re.S):
            n = sum(bool(line.strip()) and not line.strip().startswith("//") for line in block[2].splitlines())
            if n > MOST_CODE:
                found.append(f"{name}: {block[1] or 'workflow'} has {n} lines of code, at most {MOST_CODE}")
    return found


def main() -> None:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    names = [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    found = [
        line for name in names if name.endswith(WIDTH_OF) for line in breaches(name, (ROOT / name).read_text("utf-8"))
    ]
    sys.stdout.write("".join(f"{line}\n" for line in found))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
