"""Chemistries of 10x Genomics: what read 1 holds, which barcodes there are, and which way read 2 runs.

The lists of barcodes are those of the package ngs-tools; nothing of them is kept here.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from compartments.core.barcodes import barcodes_of
from compartments.core.errors import UserError
from compartments.core.kits import kit_named

Codes = npt.NDArray[np.uint64]
LEAST_SHARE, AHEAD = 0.6, 5.0  # of reads in the list of the chemistry, and times that in any other list
FOREIGN = 0.1  # share of reads in any list below which they are not 10x reads at all
SHORT_UMI = 10


class Chemistry(NamedTuple):
    """What a kit makes.

    Attributes
    ----------
    name : str
    barcodes : str
        Name of the list.
    barcode, umi : int
        Bases of read 1, in this order.
    strands : dict of str to str
        Which way read 2 may run, ``Forward`` or ``Reverse`` of the mRNA, to what the kit then is.
    kits : tuple of (str, int)
        End that is read (or multiome) and version of the kits, as :class:`~compartments.core.kits.Kit` has them.
    """

    name: str
    barcodes: str
    barcode: int
    umi: int
    strands: dict[str, str]
    kits: tuple[tuple[str, int], ...]


CHEMISTRIES = (
    Chemistry(
        "10x v2", "10x_version2", 16, 10, {"Forward": "3' v2", "Reverse": "5' v1 or v2"},
        (("3'", 2), ("", 2), ("5'", 0), ("5'", 1), ("5'", 2)),
    ),
    Chemistry("10x v3", "10x_version3", 16, 12, {"Forward": "3' v3"}, (("3'", 3), ("", 3))),
    Chemistry(
        "10x v4", "10x_version4", 16, 12, {"Forward": "3' v4 (GEM-X)", "Reverse": "5' v3 (GEM-X)"},
        (("3'", 4), ("", 4), ("5'", 3)),
    ),
    Chemistry(
        "10x multiome", "10x_multiome_gex", 16, 12, {"Forward": "multiome gene expression"},
        (("multiome", 0), ("multiome", 1)),
    ),
)  # fmt: skip


def chemistry_named(word: str) -> Chemistry:
    """The chemistry that a samplesheet names; with one strand if it says 3' or 5'.

    Raises
    ------
    UserError
        None of that name.
    """
    kit = kit_named(word)
    way = {"3'": "Forward", "5'": "Reverse"}.get(kit.end, "")
    for chemistry in CHEMISTRIES:
        if kit.plain and (kit.kind if kit.kind == "multiome" else kit.end, kit.version) in chemistry.kits:
            strands = {one: name for one, name in chemistry.strands.items() if one == (way or one)}
            return chemistry._replace(strands=strands)
    known = "3' v2, 3' v3, 3' v4, 5' v2, 5' v3, multiome"
    raise UserError(f"no chemistry of reads is called '{word}'; give one of {known}, or 'auto'")


def chemistry_of(look: Mapping[str, Any]) -> Chemistry:
    """The chemistry that ``<sample>.look.json`` says."""
    return next(one for one in CHEMISTRIES if one.name == look["chemistry"])._replace(umi=look["umi"])


def packed(sequences: npt.NDArray[np.uint8]) -> Codes:
    """Bases as numbers, two bits each; any letter but C, G and T counts as A.

    Parameters
    ----------
    sequences : array of bytes, shape (sequences, bases), at most 32 bases
    """
    code = np.zeros(256, np.uint64)
    code[[ord("C"), ord("G"), ord("T")]] = [1, 2, 3]
    found = np.zeros(len(sequences), np.uint64)
    for bases in sequences.T:
        found = (found << np.uint64(2)) | code[bases]
    return found


def codes_of(chemistry: Chemistry) -> Codes:
    """Its barcodes as sorted numbers (:func:`packed`)."""
    text = np.frombuffer(barcodes_of(chemistry.barcodes), np.uint8)
    return np.sort(packed(text.reshape(-1, chemistry.barcode + 1)[:, : chemistry.barcode]))


def all_codes() -> dict[str, Codes]:
    """Name of each chemistry -> its barcodes: millions, unpacked and sorted, which takes seconds."""
    return {chemistry.name: codes_of(chemistry) for chemistry in CHEMISTRIES}


def shares(reads: Sequence[bytes], lists: Mapping[str, Codes] | None = None) -> dict[str, float]:
    """Share of reads whose first bases are a barcode of each chemistry; by chance at most .002.

    ``lists`` are those of :func:`all_codes`, read here if not given.
    """
    found, lists = {}, lists or all_codes()
    for chemistry in CHEMISTRIES:
        long = [read[: chemistry.barcode] for read in reads if len(read) >= chemistry.barcode]
        known = lists[chemistry.name]
        asked = packed(np.frombuffer(b"".join(long), np.uint8).reshape(-1, chemistry.barcode))
        at = np.minimum(np.searchsorted(known, asked), len(known) - 1)
        found[chemistry.name] = float((known[at] == asked).sum() / len(reads))
    return found


def winner(found: dict[str, float]) -> Chemistry | None:
    """The chemistry that most reads are of; None where it is not plain which."""
    (first, share), (_second, other) = sorted(found.items(), key=lambda one: -one[1])[:2]
    clear = share >= LEAST_SHARE and share >= AHEAD * other
    return next(one for one in CHEMISTRIES if one.name == first) if clear else None


def of_length(chemistry: Chemistry, length: int) -> Chemistry:
    """The chemistry as reads 1 of a length hold it: barcodes of v3 with UMIs of ten bases exist.

    Raises
    ------
    UserError
        Read 1 is too short for barcode and UMI.
    """
    if length >= chemistry.barcode + chemistry.umi:
        return chemistry
    if length >= chemistry.barcode + SHORT_UMI:
        return chemistry._replace(umi=SHORT_UMI)
    needed = chemistry.barcode + chemistry.umi
    raise UserError(f"read 1 has {length} bases, {chemistry.name} needs {needed} for barcode and UMI; was it trimmed?")
