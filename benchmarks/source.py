"""Which code a stored row was made with."""

import ast
import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOTS = {"benchmarks": ROOT / "benchmarks", "compartments": ROOT / "bin" / "compartments"}


def digest(modules, without=()):
    """Digest of the source of modules of this project and of all that they import of it, ``without`` some."""
    found, todo = {}, list(modules)
    while todo:
        module = todo.pop()
        path = _path(module)
        if path is None or module in found or module in without:
            continue
        text = path.read_text()
        found[module] = text
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                todo += [name.name for name in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                todo += [node.module, *(f"{node.module}.{name.name}" for name in node.names)]
    joined = "\0".join(f"{name}\0{text}" for name, text in sorted(found.items()))
    return hashlib.sha256(joined.encode()).hexdigest()[:8]


def _path(module):
    """The file of a module of this project, else None."""
    package, *rest = module.split(".")
    if package not in ROOTS:
        return None
    path = ROOTS[package].joinpath(*rest).with_suffix(".py") if rest else None
    return path if path and path.is_file() else None
