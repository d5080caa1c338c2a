"""References of the page."""

import re
from pathlib import Path

REFERENCE = re.compile(
    r"(?P<authors>.+?)\. (?P<title>.+)\. (?P<journal>[^.;]+) (?P<year>\d{4});(?P<place>[^;]+)\."
)  # as Wolf FA, Theis FJ. Title. Journal 2018;19:15.


class Citations:
    """Numbered references in order of first use, from ``references.tsv`` (``key, text, doi``)."""

    def __init__(self, path: Path) -> None:
        rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:] if line]
        self._all = {key: (text, doi) for key, text, doi in rows}
        self._used: list[str] = []

    def cite(self, *keys: str) -> str:
        """``[1, 2]``; an unknown key is an error of the template."""
        for key in keys:
            if key not in self._all:
                raise KeyError(f"references.tsv has no '{key}'")
            if key not in self._used:
                self._used.append(key)
        return "[" + ", ".join(str(self._used.index(key) + 1) for key in keys) + "]"

    def used(self) -> list[tuple[str, str]]:
        """(text, doi) in order."""
        return [self._all[key] for key in self._used]

    def as_text(self) -> str:
        """The references as numbered lines."""
        rows = enumerate(self.used(), 1)
        return "\n".join(f"{i}. {text}" + (f" doi:{doi}" if doi else "") for i, (text, doi) in rows)

    def as_bibtex(self) -> str:
        """The references as BibTeX, by their keys."""
        return "\n\n".join(bibtex(key, *self._all[key]) for key in self._used)


def bibtex(key: str, text: str, doi: str) -> str:
    """An entry of a reference in the form of ``references.tsv``.

    Raises
    ------
    ValueError
        The text is not ``authors. title. journal year;volume:pages.``
    """
    parts = REFERENCE.fullmatch(text)
    if not parts:
        raise ValueError(f"references.tsv: '{key}' is not 'authors. title. journal year;volume:pages.'")
    volume, _, pages = parts["place"].partition(":")
    fields = {
        "author": " and ".join(_author(name) for name in parts["authors"].split(", ")),
        "title": f"{{{parts['title']}}}",
        "journal": parts["journal"],
        "year": parts["year"],
        "volume": volume,
        "pages": pages.replace("-", "--"),
        "doi": doi,
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return ",\n".join([f"@article{{{key}", *lines]) + "\n}"


def _author(name: str) -> str:
    """``Lun, A. T. L.`` of ``Lun ATL``; a group stays whole."""
    family, _, initials = name.rpartition(" ")
    if name == "et al":
        return "others"
    if not (family and initials.isupper()):
        return f"{{{name}}}"
    return f"{family}, {' '.join(f'{letter}.' for letter in initials)}"
