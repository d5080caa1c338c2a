"""Tables in workbooks (XLSX), as the CSV that a spreadsheet would save of them."""

import csv
import io
import re
import zipfile
import zlib
from datetime import date, datetime, time
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from compartments.core.errors import UserError

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell
    from openpyxl.workbook.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

MOST_BYTES = 100_000_000  # unpacked: a table of samples has a few thousand
DAMAGED = (
    zipfile.BadZipFile, zlib.error, ParseError, OSError, EOFError, KeyError, ValueError, TypeError, AttributeError,
    IndexError, NotImplementedError, RuntimeError, OverflowError,
)  # fmt: skip


def is_workbook(data: bytes) -> bool:
    """Whether a file is an XLSX, not another archive or a workbook of another kind."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except DAMAGED:
        return False


def csv_of(data: bytes, name: str) -> str:
    """The one filled sheet of a workbook as CSV: values as shown, rows by their numbers there; ``name`` in messages.

    Raises
    ------
    UserError
        Damaged, several filled sheets, merged cells, an error or a formula without its value; with the cell.
    """
    sheet, formulas = _filled(data, name)
    if merged := sorted(map(str, sheet.merged_cells.ranges)):
        raise UserError(f"{name}: cells {merged[0]} are merged; unmerge them and fill in each")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row, origins in zip(sheet.iter_rows(), formulas.iter_rows(), strict=True):
        writer.writerow([_text(name, cell, origin) for cell, origin in zip(row, origins, strict=True)])
    return text.getvalue()


def _filled(data: bytes, book: str) -> tuple["Worksheet", "Worksheet"]:
    """The sheet that has any cell, with values and with formulas."""
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(one.file_size for one in archive.infolist())
        if size > MOST_BYTES:
            raise UserError(f"{book}: unpacks to {size:,} bytes, no table of samples; save the sheet as CSV UTF-8")
        values: Workbook = load_workbook(io.BytesIO(data), data_only=True)
        formulas: Workbook = load_workbook(io.BytesIO(data))
    except DAMAGED as error:
        said = (str(error).splitlines() or [type(error).__name__])[0][:100]
        raise UserError(
            f"{book}: a spreadsheet workbook that cannot be read ({said}); save the sheet as CSV UTF-8"
        ) from None
    filled = [
        sheet.title for sheet in formulas.worksheets if any(any(row) for row in sheet.iter_rows(values_only=True))
    ]
    if len(filled) > 1:
        raise UserError(
            f"{book}: {len(filled)} sheets have cells ({', '.join(filled[:6])}); leave the one that is meant"
        )
    name = filled[0] if filled else formulas.worksheets[0].title if formulas.worksheets else ""
    if not name:
        raise UserError(f"{book}: a workbook without a sheet; save the sheet as CSV UTF-8")
    return values[name], formulas[name]


def _text(name: str, cell: "Cell", origin: "Cell") -> str:
    """A cell as it is shown: whole numbers without a point, with the leading zeros of their format; dates as ISO."""
    value = cell.value
    if cell.data_type == "e" or (value is None and origin.data_type == "f"):
        what = f"an error ({value})" if value is not None else "a formula whose value was never computed"
        raise UserError(f"{name} row {cell.row}, cell {cell.coordinate}: {what}; write the value itself")
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        whole = float(value).is_integer() and abs(value) < 1e15
        zeros = re.fullmatch("0+", cell.number_format or "")
        return str(int(value)).zfill(len(zeros[0]) if zeros else 0) if whole else repr(value)
    if isinstance(value, datetime):
        return (value.date() if value.time() == time() else value).isoformat()
    return value.isoformat() if isinstance(value, date | time) else str(value)
