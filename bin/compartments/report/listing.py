"""Tables as the browser lists them: names and kinds of columns, their meanings, and the values, column by column."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from compartments.findings import designs
from compartments.report.blocks import Table
from compartments.report.figures.style import clean
from compartments.report.numbers import is_numeric
from compartments.report.paper.tables import printed
from compartments.study.study import COMPARTMENTS, Study


def data_of(table: Table, meanings: Mapping[str, str], *, linked: bool = False) -> dict[str, Any]:
    """What the browser lists of a table.

    Parameters
    ----------
    meanings : mapping
        Column -> what it means; columns that it lacks are not explained.
    linked : bool
        The table's file lies beside the page.
    """
    frame = table.frame
    columns = []
    for name in map(str, frame):
        kind = _kind(name, frame[name])
        values = clean(frame[name].astype(object).where(frame[name].notna(), None).tolist())
        if kind != "number":
            values = [value if value is None or isinstance(value, bool) else str(value) for value in values]
        known = {"name": name, "heading": table.heading(name), "meaning": meanings.get(name, "")}
        columns.append(known | {"kind": kind, "values": values})
    paper = printed(table)
    rows = {"columns": paper.columns, "numeric": paper.numeric, "rows": paper.rows, "note": paper.note}
    about: dict[str, Any] = {"title": table.title, "file": table.file, "linked": linked, "rows": len(frame)}
    return about | {"columns": columns, "printed": rows}


def _kind(name: str, column: pd.Series) -> str:
    """How a column is shown: ``number``, ``tier``, ``link``, ``hash`` or ``text``."""
    if is_numeric(column):
        return "number"
    return {"tier": "tier", "file": "link", "SHA-256": "hash"}.get(name, "text")


def in_words(frame: pd.DataFrame, study: Study | None) -> pd.DataFrame:
    """A table whose contrasts, terms and calls are said as elsewhere on the page."""
    told = frame
    if "contrast" in frame and study is not None:
        known = {contrast.contrast: designs.compared(contrast) for contrast in study.asked()}
        told = told.assign(contrast=frame["contrast"].map(lambda name: known.get(name, name)))
    if "term" in frame:
        told = told.assign(term=frame["term"].map(term))
    if "verdict" in frame:
        told = told.assign(verdict=told["verdict"].replace("cannot_tell", "cannot be told").map(_spaced))
    return told


def term(name: Any) -> Any:
    """``in CSF`` of ``within:CSF``."""
    known = {"interaction": "difference between compartments", COMPARTMENTS: "between compartments"}
    return known.get(name, f"in {name.removeprefix('within:')}") if isinstance(name, str) else name


def _spaced(value: Any) -> Any:
    return value.replace("_", " ") if isinstance(value, str) else value
