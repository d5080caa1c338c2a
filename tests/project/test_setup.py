"""What one account installs, another can use; where it cannot, it is told so."""

import os
import subprocess

import pytest

from tests.support.runs import ROOT, nextflow, tracked

NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def as_nobody(*words):
    return subprocess.run([*NOBODY, *map(str, words)], capture_output=True, text=True, env={"PATH": os.environ["PATH"]})


def test_another_account_runs_the_python_that_setup_installed():
    """A home that others may not enter often holds the interpreter of whoever installs."""
    if os.geteuid() != 0 or as_nobody("test", "-x", ROOT / "tools" / "setup.sh").returncode:
        pytest.skip("not root, or in a folder that other accounts may not enter")
    done = as_nobody(ROOT / ".tools" / "core" / "bin" / "python", "-c", "import ssl, pandas; print(pandas.__version__)")
    assert done.returncode == 0 and done.stdout.strip(), done.stderr


@pytest.mark.pipeline
def test_an_account_that_may_not_run_that_python_is_told_so_at_the_start(tmp_path):
    project = tracked(tmp_path / "project")
    (project / ".tools").unlink()
    python = project / ".tools" / "core" / "bin" / "python"
    python.parent.mkdir(parents=True)
    for one in (ROOT / ".tools").iterdir():
        if one.name != "core":
            (project / ".tools" / one.name).symlink_to(one)
    (tmp_path / "private").write_text("")
    python.symlink_to(tmp_path / "private")
    done = nextflow(project, tmp_path, "-profile", "local", "--input", "sheet.csv")
    (line,) = [line for line in done.text.splitlines() if "ERROR" in line]
    assert done.code != 0 and f"this account may not run {tmp_path / 'private'}" in line and "make setup" in line
    assert not (tmp_path / "results").exists()
