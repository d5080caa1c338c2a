"""The words of the page: ``words/<section>.toml`` of the template folder, one entry for each figure, table, paragraph.

An entry may have ``title``, ``read`` (how to read a figure), ``alt`` (the figure in words), ``note`` (of a table) and
``text`` (a paragraph); ``behind`` where more than the count stands there. ``{name}`` in them is filled in. A part may
have variants, such as ``title_apart``: which one, the caller says. What a figure's words say of the screen alone stands
in ``<<`` and ``>>``: it is not printed.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from compartments.report.figures.style import Words

SCREEN = re.compile("<<(.*?)>>")


class Wording:
    """All entries of a folder.

    Parameters
    ----------
    folder : path
        Holds ``<section>.toml``.
    """

    def __init__(self, folder: Path) -> None:
        self._entries = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.toml"))}

    def get(self, key: str, part: str, values: dict[str, Any], variant: str = "") -> str:
        """A ``part`` of the entry ``section.name``, filled in, its variant where it has that one.

        An unknown entry or value is a defect: ``KeyError``.
        """
        section, _, name = key.partition(".")
        entry = self._entries[section][name]
        return entry.get(f"{part}_{variant}", entry[part]).format(**values)

    def has(self, key: str, part: str) -> bool:
        """True if the entry has this part."""
        section, _, name = key.partition(".")
        return part in self._entries[section][name]

    def figure(self, key: str, behind: str, variant: str = "", **values: Any) -> Words:
        """Title, caption and alternative text of a figure.

        Parameters
        ----------
        behind : str
            What the figure rests on, counted in what it draws: from :mod:`captions`.
        variant : str
            Of the parts that have it.
        """
        counted = self.get(key, "behind", values | {"behind": behind}) if self.has(key, "behind") else behind
        title, read, alt = (self.get(key, part, values, variant) for part in ("title", "read", "alt"))
        caption = f"How to read it: {read} Behind it: {counted}."
        return Words(title, SCREEN.sub(r"\1", caption), alt, SCREEN.sub("", caption))
