"""The samplesheet: its columns, and what is wrong with them."""

import difflib
import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from compartments.core.errors import UserError
from compartments.core.numbers import number_in
from compartments.core.sheets import parse, shown
from compartments.core.vocabulary import CHOICES, DESCRIPTIONS, INPUTS, LIMITS, NUMBERS, READS
from compartments.study.captures import check_captures
from compartments.study.columns import apart, unusable

NAME = "[A-Za-z0-9][A-Za-z0-9._+-]*"  # becomes part of file names
LONGEST = 100  # characters of a name: file systems take 255 for a file's, which holds up to two
MOST = 1_000_000_000_000  # of anything that is counted
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
    DataFrame, one row per sample, all columns as strings except those of ``NUMBERS`` and ``LIMITS`` (Int64 where whole,
    else float); input columns always present, empty string where not given. Several rows of one donor, compartment and
    condition are captures of one specimen (:mod:`compartments.study.captures`). Columns named like the pipeline's own
    begin with ``sheet_``; ``attrs["renamed"]`` has them, old name to new.

    Raises
    ------
    UserError
        Naming row (the header is row 1), column and fix.
    """
    header, header_row, found = parse(text, name, REQUIRED)
    if not header:
        raise UserError(f"{name} is empty: it needs a header with {', '.join(REQUIRED)} and one row per sample")
    _check_header(header, f"{name} row {header_row}")
    renamed = apart(header)
    header = [renamed.get(column, column) for column in header]
    rows = list(found)
    if not rows:
        raise UserError(f"{name} has a header but no sample: add one row per sample")

    records: list[dict[str, str | int]] = []
    rows_of_samples: dict[str, int] = {}
    for number, cells in rows:
        record = dict(zip(header, cells, strict=True))
        record |= {column: ";".join(lanes_in(record[column])) for column in READS if column in record}
        _check_record(record, name, number)
        sample = record["sample"]
        if sample in rows_of_samples and record.get("fastq_1"):
            add_lanes(next(one for one in records if one["sample"] == sample), record, name, number)
            continue
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
    numbers = NUMBERS | LIMITS
    for column in numbers.keys() & frame.columns:
        kind = "Int64" if "whole" in numbers[column] else float
        frame[column] = pd.to_numeric(frame[column]).astype(kind)
    _check_levels(frame, name)
    check_captures(frame, name)
    if renamed:
        # what a table carries is copied by whatever is done with it
        frame.attrs["renamed"] = renamed
    return frame


def _check_header(header: list[str], place: str) -> None:
    for column in REQUIRED:
        if column not in header:
            meant = [
                c for c in header if SYNONYMS.get(c.lower()) == column or c.lower() == column
            ] or difflib.get_close_matches(column, header, 1, 0.75)
            fix = f"add it; the header has {', '.join(map(shown, header))}"
            if meant:
                fix = f"rename '{shown(meant[0])}' to '{column}'"
            elif len(header) == 1:
                fix = f"put commas, tabs or semicolons between columns: the header is '{shown(header[0])}'"
            raise UserError(f"{place}: column '{column}' is missing; {fix}")
    known = [*REQUIRED, *INPUTS, *NUMBERS, *DESCRIPTIONS, *CHOICES]
    for column in header:
        if why := unusable(column):
            raise UserError(f"{place}: column '{shown(column)}' {why}; rename it")
        if column not in known and column not in LIMITS:
            plain = re.sub("[^a-z0-9]+", "_", column.lower()).strip("_")
            # n_counts is nobody's min_counts
            limits = [limit for limit in LIMITS if plain.startswith(limit.split("_")[0])]
            close = difflib.get_close_matches(plain, [*known, *limits], 1, 0.85)
            if close and close[0] not in header:
                raise UserError(f"{place}: column '{shown(column)}' looks like '{close[0]}'; rename it")


def _check_record(record: Mapping[str, str], name: str, number: int) -> None:
    for column in (*REQUIRED, "group"):
        value = record.get(column, "")
        if not value and column in REQUIRED:
            raise UserError(f"{name} row {number}, column {column}: empty; every sample needs a {column}")
        if len(value) > LONGEST:
            raise UserError(
                f"{name} row {number}, column {column}: '{shown(value)}' has {len(value)} characters; give at most "
                f"{LONGEST} (it becomes part of file names)"
            )
        if value and not re.fullmatch(NAME, value):
            raise UserError(
                f"{name} row {number}, column {column}: '{shown(value)}' may hold letters, digits, '.', '_', '-' and "
                "'+' only (it becomes part of file names)"
            )
    for column in INPUTS:
        for text in lanes_in(record.get(column, "")) if column in READS else [record.get(column, "")]:
            if problem := _of_path(text):
                raise UserError(f"{name} row {number}, column {column}: '{shown(text)}' {problem}")
    for column, kind in (NUMBERS | LIMITS).items():
        value = record.get(column, "")
        if value and (problem := _of_number(value, kind)):
            raise UserError(f"{name} row {number}, column {column}: '{shown(value)}' {problem}; mend or empty it")
    for column, words in CHOICES.items():
        value = record.get(column, "")
        if value and value not in words:
            raise UserError(
                f"{name} row {number}, column {column}: '{shown(value)}' is not one of {', '.join(words)}; mend or "
                "empty it"
            )
    _check_inputs(record, name, number)


def _check_inputs(record: Mapping[str, str], name: str, number: int) -> None:
    """Counts or reads, of which each lane has two files."""
    counts = [column for column in ("raw", "filtered", "cellbender") if record.get(column)]
    first, second = (lanes_in(record.get(column, "")) for column in READS)
    if not counts and not first and not second:
        inputs = "give 'raw', 'filtered' or 'cellbender', or 'fastq_1' and 'fastq_2'"
        raise UserError(f"{name} row {number} (sample '{record['sample']}'): no input; {inputs}")
    if counts and (first or second):
        raise UserError(
            f"{name} row {number}, column fastq_1: the row has counts, too (column {counts[0]}); give reads or counts, "
            "and empty the other"
        )
    if len(first) != len(second):
        raise UserError(
            f"{name} row {number}, column fastq_2: {len(second)} files for {len(first)} in fastq_1; give two for each "
            "lane, in the same order, lanes separated by ';'"
        )
    for column, files in zip(READS, (first, second), strict=True):
        for text in files:
            if not re.search(r"\.(fastq|fq)(\.gz)?$", text):
                raise UserError(
                    f"{name} row {number}, column {column}: '{shown(text)}' does not end in .fastq, .fastq.gz, .fq or "
                    ".fq.gz; give reads, or counts in column raw"
                )
            if [*first, *second].count(text) > 1:
                raise UserError(f"{name} row {number}, column {column}: '{shown(text)}' is given twice; name it once")


def lanes_in(text: str) -> list[str]:
    """Files of a cell of ``fastq_1`` or ``fastq_2``: those of several lanes are separated by ``;``."""
    return [part.strip() for part in text.split(";") if part.strip()]


def add_lanes(record: dict[str, str | int], further: Mapping[str, str], name: str, number: int) -> None:
    """Add the lanes of a further row of a sample to its first one; all else that they say must agree.

    Raises
    ------
    UserError
        The row says something else of the sample, or gives a file again.
    """
    if not record.get("fastq_1"):
        raise UserError(
            f"{name} row {number}, column fastq_1: sample '{record['sample']}' has counts in row {record['row']}; give "
            "reads or counts"
        )
    for column, value in further.items():
        if column not in READS and value != record[column]:
            raise UserError(
                f"{name} row {number}, column {column}: '{shown(value)}', but '{shown(str(record[column]))}' in row "
                f"{record['row']}: rows of one sample are its lanes and agree in all but the files"
            )
        if column in READS:
            known = lanes_in(str(record[column]))
            if again := [text for text in lanes_in(value) if text in known]:
                raise UserError(f"{name} row {number}, column {column}: '{shown(again[0])}' is in row {record['row']}")
            record[column] = ";".join([*known, *lanes_in(value)])


def _of_path(text: str) -> str:
    """What is wrong with a path as it is written; empty if nothing is."""
    if re.match("~[^/]", text):
        return "begins with '~', which only a shell understands; write the folder out"
    if "\\" in text:
        return "is written as on Windows; write it as this machine sees it, with '/', such as /mnt/c/data/m.h5"
    hidden = next((c for c in text if not c.isprintable()), "")
    return f"holds a character that cannot be seen (U+{ord(hidden):04X}); type the path anew" if hidden else ""


def _of_number(text: str, kind: str) -> str:
    """What is wrong with a number as it is written; empty if nothing is."""
    value = number_in(text)
    most = 1 if "at most 1" in kind else 100 if "to 100" in kind else np.inf
    if value is None or value < 0 or ("positive" in kind and value == 0) or value > most:
        return f"is not {kind}"
    if "whole" in kind and value != int(value):
        return f"is not {kind}"
    return f"is more than {MOST:,}" if value > MOST else ""


def _check_levels(frame: pd.DataFrame, name: str) -> None:
    for column in ("sample", "donor", "compartment", "condition", "group"):
        seen: dict[str, str] = {}
        for value in frame[column].unique() if column in frame else []:
            other = seen.setdefault(value.lower(), value)
            if other != value:
                place = f"{name} row {frame.loc[frame[column] == value, 'row'].iloc[0]}, column {column}"
                fix = "some file systems take them for one; name them apart" if column == "sample" else "use one"
                raise UserError(f"{place}: '{value}' and '{other}' differ only in case; {fix}")
    compartments, conditions = frame["compartment"].unique(), frame["condition"].unique()
    if len(compartments) < 2 and len(conditions) < 2:
        raise UserError(
            f"{name}: all samples have compartment '{compartments[0]}' and condition '{conditions[0]}', so there is "
            "nothing to compare; give samples of two conditions, or of two compartments of the same donors"
        )
