"""What INSPECT_INPUT kept of the files that tell cells."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from compartments.core.files import read_json

if TYPE_CHECKING:
    from compartments.counts.lanes import Cells


def read_looks(paths: Iterable[str | Path]) -> list["Cells"]:
    """All of them by sample; lists of genes that are equal, as those of one reference are, are one object.

    A list of 36,000 genes takes 5 MB, as much as all else of a look together.
    """
    lists: dict[str, dict[str, list[str]]] = {}
    found: list[Cells] = []
    for path in paths:
        cells: Cells = read_json(path)
        if "genes" in cells:
            cells["genes"] = lists.setdefault(json.dumps(cells["genes"]), cells["genes"])
        found.append(cells)
    return sorted(found, key=lambda cells: cells["sample"])
