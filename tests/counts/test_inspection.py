"""One file in one column of the samplesheet."""

from compartments.counts.inspection import problem_of
from tests.support.matrices import some_counts, write_h5


def test_a_matrix_fits_its_column_only(tmp_path):
    path = tmp_path / "a.h5"
    write_h5(path, some_counts())
    assert problem_of(path, "raw") == problem_of(str(path), "filtered") == ""
    problem = problem_of(path, "cellbender")
    assert problem.startswith(f"{path}: a ") and "not a CellBender output" in problem and "\n" not in problem


def test_a_file_that_is_not_there_is_a_problem(tmp_path):
    assert "no such file" in problem_of(tmp_path / "b.h5", "raw")
