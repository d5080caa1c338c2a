"""A user's colours and order of lineages, for the page, the figures and print alike."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from compartments.core.errors import UserError
from compartments.core.sheets import read_sheet, shown

KINDS = ("lineage", "condition", "compartment")
COLUMNS = ("kind", "name", "colour")
COLOUR = re.compile("#[0-9a-fA-F]{6}")


class Palette(NamedTuple):
    """Colours by kind and name; empty where the usual ones stand.

    Attributes
    ----------
    colours : dict of (kind, name) to str
        ``#RRGGBB``.
    lineages : list of str
        In their order, the first on top; those that are not named follow.
    """

    colours: dict[tuple[str, str], str] = {}
    lineages: list[str] = []

    def told(self, name: Callable[[str], str]) -> "Palette":
        """The same, for lineages by their names for readers, too."""
        colours = {(kind, name(of)): colour for (kind, of), colour in self.colours.items() if kind == "lineage"}
        return Palette(colours | self.colours, [each for of in self.lineages for each in (of, name(of))])

    def of(self, kind: str, usual: dict[str, str]) -> dict[str, str]:
        """The usual colours of a kind, replaced where the file names others."""
        return {name: self.colours.get((kind, name), colour) for name, colour in usual.items()}

    def ordered(self, lineages: Iterable[str]) -> list[str]:
        """Lineages as the file orders them, then the others as they stood."""
        order = {name: place for place, name in reversed(list(enumerate(self.lineages)))}
        return sorted(lineages, key=lambda name: order.get(name, len(order)))


def read_palette(path: str | Path) -> Palette:
    """Read a table with ``kind`` (lineage, condition, compartment), ``name`` and ``colour`` (``#RRGGBB``, or empty for
    the usual one).

    Raises
    ------
    UserError
        Another kind, a colour in another form, a name twice, no row, colours in the first column.
    """
    where, table = f"--palette {Path(path).name}", read_sheet(path, COLUMNS)
    if table.columns[0] == "colour":  # each row would begin with #, as a comment does
        raise UserError(f"{where}: column 'colour' is the first, where a # leaves the row out; put it behind 'name'")
    colours: dict[tuple[str, str], str] = {}
    rows: dict[tuple[str, str], int] = {}
    for number, kind, name, colour in table[list(COLUMNS)].fillna("").itertuples(name=None):
        if kind not in KINDS:
            raise UserError(f"{where} row {number}: kind is '{shown(kind)}'; give {', '.join(KINDS)}")
        if not name:
            raise UserError(f"{where} row {number}: name is empty; give that of a {kind}")
        if colour and not COLOUR.fullmatch(colour):
            raise UserError(f"{where} row {number}: colour is '{shown(colour)}'; give it as #RRGGBB, such as #0072B2")
        if (kind, name) in rows:
            raise UserError(f"{where} row {number}: {kind} '{name}' is in row {rows[kind, name]}, too; keep one")
        rows[kind, name] = number
        colours |= {(kind, name): colour} if colour else {}
    if not rows:
        raise UserError(f"{where} has no row below its header; give one for each colour")
    return Palette(colours, [name for kind, name in rows if kind == "lineage"])


def unknown_names(palette: Palette, known: Mapping[str, Collection[str]]) -> list[str]:
    """Sentences on coloured names of a kind that the study does not have, as of another study or mistyped."""
    found = []
    for kind, names in known.items():
        if strange := [name for of, name in palette.colours if of == kind and name not in names]:
            found.append(f"--palette colours {kind} {', '.join(strange)}, which the study lacks: {', '.join(names)}")
    return found
