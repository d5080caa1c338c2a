"""One file of a whole study: its samples, and what obs or a sheet says of them."""

import numpy as np
import pytest

from compartments.core.errors import UserError
from compartments.counts.whole_study import Cells, columns_asked, of_no_one, open_study, samples_of_table, sheet_of_file
from tests.bad_inputs import toy

N = 60


def obs(**columns):
    """Cells of three samples of two donors, and one that no sample has."""
    sample = ["p1 csf"] * 20 + ["p1_blood"] * 20 + ["p2_csf"] * 19 + [None]
    base = {
        "orig": sample,
        "donor": [1.0] * 40 + [2.0] * 20,
        "compartment": ["CSF"] * 20 + ["blood"] * 20 + ["CSF"] * 20,
        "condition": ["healthy"] * 40 + ["multiple sclerosis"] * 20,
        "years": ["31"] * 40 + ["55"] * 20,
    }
    return toy.frame(toy.barcodes()[:N], **(base | columns))


@pytest.fixture
def cells(tmp_path):
    def make(key="orig", **columns):
        path = toy.h5ad(tmp_path / "all.h5ad", toy.counts()[:N].astype(np.float32), obs=obs(**columns))
        return Cells(path, open_study(path)[1], key)

    return make


def test_rows_of_obs(cells):
    table, notes = cells().sheet_of_obs(columns_asked("age=years"))
    assert table.to_dict("list") == {
        "sample": ["p1_csf", "p1_blood", "p2_csf"],
        "donor": ["1", "1", "2"],
        "compartment": ["CSF", "blood", "CSF"],
        "condition": ["healthy", "healthy", "multiple_sclerosis"],
        "age": ["31", "31", "55"],
    }
    assert notes == [
        "sample 'p1 csf' is called 'p1_csf'",
        "condition 'multiple sclerosis' is called 'multiple_sclerosis'",
    ]
    assert cells().unused(np.array([True, True, False])) == [
        "1 of 60 cells are of no sample by obs column 'orig' (--sample_key) and are left out",
        "samples of the file that the samplesheet does not name are left out: p2_csf",
    ]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"key": "Orig2"}, r"obs has no column 'Orig2' \(--sample_key\); is it 'orig'\? it has orig, donor"),
        (
            {"donor": [1.0] * 10 + [2.0] * 50},
            r"sample 'p1 csf' have 2 values in obs column 'donor' \('1', '2'\); a sample",
        ),
        ({"condition": [""] * N}, "'p1 csf' have no value in obs column 'condition'; every sample needs a condition"),
        ({"orig": [f"c{n}" for n in range(N)]}, "has 60 values for 60 cells; name the one that has the samples"),
        ({"orig": ["a b"] * 30 + ["a_b"] * 30}, "'a b' and 'a_b' would both be 'a_b' in names of files"),
        ({"orig": [""] * N}, "'orig' .--sample_key. is empty"),
    ],
)
def test_what_obs_cannot_say_is_one_line(cells, given, line):
    with pytest.raises(UserError, match=line):
        cells(**given).sheet_of_obs(columns_asked(""))


def test_a_column_of_obs_that_is_named_and_is_not_there(cells):
    with pytest.raises(UserError, match=r"obs has no column 'sex' \(--obs_columns sex="):
        cells().sheet_of_obs(columns_asked("sex"))
    for text in ("donor=", "raw=x", "age,age"):
        with pytest.raises(UserError, match="--obs_columns has"):
            columns_asked(text)


def test_a_sheet_says_what_the_samples_are(cells, tmp_path):
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("# ours\nsample,donor,compartment,condition,raw\np2_csf,p2,CSF,MS,\n#x\np1 csf,p1,CSF,HC,\n")
    text, found, _ = sheet_of_file(sheet, [cells()])
    assert found == {"p2_csf": (0, 2), "p1_csf": (0, 0)}
    assert text.splitlines() == [
        "", "sample,donor,compartment,condition,filtered", "p2_csf,p2,CSF,MS,samples/p2_csf.h5ad", "",
        "p1_csf,p1,CSF,HC,samples/p1_csf.h5ad",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (
            "p9,p,CSF,HC,",
            "sheet.csv row 2, column sample: 'p9' is no value of obs column 'orig' .--sample_key.; it has p1",
        ),
        ("p1_blood,p,CSF,HC,x.h5", "row 2, column raw: counts come from --study_file; empty the column"),
    ],
)
def test_a_sheet_that_does_not_fit_is_one_line(cells, tmp_path, row, line):
    (tmp_path / "sheet.csv").write_text(f"sample,donor,compartment,condition,raw\n{row}\n")
    with pytest.raises(UserError, match=line):
        sheet_of_file(tmp_path / "sheet.csv", [cells()])


@pytest.mark.parametrize(
    ("write", "line"), [(toy.h5, "no h5ad, it has no obs for --sample_key"), (None, "not an HDF5 file")]
)
def test_another_file_is_one_line(tmp_path, write, line):
    path = tmp_path / "x.h5"
    write(path) if write else path.write_text("x")
    with pytest.raises(UserError, match=line):
        Cells(path, open_study(path)[1], "orig")


def test_cells_that_tags_give_to_no_sample_are_counted_and_left_out(cells):
    """Unless a sample of the sheet is called so."""
    tags = ["HTO1"] * 20 + ["Doublet"] * 10 + ["HTO2"] * 25 + ["Negative"] * 5
    found = cells(orig=tags)
    assert found.without_tags({"Negative"}) == ["10 of 60 cells are 'Doublet' and are left out"]
    assert list(found.names) == ["HTO1", "HTO2", "Negative"]
    assert [int((found.code == n).sum()) for n in (-1, 0, 1, 2)] == [10, 20, 25, 5]


@pytest.mark.parametrize(
    "words",
    [
        ["Multiplet", "Undetermined"],  # BD Rhapsody
        ["0/1", "1/0", "unassigned"],  # souporcell, beside 0 and 1
        ["0_1", "0+1", "NA", "None", "?"],
    ],
)
def test_cells_of_no_one_sample_are_no_donors(cells, words):
    """However their program says it: in a word, or by two samples of the file put together."""
    assert of_no_one([*words, "0", "1", "P-2", "HTO1_HTO9", "p1/2"]) == set(words)
    tags = ["0"] * 25 + ["1"] * 20 + [words[n % len(words)] for n in range(5 + 10)]
    found = cells(orig=tags)
    notes = found.without_tags()
    assert list(found.names) == ["0", "1"] and (found.code < 0).sum() == 15 and len(notes) == len(words)


def test_cells_of_which_none_is_of_a_sample_are_one_line(cells):
    with pytest.raises(UserError, match=r"obs column 'orig' .* names no sample \(it has NA, None\); name the one"):
        cells(orig=["NA"] * 40 + ["None"] * 20).without_tags()


def test_a_table_of_barcodes_tells_the_samples(tmp_path):
    path, table = toy.h5(tmp_path / "pool.h5", toy.cells()), tmp_path / "tags.csv"
    named = {barcode: f"p{n % 2}" for n, barcode in enumerate(toy.barcodes()[:40])}
    table.write_text("barcode,sample\n" + "".join(f"{barcode},{sample}\n" for barcode, sample in named.items()))
    source, obs, _ = open_study(path)
    found = Cells(path, obs, "", ("column 'sample' of tags.csv", samples_of_table(path, table, source.barcodes)))
    assert list(found.names) == ["p0", "p1"] and list(found.code) == [n % 2 for n in range(40)] + [-1] * 10
    table.write_text("barcode,sample\nAAA,p0\nCCC,p1\n")
    with pytest.raises(UserError, match=r"tags.csv: 2 of 2 barcodes are not in pool.h5 \(first: 'AAA'; the file has '"):
        Cells(path, obs, "", ("column 'sample' of tags.csv", samples_of_table(path, table, source.barcodes)))
    table.write_text(f"barcode,sample\n{toy.barcodes()[0]},p0\n{toy.barcodes()[0]},p1\n")
    with pytest.raises(UserError, match="tags.csv row 3, column barcode: .* is there twice"):
        Cells(path, obs, "", ("column 'sample' of tags.csv", samples_of_table(path, table, source.barcodes)))


def test_a_sheet_does_not_hide_a_sample_of_two_donors(cells):
    cells().check_obs(columns_asked("sex"))
    found = cells(donor=["p1"] * 10 + ["p2"] * 50)
    with pytest.raises(UserError, match="'p1 csf' have 2 values in obs column 'donor'"):
        found.check_obs(columns_asked(""))
