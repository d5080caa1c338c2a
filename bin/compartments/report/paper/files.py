"""What is written beside the page: the document as PDF, and every figure as SVG, PDF and the table behind it."""

import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from compartments.core.files import replacing, write_tsv
from compartments.report.figures.style import Figure
from compartments.report.paper.drawing import files_of

PLAIN = re.compile(r"[^A-Za-z0-9._+-]+")


def file_names(figures: Iterable[Figure]) -> dict[str, str]:
    """Name of a figure -> that of its files: what file systems and links dislike is an underscore."""
    found: dict[str, str] = {}
    for figure in figures:
        name = plain = PLAIN.sub("_", figure.name).strip(".") or "figure"
        number = 1
        while name.lower() in {other.lower() for other in found.values()}:
            number += 1
            name = f"{plain}_{number}"
        found[figure.name] = name
    return found


def table_of(figure: Figure) -> pd.DataFrame:
    """What a figure shows, as the page offers it."""
    return figure.data.loc[:, [column for column in figure.data if not str(column).startswith("_")]]


def write_figures(figures: list[Figure], folder: Path) -> dict[str, bytes]:
    """Write ``<name>.svg``, ``.pdf`` and ``.tsv`` of every figure into a folder; the SVG by the figure's name."""
    folder.mkdir(parents=True, exist_ok=True)
    drawings, names = {}, file_names(figures)
    for figure in figures:
        name = names[figure.name]
        svg, pdf = files_of(figure)
        write_bytes(svg, folder / f"{name}.svg")
        write_bytes(pdf, folder / f"{name}.pdf")
        write_tsv(table_of(figure), folder / f"{name}.tsv")
        drawings[figure.name] = svg
    return drawings


def write_bytes(content: bytes, path: Path) -> None:
    """Write a file whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)
