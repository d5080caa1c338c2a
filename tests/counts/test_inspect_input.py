"""Bad files are named before anything is computed."""

import pytest

from compartments.core.errors import UserError
from compartments.core.files import read_json
from compartments.counts import reading
from tests.bad_inputs import toy
from tests.support.matrices import damaged, some_counts, write_h5


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("missing", "no such file"), ("truncated", "damaged or cut off"), ("text", "not an HDF5 file"),
        ("empty", "not an HDF5 file"), ("other", "neither 10x"), ("indptr", "does not fit"),
        ("indices", "does not fit"),
        ("data", "does not fit"),
        ("negative", "negative values such as -1"), ("fractional", "fractional values"),
        ("rat", "rat genes"), ("rat symbols", "rat genes"), ("zebrafish", "zebrafish genes"),
        ("both", "mouse and human"),
        ("no symbols", "without gene symbols"),
        ("antibodies", "no gene expression"), ("twice", "occur twice"),
    ],
)  # fmt: skip
def test_bad_files_are_named_before_and_while_reading(execute, tmp_path, kind, word):
    path = damaged(kind, tmp_path / "bad.h5")
    done = execute("inspect_input", "--sample", "S1", "--column", "raw", "--path", path)
    assert done.returncode == 0
    (line,) = (tmp_path / "problems.txt").read_text().splitlines()
    assert line.startswith("sample 'S1', column 'raw': ") and word in line and "bad.h5" in line
    with pytest.raises(UserError, match=word):
        reading.read_counts(path)


def test_good_file_has_no_problem(execute, tmp_path):
    write_h5(tmp_path / "a.h5", some_counts())
    assert execute("inspect_input", "--sample", "S1", "--column", "raw", "--path", "a.h5").returncode == 0
    assert (tmp_path / "problems.txt").read_text() == ""
    execute("inspect_input", "--sample", "S1", "--column", "cellbender", "--path", "a.h5")
    assert "not a CellBender output" in (tmp_path / "problems.txt").read_text()


def labelled(path):
    obs = toy.frame(toy.barcodes()[: toy.N_CELLS], kind=["Treg"] * 20 + ["B"] * 20 + [None] * 10)
    return toy.h5ad(path, toy.cells().astype("float32"), obs=obs)


def test_labels_of_obs_are_kept_for_a_look(execute, tmp_path):
    labelled(tmp_path / "a.h5ad")
    (tmp_path / "digests").write_text("aa  a.h5ad\n")
    given = ("--sample", "S1", "--column", "filtered", "--digests", "digests")
    execute("inspect_input", *given, "--path", "a.h5ad", "--labels_key", "kind")
    assert read_json(tmp_path / "S1.cells.json")["labels"] == ["B", "Treg"]
    execute("inspect_input", *given, "--path", "a.h5ad", "--labels_key", "type")
    assert "obs has no column 'type' (--labels_key); it has kind" in (tmp_path / "problems.txt").read_text()
    write_h5(tmp_path / "a.h5", some_counts())
    execute("inspect_input", *given, "--path", "a.h5", "--labels_key", "kind")
    assert "a 10x h5 has no obs with labels (--labels_key)" in (tmp_path / "problems.txt").read_text()


def test_labels_by_hand_are_of_cells_that_are_there(execute, tmp_path):
    labelled(tmp_path / "a.h5ad")
    (tmp_path / "digests").write_text("aa  a.h5ad\n")
    there, header = toy.barcodes()[0], "sample,barcode,lineage\nS2,x,B\n"
    given = ("--sample", "S1", "--column", "filtered", "--digests", "digests", "--path", "a.h5ad")
    for rows, said in ((f"S1,{there},B\nS1,y,B\n", ""), ("S1,y,B\n", "--label_overrides: 1 of 1 barcodes")):
        (tmp_path / "o.csv").write_text(header + rows)
        execute("inspect_input", *given, "--label_overrides", "o.csv")
        assert said in (tmp_path / "problems.txt").read_text() and bool(said) == bool(
            (tmp_path / "problems.txt").read_text()
        )


def test_doubts_are_told_and_stop_nothing(execute, tmp_path):
    codes = ["".join("ACGT"[(n >> 2 * i) & 3] for i in range(12)) for n in range(60)]
    write_h5(tmp_path / "a.h5", some_counts(), barcodes=[f"{code}-{1 + n % 2}" for n, code in enumerate(codes)])
    done = execute("inspect_input", "--sample", "S1", "--column", "raw", "--path", "a.h5")
    assert done.returncode == 0 and (tmp_path / "problems.txt").read_text() == ""
    doubts = (tmp_path / "doubts.txt").read_text().splitlines()
    assert len(doubts) == 2 and all(line.startswith("sample 'S1', column 'raw': ") for line in doubts)
    assert "barcodes of 2 samples or wells in one file (-1, -2)" in doubts[0] and "no mitochondrial" in doubts[1]
