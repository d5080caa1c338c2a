"""One file in, a file for each sample and their sheet out; what is wrong is one line and nothing is written."""

import h5py
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


def test_samples_of_a_whole_study_are_no_doubt(execute, tmp_path):
    """Columns that tell the samples of a single file apart are why it is given."""
    path = study(tmp_path / "all.h5ad", ["p1"] * 50)
    with h5py.File(path, "r+") as file:
        file["obs"].move("s", "sample")
        order = ["sample" if name == "s" else name for name in file["obs"].attrs["column-order"]]
        file["obs"].attrs["column-order"] = order
    given = ("--sample_key", "sample", "--obs_columns", "donor=patient", "--problems", "p.txt", "--notes", "n.txt")
    assert execute("split_study", "--path", path, *given).returncode == 0
    assert (tmp_path / "p.txt").read_text() == (tmp_path / "n.txt").read_text() == ""


def test_a_sample_of_two_donors_is_one_line(execute, tmp_path):
    assert split(execute, study(tmp_path / "all.h5ad", ["p1"] * 10 + ["p2"] * 40)) == 0
    (line,) = (tmp_path / "problems.txt").read_text().splitlines()
    assert "cells of sample 'CSF' have 2 values in obs column 'patient' ('p1', 'p2')" in line
    assert not (tmp_path / "split").exists()


def test_a_pool_is_split_by_the_table_of_its_tags(execute, tmp_path):
    """Of a 10x h5 with antibodies; doublets between tags are counted."""
    toy.h5(tmp_path / "pool.h5", toy.cells())
    tags = ["p1"] * 20 + ["p2"] * 20 + ["Doublet"] * 10
    rows = [f"{barcode},{tag}" for barcode, tag in zip(toy.barcodes(), tags, strict=False)]
    (tmp_path / "tags.csv").write_text("barcode,sample\n" + "\n".join(rows) + "\n")
    (tmp_path / "s.csv").write_text("sample,donor,compartment,condition\np1,p1,CSF,HC\np2,p2,CSF,MS\n")
    given = ("--sample_table", "tags.csv", "--samplesheet", "s.csv", "--problems", "problems.txt", "--notes", "n.txt")
    assert execute("split_study", "--path", "pool.h5", *given).returncode == 0
    assert (tmp_path / "problems.txt").read_text() == ""
    assert "pool.h5: 10 of 50 cells are 'Doublet' and are left out" in (tmp_path / "n.txt").read_text()
    for sample, cells in {"p1": slice(20), "p2": slice(20, 40)}.items():
        found = read_counts(tmp_path / "split" / "samples" / f"{sample}.h5ad")
        assert (found.matrix != toy.cells()[cells]).nnz == 0
