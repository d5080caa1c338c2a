"""What is asked of a counter of reads and what it finds; STARsolo's files as a matrix of droplets with any reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from compartments.reads.chemistries import Chemistry

if TYPE_CHECKING:
    import scipy.sparse as sp

CHUNK = 1 << 24  # bytes of text at a time


class Ways(NamedTuple):
    """What a part of the reads says: those in genes either way, and the share of all that are placed."""

    forward: int
    reverse: int
    mapped: float


class Asked(NamedTuple):
    """What is to be counted.

    Attributes
    ----------
    first, second : sequence of str
        Files of reads 1 and 2, lane by lane.
    chemistry : Chemistry
    strand : str
        Of the reads 2: ``Forward`` or ``Reverse``.
    introns : bool
        Whether reads in introns count, as in Cell Ranger since version 7.
    reads : int
        How many are used, the first ones; 0 for all.
    """

    first: Sequence[str]
    second: Sequence[str]
    chemistry: Chemistry
    strand: str
    introns: bool
    reads: int


class Counted(NamedTuple):
    """Counts of a sample.

    Attributes
    ----------
    counts : csr_matrix of int, shape (droplets, genes)
    exonic : array of int, shape (droplets,), optional
        Counts that exons alone give, where others were counted, too.
    barcodes, ids, names : list of str
        Of droplets and genes.
    summary : dict
        Figures of the reads, as in ``<sample>.reads.json``.
    """

    counts: "sp.csr_matrix"
    exonic: npt.NDArray[np.int64] | None
    barcodes: list[str]
    ids: list[str]
    names: list[str]
    summary: dict[str, float]


class Matrix(NamedTuple):
    """Counts of droplets.

    Attributes
    ----------
    counts : csr_matrix of int32, shape (droplets, genes)
    at : array of int, shape (droplets,)
        Which barcodes of the list they are.
    """

    counts: "sp.csr_matrix"
    at: npt.NDArray[np.int64]


def read_matrix(path: str | Path) -> Matrix:
    """Read ``matrix.mtx`` of STARsolo (genes x barcodes), without barcodes that have no count.

    The memory is that of the counts: the list of barcodes may be a thousand times as long as the droplets.
    """
    import scipy.sparse as sp

    entries = []
    with open(path, "rb") as text:
        shape = next(line for line in text if not line.startswith(b"%")).split()
        while lines := text.readlines(CHUNK):
            numbers = np.array(b" ".join(lines).split(), dtype=np.float64)
            entries.append(np.rint(numbers.reshape(-1, 3)).astype(np.int32))
    table = np.concatenate(entries) if entries else np.zeros((0, 3), np.int32)
    at, rows = np.unique(table[:, 1] - 1, return_inverse=True)
    counts = sp.csr_matrix((table[:, 2], (rows, table[:, 0] - 1)), (len(at), int(shape[0])), np.int32)
    return Matrix(counts, at.astype(np.int64))


def barcodes_at(path: str | Path, at: npt.NDArray[np.int64]) -> list[str]:
    """Lines of a file by their sorted numbers, from 0."""
    wanted, found = iter(at.tolist()), []
    following = next(wanted, -1)
    with open(path, "rb") as lines:
        for number, line in enumerate(lines):
            if number == following:
                found.append(line.split()[0].decode())
                following = next(wanted, -1)
                if following < 0:
                    break
    return found


def features(path: str | Path) -> tuple[list[str], list[str]]:
    """Ids and names of the genes of ``features.tsv``."""
    rows = [line.split("\t") for line in Path(path).read_text().splitlines()]
    return [row[0] for row in rows], [row[1] for row in rows]


def totals_at(path: str | Path, at: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Totals of a second matrix of the same list of barcodes, for the barcodes ``at``."""
    other = read_matrix(path)
    found = np.zeros(len(at), np.int64)
    where = np.minimum(np.searchsorted(at, other.at), max(len(at) - 1, 0))
    same = at[where] == other.at if len(at) else np.zeros(0, bool)
    found[where[same]] = np.asarray(other.counts.sum(1)).ravel()[same]
    return found
