"""Captures that are none: lanes of one library counted apart, and the same file under two names.

Lanes share their barcodes, and each cell would count twice. Barcodes of two libraries coincide by chance alone: then
the genes behind a barcode are many or few in one of them whatever they are in the other.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any, NotRequired, TypedDict

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.counts.folders import entries
from compartments.counts.opening import READ_ERRORS, unreadable
from compartments.counts.reading import counts_of
from compartments.counts.source import Source
from compartments.study.captures import SPECIMEN, several

# of two libraries that many barcodes have, by chance, less than 1 % in common: 5000 of the 737,280 of 10x v2
MOST = 5000
SHARED = 0.1  # of the barcodes of the smaller one; lanes of a library have most of their cells in common
MIN_SHARED = 6
SAME = 0.5  # of the barcodes of the smaller of two specimens, and of these with the same number of genes
SAME_RANKS = 0.9  # rank correlation as ALIKE: one library of two specimens, counted with two references
ALIKE = 0.5  # rank correlation of the numbers of genes behind shared barcodes, where few barcodes were to choose from
BASES = re.compile("[ACGT]{6,}")
MIN_BASES = 12  # of a barcode: fewer are names of wells or numbers, which recur


class Cells(TypedDict):
    """What one file says of the cells of a sample.

    ``content`` is the digest of its bytes, ``barcodes`` those of its cells, as bases, with their numbers of genes; none
    if not asked for or if the names are no barcodes. ``genes`` has ``symbol`` and ``gene_id``, ``made`` the parts of
    :class:`compartments.counts.chemistry.Made`, ``labels`` the user's names of cells (``--labels_key``).
    """

    sample: str
    row: int
    column: str
    content: str
    barcodes: dict[str, int]
    genes: NotRequired[dict[str, list[str]]]
    made: NotRequired[list[Any]]
    labels: NotRequired[list[str]]


def cell_barcodes(source: Source) -> dict[str, int]:
    """The up to ``MOST`` barcodes with the most genes, as bases without suffix, and how many; none if names are none.

    Lanes differ in depth, but the cells with most genes in one are those of the other. A damaged file raises
    :class:`UserError`.
    """
    try:
        genes = _entries(source)
    except READ_ERRORS as error:
        raise unreadable(source.path, error) from None
    largest = np.argsort(-genes, kind="stable")[:MOST]
    largest = largest[genes[largest] > 0]
    found = ["".join(BASES.findall(str(name))) for name in source.barcodes[largest]]
    codes = {code: int(n) for code, n in zip(found, genes[largest], strict=True) if len(code) >= MIN_BASES}
    return codes if len(codes) > len(found) / 2 else {}


def _entries(source: Source) -> npt.NDArray[np.int64]:
    """Stored values of each barcode, without reading them where the file says how many there are."""
    if source.format == "10x mtx":
        numbers = np.zeros(len(source.barcodes), np.int64)
        for barcodes, _features, _values in entries(source):
            numbers += np.bincount(barcodes, minlength=len(numbers))
        return numbers
    if source.by_barcode:
        with h5py.File(source.path, "r") as file:
            if isinstance(file[source.node], h5py.Group):
                return np.diff(file[source.node]["indptr"][:].astype(np.int64))
    return np.diff(counts_of(source).matrix.indptr).astype(np.int64)


def problems(found: Sequence[Cells], samples: pd.DataFrame) -> Iterator[str]:
    """What is given twice.

    Parameters
    ----------
    found : sequence of Cells
        In any order.
    samples : DataFrame
        The samplesheet.

    Yields
    ------
    str
        One line per pair of samples.
    """
    by_sample = {cells["sample"]: cells for cells in sorted(found, key=lambda cells: cells["row"])}
    same: dict[str, Cells] = {}
    twice = set()
    for cells in by_sample.values():
        first = same.setdefault(cells["content"], cells) if cells["content"] else cells
        if first is not cells:
            twice.add((first["sample"], cells["sample"]))
            yield (
                f"row {cells['row']}, column {cells['column']}: '{cells['sample']}' has the same content as "
                f"'{first['sample']}' in row {first['row']}: each cell would count twice; give each sample its own file"
            )
    for first, second, share, same_counts in _one_library(by_sample.values(), samples):
        if same_counts and (first["sample"], second["sample"]) not in twice:
            yield (
                f"{_pair(first, second)} share {share:.0%} of their barcodes, with as many genes: the cells of one "
                "library under two names; give each sample its own file"
            )
    for specimen, rows in several(samples):
        there = [by_sample[sample] for sample in rows["sample"] if sample in by_sample]
        for first, second in combinations(there, 2):
            if (first["sample"], second["sample"]) not in twice:
                yield from _lanes(first, second, specimen)


def alike(found: Sequence[Cells], samples: pd.DataFrame) -> list[str]:
    """A note per pair of samples of two specimens that look like one library, with other counts."""
    return [
        f"{_pair(first, second)} share {share:.0%} of their barcodes, and those with most genes in one have most in "
        "the other: if they are one library (counted with two references, or thinned), its cells count twice"
        for first, second, share, same_counts in _one_library(found, samples)
        if not same_counts
    ]


def _pair(first: Cells, second: Cells) -> str:
    return f"rows {first['row']} and {second['row']}: '{first['sample']}' and '{second['sample']}'"


def _one_library(found: Iterable[Cells], samples: pd.DataFrame) -> Iterator[tuple[Cells, Cells, float, bool]]:
    """Two specimens with the same cells, the share of barcodes of the smaller that the other has, and whether most of
    these have as many genes in both."""
    of_specimen = {row["sample"]: tuple(row[name] for name in SPECIMEN) for _, row in samples.iterrows()}
    for first, second in combinations(sorted(found, key=lambda cells: cells["row"]), 2):
        if of_specimen[first["sample"]] == of_specimen[second["sample"]]:
            continue
        smaller = min(len(first["barcodes"]), len(second["barcodes"]))
        shared = first["barcodes"].keys() & second["barcodes"].keys()
        if len(shared) < MIN_SHARED or len(shared) <= SAME * smaller:
            continue
        codes = sorted(shared)
        genes = pd.DataFrame({n: [of["barcodes"][code] for code in codes] for n, of in enumerate((first, second))})
        same_counts = bool((genes[0] == genes[1]).mean() > SAME)
        if same_counts or genes.rank().corr().iloc[0, 1] > SAME_RANKS:
            yield first, second, len(shared) / smaller, same_counts


def _lanes(first: Cells, second: Cells, specimen: str) -> Iterator[str]:
    smaller = min(len(first["barcodes"]), len(second["barcodes"]))
    genes = pd.DataFrame({n: pd.Series(cells["barcodes"]) for n, cells in enumerate((first, second))}).dropna()
    shared = len(genes)
    if shared < MIN_SHARED or shared <= SHARED * smaller:
        return
    ranks = genes.rank()
    if not (ranks.nunique() > 1).all() or ranks.corr().iloc[0, 1] > ALIKE:
        yield (
            f"rows {first['row']} and {second['row']}: '{first['sample']}' and '{second['sample']}' ({specimen}) share "
            f"{shared / smaller:.0%} of their barcodes: lanes of one library, in which each cell would count twice; "
            "count their reads together and give them as one sample"
        )
