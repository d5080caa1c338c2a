"""What a section is built from: the results, their study, colours, and the words."""

from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from compartments.report.blocks import Table, Text
from compartments.report.figures.style import Colours, Words
from compartments.report.results import Results
from compartments.report.words import Wording
from compartments.study.study import Contrast, Study

TEMPLATE = Path(__file__).resolve().parents[3] / "assets" / "report"


class Page:
    """Tables, colours and words for the sections.

    Parameters
    ----------
    results : Results
    template : path
        Folder that holds ``words``.
    """

    def __init__(self, results: Results, template: Path = TEMPLATE) -> None:
        self.results = results
        self.wording = Wording(template / "words")

    @property
    def study(self) -> Study:
        """The study; a page without one builds no section that asks for it."""
        if self.results.study is None:
            raise ValueError("the results folder has no study")
        return self.results.study

    @property
    def base(self) -> str:
        """The reference compartment."""
        return self.study.reference_compartment

    @cached_property
    def colours(self) -> Colours:
        return Colours(self.study, self.results.lineages())

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """Parameters of the run, ``{}`` if they are not known."""
        return self.results.json("pipeline_info/params.json")

    def table(self, file: str) -> pd.DataFrame | None:
        """A table of the results, ``None`` if it is missing or has no row."""
        table = self.results.table(file)
        return None if table is None or table.empty else table

    def needed(self, file: str) -> pd.DataFrame:
        """A table that the section lists among its ``NEEDS``: it is there."""
        table = self.results.table(file)
        if table is None:
            raise ValueError(f"{file} is not among the NEEDS of this section")
        return table

    def words(self, key: str, behind: str, **values: Any) -> Words:
        """Words of a figure: :meth:`Wording.figure`."""
        return self.wording.figure(key, behind, **values)

    def text(self, key: str, level: str = "note", **values: Any) -> Text:
        """A paragraph."""
        return Text(self.wording.get(key, "text", values), level)

    def listing(
        self,
        key: str,
        frame: pd.DataFrame,
        file: str,
        *,
        name: str = "",
        cut: str = "",
        folded: bool = False,
        **values: Any,
    ) -> Table:
        """A table with its title and note.

        Parameters
        ----------
        name : str
            Default: that of the entry.
        cut : str
            How it was cut, as :func:`captions.first_rows` says it.
        """
        note = self.wording.get(key, "note", values) if self.wording.has(key, "note") else ""
        title = self.wording.get(key, "title", values)
        return Table(name or key.partition(".")[2], title, frame, file, f"{note} {cut}".strip(), folded)


def arms(contrast: Contrast) -> str:
    """``treated against untreated``."""
    return f"{contrast.condition} against {contrast.reference}"


def tagged(contrast: Contrast, compartment: str) -> str:
    """End of a figure's name."""
    return f"{contrast.contrast}_{compartment}"


def flags(column: pd.Series) -> pd.Series:
    """``true`` of a table as a truth."""
    return column.astype(str).str.lower().eq("true")
