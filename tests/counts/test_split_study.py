"""One file in, a file for each sample and their sheet out; what is wrong is one line and nothing is written."""

import numpy as np
import pandas as pd

from compartments.counts.reading import read_counts
from tests.bad_inputs import toy


def study(path, donors):
    columns = {"patient": donors, "compartment": ["CSF"] * 25 + ["blood"] * 25, "condition": ["HC"] * 50}
    return toy.h5ad(
        path, toy.cells().astype(np.float32), obs=toy.frame(toy.barcodes()[:50], s=columns["compartment"], **columns)
    )


def split(execute, path):
    given = (
        "--sample_key",
        "s",
        "--obs_columns",
        "donor=patient",
        "--problems",
        "problems.txt",
        "--notes",
        "notes.txt",
    )
    return execute("split_study", "--path", path, *given).returncode


def test_a_study_becomes_samples(execute, tmp_path):
    assert split(execute, study(tmp_path / "all.h5ad", ["p1"] * 50)) == 0
    assert (tmp_path / "problems.txt").read_text() == (tmp_path / "notes.txt").read_text() == ""
    sheet = pd.read_csv(tmp_path / "split" / "samplesheet.csv")
    assert list(sheet.columns) == ["sample", "donor", "compartment", "condition", "filtered"]
    totals = [int(read_counts(tmp_path / "split" / name).matrix.sum()) for name in sheet["filtered"]]
    assert dict(zip(sheet["sample"], totals, strict=True)) == {
        "CSF": toy.cells()[:25].sum(),
        "blood": toy.cells()[25:].sum(),
    }


def test_a_sample_of_two_donors_is_one_line(execute, tmp_path):
    assert split(execute, study(tmp_path / "all.h5ad", ["p1"] * 10 + ["p2"] * 40)) == 0
    (line,) = (tmp_path / "problems.txt").read_text().splitlines()
    assert "cells of sample 'CSF' have 2 values in obs column 'patient' ('p1', 'p2')" in line
    assert not (tmp_path / "split").exists()
