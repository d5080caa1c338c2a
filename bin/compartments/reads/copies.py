"""Genes of the chromosome Y that are copies of those of X, as in its pseudoautosomal regions.

A read of such a gene fits both copies, so that a counter leaves it out or parts it between them: IL3RA, CD99 and CSF2RA
would have few counts, or none. Some sources of genomes mask these regions of Y and name each gene once, others do not;
and a GTF may leave the genes of Y out while the genome has them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from compartments.reads.fastq import opened

MASK = b"N"
MIDDLE = 200  # bases of the middle of a gene, by which a copy is told: the sources may end its genes elsewhere
# bases at either end of X where genes are looked for on Y that no gene of Y is called as: the pseudoautosomal regions
# have 2.8 and .3 million in people, .7 million in mice
FIRST, LAST = 3_000_000, 1_000_000
SHOWN = 5  # names in a warning


class Span(NamedTuple):
    """A gene on a contig, from its first base (counted from 0) to behind its last."""

    contig: bytes
    gene: bytes
    start: int
    end: int


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

    def of(self, chromosome: str) -> dict[Span, bytes]:
        """Genes of ``X`` or ``Y``, and their names."""
        return {
            Span(contig, gene, *places): name
            for (contig, gene, name), places in self.spans.items()
            if letter(contig) == chromosome
        }

    def copies(self, text: Mapping[bytes, bytes]) -> list[Span]:
        """Stretches of Y that are a gene of X: genes of its name of the same middle, and all of a gene without name.

        Parameters
        ----------
        text : mapping
            Contig of X and Y -> its bases, in upper case.
        """
        genes_of_x = self.of("X")
        on_x: dict[bytes, list[Span]] = defaultdict(list)
        for span, name in genes_of_x.items():
            on_x[name].append(span)
        found: dict[Span, None] = {}
        seen: set[Span] = set()
        for own, name in self.of("Y").items():
            here = _bases(own, text)
            middle = here[max(len(here) - MIDDLE, 0) // 2 :][:MIDDLE]
            for other in on_x[name]:
                # what is masked already is no copy
                if middle.strip(MASK) and middle in _bases(other, text):
                    found[own] = None
                    seen.add(other)
        for span in genes_of_x.keys() - seen:
            if span.start < FIRST or span.end > len(text.get(span.contig, b"")) - LAST:
                found |= dict.fromkeys(_twins(span, text))
        return sorted(found)


def _bases(span: Span, text: Mapping[bytes, bytes]) -> bytes:
    return text.get(span.contig, b"")[span.start : span.end]


def _twins(span: Span, text: Mapping[bytes, bytes]) -> Iterator[Span]:
    """Where Y has both ends and the middle of a gene, as far from each other."""
    whole = _bases(span, text)
    length = min(MIDDLE, len(whole))
    parts = [(at, whole[at : at + length]) for at in {0, (len(whole) - length) // 2, len(whole) - length}]
    if not whole or any(MASK in part for _at, part in parts):
        return
    first = min(parts)[1]
    for contig, bases in text.items():
        at = bases.find(first) if letter(contig) == "Y" else -1
        while at >= 0:
            if all(bases.startswith(part, at + place) for place, part in parts):
                yield Span(contig, span.gene, at, at + len(whole))
            at = bases.find(first, at + 1)


def copies_among(genes: Sexes, fasta: str | Path) -> list[Span]:
    """Stretches of Y in a genome that are genes of X."""
    text: dict[bytes, bytearray] = {}
    if genes.of("X"):
        for name, line in _lines(fasta):
            if letter(name) and not line.startswith(b">"):
                text.setdefault(name, bytearray()).extend(line.strip().upper())
    return genes.copies({name: bytes(bases) for name, bases in text.items()})


def said_of(names: Sequence[str]) -> str:
    """A warning of genes of X that an index has on Y, too; empty of none."""
    if not names:
        return ""
    shown = ", ".join(names[:SHOWN]) + f" and {len(names) - SHOWN} more" * (len(names) > SHOWN)
    return (
        f"the index has {len(names)} gene{'s' * (len(names) > 1)} of the chromosome X on Y as well ({shown}): their "
        "reads fit both and count for none. Give --fasta and --gtf in place of --star_index (the copies are masked "
        "then), or an index of a genome whose pseudoautosomal regions of Y are masked"
    )


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
