"""Which files of ``bin`` a step runs: the rule of ``lib/code.nf`` in Python, for tests to ask it for every step."""

import re
from functools import cache
from pathlib import Path

from compartments.core import door

TYPES_ONLY = re.compile(r"^if TYPE_CHECKING:\n(?:[ \t].*\n|\n)+", re.M)
IMPORT = re.compile(r"^\s*from compartments\.([\w.]+) import (\([^)]*\)|.*)", re.M)


@cache
def imports(package: Path, name: str) -> frozenset[str]:
    """Files of ``package`` that the file ``name`` of it imports."""
    found = set()
    for module, names in IMPORT.findall(TYPES_ONLY.sub("", (package / name).read_text())):
        folder = module.replace(".", "/")
        found |= {f"{folder}.py"} | {f"{folder}/{one}.py" for one in re.split(r"[\s,()]+", names) if one}
    return frozenset(one for one in found if (package / one).exists())


def closure(package: Path, *steps: str) -> set[str]:
    """Files of ``package`` (``bin/compartments`` of a project) by which ``-resume`` knows the code of steps."""
    doors = {str(path.relative_to(package)) for step in steps for path in package.glob(f"*/{step}.py")}
    found, new = set(), doors | {"core/door.py"}
    while new:
        found |= new
        new = {one for name in new for one in imports(package, name)} - found
    contracts = {name.removesuffix("py") + "json" for name in doors}
    return found | {name for name in contracts if (package / name).exists()}


def users(package: Path) -> dict[str, set[str]]:
    """File of ``package`` -> steps that are repeated after it was edited."""
    found: dict[str, set[str]] = {}
    for step in door.steps():
        for name in closure(package, step):
            found.setdefault(name, set()).add(step)
    return found
