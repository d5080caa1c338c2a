"""The reader of tables that users write: what spreadsheets make is read, what could be read otherwise is refused."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compartments.core.errors import UserError
from compartments.core.sheets import parse, read_sheet, read_text, shown

ROWS = [["a_csf", "a", "CSF"], ["b_csf", "b", "CSF"]]
PLAIN = "sample,donor,tissue\na_csf,a,CSF\nb_csf,b,CSF\n"
WANTED = ["sample", "donor"]


def cells(text):
    header, header_row, rows = parse(text, "t.csv", WANTED)
    return header, header_row, list(rows)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (PLAIN, [2, 3]),
        ("\ufeff" + PLAIN.replace("\n", "\r\n"), [2, 3]),
        (PLAIN.replace("\n", "\r"), [2, 3]),
        (PLAIN.replace(",", ";"), [2, 3]),
        ("sep=;\n" + PLAIN.replace(",", ";"), [3, 4]),
        ("SEP=|\r\n" + PLAIN.replace(",", "|"), [3, 4]),
        ('"sep=,"\n' + PLAIN, [3, 4]),
        ("#" + PLAIN, [2, 3]),
        ("# cohort 1, frozen, 2025\n\n#" + PLAIN, [4, 5]),
        ("# cohort A, frozen, 2025, v2\n" + PLAIN.replace(",", "\t"), [3, 4]),
        (PLAIN.replace("b_csf", '# off, "by hand\n\nb_csf'), [2, 5]),
        (PLAIN + "\n,,\n\x1a", [2, 3]),
        (PLAIN.replace("a_csf,a,CSF", '"a_csf" , "a","CSF"  '), [2, 3]),
        (PLAIN.replace(",a,", ",\u00a0a\u200b,"), [2, 3]),
        (PLAIN.replace("donor", "\u202adonor\u200b"), [2, 3]),
        (PLAIN.replace("tissue\n", "tissue,,\n"), [2, 3]),
    ],
)
def test_what_spreadsheets_and_people_write_is_read(text, numbers):
    header, _, rows = cells(text)
    assert header == ["sample", "donor", "tissue"] and [row for _, row in rows] == ROWS
    assert [number for number, _ in rows] == numbers


def test_line_breaks_tabs_and_quotes_stay_in_their_cell():
    text = 'sample,donor,note\na,1,"late\r\n\r\n# clotted\t3"\nb,2,"he said ""old"", 5"" needle"\nc,3,5" needle\n'
    assert [row[2] for _, row in cells(text)[2]] == [
        "late # clotted 3",
        'he said "old", 5" needle',
        '5" needle',
    ]
    assert [number for number, _ in cells(text)[2]] == [2, 3, 4]  # rows as a spreadsheet counts them


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('sample,donor,note\na,1,"late\nb,2,x\nc,3,y\n', "row 2: quotes that do not match"),
        ('sample,donor,note\na,1,"late\nb,2,"early"\n', "row 2: "),
        ('sample,donor,note\na,1,"late\nb,2,early"\n', "row 2: a quote is opened and not closed in its row"),
        ('sample,donor\na,"1"x\n', "row 2: quotes that do not match"),
        ("sample,donor\na,1,more\n", "row 2: 3 fields but the header has 2"),
        ("sample,donor,donor\na,1,2\n", "row 1: column 'donor' is there twice"),
        (PLAIN + PLAIN, "row 4: the header again, as of two tables put together; remove the row"),
        ("sep=\n" + PLAIN, "row 2: 3 fields but the header has 1"),
        ("\tsample\tdonor\n1\ta\t2\n", "row 1: an unnamed column"),
        ("sample,donor\na," + "x" * 200_000 + "\n", "row 2: a cell of more than 131,072 characters"),
    ],
)
def test_what_would_be_read_otherwise_than_meant_is_refused(text, message):
    with pytest.raises(UserError, match=message) as error:
        cells(text)
    assert "\n" not in str(error.value) and str(error.value).startswith("t.csv ")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\x03\x04\x14\x00\xff", "a spreadsheet workbook that is damaged or no XLSX, not a text file; save"),
        (b"\xd0\xcf\x11\xe0\xa1", "an Excel workbook of the old kind"),
        (b"\x1f\x8b\x08", "packed with gzip; unpack it"),
        ("sample\nJürgen\n".encode("latin-1"), "row 2: not text in UTF-8 .byte 8."),
        (b"sample\na\0b\n", "row 2: a null character"),
        ("sample\n".encode("utf-16-le"), "row 1: a null character"),
    ],
)
def test_what_is_no_text_is_named(tmp_path, data, message):
    (tmp_path / "s.csv").write_bytes(data)
    with pytest.raises(UserError, match=message):
        read_text(tmp_path / "s.csv")
    with pytest.raises(UserError, match="cannot be read .Is a directory."):
        read_text(tmp_path)


def test_utf16_of_a_spreadsheet_is_text(tmp_path):
    (tmp_path / "s.txt").write_bytes(PLAIN.replace(",", "\t").encode("utf-16"))
    assert read_sheet(tmp_path / "s.txt", WANTED).loc[3].tolist() == ROWS[1]


def test_a_sheet_has_text_alone_and_missing_where_empty(tmp_path):
    (tmp_path / "s.csv").write_text("# note\nsample,donor\n01,NA\n1e5,\n")
    table = read_sheet(tmp_path / "s.csv", WANTED)
    assert (
        table.loc[3].tolist() == ["01", "NA"] and table.loc[4, "sample"] == "1e5" and table["donor"].isna().sum() == 1
    )
    with pytest.raises(UserError, match="s.csv row 2: column 'lineage' is missing; it needs lineage and has sample"):
        read_sheet(tmp_path / "s.csv", ["lineage"])
    (tmp_path / "s.csv").write_text("\n#\n")
    with pytest.raises(UserError, match="s.csv is empty"):
        read_sheet(tmp_path / "s.csv", ["lineage"])


def test_messages_show_what_cannot_be_seen():
    assert shown("a\u200bb\x07") == "a\\u200bb\\u0007" and len(shown("x" * 200)) == 80 and shown("Müller") == "Müller"


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.one_of(
        st.text(),
        st.text(alphabet='sample,donor\n\r\t;"#=\x1a\u200b \x00'),
        st.binary().map(lambda b: b.decode("latin-1")),
    )
)
def test_any_text_is_read_or_refused_in_one_line(text):
    try:
        header, _, rows = cells(text)
    except UserError as error:
        assert len(str(error).splitlines()) == 1
        return
    assert all(len(row) == len(header) for _, row in rows)
    assert not any(set("\n\t\r\0") & set(cell) for _, row in rows for cell in row)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(st.lists(st.text(alphabet="ab1 ,;\"'#\n\t", max_size=8), min_size=2, max_size=2), min_size=1, max_size=5),
    st.sampled_from(",;\t"),
)
def test_what_a_csv_writer_writes_comes_back(free, delimiter):
    """No row is lost or invented, whatever stands in free text: refused at worst, where a row seems swallowed."""
    table = [["sample", "donor", "note", "more"]]
    table += [[f"s{n}", f"d{n}", *notes] for n, notes in enumerate(free)]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(table)
    try:
        rows = cells(out.getvalue())[2]
    except UserError as error:
        assert "a quote is opened and not closed" in str(error)
        return
    expected = [[" ".join(cell.split()) for cell in row] for row in table[1:]]
    assert [[" ".join(cell.split()) for cell in row] for _, row in rows] == expected
