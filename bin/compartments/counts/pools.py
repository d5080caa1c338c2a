"""One file of a whole study, or a file for each pool of samples: which cells are of which sample, and their sheet."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from compartments.counts.hashtags import samples_of_tags
from compartments.counts.source import Source
from compartments.counts.whole_study import (
    Cells,
    Place,
    open_study,
    places,
    samples_of_table,
    sheet_text,
)


class Told(NamedTuple):
    """What says the sample of each cell: a column of obs, a table of barcodes, or a table of tags."""

    sample_key: str = ""
    sample_table: str = ""
    hashtags: str = ""


def open_cells(path: Path, pool: str, told: Told, seed: int, opened: ExitStack) -> tuple[Source, Cells]:
    """Where the counts of a file are, and its cells by sample; the file is closed with ``opened``.

    Parameters
    ----------
    path : Path
    pool : str
        Its name in the column ``pool`` of a table; empty where there is one file.
    told : Told
    seed : int
        Of :func:`~compartments.counts.hashtags.demultiplexed`.
    opened : ExitStack
    """
    source, obs, file = open_study(path)
    opened.enter_context(file)
    given = None
    if told.sample_table:
        table = Path(told.sample_table)
        given = f"column 'sample' of {table.name}", samples_of_table(path, table, source.barcodes, pool)
    elif told.hashtags:
        table = Path(told.hashtags)
        given = f"the hashtags of {table.name}", samples_of_tags(source, table, seed, pool)
    return source, Cells(path, obs, told.sample_key, given)


def sheet_of_obs(files: Sequence[Cells], asked: dict[str, str]) -> tuple[str, dict[str, Place], list[str]]:
    """Samplesheet by what obs of the files says, its samples in them, and notes.

    Raises
    ------
    UserError
        As :meth:`Cells.sheet_of_obs`; a sample in two files.
    """
    tags = [note for cells in files for note in cells.without_tags()]
    sheets, notes = zip(*(cells.sheet_of_obs(asked) for cells in files), strict=True)
    found = places(files)
    return sheet_text(pd.concat(sheets, ignore_index=True)), found, [*(note for one in notes for note in one), *tags]
