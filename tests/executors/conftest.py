"""Shared by the tests of executors, containers, faults and resuming: a copy of the project, a small cohort, one run to compare with."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
# two donors against one, each with both compartments; filtered counts, so that the steps before the cohort are short
COHORT = "--treated 1 --untreated 2 --scale 0.2 --genes 700 --empties 200 --filtered".split()


def tracked(folder):
    """Copy what git tracks or would track to ``folder``, so that a test may change or hide a file; environments by a link."""
    names = subprocess.run(["git", "ls-files", "-zco", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".tools").symlink_to(ROOT / ".tools")
    return folder


def command(project, *arguments):
    """The command line of a run of the copy ``project``."""
    return [str(project / "tools" / "nextflow"), "run", str(project), "-ansi-log", "false", *map(str, arguments)]


def nextflow(project, folder, *arguments, prefix=(), environment=None):
    """Run the copy ``project`` in ``folder``; exit status, and output and errors as one text."""
    variables = os.environ | {"NXF_OFFLINE": "true", "NXF_ANSI_LOG": "false"} | (environment or {})
    done = subprocess.run(
        [*prefix, *command(project, *arguments)], cwd=folder, capture_output=True, text=True, env=variables, timeout=1500
    )
    return SimpleNamespace(code=done.returncode, text=done.stdout + done.stderr)


def once(tmp_path_factory, name, make):
    """``make(folder)`` once for all workers of a test run; the folder."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".done").exists():
            folder.mkdir()
            make(folder)
            (folder / ".done").touch()
    return folder


def tables(out):
    """Path -> bytes of every table, JSON file and report below ``out``, what describes the run itself apart."""
    found = [path for pattern in ("*.tsv", "*.tsv.gz", "*.json", "*.parquet") for path in out.rglob(pattern)]
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in found
        if path.relative_to(out).parts[0] != "pipeline_info"
    }


def differing(one, other):
    """Names of tables that only one of two results has, or that differ in a byte."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


@pytest.fixture(scope="session")
def cohort(tmp_path_factory):
    """Folder with ``samplesheet.csv``, filtered matrices, ``model.pkl``; one sample more has a file cut off behind its header."""

    def make(folder):
        run = [sys.executable, str(ROOT / "bin" / "simulate_cohort.py"), "--outdir", str(folder / "input"), *COHORT]
        subprocess.run(run, check=True, capture_output=True)
        train = [sys.executable, str(ROOT / "bin" / "train_model.py"), "--reference", str(folder / "input/reference.h5ad")]
        subprocess.run([*train, "--labels", "lineage", "--out", str(folder / "model.pkl")], check=True, capture_output=True)

    return once(tmp_path_factory, "cohort", make)


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """A copy of the project that tests of a module may change."""
    return tracked(tmp_path_factory.mktemp("project"))
