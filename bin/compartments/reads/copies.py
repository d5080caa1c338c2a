"""Genes of the chromosome Y that are copies of those of X, as in its pseudoautosomal regions.

A read of such a gene fits both copies, so that a counter leaves it out or parts it between them: IL3RA, CD99 and CSF2RA
would have few counts, or none. Some sources of genomes mask these regions of Y and name each gene once, others do not.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from compartments.reads.fastq import opened

MASK = b"N"
MIDDLE = 200  # bases of the middle of a gene, by which a copy is told: the sources may end its genes elsewhere


class Span(NamedTuple):
    """A gene on a contig, from its first base (counted from 0) to behind its last."""

    contig: bytes
    gene: bytes
    start: int
    end: int


Pair = tuple[Span, Span]  # on Y, on X


def letter(contig: bytes) -> str:
    """``X`` or ``Y`` of a contig's name; empty for others."""
    plain = contig.removeprefix(b"chr")
    return plain.decode() if plain in (b"X", b"Y") else ""


class Sexes:
    """Genes of X and Y, from the exons of a GTF."""

    def __init__(self) -> None:
        self.spans: dict[tuple[bytes, bytes, bytes], tuple[int, int]] = {}

    def take(self, contig: bytes, gene: bytes, name: bytes, start: int, end: int) -> None:
        """Add an exon, its places as in a GTF; those of other chromosomes are passed over."""
        if letter(contig):
            low, high = self.spans.get((contig, gene, name), (start - 1, end))
            self.spans[contig, gene, name] = min(low, start - 1), max(high, end)

    def pairs(self) -> list[Pair]:
        """Genes of one name on Y and on X."""
        on: dict[str, dict[bytes, list[Span]]] = {"X": defaultdict(list), "Y": defaultdict(list)}
        for (contig, gene, name), places in self.spans.items():
            on[letter(contig)][name].append(Span(contig, gene, *places))
        return [(one, other) for name, ones in on["Y"].items() for one in ones for other in on["X"].get(name, ())]


def copies_among(pairs: Collection[Pair], fasta: str | Path) -> list[Span]:
    """Genes of Y whose middle is the same, base by base, in the gene of their name on X."""
    if not pairs:
        return []
    text: dict[bytes, bytearray] = {}
    wanted = {span.contig for pair in pairs for span in pair}
    for name, line in _lines(fasta):
        if name in wanted:
            text.setdefault(name, bytearray()).extend(line.strip().upper())
    found: dict[Span, None] = {}
    for own, other in pairs:
        here, there = (bytes(text.get(one.contig, b"")[one.start : one.end]) for one in (own, other))
        middle = here[max(len(here) - MIDDLE, 0) // 2 :][:MIDDLE]
        # what is masked already is no copy
        if middle.strip(MASK) and middle in there:
            found[own] = None
    return list(found)


def masked(fasta: str | Path, copies: Collection[Span]) -> Iterator[bytes]:
    """Lines of a genome in which the bases of the copies are ``N``."""
    own: list[Span] = []
    at = 0
    for name, line in _lines(fasta):
        if line.startswith(b">"):
            own, at = [span for span in copies if span.contig == name], 0
        elif own:
            bases = bytearray(line.strip())
            for span in own:
                first, last = max(span.start - at, 0), min(span.end - at, len(bases))
                if first < last:
                    bases[first:last] = MASK * (last - first)
            at += len(bases)
            line = bytes(bases) + b"\n"
        yield line


def _lines(fasta: str | Path) -> Iterator[tuple[bytes, bytes]]:
    """Lines of a FASTA file with the name of their contig."""
    name = b""
    with opened(fasta) as lines:
        for line in lines:
            if line.startswith(b">"):
                name = (line[1:].split() or [b""])[0]
            yield name, line
