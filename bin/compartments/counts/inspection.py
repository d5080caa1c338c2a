"""What is wrong with one file of the samplesheet, and how files differ, told without reading them whole."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from compartments.core.errors import UserError
from compartments.core.sheets import read_sheet
from compartments.counts.chemistry import Made, of_nuclei, profiles_of
from compartments.counts.extent import extent
from compartments.counts.few_cells import few_cells
from compartments.counts.folders import check_length
from compartments.counts.formats import describe
from compartments.counts.h5ad import labels_in
from compartments.counts.lanes import Cells, cell_barcodes
from compartments.counts.names import make_unique
from compartments.counts.organisms import AUTO, check_asked, said_of
from compartments.counts.references import origins, unite_genes
from compartments.counts.source import CELLBENDER, Source, Texts
from compartments.counts.values import ENOUGH, check_values, peek

LEAST_SPREAD = 0.1  # coefficient of variation of the totals of cells: those of one clone have 0.25


class Look(NamedTuple):
    """What one look into a file found.

    ``problem`` says in one line why it cannot be used, and is empty if it can; ``warnings`` are what may make its
    numbers wrong, a line each; ``source`` is where its counts are, None with a problem; ``barcodes`` as of
    :func:`cell_barcodes`, ``made``, ``extent`` as of :func:`~compartments.counts.extent.extent` and the
    user's ``labels`` are there if asked for.
    """

    problem: str
    warnings: list[str]
    source: Source | None
    barcodes: dict[str, int]
    made: Made
    extent: dict[str, int]
    labels: list[str] = []


def look_into(
    path: str | Path,
    column: str,
    genome: str | None = None,
    barcodes: bool = False,
    cells: bool = False,
    labels_key: str | None = None,
    gtf: str | None = None,
    species: str = AUTO,
) -> Look:
    """Why the file or folder cannot be used in that column of the samplesheet, and what may make its numbers wrong.

    Parameters
    ----------
    path : str or Path
    column : str
        ``raw``, ``filtered`` or ``cellbender``.
    genome : str, optional
        Which genome to take from a file with several.
    barcodes : bool
        Whether the barcodes of its cells are asked for.
    cells : bool
        Whether it is asked for how its cells were made and how much they are.
    labels_key : str, optional
        Column of its obs that names cells: which labels, if it is asked for its cells.
    gtf : path, optional
        Names genes of a file that has ids alone.
    species : str
        ``human``, ``mouse``, or ``auto``: as the genes say.
    """
    try:
        source = describe(path, genome, gtf)
        check_column(source, column)
        check_asked(source, species)
        check_values(source, peek(source))
        found = cell_barcodes(source) if barcodes else {}
        if source.format == "10x mtx" and not barcodes:  # else every entry was read
            check_length(source)
        labels = sorted({*labels_in(source, labels_key)} - {""}) if cells and labels_key else []
        made, held = (_made(source), extent(source)) if cells else (Made(), {})
    except UserError as error:
        return Look(" ".join(str(error).split()), [], None, {}, Made(), {})
    return Look("", source.warnings, source, found, made, held, labels)


def _made(source: Source) -> Made:
    cells, symbols = few_cells(source), source.symbol[source.keep]
    umis, totals = (np.asarray(cells.sum(axis, dtype=np.int64)).ravel() for axis in (0, 1))
    if len(totals) >= ENOUGH and totals.std() < LEAST_SPREAD * totals.mean():
        source.warnings.append(
            f"nearly the same total of every cell (about {totals.mean():.0f}): if these are normalised values, "
            "rounded, give the raw counts"
        )
    return Made(source.chemistry, profiles_of(cells, symbols), of_nuclei(umis, symbols))


def strangers(table: str | Path, sample: str, barcodes: Texts) -> str:
    """Why labels by hand are not of this sample's cells, if most barcodes that they name are not in its file.

    A few may lack, of cells that another analysis kept: these are counted where cells are labelled.
    """
    named = read_sheet(table)
    if not {"sample", "barcode"} <= set(named):
        return ""  # what is wrong with the table is said by check_labels
    own = named.loc[(named["sample"] == sample) & named["barcode"].notna(), "barcode"]
    lost = own[~own.isin(set(barcodes))]
    if len(lost) <= len(own) / 2:
        return ""
    return (
        f"--label_overrides: {len(lost)} of {len(own)} barcodes of the sample are "
        f"not in its file (first: '{lost.iloc[0]}'; the file has '{barcodes[0]}'); write them as the file has them"
    )


def check_column(source: Source, column: str) -> None:
    """Refuse outputs of CellBender, which are no raw counts, in any column but ``cellbender``, and others in that."""
    if column == "cellbender" and source.format != CELLBENDER:
        raise UserError(
            f"{source.path}: a {source.format} without what CellBender says of each droplet, not a CellBender output "
            "as it wrote it; give the file that CellBender wrote itself, not one repacked by ptrepack; counts from "
            "before CellBender go into column 'raw' or 'filtered'"
        )
    if column != "cellbender" and source.format == CELLBENDER:
        raise UserError(f"{source.path}: an output of CellBender, not raw counts; put it in column 'cellbender'")


def content_of(digests: str) -> str:
    """One digest of a file, or of the files of a folder in any order, from lines of ``sha256sum``."""
    return "+".join(sorted(line.split()[0] for line in digests.splitlines() if line.strip()))


def of_files(found: Sequence[Cells], samples: pd.DataFrame) -> list[str]:
    """What is said of files before they are read: as :func:`origins`, in the order of the samplesheet."""
    looked = {cells["sample"]: cells for cells in found if cells.get("genes")}
    there = [looked[sample] for sample in samples["sample"] if sample in looked]
    if not there:
        return []
    lists = {id(one["genes"]): one["genes"] for one in there}  # files of one reference share it
    tables = {
        key: pd.DataFrame({"gene_id": genes["gene_id"]}, index=make_unique(genes["symbol"]))
        for key, genes in lists.items()
    }
    made = {one["sample"]: Made(*one["made"]) for one in there}
    return said_of(there) + origins(unite_genes([tables[id(one["genes"])] for one in there]), samples, made)[1]
