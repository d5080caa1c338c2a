"""One door: steps in the order of the analysis, either spelling, a hint for a slip."""

import subprocess
import sys

import pytest

from compartments.core import door
from compartments.core.errors import UserError


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
    import ast

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
