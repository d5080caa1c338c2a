"""Reads of known counts: a small genome with introns, copies of genes, and mitochondrial genes; PCR copies and errors.

What a counter of reads finds can be held against the counts that the reads were made from.
"""

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Bases = npt.NDArray[np.uint8]
ACGT = np.frombuffer(b"ACGT", np.uint8)
COMPLEMENT = np.zeros(256, np.uint8)
COMPLEMENT[ACGT] = ACGT[::-1]
LENGTH = 90  # bases of read 2
FRAGMENT = (150, 450)  # bases from the start of read 2 to the end of the molecule
COPIES, UNLIKE = 0.05, 0.03  # of the genes are copies of another one, which differ in so many bases
UNSPLICED = 0.2  # of the molecules of genes with introns
WITHOUT_GENES = 200_000  # bases of a contig that has none
INTERGENIC = 0.05  # as many reads more are from there, either strand
PART = 200_000  # reads made at a time


class Genome(NamedTuple):
    """A genome and what is transcribed from it.

    Attributes
    ----------
    contigs : dict of str to array
    gtf : list of str
        Lines.
    sequence : array
        All transcripts, one after the other: of each gene the spliced one and the unspliced one.
    start, length : array of int, shape (genes, 2)
        Where they are, spliced and unspliced.
    """

    contigs: dict[str, Bases]
    gtf: list[str]
    sequence: Bases
    start: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]


def make_genome(names: Sequence[str], ids: Sequence[str], seed: int) -> Genome:
    """A genome of genes of the given names and ids; those called ``MT-`` lie on ``chrM`` and have no introns."""
    rng = np.random.default_rng(seed)

    def random(n: int) -> Bases:
        return ACGT[rng.integers(0, 4, n)]

    pieces: dict[str, list[Bases]] = {"chr1": [], "chr2": [], "chrM": []}
    at = dict.fromkeys(pieces, 0)
    gtf: list[str] = []
    exons_of: list[list[Bases]] = []
    transcripts: list[Bases] = []
    ordinary = [n for n, name in enumerate(names) if not name.startswith("MT-")]
    many = int(COPIES * len(ordinary))
    copied = dict(zip(ordinary[many : 2 * many], ordinary, strict=False))
    for number, (name, identifier) in enumerate(zip(names, ids, strict=True)):
        mitochondrial = name.startswith("MT-")
        contig = "chrM" if mitochondrial else f"chr{1 + number % 2}"
        if number in copied:
            exons = [mutated(exon, UNLIKE, rng) for exon in exons_of[copied[number]]]
        else:
            several = 0 if mitochondrial else int(rng.integers(1, 5))
            exons = [random(int(n)) for n in [*rng.integers(90, 300, several), rng.integers(700, 1500)]]
        introns = [random(int(n)) for n in rng.integers(200, 900, len(exons) - 1)]
        minus = not mitochondrial and bool(rng.integers(2))
        before = random(int(rng.integers(20, 60) if mitochondrial else rng.integers(500, 1500)))
        parts = [exons[0]] + [part for pair in zip(introns, exons[1:], strict=True) for part in pair]
        ends = np.cumsum([len(part) for part in parts])
        spans = [(ends[2 * k] - len(exon), ends[2 * k]) for k, exon in enumerate(exons)]
        whole = np.concatenate(parts)
        start = at[contig] + len(before)
        if minus:
            spans = [(len(whole) - end, len(whole) - begin) for begin, end in spans]
        gtf += _lines(contig, start, spans, "-" if minus else "+", name, identifier)
        pieces[contig] += [before, COMPLEMENT[whole[::-1]] if minus else whole]
        at[contig] = start + len(whole)
        exons_of.append(exons)
        transcripts += [np.concatenate(exons), whole]
    for contig in pieces:
        pieces[contig].append(random(500))
    contigs = {contig: np.concatenate(parts) for contig, parts in pieces.items()}
    contigs["chrU"] = random(WITHOUT_GENES)
    length = np.array([len(one) for one in transcripts]).reshape(-1, 2)
    start_of = (np.cumsum(length.ravel()) - length.ravel()).reshape(-1, 2)
    return Genome(contigs, gtf, np.concatenate(transcripts), start_of, length)


def _lines(
    contig: str, start: int, spans: Sequence[tuple[int, int]], strand: str, name: str, identifier: str
) -> list[str]:
    """GTF of a gene with one transcript; ``spans`` of its exons from the gene's first base on."""
    gene = f'gene_id "{identifier}"; gene_name "{name}"; gene_type "protein_coding";'
    one = f'{gene} transcript_id "{identifier}.1";'

    def line(kind: str, begin: int, end: int, attributes: str) -> str:
        return "\t".join(
            [contig, "simulated", kind, str(start + begin + 1), str(start + end), ".", strand, ".", attributes]
        )

    first, last = min(begin for begin, _end in spans), max(end for _begin, end in spans)
    return [
        line("gene", first, last, gene),
        line("transcript", first, last, one),
        *(line("exon", begin, end, one) for begin, end in sorted(spans)),
    ]


def mutated(bases: Bases, rate: float, rng: np.random.Generator) -> Bases:
    """Bases of which some are another one."""
    found = bases.copy()
    hit = rng.random(found.shape) < rate
    found[hit] = ACGT[(np.searchsorted(ACGT, found[hit]) + rng.integers(1, 4, hit.sum())) % 4]
    return found


def write_genome(genome: Genome, fasta: str | Path, gtf: str | Path) -> None:
    """Write it as FASTA and GTF."""
    with open(fasta, "wb") as out:
        for name, bases in genome.contigs.items():
            out.write(b">%s\n%s\n" % (name.encode(), bases.tobytes()))
    Path(gtf).write_text("\n".join(genome.gtf) + "\n")


def write_reads(
    counts: sp.csr_matrix,
    barcodes: Sequence[str],
    genome: Genome,
    prefix: str | Path,
    *,
    seed: int,
    copies: float = 1.0,
    errors: float = 0.003,
    umi: int = 12,
) -> int:
    """Write ``<prefix>_R1_001.fastq.gz`` and ``_R2_001``, 3' reads of all molecules.

    Parameters
    ----------
    counts : csr_matrix of int, shape (droplets, genes)
        Molecules.
    barcodes : sequence of str, shape (droplets,)
    genome : Genome
    prefix : path
    seed : int
    copies : float
        Reads of a molecule beyond the first, Poisson.
    errors : float
        Share of wrong bases.
    umi : int
        Bases.

    Returns
    -------
    int
        Reads written.
    """
    rng = np.random.default_rng(seed)
    table = counts.tocoo()
    droplet, gene = (np.repeat(axis, table.data) for axis in (table.row, table.col))
    molecules = len(gene)
    unspliced = (rng.random(molecules) < UNSPLICED) & (genome.length[gene, 1] > genome.length[gene, 0])
    umis = ACGT[rng.integers(0, 4, (molecules, umi))]
    # an unspliced molecule is primed anywhere, a spliced one at its end
    length = genome.length[gene, unspliced.astype(int)]
    end = np.where(unspliced, 200 + rng.random(molecules) * (length - 200), length).astype(np.int64)
    of = np.repeat(np.arange(molecules), 1 + rng.poisson(copies, molecules))
    of = np.concatenate([of, rng.integers(0, molecules, int(INTERGENIC * len(of)))])
    strange = np.arange(len(of)) >= len(of) / (1 + INTERGENIC)
    order = rng.permutation(len(of))
    of, strange = of[order], strange[order]
    codes = np.frombuffer("".join(barcodes).encode(), np.uint8).reshape(len(barcodes), -1)
    bare = genome.contigs["chrU"]
    first, second = (f"{prefix}_R{mate}_001.fastq.gz" for mate in (1, 2))
    with gzip.open(first, "wb", 1) as one, gzip.open(second, "wb", 1) as other:
        for begin in range(0, len(of), PART):
            here, foreign = of[begin : begin + PART], strange[begin : begin + PART]
            at = np.maximum(end[here] - rng.integers(*FRAGMENT, len(here)), 0)
            at += genome.start[gene[here], unspliced[here].astype(int)]
            mrna = genome.sequence[at[:, None] + np.arange(LENGTH)]
            elsewhere = bare[rng.integers(0, len(bare) - LENGTH, len(here))[:, None] + np.arange(LENGTH)]
            turned = rng.random(len(here)) < 0.5
            elsewhere[turned] = COMPLEMENT[elsewhere[turned][:, ::-1]]
            mrna[foreign] = elsewhere[foreign]
            label = np.concatenate([codes[droplet[here]], umis[here]], axis=1)
            label[foreign, -umi:] = ACGT[rng.integers(0, 4, (foreign.sum(), umi))]
            for file, mate, bases in ((one, 1, label), (other, 2, mrna)):
                file.write(_records(mutated(bases, errors, rng), begin, mate))
    return len(of)


def _records(bases: Bases, first: int, mate: int) -> bytes:
    """FASTQ of reads of one length, numbered from ``first``."""
    numbers = np.char.zfill(np.arange(first, first + len(bases)).astype(str), 9).astype("S9")
    names = numbers.view(np.uint8).reshape(len(bases), 9)

    def fixed(text: bytes) -> Bases:
        return np.broadcast_to(np.frombuffer(text, np.uint8), (len(bases), len(text)))

    parts = [fixed(b"@SIM:1:X:1:1:1:"), names, fixed(b" %d:N:0\n" % mate), bases, fixed(b"\n+\n")]
    return np.concatenate([*parts, fixed(b"F" * bases.shape[1] + b"\n")], axis=1).tobytes()
