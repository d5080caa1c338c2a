"""The blocks of a section as they lie on paper: what is said, figures side by side, tables, and what is in files."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from compartments.report.blocks import Answer, Block, Glance, Table, Text
from compartments.report.figures.style import Figure
from compartments.report.paper.drawing import NARROW, width_of
from compartments.report.paper.tables import Printed, named, printed

PARTS = ("heading", "question")  # levels of a text that begin a part


@dataclass
class Part:
    """What follows a heading, or an answer.

    Attributes
    ----------
    heading : Text or None
    texts : list of Text
    answer : Answer or None
    rows : list of list of Figure
        Each has room in one row.
    tables : list of Printed
    files : list of str
        Tables that are not printed: title, number of rows, file.
    """

    heading: Text | None = None
    texts: list[Text] = field(default_factory=list)
    answer: Answer | None = None
    rows: list[list[Figure]] = field(default_factory=list)
    tables: list[Printed] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def arranged(blocks: Iterable[Block], elsewhere: Sequence[str] = ()) -> list[Part]:
    """Parts of a section: every block is in one of them, but for the first screen's.

    Parameters
    ----------
    elsewhere : sequence of str
        Names of figures that are printed elsewhere.
    """
    parts, own = [], list[Block]()
    for block in blocks:
        if isinstance(block, Answer) or (isinstance(block, Text) and block.level in PARTS):
            parts.append(_part(own, elsewhere))
            own = []
        if not isinstance(block, Glance):
            own.append(block)
    parts.append(_part(own, elsewhere))
    return [part for part in parts if part != Part()]


def _part(blocks: list[Block], elsewhere: Sequence[str]) -> Part:
    every = [block for block in blocks if isinstance(block, Table)]
    texts = [block for block in blocks if isinstance(block, Text)]
    figures = [block for block in blocks if isinstance(block, Figure) and block.name not in elsewhere]
    return Part(
        heading=next((text for text in texts if text.level in PARTS), None),
        texts=[text for text in texts if text.level not in PARTS],
        answer=next((block for block in blocks if isinstance(block, Answer)), None),
        rows=rows_of(figures),
        tables=[printed(table) for table in every if not table.folded],
        files=named([table for table in every if table.folded]),
    )


def rows_of(figures: Iterable[Figure]) -> list[list[Figure]]:
    """Figures of one column two and two, the others alone; in their order but for one that waits for its neighbour."""
    rows: list[list[Figure]] = []
    waiting: list[Figure] | None = None
    for figure in figures:
        if width_of(figure) > NARROW:
            rows.append([figure])
        elif waiting is not None:
            waiting.append(figure)
            waiting = None
        else:
            rows.append(waiting := [figure])
    return rows
