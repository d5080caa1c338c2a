"""One small cohort for all tests of the simulator."""

import subprocess

import pytest

from tests.support.runs import step
from tests.support.simulated import SMALL


@pytest.fixture(scope="session")
def cohort(tmp_path_factory):
    """A small alemtuzumab cohort, made by the executable."""
    folder = tmp_path_factory.mktemp("simulated")
    command = step("simulate_cohort", "--outdir", folder / "cohort", "--seed", 3, *SMALL)
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "cohort"
