"""Which axis of a matrix with as many genes as barcodes is which: its sizes do not tell."""

from collections.abc import Iterator

import h5py
import numpy as np
import numpy.typing as npt

from compartments.core.species import EVERYWHERE
from compartments.counts.folders import CHUNK, Entries, entries
from compartments.counts.opening import READ_ERRORS, unreadable
from compartments.counts.source import Source

LEAST = 5  # of them, in the file
BETTER = 0.25  # difference of their median rank, as a share of all, along the two axes


def settle_square(source: Source) -> None:
    """Set which axis of a square matrix the barcodes are (in place), and say it, or that it cannot be told.

    Genes that most cells have are among those with the largest sums along the axis of the genes, and anywhere along the
    other. An h5ad says by itself which axis is which.

    """
    if len(source.barcodes) != len(source.symbol) or source.format not in ("10x mtx", "10x h5", "10x h5 v2"):
        return
    wide = np.fromiter((bool(EVERYWHERE.match(name)) for name in source.symbol), bool, len(source.symbol))
    try:
        taken, other = (_median_rank(sums, wide) for sums in _sums(source))
    except READ_ERRORS as error:
        raise unreadable(source.path, error) from None
    if wide.sum() < LEAST or abs(taken - other) < BETTER:
        source.warnings.append(
            f"{source.path}: as many genes as barcodes ({len(source.symbol)}), and its counts do not tell which of "
            "them are in rows: read as the format has it; if that is not so, give it as h5ad"
        )
        return
    if other > taken:
        source.by_barcode = not source.by_barcode
        source.notes.append("as many genes as barcodes, and barcodes where others have the genes, by the counts")


def _sums(source: Source) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Sums of the values at each place of the axis that is taken for the genes, and of the other."""
    genes, barcodes = np.zeros((2, len(source.symbol)))
    for of_barcodes, of_genes, values in entries(source) if source.format == "10x mtx" else _of_h5(source):
        for sums, positions in ((genes, of_genes), (barcodes, of_barcodes)):
            sums += np.bincount(positions, values, len(sums))[: len(sums)]
    return genes, barcodes


def _of_h5(source: Source) -> Iterator[Entries]:
    with h5py.File(source.path, "r") as file:
        node = file[source.node]
        pointers = node["indptr"][:].astype(np.int64)
        for start in range(0, node["data"].shape[0], CHUNK):
            values = node["data"][start : start + CHUNK]
            major = np.searchsorted(pointers, np.arange(start, start + len(values)), "right") - 1
            yield major, node["indices"][start : start + CHUNK].astype(np.int64), values


def _median_rank(sums: npt.NDArray[np.float64], which: npt.NDArray[np.bool_]) -> float:
    """Of some places by their sums, from 0 to 1; 0 if there are none."""
    ranks = np.searchsorted(np.sort(sums), sums) / len(sums)
    return float(np.median(ranks[which])) if which.any() else 0.0
