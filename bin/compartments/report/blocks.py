"""What a section is made of besides figures: tables, paragraphs, answers."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from compartments.report.figures.style import Figure


@dataclass(frozen=True)
class Table:
    """A table on the page.

    Attributes
    ----------
    name : str
        Unique on the page.
    title : str
    frame : DataFrame
    file : str
        The output file it comes from: linked, and explained by the dictionary. Empty if there is none.
    note : str
    folded : bool
        Shown only when opened.
    headings : dict of str to str
        Column -> what stands over it, where that is not its name.
    """

    name: str
    title: str
    frame: pd.DataFrame
    file: str = ""
    note: str = ""
    folded: bool = False
    headings: dict[str, str] = field(default_factory=dict)

    kind = "table"

    def __post_init__(self) -> None:
        # no p-value without its tier: the tier stands before the first of them
        columns = list(self.frame.columns)
        first = next((c for c in columns if c in ("p_value", "q_value", "call_p")), None)
        if first and "tier" in columns:
            columns.remove("tier")
            columns.insert(columns.index(first), "tier")
            object.__setattr__(self, "frame", self.frame[columns])

    def heading(self, column: str) -> str:
        """What stands over a column."""
        return self.headings.get(column, column)


@dataclass(frozen=True)
class Text:
    """A paragraph: a ``note``, ``warning``, ``heading`` or ``question``, or what is ``missing``."""

    text: str
    level: str = "note"

    kind = "text"


@dataclass(frozen=True)
class Answer:
    """The answer to a question for one contrast and compartment: summary rows of ``findings.tsv``."""

    rows: list[dict[str, Any]]
    heading: str = ""

    kind = "answer"


@dataclass(frozen=True)
class Glance:
    """All answers on one screen: (question number, question, comparison or empty, answer) each; an answer has its
    ``picture`` and what would ``change`` it.

    Attributes
    ----------
    drawn : str
        What the pictures show, in words.
    limits : list of str
        What bears on all of them.
    """

    rows: list[tuple[int, str, str, dict[str, Any]]]
    drawn: str = ""
    limits: list[str] = field(default_factory=list)

    kind = "glance"


@dataclass(frozen=True)
class Picker:
    """A field to find one sample among many, which figures then mark."""

    samples: list[str]

    kind = "picker"


Block = Table | Text | Answer | Glance | Picker | Figure


@dataclass
class Section:
    """A part of the page.

    Attributes
    ----------
    name, title : str
    blocks : list of Block
    finished : bool
        False if it holds one line on why there is nothing.
    warning : str
        Why it could not be made of what is there; else empty.
    """

    name: str
    title: str
    blocks: list[Block] = field(default_factory=list)
    finished: bool = True
    warning: str = ""
