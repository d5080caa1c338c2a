"""What STARsolo counted, as a matrix of the droplets that have any reads."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import scipy.sparse as sp

CHUNK = 1 << 24  # bytes of text at a time


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
