"""The data dictionary: what every column of every output file means. One source, ``assets/dictionary.tsv``.

``docs/results/output.md`` is written from it (``tools/make_docs.py``), and the report explains its tables with it.
"""

import csv
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

DICTIONARY = Path(__file__).resolve().parents[3] / "assets" / "dictionary.tsv"
COLUMNS = ["file", "step", "column", "type", "unit", "need", "meaning"]


def load(path: str | Path = DICTIONARY) -> list[dict[str, str]]:
    """Rows of the dictionary.

    Returns
    -------
    list of dict, keys ``COLUMNS``
        A row without ``column`` describes the file itself.
    """
    with open(path, newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))


def meanings(rows: list[dict[str, str]], file: str) -> dict[str, str]:
    """Column -> meaning (with its unit) of one output file, as ``composition/effects.tsv``.

    Parameters
    ----------
    rows : list of dict
        From :func:`load`; ``*`` in their ``file`` stands for any part of a name.
    file : str
        Path in the results folder.
    """
    return {
        row["column"]: row["meaning"] + (f" ({row['unit']})" if row["unit"] else "")
        for row in rows
        if row["column"] and fnmatch(file, row["file"])
    }


def tables_of(rows: list[dict[str, str]], step: str) -> dict[str, list[tuple[str, str]]]:
    """Files that a step writes: place -> (column, need) of its columns, in order."""
    files = [row["file"] for row in rows if not row["column"] and step in row["step"].split(", ")]
    return {
        file: [(row["column"], row["need"]) for row in rows if row["column"] and row["file"] == file] for file in files
    }


def undocumented(rows: list[dict[str, str]], file: str, columns: Iterable[str]) -> list[str]:
    """Columns of ``file`` that the dictionary does not have; ``*`` may be part of a column's name."""
    known = [row["column"] for row in rows if row["column"] and fnmatch(file, row["file"])]
    return [column for column in columns if not any(fnmatch(column, pattern) for pattern in known)]


def markdown(rows: list[dict[str, str]]) -> str:
    """``docs/results/output.md``: one heading and one table per file, in the order of the dictionary."""
    lines = [
        "# Output",
        "",
        "<!-- Written by tools/make_docs.py from assets/dictionary.tsv; change it there. -->",
        "",
        "Tables are tab-separated text with a header, `.gz` where large; they open in spreadsheets and R. Effects are",
        "log2, intervals are 95 %, an empty field is a value that does not exist (a p-value where too few donors are).",
        "`*` in a name stands for a sample, a contrast or a model.",
    ]
    for file in dict.fromkeys(row["file"] for row in rows):
        own = [row for row in rows if row["file"] == file]
        lines += ["", f"## {file}", "", *(_escaped(row["meaning"]) for row in own if not row["column"])]
        columns = [row for row in own if row["column"]]
        if columns:
            lines += ["", "| column | type | unit | meaning |", "|---|---|---|---|"]
            lines += [
                "| " + " | ".join([f"`{row['column']}`", row["type"], row["unit"], _escaped(row["meaning"])]) + " |"
                for row in columns
            ]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    for character in "|*<":
        text = text.replace(character, "\\" + character)
    return text
