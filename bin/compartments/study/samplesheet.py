"""The samplesheet: its columns, and what is wrong with them."""

import csv
import difflib
import io
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from compartments.core.errors import UserError
from compartments.core.vocabulary import DESCRIPTIONS, INPUTS, NUMBERS
from compartments.study.captures import check_captures
from compartments.study.columns import apart, unusable

REQUIRED = ["sample", "donor", "compartment", "condition"]
SYNONYMS = {
    "patient": "donor",
    "subject": "donor",
    "individual": "donor",
    "tissue": "compartment",
    "treatment": "condition",
    "timepoint": "condition",
    "time_point": "condition",
    "visit": "condition",
    "sample_id": "sample",
    "id": "sample",
    "total_cells_per_ul": "cells_per_ul",
}


def read_text(path: str | Path) -> str:
    """Content of a text file in UTF-8, with or without a byte order mark; anything else is a :class:`UserError`."""
    path = Path(path)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name}: not a text file in UTF-8 (byte {error.start}); save it as CSV UTF-8") from error


def parse_samplesheet(text: str, name: str = "samplesheet") -> pd.DataFrame:
    """Read and check a samplesheet, row by row.

    Parameters
    ----------
    text : str
        CSV or TSV; the delimiter is taken from the header line.
    name : str
        Named in messages.

    Returns
    -------
    DataFrame, one row per sample, all columns as strings except those of ``NUMBERS`` (Int64 where whole, else float);
    input columns always present, empty string where not given. Several rows of one donor, compartment and condition
    are captures of one specimen (:mod:`compartments.study.captures`). Columns named like the pipeline's own begin with
    ``sheet_``; ``attrs["renamed"]`` has them, old name to new.

    Raises
    ------
    UserError
        Naming row (the header is row 1), column and fix.
    """
    text = text.lstrip("\ufeff")
    header_line = text.split("\n", 1)[0]
    delimiter = max(",\t;", key=header_line.count)
    # Nextflow users comment out a sample by '#': such lines and blank ones do not count, row numbers stay true
    rows = [
        (number, [cell.strip() for cell in row])
        for number, row in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter), start=1)
        if any(cell.strip() for cell in row) and not row[0].lstrip().startswith("#")
    ]
    if not rows:
        raise UserError(f"{name} is empty: it needs a header with {', '.join(REQUIRED)} and one row per sample")
    header = rows[0][1]
    while header and header[-1] == "":
        header.pop()
    _check_header(header, name)
    renamed = apart(header)
    header = [renamed.get(column, column) for column in header]
    if len(rows) == 1:
        raise UserError(f"{name} has a header but no sample: add one row per sample")

    records: list[dict[str, str | int]] = []
    rows_of_samples: dict[str, int] = {}
    for number, cells in rows[1:]:
        if any(cells[len(header) :]):
            raise UserError(
                f"{name} row {number}: {len(cells)} fields but the header has {len(header)}; "
                "quote a value that contains the delimiter"
            )
        record = dict(zip(header, cells + [""] * (len(header) - len(cells)), strict=False))
        _check_record(record, name, number)
        sample = record["sample"]
        if sample in rows_of_samples:
            raise UserError(
                f"{name} row {number}, column sample: '{sample}' is already in row {rows_of_samples[sample]}; "
                "names are unique"
            )
        rows_of_samples[sample] = number
        records.append(record | {"row": number})
    frame = pd.DataFrame(records)
    for column in INPUTS:
        if column not in frame:
            frame[column] = ""
    for column in NUMBERS.keys() & frame.columns:
        kind = "Int64" if "whole" in NUMBERS[column] else float
        frame[column] = pd.to_numeric(frame[column]).astype(kind)
    _check_levels(frame, name)
    check_captures(frame, name)
    frame.attrs["renamed"] = renamed
    return frame


def _check_header(header: list[str], name: str) -> None:
    for column in header:
        if column == "":
            raise UserError(f"{name} row 1: an unnamed column between named ones; name it or remove it")
        if header.count(column) > 1:
            raise UserError(f"{name} row 1: column '{column}' is there twice; remove one")
        if why := unusable(column):
            raise UserError(f"{name} row 1: column '{column}' {why}; rename it")
    for column in REQUIRED:
        if column not in header:
            meant = [
                c for c in header if SYNONYMS.get(c.lower()) == column or c.lower() == column
            ] or difflib.get_close_matches(column, header, 1, 0.75)
            fix = f"rename '{meant[0]}' to '{column}'" if meant else f"add it; the header has {', '.join(header)}"
            raise UserError(f"{name} row 1: column '{column}' is missing; {fix}")
    for column in header:
        known = [*REQUIRED, *INPUTS, *NUMBERS, *DESCRIPTIONS]
        if column not in known:
            close = difflib.get_close_matches(column.lower(), known, 1, 0.85)
            if close and close[0] not in header:
                raise UserError(f"{name} row 1: column '{column}' looks like '{close[0]}'; rename it")


def _check_record(record: Mapping[str, str], name: str, number: int) -> None:
    for column in (*REQUIRED, "group"):
        value = record.get(column, "")
        if not value and column in REQUIRED:
            raise UserError(f"{name} row {number}, column {column}: empty; every sample needs a {column}")
        if value and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", value):
            raise UserError(
                f"{name} row {number}, column {column}: '{value}' may hold letters, digits, '.', '_', '-' and '+' only "
                "(it becomes part of file names)"
            )
    for column, kind in NUMBERS.items():
        value = record.get(column, "")
        if value and not _is_number(value, kind):
            raise UserError(f"{name} row {number}, column {column}: '{value}' is not {kind}; mend or empty it")
    if not any(record.get(column) for column in ("raw", "filtered", "cellbender")):
        if record.get("fastq_1") or record.get("fastq_2"):
            raise UserError(
                f"{name} row {number}, column fastq_1: this version starts from counts; count the reads first "
                "(Cell Ranger, STARsolo, alevin-fry, kb) and give the matrix as 'raw'"
            )
        raise UserError(
            f"{name} row {number} (sample '{record['sample']}'): no input; give 'raw', 'filtered' or 'cellbender'"
        )


def _is_number(text: str, kind: str) -> bool:
    try:
        value = float(text)
    except ValueError:
        return False
    if not np.isfinite(value) or value < 0 or ("positive" in kind and value == 0):
        return False
    if "at most 1" in kind and value > 1:
        return False
    return "whole" not in kind or value == int(value)


def _check_levels(frame: pd.DataFrame, name: str) -> None:
    for column in ("donor", "compartment", "condition", "group"):
        seen: dict[str, str] = {}
        for value in frame[column].unique() if column in frame else []:
            other = seen.setdefault(value.lower(), value)
            if other != value:
                row = frame.loc[frame[column] == value, "row"].iloc[0]
                raise UserError(
                    f"{name} row {row}, column {column}: '{value}' and '{other}' differ only in case; use one"
                )
    compartments, conditions = frame["compartment"].unique(), frame["condition"].unique()
    if len(compartments) < 2 and len(conditions) < 2:
        raise UserError(
            f"{name}: all samples have compartment '{compartments[0]}' and condition '{conditions[0]}', so there is "
            "nothing to compare; give samples of two conditions, or of two compartments of the same donors"
        )
