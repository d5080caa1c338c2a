"""Which way read 2 runs, and whether the reads are of this genome: told from a part of them before all are mapped."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from compartments.core.errors import UserError
from compartments.reads.fastq import first_reads
from compartments.reads.star import mapped_share, run_star, summary_of

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


def find_strand(files: Sequence[str], index: str, strands: Sequence[str], threads: int) -> Strand:
    """Map a part of the reads 2 of a sample and count them in genes both ways.

    Parameters
    ----------
    files : sequence of str
        Reads 2 of all lanes.
    index : str
        Folder of STAR's index.
    strands : sequence of str
        The ways that the chemistry allows; with one, it is taken and nothing but the genome is checked.
    threads : int

    Raises
    ------
    UserError
        Too few reads are placed, or they run both ways.
    """
    with open("part.fastq", "wb") as out:
        for path in files:
            for read in first_reads(path, PART // len(files)):
                out.write(b"@%s\n%s\n+\n%s\n" % (read.name.encode(), read.bases, b"F" * len(read.bases)))
    options = ["--genomeDir", index, "--readFilesIn", "part.fastq", "--outSAMtype", "None", "--quantMode", "GeneCounts"]
    run_star([*options, "--outFileNamePrefix", "part."], threads)
    mapped = mapped_share(summary_of("part.Log.final.out"))
    _both, forward, reverse = gene_counts("part.ReadsPerGene.out.tab")
    Path("part.fastq").unlink()
    return judged({"Forward": forward, "Reverse": reverse}, mapped, strands)


def gene_counts(path: str | Path) -> tuple[int, int, int]:
    """Reads in genes whatever the strand, on that of the mRNA, and on the other, of STAR's ``ReadsPerGene.out.tab``."""
    rows = [line.split("\t") for line in Path(path).read_text().splitlines() if not line.startswith("N_")]
    both, forward, reverse = np.array([row[1:4] for row in rows] or np.zeros((1, 3)), int).sum(0)
    return int(both), int(forward), int(reverse)


def judged(counts: Mapping[str, int], mapped: float, strands: Sequence[str]) -> Strand:
    """The strand that the counts say, among those that the chemistry allows."""
    if mapped < LEAST_MAPPED:
        raise UserError(
            f"{mapped:.0%} of the first reads are placed on the genome, where {LEAST_MAPPED:.0%} is the least: is it "
            "that of the donors' species, and is fastq_2 the read of the mRNA?"
        )
    forward, reverse = counts["Forward"], counts["Reverse"]
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
