"""A genome and its genes: what an index is made of, and what one of STAR needs."""

import hashlib
import math
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from compartments.core.errors import UserError
from compartments.reads.copies import Sexes, Span
from compartments.reads.fastq import opened

LARGE = 1_000_000_000  # bases from which every second suffix is left out of the index
ATTRIBUTE = re.compile(rb'(gene_id|gene_name|gene_type|gene_biotype|transcript_id) "([^"]*)"')
OVERHEAD = 2.5  # GB, of a sorted list of 6.8 million barcodes and room for threads
NO_MRNA = re.compile(rb"pseudogene|_gene_segment_fragment")


class Needs(NamedTuple):
    """Memory that mapping with an index and building it take, GB, and what the index is."""

    gb: float
    gb_to_build: float
    kind: str


class Genome(NamedTuple):
    """What the files hold.

    Attributes
    ----------
    bases, contigs, genes : int
    digest : str
        SHA-256 of both files' text, 16 digits; of another index than before where Y may have copies of X's genes.
    sparse : int
        Of how many suffixes STAR's index holds one (``--genomeSAsparseD``).
    transcribed : int
        Bases of all genes from end to end.
    """

    bases: int
    contigs: int
    genes: int
    digest: str
    sparse: int
    transcribed: int

    @property
    def gb_of_index(self) -> float:
        """The genome, its suffix array of 8.25 bytes each, the table of prefixes; GB."""
        return (self.bases + 8.25 * self.bases / self.sparse + 6 * 4**self.prefix) / 1e9

    @property
    def gb(self) -> float:
        """Memory that mapping takes, GB."""
        return self.gb_of_index + OVERHEAD

    @property
    def gb_to_sort(self) -> float:
        """Memory that building the index may take for sorting suffixes, GB: STAR sorts them in parts that fit in it."""
        return max(1.0, 1.25 * self.gb_of_index)

    @property
    def gb_to_build(self) -> float:
        """Memory that building the index takes, GB."""
        return self.gb_to_sort + 1

    @property
    def prefix(self) -> int:
        """Length of the prefixes that are looked up (``--genomeSAindexNbases``), as STAR's manual has it."""
        return max(4, min(14, int(math.log2(max(self.bases, 2)) / 2 - 1)))

    @property
    def bin_bits(self) -> int:
        """Bits of the bins of contigs (``--genomeChrBinNbits``), as STAR's manual has it."""
        return min(18, int(math.log2(max(self.bases / self.contigs, 100))))


def look_at(fasta: str | Path, gtf: str | Path) -> Genome:
    """Read a genome and its genes once, and see that they are of each other.

    Parameters
    ----------
    fasta, gtf : path
        Plain or packed with gzip.

    Raises
    ------
    UserError
        No FASTA, no GTF, genes without names, contigs of other names.
    """
    digest = hashlib.sha256()
    contigs, bases = _contigs(fasta, digest)
    genes, named, places, sexes = _genes(gtf, digest)
    if sexes.of("X"):
        digest.update(b"genes of X are masked on Y")
    if not genes:
        raise UserError(f"--gtf '{Path(gtf).name}' has no exons with a gene_id; give a GTF of genes (not GFF3 or BED)")
    for attribute, what in ((b"gene_name", "names of genes"), (b"transcript_id", "transcripts")):
        if attribute not in named:
            raise UserError(
                f"--gtf '{Path(gtf).name}' has no {attribute.decode()}: {what} are needed; take the GTF of GENCODE or "
                "Ensembl"
            )
    elsewhere = places - contigs
    if elsewhere == places:
        one, other = (min(names).decode("utf-8", "replace") for names in (contigs, places))
        raise UserError(
            f"--fasta '{Path(fasta).name}' has contigs such as '{one}', --gtf '{Path(gtf).name}' such as '{other}': "
            "none agrees; take both from the same source"
        )
    transcribed = sum(end - start + 1 for start, end in genes.values())
    return Genome(bases, len(contigs), len(genes), digest.hexdigest()[:16], 2 if bases > LARGE else 1, transcribed)


def _contigs(fasta: str | Path, digest: "hashlib._Hash") -> tuple[set[bytes], int]:
    names: set[bytes] = set()
    bases = 0
    with opened(fasta) as lines:
        for line in lines:
            digest.update(line)
            if line.startswith(b">"):
                words = line[1:].split()
                names.add(words[0] if words else b"")
            elif not names:
                raise UserError(f"--fasta '{Path(fasta).name}' is not FASTA: it does not begin with '>'")
            else:
                bases += len(line.strip())
    if not bases:
        raise UserError(f"--fasta '{Path(fasta).name}' has no sequence")
    return names, bases


def _genes(
    gtf: str | Path, digest: "hashlib._Hash"
) -> tuple[dict[bytes, tuple[int, int]], set[bytes], set[bytes], Sexes]:
    """Start and end of the genes that have exons, by id, attributes that any has, and the contigs that they are on;
    and those of X and Y."""
    sexes = Sexes()
    genes: dict[bytes, tuple[int, int]] = {}
    places: set[bytes] = set()
    named: set[bytes] = set()
    with opened(gtf) as lines:
        for line in lines:
            digest.update(line)
            fields = line.split(b"\t")
            if len(fields) < 9 or fields[2] != b"exon":
                continue
            found = dict(ATTRIBUTE.findall(fields[8]))
            if b"gene_id" in found and fields[3].isdigit() and fields[4].isdigit():
                start, end = int(fields[3]), int(fields[4])
                low, high = genes.get(found[b"gene_id"], (start, end))
                genes[found[b"gene_id"]] = min(low, start), max(high, end)
                places.add(fields[0])
                named.update(found)
                sexes.take(fields[0], found[b"gene_id"], found.get(b"gene_name", b""), start, end)
    return genes, named, places, sexes


def sexes_of(gtf: str | Path) -> Sexes:
    """Genes of the chromosomes X and Y."""
    return _genes(gtf, hashlib.sha256())[3]


def kept_genes(gtf: str | Path, copies: Collection[Span] = ()) -> Iterator[bytes]:
    """Lines of a GTF without genes that make no mRNA of their own, as 10x Genomics filters its references: pseudogenes
    take reads from the genes that they are copies of; and without ``copies``."""
    without = {(span.contig, span.gene) for span in copies}
    with opened(gtf) as lines:
        for line in lines:
            found = dict(ATTRIBUTE.findall(line))
            kind = found.get(b"gene_type") or found.get(b"gene_biotype") or b""
            place = line.partition(b"\t")[0], found.get(b"gene_id", b"")
            if not NO_MRNA.search(kind) and place not in without:
                yield line
