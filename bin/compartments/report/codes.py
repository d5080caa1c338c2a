"""Names for readers of columns and of values that are codes: ``names.tsv`` of the template folder says them once."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from compartments.core.files import read_tsv

CODED = (  # columns with values that are codes
    "aspect", "call", "claim", "engine", "key", "kind", "level", "measure", "method", "metric", "scale", "stage",
    "status", "suggested", "threshold_source", "type",
)  # fmt: skip


class Codes:
    """Names of codes.

    Parameters
    ----------
    columns, values : mapping of str to str
        Code -> name. Others are said with blanks in place of underscores.
    """

    def __init__(self, columns: Mapping[str, str], values: Mapping[str, str]) -> None:
        self._columns, self._values = columns, values

    @classmethod
    def read(cls, path: Path) -> "Codes":
        """From a table ``kind (column, value), code, name``."""
        rows = read_tsv(path)
        kinds = {kind: dict(zip(of["code"], of["name"], strict=True)) for kind, of in rows.groupby("kind")}
        return cls(kinds.get("column", {}), kinds.get("value", {}))

    def column(self, code: str) -> str:
        """Heading of a column: ``number of cells`` of ``n_cells``, if it has no name of its own."""
        if code in self._columns:
            return self._columns[code]
        words = code.replace("_", " ")
        return f"number of {words[2:]}" if code.startswith("n_") else words

    def value(self, code: str) -> str:
        """A value in words."""
        return self._values.get(code, code.replace("_", " "))

    def told(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A table with its coded values in words."""
        coded = [column for column in CODED if column in frame]
        return frame.assign(**{column: frame[column].map(self._said, na_action="ignore") for column in coded})

    def _said(self, value: object) -> object:
        return self.value(value) if isinstance(value, str) else value
