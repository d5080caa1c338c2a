"""One line for a user's mistake, a traceback for a defect."""

import os
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest

from compartments.core.errors import SampleSkipped, UserError, WorkerKilled, problem_in, run


def raises(error):
    def main():
        raise error

    return main


def test_a_users_mistake_is_one_line_and_exit_code_two(capsys):
    with pytest.raises(SystemExit) as ended:
        run(raises(UserError("sheet.csv row 2:\n  no donor")))
    assert ended.value.code == 2
    assert capsys.readouterr().err == "ERROR: sheet.csv row 2: no donor\n"


def test_a_killed_process_is_one_line_and_the_exit_code_of_the_kill(capsys):
    with pytest.raises(SystemExit) as ended:
        run(raises(WorkerKilled("killed: give it more memory")))
    assert ended.value.code == 137
    assert capsys.readouterr().err == "ERROR: killed: give it more memory\n"


@pytest.mark.parametrize("ask", [lambda: np.empty(2**58), lambda: bytearray(2**60)])
def test_memory_that_cannot_be_had_counts_as_killed(capsys, ask):
    with pytest.raises(SystemExit) as ended:
        run(ask)
    assert ended.value.code == 137
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ERROR: out of memory (")


@pytest.mark.parametrize("kind", ["text", "table", "parquet", "h5", "h5ad"])
def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(tmp_path, kind):
    """As the system says it where a file may not grow: every way in which steps write."""
    script = f"""
import resource, signal
import h5py, numpy as np, pandas as pd
from compartments.core import errors, files
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
values = np.random.default_rng(0).normal(size=(300, 300))
def h5(path):
    with h5py.File(path, "w") as file:
        file["x"] = values
def text():
    files.write_text("x" * 1_000_000, "x.txt")
def table():
    files.write_tsv(pd.DataFrame(values), "x.tsv.gz")
def parquet():
    files.write_parquet(pd.DataFrame(values).rename(columns=str), "x.parquet")
def write_h5():
    with files.replacing("x.h5") as temporary:
        h5(temporary)
def h5ad():
    import anndata
    with files.replacing("x.h5ad") as temporary:
        anndata.AnnData(values).write_h5ad(temporary)
errors.run({{"text": text, "table": table, "parquet": parquet, "h5": write_h5, "h5ad": h5ad}}["{kind}"])
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"ERROR: File too large in {tmp_path}: free some, or give a work folder with more")
    assert len(done.stderr.splitlines()) == 1 and list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_behind_another_error(capsys):
    def main():
        try:
            raise OSError("Can't write data (errno = 28, error message = 'No space left on device')")
        except OSError:
            raise RuntimeError("Can't decrement id ref count") from None

    with pytest.raises(SystemExit) as ended:
        run(main)
    assert ended.value.code == 2 and "No space left on device in " in capsys.readouterr().err


@pytest.mark.parametrize("kind", [ValueError, OSError, RuntimeError, SampleSkipped])
def test_a_defect_keeps_its_traceback(kind):
    with pytest.raises(kind, match="ours"):
        run(raises(kind("ours")))


@pytest.mark.parametrize("reader", [open, h5py.File])
def test_a_missing_file_is_one_line_and_exit_code_two(capsys, tmp_path, reader):
    path = tmp_path / "nosuch.h5ad"
    with pytest.raises(SystemExit) as ended:
        run(lambda: reader(path))
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"ERROR: {path}: there is no such file; check the path\n"


def test_a_missing_file_without_a_name_keeps_its_traceback():
    with pytest.raises(FileNotFoundError, match="somewhere"):
        run(raises(FileNotFoundError("something is not somewhere")))


def test_a_missing_package_is_named_but_not_a_missing_part_of_our_own(capsys):
    with pytest.raises(SystemExit) as ended:
        run(raises(ModuleNotFoundError("No module named 'scanpy'", name="scanpy")))
    assert ended.value.code == 2 and "the Python package 'scanpy' is missing" in capsys.readouterr().err
    with pytest.raises(ModuleNotFoundError):
        run(raises(ModuleNotFoundError("No module named 'compartments.x'", name="compartments.x")))


@pytest.mark.parametrize("task", [True, False])
def test_what_to_do_about_a_missing_package_depends_on_who_asks(capsys, monkeypatch, task):
    monkeypatch.delenv("NXF_TASK_WORKDIR", raising=False)
    if task:
        monkeypatch.setenv("NXF_TASK_WORKDIR", "/work/ab/cd")
    with pytest.raises(SystemExit):
        run(raises(ModuleNotFoundError("No module named 'scanpy'", name="scanpy")))
    said = capsys.readouterr().err
    assert ("-profile local" in said) == task and (f"missing from {sys.executable}: `make setup`" in said) == (not task)


def test_a_step_called_by_hand_takes_the_environment_of_make_setup(tmp_path, root):
    """With a Python that has nothing, as the system's often; where nothing is installed, a line says what to do."""
    bare, sheet = tmp_path / "bare", tmp_path / "sheet.csv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    sheet.write_text("sample,donor,compartment,condition,raw\na,d1,CSF,sick,a.h5\n")
    shutil.copytree(root / "bin", tmp_path / "alone" / "bin")
    for project, words in ((root, "there is nothing to compare"), (tmp_path / "alone", "'pandas' is missing from")):
        call = [bare / "bin" / "python", project / "bin" / "sc-compartments", "check_design", "--samplesheet", sheet]
        done = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path, env={"PATH": os.environ["PATH"]})
        assert done.returncode == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_a_problem_is_handed_over_as_a_file(tmp_path):
    with problem_in(tmp_path / "problems.txt"):
        raise UserError("two\nlines")
    assert (tmp_path / "problems.txt").read_text() == "two lines\n"
    with problem_in(tmp_path / "problems.txt"):
        pass
    assert (tmp_path / "problems.txt").read_text() == ""
