"""Which conditions are compared: the reference levels and the contrasts table."""

import csv
import difflib
import io
import re
from collections.abc import Collection, Iterable

import pandas as pd

from compartments.core.errors import UserError

OBVIOUS_COMPARTMENTS = {"blood", "pb", "pbmc", "pbmcs", "peripheral_blood", "whole_blood"}
OBVIOUS_CONDITIONS = {"control", "controls", "ctrl", "untreated", "healthy", "hc", "placebo", "vehicle", "baseline"}


def choose_reference(values: Iterable[str], given: str, obvious: Collection[str], column: str) -> str:
    """The reference level: the given one, else the only obvious one.

    Raises
    ------
    UserError
        Unknown level, or none that is obvious: the choice is asked for by parameter name.
    """
    values = list(dict.fromkeys(values))
    if given:
        if given not in values:
            close = difflib.get_close_matches(given, values, 1, 0.5)
            hint = f"did you mean '{close[0]}'?" if close else f"the samplesheet has {', '.join(values)}"
            raise UserError(f"--reference_{column} '{given}' is not in column {column} of the samplesheet; {hint}")
        return given
    likely = [value for value in values if value.lower() in obvious]
    if len(likely) == 1:
        return likely[0]
    raise UserError(
        f"column {column} has {', '.join(values)} and no obvious reference: choose one with --reference_{column}"
    )


def parse_contrasts(text: str, conditions: Collection[str], name: str = "contrasts") -> pd.DataFrame:
    """Read a contrasts table: columns ``condition, reference`` and optionally ``contrast`` (its name).

    Raises
    ------
    UserError
        Missing column, unknown level, the same level twice, a repeated name.
    """
    text = text.lstrip("\ufeff")
    delimiter = max(",\t;", key=text.split("\n", 1)[0].count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    for column in ("condition", "reference"):
        if column not in (reader.fieldnames or []):
            raise UserError(f"{name} row 1: column '{column}' is missing; a contrasts table has condition, reference")
    rows: list[dict[str, str]] = []
    for number, row in enumerate(reader, start=2):
        row = {key: (value or "").strip() for key, value in row.items() if key}
        for column in ("condition", "reference"):
            if row[column] not in conditions:
                raise UserError(
                    f"{name} row {number}, column {column}: '{row[column]}' is not a condition of the samplesheet; "
                    f"it has {', '.join(conditions)}"
                )
        if row["condition"] == row["reference"]:
            raise UserError(f"{name} row {number}: condition and reference are both '{row['reference']}'")
        label = row.get("contrast") or f"{row['condition']}_vs_{row['reference']}"
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", label):
            raise UserError(
                f"{name} row {number}, column contrast: '{label}' may hold letters, digits, '.', '_' and '-'"
            )
        if label in [r["contrast"] for r in rows]:
            raise UserError(f"{name} row {number}: contrast '{label}' is there twice; name them apart")
        rows.append({"contrast": label, "condition": row["condition"], "reference": row["reference"]})
    if not rows:
        raise UserError(f"{name} has no contrast: add a row with condition and reference")
    return pd.DataFrame(rows)
