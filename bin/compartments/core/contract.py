"""The contract of a step: which tables it writes, with which columns in which order, and which parameters it takes.

``assets/dictionary.tsv`` and ``nextflow_schema.json`` say all of it once. Tasks elsewhere have neither, so
``tools/make_docs.py`` writes each step's part of them beside the step (``<package>/<step>.json``): a new column or
parameter touches, and with ``-resume`` repeats, that step alone.
"""

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from compartments.core.files import write_json, write_parquet, write_tsv

if TYPE_CHECKING:
    import pandas as pd

PACKAGES = Path(__file__).resolve().parents[1]


class ContractError(Exception):
    """A step breaks its contract: a defect of the pipeline, not of the input."""


class MissingColumn(ContractError):
    """A table lacks a column that the dictionary says it has."""


class Contract(NamedTuple):
    """What a step may write and is given.

    Attributes
    ----------
    step : str
    tables : dict of str to list of (column, need)
        Place in the results folder, where ``*`` stands for any part of a name, to its columns in order. ``need`` is
        empty or ``optional``; ``*`` in a column stands for any part of its name.
    parameters : dict of str to dict
        Definitions as in ``nextflow_schema.json``.
    """

    step: str
    tables: dict[str, list[tuple[str, str]]]
    parameters: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, step: str) -> "Contract":
        """Contract of a step; an empty one for a step that writes no public file and takes no parameter."""
        for path in PACKAGES.glob(f"*/{step}.json"):
            read = json.loads(path.read_text(encoding="utf-8"))
            tables = {file: [(name, need) for name, need in columns] for file, columns in read["tables"].items()}
            return cls(step, tables, read["parameters"])
        return cls(step, {}, {})

    def columns(self, place: str) -> list[tuple[str, str]]:
        """Columns of the table at ``place``, as in :attr:`tables`."""
        for file, listed in self.tables.items():
            if fnmatchcase(place, file):
                return listed
        raise ContractError(f"{self.step} writes no {place} by assets/dictionary.tsv")

    def names(self, place: str) -> list[str]:
        """Columns that the table at ``place`` always has, in order: those of an empty one."""
        return [name for name, need in self.columns(place) if not need and "*" not in name]

    def ordered(self, found: list[str], place: str) -> list[str]:
        """``found`` in the order of the dictionary.

        A table with further columns (``*``) keeps its own order: they are the samplesheet's or another step's.

        Raises
        ------
        ContractError
            A column that the dictionary does not know; :class:`MissingColumn` where one is missing.
        """
        missing = [name for name, need in self.columns(place) if not need and "*" not in name and name not in found]
        if missing:
            raise MissingColumn(f"{place} lacks column '{missing[0]}' of assets/dictionary.tsv")
        positions = self.known(found, place)
        if any(name == "*" for name, _need in self.columns(place)):
            return found
        return sorted(found, key=lambda column: positions[column])

    def known(self, found: list[str], place: str) -> dict[str, int]:
        """Position in the dictionary of every column of ``found``.

        Raises
        ------
        ContractError
            A column that the dictionary does not know.
        """
        names = [name for name, _need in self.columns(place)]
        positions = {}
        for column in found:
            matching = [i for i, name in enumerate(names) if name == column] or [
                i for i, name in enumerate(names) if "*" in name and fnmatchcase(column, name)
            ]
            if not matching:
                raise ContractError(f"{place} has column '{column}', which assets/dictionary.tsv does not know")
            positions[column] = matching[0]
        return positions

    def write(self, table: "pd.DataFrame", place: str) -> None:
        """Write a table to its place below the working directory, columns in the order of the dictionary.

        Parameters
        ----------
        table : DataFrame
            With neither rows nor columns it becomes an empty one with :meth:`names`.
        place : str
            As in the results folder, such as ``composition/effects.tsv``; format by its ending (``.tsv``, ``.tsv.gz``,
            ``.parquet``).

        Raises
        ------
        ContractError
            A column that the dictionary does not know, or one that it has and the table lacks.
        """
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        if table.shape == (0, 0):
            import pandas as pd

            table = pd.DataFrame(columns=self.names(place))
        ordered = table[self.ordered(list(table.columns), place)]
        (write_parquet if place.endswith(".parquet") else write_tsv)(ordered, place)

    def write_summary(self, summary: dict[str, Any], place: str) -> None:
        """Write a JSON summary to its place, keys in the order given; all must be in the dictionary."""
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        self.known(list(summary), place)
        write_json(summary, place)
