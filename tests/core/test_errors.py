"""One line for a user's mistake, a traceback for a defect."""

import h5py
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


@pytest.mark.parametrize("error", [ValueError("ours"), SampleSkipped("not caught by its step")])
def test_a_defect_keeps_its_traceback(error):
    with pytest.raises(type(error)):
        run(raises(error))


@pytest.mark.parametrize("reader", [open, h5py.File])
def test_a_missing_file_is_one_line_and_exit_code_two(capsys, tmp_path, reader):
    path = tmp_path / "nosuch.h5ad"
    with pytest.raises(SystemExit) as ended:
        run(lambda: reader(path))
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"ERROR: {path}: there is no such file; check the path\n"


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device", "x.tsv"),
        OSError("Can't write data (file write failed: time = now, errno = 28, error message = 'No space left')"),
        RuntimeError("Can't decrement id ref count (file write failed: errno = 122, error message = 'Quota')"),
    ],
)
def test_a_full_disk_is_one_line_and_exit_code_two(capsys, error):
    with pytest.raises(SystemExit) as exit_:
        run(raises(error))
    said = capsys.readouterr().err
    assert exit_.value.code == 2 and said.count("\n") == 1 and "is full" in said and "-resume" in said


def test_a_missing_file_without_a_name_keeps_its_traceback():
    with pytest.raises(FileNotFoundError, match="somewhere"):
        run(raises(FileNotFoundError("something is not somewhere")))


def test_a_missing_package_is_named_but_not_a_missing_part_of_our_own(capsys):
    with pytest.raises(SystemExit) as ended:
        run(raises(ModuleNotFoundError("No module named 'scanpy'", name="scanpy")))
    assert ended.value.code == 2 and "the Python package 'scanpy' is missing" in capsys.readouterr().err
    with pytest.raises(ModuleNotFoundError):
        run(raises(ModuleNotFoundError("No module named 'compartments.x'", name="compartments.x")))


def test_a_problem_is_handed_over_as_a_file(tmp_path):
    with problem_in(tmp_path / "problems.txt"):
        raise UserError("two\nlines")
    assert (tmp_path / "problems.txt").read_text() == "two lines\n"
    with problem_in(tmp_path / "problems.txt"):
        pass
    assert (tmp_path / "problems.txt").read_text() == ""
