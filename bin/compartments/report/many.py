"""Figures of many samples: one for each compartment, so that a sample still has room."""

from collections.abc import Iterator, Sized

import pandas as pd

from compartments.report.page import Page

MOST = 40  # samples in one figure


def are(samples: Sized) -> bool:
    """Too many for one figure."""
    return len(samples) > MOST


def parts(page: Page, table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """A table with ``sample`` as one figure shows it: whole, with an empty name, or compartment by compartment."""
    if not are(table["sample"].drop_duplicates()) or page.results.study is None:
        yield "", table
        return
    compartments = page.study.samples.set_index("sample")["compartment"]
    of_sample = table["sample"].map(compartments).fillna("other samples")
    for place in dict.fromkeys([*page.study.compartments, *of_sample]):
        rows = table[of_sample == place]
        if len(rows):
            yield place, rows


def tagged(name: str, place: str) -> str:
    """Name of a part's figure."""
    return f"{name}_{place}" if place else name


def of(place: str) -> str:
    """What a title says of a part."""
    return f": {place}" if place else ""
