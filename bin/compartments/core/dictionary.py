"""The data dictionary: what every column of every output file means. One source, ``assets/dictionary.tsv``.

``docs/results/output.md`` is written from it (``tools/make_docs.py``), and the report explains its tables with it.
"""

import csv
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
