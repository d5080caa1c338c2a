"""``sc-compartments`` runs the package beside it, as a task finds both in work/code, whatever is installed."""

import os
import subprocess
import sys

import pytest

from tests.support.closures import closure
from tests.support.runs import ROOT

WHERE = """
STEP = "where"

import compartments
from compartments.core import errors


def main() -> None:
    print(*compartments.__path__, errors.__file__)
"""


@pytest.fixture
def older(tmp_path):
    """A folder of installed packages with another ``compartments``, of which every step says that it is older."""
    package = tmp_path / "site" / "compartments"
    (package / "core").mkdir(parents=True)
    for name in ("__init__.py", "core/__init__.py", "core/errors.py"):
        (package / name).write_text("")
    for name in ("core/door.py", "core/where.py"):
        (package / name).write_text("STEP = 'where'\n\n\ndef main():\n    print('older')\n")
    return tmp_path / "site"


@pytest.fixture
def code(tmp_path):
    """The files of one step as ``work/code`` has them, and a step that says which package it runs in."""
    folder = tmp_path / "work" / "code" / "0123456789abcdef"
    for name in ["sc-compartments", "compartments/__init__.py", *(f"compartments/{one}" for one in files())]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((ROOT / "bin" / name).read_bytes())
    (folder / "compartments" / "core" / "where.py").write_text(WHERE)
    return folder


def files():
    return closure(ROOT / "bin" / "compartments", "check_design")


def run(code, **more):
    words = [sys.executable, str(code / "sc-compartments"), "where"]
    return subprocess.run(words, capture_output=True, text=True, env=os.environ | more, cwd=code.parent)


def test_the_package_beside_it_is_taken_and_not_an_installed_one(code, older):
    installed = subprocess.run(
        [sys.executable, "-c", "import compartments; print(*compartments.__path__)"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(older)},
        cwd=code.parent,
    )
    assert installed.stdout.strip() == str(older / "compartments"), "the older one is what Python finds by itself"
    for more in ({}, {"PYTHONPATH": str(older)}):
        done = run(code, **more)
        package = code / "compartments"
        assert done.stdout.split() == [str(package), str(package / "core" / "errors.py")], done.stderr


def test_a_task_needs_nothing_of_the_package_but_its_copies(code, older):
    """Without the site's packages, and so without any installed one, the step of the copy answers."""
    words = [sys.executable, "-S", str(code / "sc-compartments"), "check_design", "--help"]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(older)})
    assert done.returncode == 0 and "--samplesheet" in done.stdout, done.stderr
