"""Shared by all tests: the library on the path, the executables, the real data where they are present."""

import os
import subprocess
from pathlib import Path

import hypothesis
import pytest

import compartments  # noqa: F401  # before numpy: the kernels of its linear algebra
from tests.support.runs import step, tracked

# the same examples in every run, however loaded the machine is
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeatable")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root():
    """The repository."""
    return ROOT


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project that the tests of one module may change."""
    return tracked(tmp_path_factory.mktemp("project"))


@pytest.fixture
def execute(tmp_path):
    """Run a step in ``tmp_path``; gives the finished process with text stdout and stderr."""

    def call(name, *arguments, cwd=tmp_path):
        command = step(name, *arguments)
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment)

    return call


@pytest.fixture(scope="session")
def real_data():
    """Folder of the real data sets; the test is skipped, saying so, where it is absent."""
    folder = Path(os.environ.get("COMPARTMENTS_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data not found at {folder}: set COMPARTMENTS_TEST_DATA")
    return folder
