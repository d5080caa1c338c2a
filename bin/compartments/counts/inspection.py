"""What is wrong with one file of the samplesheet, and how files differ, told without reading them whole."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from compartments.core.errors import UserError
from compartments.counts.formats import describe
from compartments.counts.lanes import Cells
from compartments.counts.names import make_unique
from compartments.counts.references import origins, unite_genes
from compartments.counts.source import CELLBENDER
from compartments.counts.values import check_values, peek_values


def problem_of(path: str | Path, column: str, genome: str | None = None) -> str:
    """Why the file or folder cannot be used in that column of the samplesheet, on one line; empty if it can.

    Parameters
    ----------
    path : str or Path
    column : str
        ``raw``, ``filtered`` or ``cellbender``, which takes outputs of CellBender only.
    genome : str, optional
        Which genome to take from a file with several.
    """
    try:
        source = describe(path, genome)
        if column == "cellbender" and source.format != CELLBENDER:
            raise UserError(f"{path}: a {source.format}, not a CellBender output; put it in column 'raw' or 'filtered'")
        check_values(source, peek_values(source))
    except UserError as error:
        return " ".join(str(error).split())
    return ""


def content_of(digests: str) -> str:
    """One digest of a file, or of the files of a folder in any order, from lines of ``sha256sum``."""
    return "+".join(sorted(line.split()[0] for line in digests.splitlines() if line.strip()))


def of_files(found: Sequence[Cells], samples: pd.DataFrame) -> list[str]:
    """What is said of files before they are read: as :func:`origins`, in the order of the samplesheet."""
    looked = {cells["sample"]: cells for cells in found if cells.get("genes")}
    there = [looked[sample] for sample in samples["sample"] if sample in looked]
    if not there:
        return []
    listed_genes = [
        pd.DataFrame({"gene_id": one["genes"]["gene_id"]}, index=make_unique(one["genes"]["symbol"])) for one in there
    ]
    return origins(unite_genes(listed_genes), samples, {one["sample"]: one["chemistry"] for one in there})[1]
