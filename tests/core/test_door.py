"""One door: steps in the order of the analysis, either spelling, a hint for a slip; nothing heavy at the start."""

import ast
import re
import subprocess
import sys

import pytest

from compartments.core import door
from compartments.core.errors import UserError

HEAVY = {
    "anndata",
    "celltypist",
    "decoupler",
    "h5py",
    "igraph",
    "jinja2",
    "liana",
    "networkx",
    "numpy",
    "pandas",
    "plotly",
    "pyarrow",
    "pydeseq2",
    "scanpy",
    "scipy",
    "skimage",
    "sklearn",
    "torch",
}


def call(root, *arguments):
    program = [sys.executable, str(root / "bin" / "sc-compartments"), *arguments]
    return subprocess.run(program, capture_output=True, text=True)


def test_help_lists_the_steps_in_the_order_of_the_analysis(root):
    done = call(root, "--help")
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert done.returncode == 0 and listed == list(door.steps()) and len(listed) >= 28
    order = ["check_design", "read_counts", "call_cells", "filter_cells", "annotate_cells", "merge_samples"]
    order += ["compare_composition", "compare_coupling", "write_findings", "make_report"]
    assert [name for name in listed if name in order] == order
    assert all(len(line.split(maxsplit=1)) == 2 for line in done.stdout.splitlines() if line.startswith("  "))


def test_every_step_says_what_it_does_in_one_line():
    for name, path in door.steps().items():
        text = ast.get_docstring(ast.parse(path.read_text()))
        assert text and len(text.splitlines()[0]) <= 120, name


@pytest.mark.parametrize("name", ["filter_cells", "filter-cells"])
def test_a_step_answers_to_both_spellings(root, name):
    assert door.find(name) == "compartments.cells.filter_cells"
    done = call(root, name, "--help")
    assert done.returncode == 0 and f"usage: sc-compartments {name.replace('-', '_')}" in done.stdout


def test_a_slip_gets_a_hint(root):
    with pytest.raises(UserError, match="there is no step 'filter_cell'; did you mean 'filter_cells'"):
        door.find("filter_cell")
    done = call(root, "filter-cell")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and done.stderr.startswith("ERROR: ")


def test_no_step_named_is_a_mistake(root):
    done = call(root)
    assert done.returncode == 2 and "usage: sc-compartments STEP" in done.stdout


@pytest.mark.parametrize("name", ["power", "simulate_cohort", "make_report", "train_model"])
def test_an_old_script_says_what_replaced_it(root, name):
    done = subprocess.run([root / "bin" / f"{name}.py", "--more", "1"], capture_output=True, text=True)
    assert done.returncode == 2 and f"bin/sc-compartments {name}" in done.stderr and name in door.steps()


def imported(*command):
    """Packages that a Python command imports, from -X importtime."""
    done = subprocess.run([sys.executable, "-X", "importtime", *map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return {line.rsplit("|", 1)[1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}


def test_help_imports_nothing_heavy(root):
    names = list(door.steps())
    assert len(names) >= 25
    heavy = {name: imported(root / "bin" / "sc-compartments", name, "--help") & HEAVY for name in names}
    assert {name: found for name, found in heavy.items() if found} == {}


def test_executables_are_executable_and_end_alike(root):
    program = root / "bin" / "sc-compartments"
    assert program.stat().st_mode & 0o111 and program.read_text().startswith("#!/usr/bin/env python3\n")
    for name, path in door.steps().items():
        tree = ast.parse(path.read_text())
        assert "main" in {statement.name for statement in tree.body if isinstance(statement, ast.FunctionDef)}, name


def light_processes(root):
    """Steps of the processes with label 'light'."""
    found = set()
    for module in (root / "modules").glob("*.nf"):
        for body in re.split(r"^process ", module.read_text(), flags=re.M)[1:]:
            if re.search(r"^\s*label 'light'", body, re.M):
                found |= set(re.findall(r"'(\w+)'", "".join(re.findall(r"code\(([^)]*)\)", body))))
    return sorted(found)


def test_light_steps_import_no_heavy_package(root):
    """What a light step imports of the library, all at once: never scanpy, torch and the like."""
    names = light_processes(root)
    assert "check_design" in names and "compare_composition" in names
    modules = set()
    for name in names:
        for node in ast.walk(ast.parse(door.steps()[name].read_text())):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("compartments"):
                deep = node.module.count(".") > 1
                modules |= {node.module if deep else f"{node.module}.{one.name}" for one in node.names}
    heavy = {"celltypist", "igraph", "jinja2", "liana", "plotly", "pydeseq2", "scanpy", "sklearn", "skimage", "torch"}
    assert imported("-c", f"import {', '.join(sorted(modules))}") & heavy == set()
