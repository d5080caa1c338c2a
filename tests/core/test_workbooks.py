"""Workbooks as tables: what a spreadsheet shows is what is read."""

import datetime

import openpyxl
import pytest

from compartments.core.errors import UserError
from compartments.core.sheets import read_sheet, read_text
from compartments.study.samplesheet import parse_samplesheet

HEADER = ["sample", "donor", "compartment", "condition", "raw", "age", "drawn"]


@pytest.fixture
def book():
    made = openpyxl.Workbook()
    made.active.append(HEADER)
    made.active.append(["c_csf", 1, "CSF", "control", "c.h5", 34.5, datetime.datetime(2024, 3, 31)])
    made.active.append([])
    made.active.append(["d_csf", 12, "CSF", "treated", "d.h5", 40.0, None])
    made.active["B2"].number_format = "000"
    made.create_sheet("empty")
    return made


def saved(book, tmp_path):
    book.save(tmp_path / "s.xlsx")
    return tmp_path / "s.xlsx"


def test_a_workbook_is_read_as_it_is_shown(book, tmp_path):
    path = saved(book, tmp_path)
    sheet = parse_samplesheet(read_text(path), path.name)
    assert list(sheet["donor"]) == ["001", "12"] and list(sheet["row"]) == [2, 4]
    assert list(sheet["age"]) == ["34.5", "40"] and list(sheet["drawn"]) == ["2024-03-31", ""]
    assert read_sheet(path, ["sample"]).index.tolist() == [2, 4]


def edited(change):
    def make(book):
        change(book.active)

    return make


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (edited(lambda sheet: sheet.merge_cells("B2:B3")), "cells B2:B3 are merged; unmerge"),
        (edited(lambda sheet: sheet.__setitem__("F2", "=30+4")), "row 2, cell F2: a formula whose value was never"),
        (edited(lambda sheet: sheet.__setitem__("F2", "#REF!")), r"row 2, cell F2: an error \(#REF!\)"),
        (lambda book: book["empty"].append(["x"]), r"2 sheets have cells \(Sheet, empty\); leave the one"),
    ],
)
def test_what_cannot_be_read_as_shown_is_one_line(book, tmp_path, change, line):
    change(book)
    with pytest.raises(UserError, match=line):
        read_text(saved(book, tmp_path))


def test_a_damaged_workbook(book, tmp_path):
    path = saved(book, tmp_path)
    data = bytearray(path.read_bytes())
    at = data.index(b"xl/worksheets/sheet1.xml")
    data[at + 40 : at + 140] = bytes(100)
    path.write_bytes(data)
    with pytest.raises(UserError, match="a spreadsheet workbook that cannot be read"):
        read_text(path)


def test_a_document_that_unpacks_to_too_much(book, tmp_path, monkeypatch):
    monkeypatch.setattr("compartments.core.workbooks.MOST_BYTES", 100)
    with pytest.raises(UserError, match="unpacks to"):
        read_text(saved(book, tmp_path))
