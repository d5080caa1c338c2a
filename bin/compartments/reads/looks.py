"""Is a sample's FASTQ what the samplesheet says? Everything that can be known before a read is mapped."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np

from compartments.core.errors import UserError
from compartments.reads.chemistries import (
    FOREIGN,
    Chemistry,
    all_codes,
    of_length,
    shares,
    winner,
)
from compartments.reads.fastq import Read, count_reads, first_reads

LOOKED_AT = 100_000  # reads of each lane
LEAST_OF_ASKED = 0.3  # of reads with a barcode of the chemistry that the samplesheet names


class Lane(NamedTuple):
    """Two files of mates: barcodes and UMIs, and what was sequenced of the mRNA."""

    first: str
    second: str


class Look(NamedTuple):
    """What a sample's reads are.

    Attributes
    ----------
    chemistry : Chemistry
    reads : int
        Of all lanes.
    length : int
        Bases of read 2, in the middle of the first lane's.
    shares : dict of str to float
        Of reads whose barcode is in the list of each chemistry, smallest over lanes.
    """

    chemistry: Chemistry
    reads: int
    length: int
    shares: dict[str, float]


def look_into(lanes: Sequence[Lane], asked: Chemistry | None = None) -> Look:
    """Look into all lanes of a sample.

    Parameters
    ----------
    lanes : sequence of Lane
    asked : Chemistry, optional
        That the samplesheet names; found from the barcodes if not given.

    Raises
    ------
    UserError
        What is wrong, with the file.
    """
    heads = [(first_reads(lane.first, LOOKED_AT), first_reads(lane.second, LOOKED_AT)) for lane in lanes]
    for lane, (first, second) in zip(lanes, heads, strict=True):
        _are_mates(lane, first, second)
    _are_other_reads(lanes, [first for first, _second in heads])
    lists = all_codes()
    found = [shares([read.bases for read in first], lists) for first, _second in heads]
    chemistries = [_chemistry(lane, head, share, asked) for lane, head, share in zip(lanes, heads, found, strict=True)]
    for lane, chemistry in zip(lanes, chemistries, strict=True):
        if chemistry != chemistries[0]:
            raise UserError(
                f"'{Path(lane.first).name}' is of {chemistry.name} (UMIs of {chemistry.umi} bases), "
                f"'{Path(lanes[0].first).name}' of {chemistries[0].name} ({chemistries[0].umi}); lanes of one sample "
                "are of one library: give each library a row with a name of its own"
            )
    reads = sum(_reads_of(lane) for lane in lanes)
    length = int(np.median([len(read.bases) for read in heads[0][1]]))
    lowest = {name: min(share[name] for share in found) for name in found[0]}
    return Look(chemistries[0], reads, length, lowest)


def _are_mates(lane: Lane, first: Sequence[Read], second: Sequence[Read]) -> None:
    """The files have the same reads in the same order."""
    for number, (one, other) in enumerate(zip(first, second, strict=False), 1):
        if one.name != other.name:
            raise UserError(
                f"'{Path(lane.first).name}' and '{Path(lane.second).name}' are not mates: read {number} is "
                f"'{one.name}' and '{other.name}'; give the two files of one lane and run"
            )


def _are_other_reads(lanes: Sequence[Lane], heads: Sequence[Sequence[Read]]) -> None:
    """No lane is given twice."""
    for (one, head), (other, again) in combinations(zip(lanes, heads, strict=True), 2):
        if head[0] == again[0] and head[-1] == again[-1]:
            raise UserError(
                f"'{Path(one.first).name}' and '{Path(other.first).name}' have the same reads: give every lane once"
            )


def _chemistry(
    lane: Lane, head: tuple[Sequence[Read], Sequence[Read]], found: dict[str, float], asked: Chemistry | None
) -> Chemistry:
    """The chemistry of a lane, as asked for or as its barcodes say."""
    first, second = ([read.bases for read in reads] for reads in head)
    name, best = Path(lane.first).name, max(found.values())
    if best < FOREIGN:
        turned = shares(second)
        if max(turned.values()) > max(FOREIGN, 3 * best):
            raise UserError(
                f"the barcodes are in '{Path(lane.second).name}', not in '{name}': fastq_1 and fastq_2 are swapped; "
                "turn them"
            )
        raise UserError(
            f"{best:.1%} of the reads of '{name}' have a barcode of 10x; these are not the reads of a chemistry that "
            "can be counted here (10x v2, v3, v4, multiome; not GEM-X 5' v3, whose list of barcodes is not here: give "
            "the counts of Cell Ranger)"
        )
    length = int(np.median([len(bases) for bases in first]))
    if asked is not None:
        if found[asked.name] < LEAST_OF_ASKED:
            likely = max(found, key=lambda one: found[one])
            raise UserError(
                f"{found[asked.name]:.0%} of the reads of '{name}' have a barcode of {asked.name}, {best:.0%} one of "
                f"{likely}; give column chemistry '{likely}' or 'auto'"
            )
        return of_length(asked, length)
    chemistry = winner(found)
    if chemistry is None:
        (one, share), (other, less) = sorted(found.items(), key=lambda pair: -pair[1])[:2]
        raise UserError(
            f"'{name}' may be of {one} ({share:.0%} of the reads have such a barcode) or of {other} ({less:.0%}); give "
            "one in column chemistry"
        )
    return of_length(chemistry, length)


def _reads_of(lane: Lane) -> int:
    """Reads of a lane, whose files have as many each."""
    one, other = count_reads(lane.first), count_reads(lane.second)
    if one != other:
        raise UserError(
            f"'{Path(lane.first).name}' has {one} reads, '{Path(lane.second).name}' {other}; fetch the shorter again"
        )
    return one
