"""Which way read 2 runs, and whether the reads are of this genome: told from a part of them before all are mapped."""

from collections.abc import Sequence
from typing import NamedTuple

from compartments.core.errors import UserError
from compartments.reads.counted import Ways

PART = 200_000  # reads of all lanes
LEAST_MAPPED = 0.25  # share of the reads that are placed; reads of another species, or of no cell, have less
LEAST_GENES = 500  # reads in genes, below which no strand is told
AHEAD = 2.0  # times as many reads in genes one way as the other


class Strand(NamedTuple):
    """What a part of the reads says.

    Attributes
    ----------
    strand : str
        ``Forward`` or ``Reverse``.
    forward, reverse : int
        Reads in genes, either way.
    mapped : float
        Share of the reads that are placed.
    """

    strand: str
    forward: int
    reverse: int
    mapped: float


def judged(ways: Ways, strands: Sequence[str]) -> Strand:
    """The strand that a part of the reads says.

    Parameters
    ----------
    ways : Ways
    strands : sequence of str
        The ways that the chemistry allows; with one, it is taken and nothing but the genome is checked.

    Raises
    ------
    UserError
        Too few reads are placed, or they run both ways.
    """
    forward, reverse, mapped = ways
    counts = {"Forward": forward, "Reverse": reverse}
    if mapped < LEAST_MAPPED:
        raise UserError(
            f"{mapped:.0%} of the first reads are placed on the genome, where {LEAST_MAPPED:.0%} is the least: is it "
            "that of the donors' species, and is fastq_2 the read of the mRNA?"
        )
    if len(strands) == 1:
        if max(counts.values()) >= LEAST_GENES and counts[strands[0]] * AHEAD < max(counts.values()):
            raise UserError(
                f"the chemistry's reads run {strands[0].lower()}, but {forward} of the first reads are in genes "
                f"forward and {reverse} reverse; is the chemistry right, and are the genes (--gtf) of this genome?"
            )
        return Strand(strands[0], forward, reverse, mapped)
    best = max(strands, key=lambda one: counts[one])
    least = min(counts.values())
    if counts[best] < LEAST_GENES or counts[best] < AHEAD * least:
        raise UserError(
            f"{forward} of the first reads are in genes forward and {reverse} reverse, too even to tell a 3' from a 5' "
            "library; give column chemistry (such as 3' v2 or 5' v2)"
        )
    return Strand(best, forward, reverse, mapped)
