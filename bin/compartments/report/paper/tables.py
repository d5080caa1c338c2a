"""Tables of the page as they are printed: the rows and columns that have room, and where the rest is."""

from typing import NamedTuple

from compartments.report.blocks import Table
from compartments.report.figures.labels import in_lines
from compartments.report.numbers import is_numeric, show

ROWS = 8  # that are printed
LETTERS = 150  # across a page
MOST = 34  # letters that a column asks for; longer texts take several lines
PADDING = 3  # letters between columns


class Printed(NamedTuple):
    """A table on paper.

    Attributes
    ----------
    title, file : str
    columns : list of str
        Headings, in lines no wider than what stands below them.
    numeric : list of bool
        Of each column.
    rows : list of list of str
    note : str
        That of the page, and what is not printed.
    """

    title: str
    file: str
    columns: list[str]
    numeric: list[bool]
    rows: list[list[str]]
    note: str


def printed(table: Table) -> Printed:
    """The rows with the smallest q (else p), or the first; the columns that have room, in their order.

    The sentence on what was left out names the file that has it.
    """
    frame = table.frame.dropna(axis=1, how="all").rename(columns=str)
    by = next((column for column in ("q_value", "p_value") if column in frame and is_numeric(frame[column])), "")
    rows = (frame.sort_values(by, kind="stable") if by and len(frame) > ROWS else frame).head(ROWS)
    cells = {str(column): [show(value) for value in rows[column]] for column in rows}
    alike = {c: texts[0] for c, texts in cells.items() if len(texts) > 2 and texts[0] and len({*texts}) == 1}
    cells = {column: texts for column, texts in cells.items() if column not in alike}
    kept, room = dict[str, str](), LETTERS
    for column, texts in cells.items():
        wide = max([*map(len, texts), *map(len, table.heading(column).split())])
        room -= min(MOST, wide) + PADDING
        if room >= 0:
            kept[column] = "\n".join(in_lines(table.heading(column), wide + 1))
    dropped = [table.heading(column) for column in cells if column not in kept]
    said = [table.note, _rows_said(len(rows), len(frame), table.heading(by))]
    of_all = [column for column in alike if frame[column].map(show).nunique() == 1]
    said += [_alike_said("In all", table, {column: alike[column] for column in of_all})]
    said += [_alike_said("In all that are printed", table, {c: alike[c] for c in alike if c not in of_all})]
    said.append(f"Not printed: {'; '.join(dropped)}." if dropped else "")
    if len(rows) < len(frame) or dropped:
        said.append(f"All is in {table.file}." if table.file else "All is on the page, report.html.")
    elif table.file:
        said.append(f"From {table.file}.")
    numeric = [is_numeric(frame[column]) for column in frame if str(column) in kept]
    lines = [list(line) for line in zip(*(cells[column] for column in kept), strict=True)]
    return Printed(
        table.title,
        table.file,
        list(kept.values()),
        numeric,
        lines,
        " ".join(text for text in said if text),
    )


def _alike_said(where: str, table: Table, alike: dict[str, str]) -> str:
    """Columns that have one text, in place of a column of it."""
    return f"{where}: {'; '.join(f'{table.heading(c)}: {text}' for c, text in alike.items())}." if alike else ""


def _rows_said(shown: int, every: int, by: str) -> str:
    if shown == every:
        return ""
    return (
        f"Printed are the {shown} of {every:,} rows with the smallest {by}."
        if by
        else (f"Printed are the first {shown} of {every:,} rows.")
    )


def named(tables: list[Table]) -> list[str]:
    """Of each table that is only on the page and in its file: title, rows, file."""
    return [f"{t.title} ({len(t.frame):,} rows; {t.file or 'report.html'})" for t in tables]
