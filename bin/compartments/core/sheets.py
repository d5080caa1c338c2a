"""Tables that users write by hand or with a spreadsheet: one reader, so that all are read by the same rules.

CSV, TSV, semicolons or a sheet of a workbook; a byte order mark, a ``sep=`` line, comments, blank lines and quoted
cells with line breaks are what spreadsheets and people write, and are read. What would be read otherwise than it was
meant is refused.
"""

import csv
import gzip
import io
import re
import unicodedata
import zlib
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from compartments.core.errors import UserError
from compartments.core.packing import GZIP, packing_of
from compartments.core.workbooks import csv_of, is_workbook

DELIMITERS = ",\t;"
WORKBOOKS = {
    b"PK\x03\x04": "a spreadsheet workbook that is damaged or no XLSX",
    b"\xd0\xcf\x11\xe0": "an Excel workbook of the old kind (.xls)",
}
SEPARATOR = re.compile(r'"?sep=(\t|[^\w\s"#])"?[,;\s]*', re.I)  # Excel's own first line
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Sheet(NamedTuple):
    """Cells of a table as text, without blanks and invisible characters at their ends, line breaks and tabs as blanks.

    Attributes
    ----------
    header : list of str
    header_row : int
        Its row in the file, from 1.
    rows : iterator of (int, list of str)
        Row in the file and one cell per column; empty where not given. Read as they are asked for, so that a wrong
        header is said before a wrong row.
    """

    header: list[str]
    header_row: int
    rows: Iterator[tuple[int, list[str]]]


def read_text(path: str | Path, gzipped: bool = False) -> str:
    """Content of a text file in UTF-8, or UTF-16 with its byte order mark; of a workbook (XLSX) its sheet as CSV.

    Parameters
    ----------
    path : str or Path
    gzipped : bool
        Whether the file may be packed with gzip, as the pipeline's own large tables are; told by its bytes.

    Raises
    ------
    UserError
        Not such a file: a workbook of another kind, a packed file, another encoding (with the row), null characters, a
        folder.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UserError(f"{path.name}: cannot be read ({error.strerror}); give a CSV file") from None
    if gzipped and data.startswith(GZIP):
        data = _unpacked(data, path.name)
    if is_workbook(data):
        return csv_of(data, path.name)
    for start, what in WORKBOOKS.items():
        if data.startswith(start):
            raise UserError(f"{path.name}: {what}, not a text file; save the sheet as CSV UTF-8 and give that file")
    if packing := packing_of(data):
        raise UserError(f"{path.name}: packed with {packing.name}; unpack it ({packing.command}) and give the CSV file")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        row = data[: error.start].count(b"\n") + 1
        raise UserError(
            f"{path.name} row {row}: not text in UTF-8 (byte {error.start}); save it as CSV UTF-8"
        ) from None
    if "\0" in text:
        row = text[: text.index("\0")].count("\n") + 1
        raise UserError(f"{path.name} row {row}: a null character, as of a broken export; save it as CSV UTF-8")
    return text


def _unpacked(data: bytes, name: str) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        raise UserError(f"{name}: damaged or cut off (gzip); copy it again") from None


def shown(text: str) -> str:
    """Text for a message: characters that cannot be seen as their codes, no more than 80 characters."""
    seen = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    return seen if len(seen) <= 80 else seen[:77] + "..."


def parse(text: str, name: str, wanted: Collection[str]) -> Sheet:
    """Read a table.

    Parameters
    ----------
    text : str
    name : str
        Of the file, in messages.
    wanted : collection of str
        Columns that tell a header: one behind ``#`` is known by two of them.

    Raises
    ------
    UserError
        Quotes that do not match, a row with more cells than the header, a column without a name or
        twice.
    """
    lines = list(io.StringIO(text.lstrip("\ufeff").rstrip("\x1a\r\n "), newline=None))
    first = 0
    delimiter = ""
    if lines and (given := SEPARATOR.fullmatch(lines[0])):
        first, delimiter = 1, given[1]
    start = _start(lines, first, delimiter, wanted)
    if start is None:
        return Sheet([], 1, iter(()))
    if not _counts(lines[start]):
        lines[start] = lines[start].lstrip().lstrip("#")
    delimiter = delimiter or _delimiter(lines[start])
    # rows are counted as a spreadsheet does: a cell with line breaks is in one row
    records = _records(lines[start:], delimiter, name, start + 1)
    header_row, header = next(records)
    while header and header[-1] == "":
        header.pop()
    _check_names(header, f"{name} row {header_row}")
    return Sheet(header, header_row, _fitted(records, header, name))


def _fitted(records: Iterable[tuple[int, list[str]]], header: list[str], name: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with as many cells as the header has."""
    width = len(header)
    for number, cells in records:
        if cells[:width] == header:
            raise UserError(f"{name} row {number}: the header again, as of two tables put together; remove the row")
        if any(cells[width:]):
            raise UserError(
                f"{name} row {number}: {len(cells)} fields but the header has {width}; "
                "quote a value that contains the delimiter"
            )
        yield number, [*cells, *[""] * (width - len(cells))][:width]


def _delimiter(line: str) -> str:
    return max(DELIMITERS, key=line.count)


def _start(lines: list[str], first: int, delimiter: str, wanted: Collection[str]) -> int | None:
    """Position of the header: the first line that is no comment, else one behind ``#`` that names the columns."""

    def known(line: str) -> int:
        cells = line.lstrip().lstrip("#").split(delimiter or _delimiter(line))
        return len({cell.strip(' \t\n"').lower() for cell in cells} & set(wanted))

    plain = next((n for n in range(first, len(lines)) if _counts(lines[n])), len(lines))
    behind = [n for n in range(first, plain) if known(lines[n]) > 1]
    if behind and (plain == len(lines) or not known(lines[plain])):
        return behind[-1]
    return plain if plain < len(lines) else None


def _counts(line: str) -> bool:
    """Whether a line is neither blank nor a comment: a sample is left out by ``#`` before its row."""
    bare = line.strip(' \t\n,;"')
    return bool(bare) and not bare.startswith("#")


def _records(lines: list[str], delimiter: str, name: str, first: int) -> Iterator[tuple[int, list[str]]]:
    """Rows that count, with their numbers."""
    # blanks behind a closing quote say nothing, and csv takes them for a quote in the wrong place
    left = iter(re.sub(rf'" +(?={re.escape(delimiter)}|\n|$)', '"', line) for line in lines)
    width = 0
    for number, line in enumerate(left, start=first):
        if not _counts(line):
            continue
        try:
            cells = next(csv.reader(chain([line], left), delimiter=delimiter, skipinitialspace=True, strict=True))
        except (csv.Error, StopIteration) as error:
            what = "quotes that do not match; close the quote, or write one inside a cell twice"
            if "limit" in str(error):
                what = f"a cell of more than {csv.field_size_limit():,} characters; is a quote not closed?"
            raise UserError(f"{name} row {number}: {what}") from None
        width = width or len(cells)
        # rows that a forgotten quote has swallowed
        if any(part.count(delimiter) >= width - 1 > 0 for cell in cells for part in cell.split("\n")[1:]):
            raise UserError(f"{name} row {number}: a quote is opened and not closed in its row; close it")
        yield number, [_bare(cell) for cell in cells]


def _bare(cell: str) -> str:
    """A cell without line breaks and tabs, and without what cannot be seen at its ends."""
    cell = CONTROLS.sub(" ", cell)
    seen = [i for i, c in enumerate(cell) if not c.isspace() and unicodedata.category(c) != "Cf"]
    return cell[seen[0] : seen[-1] + 1] if seen else ""


def _check_names(header: list[str], place: str) -> None:
    for column in header:
        if column == "":
            raise UserError(f"{place}: an unnamed column between named ones; name it or remove it")
        if header.count(column) > 1:
            raise UserError(f"{place}: column '{shown(column)}' is there twice; remove one")


def read_sheet(path: str | Path, required: Collection[str] = (), gzipped: bool = False) -> pd.DataFrame:
    """A user's table as text; empty cells are missing, the index is the row in the file.

    Parameters
    ----------
    path : str or Path
    required : collection of str
        Columns that it must have.
    gzipped : bool
        As of :func:`read_text`.

    Raises
    ------
    UserError
        As :func:`read_text` and :func:`parse`; an empty file; a column of ``required`` is missing.
    """
    name, text = Path(path).name, read_text(path, gzipped)
    table = _plain(text, required) if gzipped else None
    return table if table is not None else _careful(text, name, required)


def _plain(text: str, required: Collection[str]) -> pd.DataFrame | None:
    """A table as the pipeline itself writes it, read fast, as it may have many cells; None of any other."""
    lines = text.removesuffix("\n").split("\n")
    header = lines[0].split("\t")
    named = set(required) <= set(header) and len(set(header)) == len(header) > 1
    if not named or any(one in text for one in ('"', "#", "\r", " \t", "\t ")):
        return None
    if any(line.count("\t") != len(header) - 1 for line in lines):
        return None  # which row it is, the careful reader says
    options = {"sep": "\t", "dtype": str, "keep_default_na": False, "na_values": [""], "quoting": csv.QUOTE_NONE}
    table = pd.read_csv(io.StringIO(text), **options)
    return table.set_axis(range(2, len(table) + 2))


def _careful(text: str, name: str, required: Collection[str]) -> pd.DataFrame:
    header, header_row, found = parse(text, name, required)
    if not header:
        raise UserError(f"{name} is empty; it needs a header and rows")
    for column in required:
        if column not in header:
            raise UserError(
                f"{name} row {header_row}: column '{column}' is missing; it needs {', '.join(required)} and has "
                f"{', '.join(map(shown, header))}"
            )
    rows = list(found)
    table = pd.DataFrame([cells for _, cells in rows], [number for number, _ in rows], header, dtype=object)
    return table.mask(table == "")
