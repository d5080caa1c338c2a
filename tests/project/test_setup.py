"""What one account installs, another can use; where it cannot, it is told so."""

import os
import subprocess
import tempfile
from pathlib import Path

import h5py
import pytest

from tests.support.models import make_model, write_model
from tests.support.runs import ROOT, nextflow, step, tracked

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


@pytest.mark.long
@pytest.mark.pipeline
def test_another_account_runs_a_study_from_an_installation_it_cannot_write():
    """In /opt, by root, for an account that owns nothing there: a stub run to the report, and not a file is written."""
    if os.geteuid() != 0 or not os.access("/opt", os.W_OK):
        pytest.skip("not root: an installation for others cannot be tried")
    if as_nobody("test", "-x", ROOT / "tools" / "setup.sh").returncode:
        pytest.skip(".tools lies in a folder that other accounts may not enter")
    with tempfile.TemporaryDirectory(dir="/opt") as shared, tempfile.TemporaryDirectory(dir="/tmp") as own:
        project, folder = tracked(Path(shared) / "sc-compartments"), Path(own)
        os.chmod(shared, 0o755)
        names = [f"{n}.h5" for n in range(4)]
        subprocess.run(step("write_stub", *names), cwd=folder, check=True)
        for n, name in enumerate(names):
            with h5py.File(folder / name, "r+") as handle:
                handle.attrs["sample"] = n
        write_model(make_model(), folder / "model.pkl")
        donors = ("d1,CSF,sick", "d1,blood,sick", "d2,CSF,control", "d2,blood,control")
        rows = [f"s{n},{donor},{n}.h5" for n, donor in enumerate(donors)]
        (folder / "sheet.csv").write_text("\n".join(["sample,donor,compartment,condition,raw", *rows]) + "\n")
        for path in (folder, *folder.iterdir()):
            os.chown(path, 65534, 65534)
        before = {path: path.stat().st_mtime_ns for path in project.rglob("*")}
        given = ("-profile", "local", "-stub", "--input", "sheet.csv", "--celltypist_model", "model.pkl")
        done = nextflow(project, folder, *given, prefix=NOBODY, HOME=own, NXF_HOME=f"{own}/.nextflow-home")
        assert done.code == 0, done.text[-4000:]
        assert (folder / "results" / "report.html").exists() and (folder / "results" / "summary.json").exists()
        assert {path: path.stat().st_mtime_ns for path in project.rglob("*")} == before
