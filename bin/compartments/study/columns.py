"""Names of the samplesheet's columns, kept apart from those that the pipeline makes."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence

from compartments.core.vocabulary import OWN_COLUMNS, OWN_PATTERN

APART = "sheet_"


def is_own(column: str) -> bool:
    """Whether the pipeline has a column of that name for something else."""
    return column in OWN_COLUMNS or bool(OWN_PATTERN.fullmatch(column))


def apart(columns: Sequence[str], taken: Callable[[str], bool] = is_own) -> dict[str, str]:
    """New names of the columns whose names are ``taken``: ``sheet_`` in front, as often as it needs to be unique.

    Parameters
    ----------
    columns : sequence of str
        All of the table.
    taken : callable
        Whether a name may not stay.

    Returns
    -------
    dict, name -> new name
    """
    used = {column for column in columns if not taken(column)}
    renamed: dict[str, str] = {}
    for column in columns:
        if taken(column):
            name = APART + column
            while name in used:
                name = APART + name
            used.add(name)
            renamed[column] = name
    return renamed


def note(given: str, column: str) -> str:
    """What is said of a column that has another name."""
    return (
        f"column '{given}' of the samplesheet is called '{column}' in all results: '{given}' is a column that the "
        "pipeline makes"
    )


def renamed_in(columns: Iterable[str], said: Collection[str]) -> dict[str, str]:
    """Names that a samplesheet had, by its columns as the results have them and what was said of it.

    Parameters
    ----------
    columns : iterable of str
    said : collection of str
        Warnings of the study: :func:`note` tells such a column from one that the user called so.

    Returns
    -------
    dict, name -> new name
    """
    were = {column: re.sub(f"^({APART})+", "", column) for column in columns if column.startswith(APART)}
    return {given: column for column, given in were.items() if note(given, column) in said}


def unusable(column: str) -> str:
    """Why no table or HDF5 file can have a column of that name; empty if they can."""
    if "/" in column:
        return "holds '/', which separates levels in HDF5 files"
    if column in ("_index", "."):
        return "is kept by HDF5 files for themselves"
    return ""
