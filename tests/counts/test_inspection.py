"""One file in one column of the samplesheet."""

import numpy as np

from compartments.counts.inspection import look_into
from tests.support.matrices import some_counts, write_cellbender, write_h5


def test_a_matrix_fits_its_column_only(tmp_path):
    path = tmp_path / "a.h5"
    write_h5(path, some_counts())
    assert look_into(path, "raw")[0] == look_into(str(path), "filtered")[0] == ""
    problem, _ = look_into(path, "cellbender")
    assert problem.startswith(f"{path}: a ") and "not a CellBender output" in problem and "\n" not in problem
    assert "not one repacked by ptrepack; counts from before CellBender go into column 'raw'" in problem


def test_corrected_counts_pass_for_raw_ones_in_no_column(tmp_path):
    path = write_cellbender(tmp_path / "cb.h5", some_counts(), np.ones(60))
    assert look_into(path, "cellbender")[0] == ""
    for column in ("raw", "filtered"):
        assert look_into(path, column)[0].endswith("put it in column 'cellbender'")


def test_a_file_that_is_not_there_is_a_problem(tmp_path):
    assert "no such file" in look_into(tmp_path / "b.h5", "raw")[0]
