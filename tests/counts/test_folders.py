"""Folders with a matrix.mtx, as programs and people leave them."""

import gzip

import numpy as np
import pytest

from compartments.core.errors import UserError
from compartments.counts.inspection import look_into
from compartments.counts.reading import read_counts
from tests.support.matrices import equal, some_counts, write_mtx

COUNTS = some_counts()


def lines(folder, name):
    return (folder / name).read_text().splitlines()


def put(folder, name, rows, mark="\n"):
    (folder / name).write_text(mark.join(rows) + mark, newline="")


def quoted(folder):
    for name in ("features.tsv", "barcodes.tsv"):
        put(folder, name, ["\t".join(f'"{field}"' for field in row.split("\t")) for row in lines(folder, name)])


def written_by_r(folder):
    for name in ("features.tsv", "barcodes.tsv"):
        rows = enumerate(lines(folder, name), 1)
        rows = ["\t".join([f'"{n}"', *(f'"{field}"' for field in row.split("\t"))]) for n, row in rows]
        put(folder, name, ["\t".join(f'"V{n}"' for n, _ in enumerate(rows[0].split("\t")[1:])), *rows])


def with_blanks(folder):
    put(folder, "features.tsv", [row.replace("\t", " \t ") for row in lines(folder, "features.tsv")])
    put(folder, "barcodes.tsv", [*lines(folder, "barcodes.tsv"), "", ""])
    put(folder, "matrix.mtx", [*lines(folder, "matrix.mtx"), ""])


def with_headers(folder):
    put(folder, "features.tsv", ["gene_id\tgene_name\tfeature_type", *lines(folder, "features.tsv")])
    put(folder, "barcodes.tsv", ["barcode", *lines(folder, "barcodes.tsv")])


def with_marks(folder):
    for name in ("features.tsv", "barcodes.tsv"):
        (folder / name).write_bytes(b"\xef\xbb\xbf" + (folder / name).read_bytes().replace(b"\n", b"\r\n"))


def with_prefix(folder):
    for file in list(folder.iterdir()):
        file.rename(file.with_name(f"GSM1_s1_{file.name}"))


def packed_twice(folder):
    for file in list(folder.iterdir()):
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(gzip.compress(file.read_bytes())))
        file.unlink()


def transposed(folder):
    first, sizes, *rows = [row for row in lines(folder, "matrix.mtx") if not row.startswith("%%") and row != "%"]
    turned = [" ".join([b, a, *c]) for a, b, *c in (row.split() for row in (first, sizes, *rows))]
    put(folder, "matrix.mtx", ["%%MatrixMarket matrix coordinate integer general", *turned])


def exchanged(folder):
    rows = [row.split("\t") for row in lines(folder, "features.tsv")]
    put(folder, "features.tsv", ["\t".join([row[1], row[0], *row[2:]]) for row in rows])


def in_commas(folder):
    put(folder, "features.tsv", [row.replace("\t", ",") for row in lines(folder, "features.tsv")])


@pytest.mark.parametrize(
    "change",
    [quoted, written_by_r, with_blanks, with_headers, with_marks, with_prefix, packed_twice, transposed, exchanged,
     in_commas],
)  # fmt: skip
def test_folders_are_read_however_they_were_written(tmp_path, change):
    folder = write_mtx(tmp_path / "m", COUNTS, compressed=False)
    change(folder)
    assert look_into(folder, "raw")[0] == ""
    found = read_counts(folder)
    assert equal(found, COUNTS) and found.symbol[:3].tolist() == ["CD3E", "CD3E-1", "MS4A1"]
    assert found.gene_id[1] == "ENSG00000000001" and found.barcodes[59] == "AAAC0059-1"


def entry(old, new):
    return lambda text: text.replace(f"\n{old}", f"\n{new}", 1)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda text: text.replace("integer", "pattern", 1), "a general matrix of pattern values"),
        (lambda text: text.replace("general", "symmetric", 1), "a symmetric matrix"),
        (lambda text: text.replace("coordinate", "array", 1), "not a MatrixMarket coordinate file"),
        (entry("40 60 ", "40 60 99999999"), "entries where its header says 99999999"),
        (entry("40 60 ", "-40 60 "), "not three whole numbers"),
        (entry("40 60 ", "99999999999 60 "), "the three files must come from one export"),
        (entry("5 5 ", "0 5 "), "an index of 0, where MatrixMarket counts from 1"),
        (entry("5 5 ", "41 5 "), "an entry outside the matrix"),
        (entry("5 5 ", "5 5 x"), "values that are no numbers"),
        (entry("5 5 ", "5 5 1 "), "a line of more than three numbers"),
        (entry("5 5 ", "5 5 -"), "negative values"),
        (entry("5 5 ", "5 5 9999999999"), "above 2^31"),
        (lambda text: text[: len(text) // 2], "entries where its header says"),
        (lambda text: "", "not a MatrixMarket coordinate file"),
    ],
)
def test_headers_that_lie_and_entries_that_are_none(tmp_path, change, line):
    folder = write_mtx(tmp_path / "m", COUNTS, compressed=False)
    (folder / "matrix.mtx").write_text(change((folder / "matrix.mtx").read_text()))
    assert line in look_into(folder, "raw")[0]
    with pytest.raises(UserError, match=line.replace("^", r"\^")):
        read_counts(folder)


def test_files_that_do_not_belong_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = write_mtx(tmp_path / "m", COUNTS, compressed=False)
    (folder / "features.tsv").write_bytes((folder / "features.tsv").read_text().encode("utf-16"))
    assert "features.tsv: text that is not UTF-8" in look_into(folder, "raw")[0]
    (folder / "features.tsv").unlink()
    assert "features.tsv or genes.tsv (.gz) is missing" in look_into(folder, "raw")[0]
    for name, line in (
        ("cells_x_genes.mtx", "of kb without cells_x_genes.barcodes.txt and cells_x_genes.genes.txt"),
        ("quants_mat.mtx", "of alevin-fry without quants_mat_rows.txt and quants_mat_cols.txt"),
        (".zgroup", "damaged or cut off"),
    ):
        (tmp_path / f"with_{name}").mkdir()
        (tmp_path / f"with_{name}" / name).touch()
        assert line in look_into(tmp_path / f"with_{name}", "raw")[0]
    two = write_mtx(tmp_path / "two", COUNTS, compressed=False)
    with_prefix(two)
    (two / "GSM2_matrix.mtx").touch()
    assert "2 matrices (GSM1_s1_, GSM2_)" in look_into(two, "raw")[0]
    names = write_mtx(tmp_path / "names", COUNTS, compressed=False)
    (names / "barcodes.tsv").rename(names / "t")
    (names / "features.tsv").rename(names / "barcodes.tsv")
    (names / "t").rename(names / "features.tsv")
    assert "rename the two files" in look_into(names, "raw")[0]


@pytest.mark.parametrize("name", ["matrix.mtx", "barcodes.tsv", "features.tsv"])
def test_packed_files_of_a_folder_are_named(tmp_path, name):
    """By what they are packed with, not as missing."""
    folder = write_mtx(tmp_path / "m", COUNTS, compressed=False)
    (folder / name).unlink()
    (folder / f"{name}.zst").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(20))
    said = look_into(folder, "raw").problem
    assert said == f"{folder / name}.zst: packed with zstd; unpack it (zstd -d), or pack it with gzip"


def test_entries_given_twice_are_added_up(tmp_path):
    folder = write_mtx(tmp_path / "m", COUNTS, compressed=False)
    text = (folder / "matrix.mtx").read_text().replace(f" {COUNTS.nnz}\n", f" {COUNTS.nnz + 1}\n", 1)
    (folder / "matrix.mtx").write_text(text + "1 1 5\n")
    expected = COUNTS.toarray()
    expected[0, 0] += 5
    assert np.array_equal(read_counts(folder).matrix.toarray(), expected)
