"""A sheet from a folder: what is found is filled in, what only a person knows is left to fill."""

import pytest

from compartments.core.errors import UserError
from compartments.study.samplesheet import parse_samplesheet


def test_a_sheet_to_fill(execute, tmp_path):
    for name in ("p1_csf/outs/raw_feature_bc_matrix.h5", "p1_blood/outs/raw_feature_bc_matrix.h5"):
        (tmp_path / "runs" / name).parent.mkdir(parents=True)
        (tmp_path / "runs" / name).touch()
    done = execute("samplesheet", "runs")
    assert done.returncode == 0 and "2 samples (Cell Ranger); fill in donor, compartment and condition" in done.stderr
    text = (tmp_path / "samplesheet.csv").read_text()
    assert text.splitlines()[1] == f"p1_blood,,,,{tmp_path}/runs/p1_blood/outs/raw_feature_bc_matrix.h5,"
    with pytest.raises(UserError, match="row 2, column donor: empty; every sample needs a donor"):
        parse_samplesheet(text)
    again = execute("samplesheet", "runs")
    assert again.returncode != 0 and "is there already, and may be filled in" in again.stderr


def test_a_folder_without_any(execute, tmp_path):
    done = execute("samplesheet", ".")
    assert done.returncode != 0 and len(done.stderr.splitlines()) == 1 and "no output of Cell Ranger" in done.stderr
    assert not (tmp_path / "samplesheet.csv").exists()
