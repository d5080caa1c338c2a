"""References of the page."""

from pathlib import Path


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
