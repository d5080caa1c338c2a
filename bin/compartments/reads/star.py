"""STAR: its index, a part of the reads mapped both ways, and what its log says."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from compartments.reads.chemistries import Chemistry
from compartments.reads.copies import Sexes, letter
from compartments.reads.counted import Ways
from compartments.reads.genome import Genome, Needs
from compartments.reads.programs import Program, run

STAR = Program("STAR", at_end=False)
BASES = b"ACGT".ljust(256, b"N")  # by the numbers that an index has for them
TABLES = ("chrName.txt", "chrStart.txt", "chrLength.txt", "geneInfo.tab", "exonGeTrInfo.tab", "Genome")


def run_star(options: Sequence[str], threads: int) -> None:
    """Run STAR in this folder; errors as :func:`compartments.reads.programs.run`."""
    run(STAR, ["--runThreadN", str(threads), *options])


def needs(genome: Genome) -> Needs:
    """What an index of a genome takes."""
    every = "every suffix" if genome.sparse == 1 else f"one of {genome.sparse} suffixes"
    return Needs(genome.gb, genome.gb_to_build, f"STAR's index with {every}")


def index_options(genome: Genome, fasta: str | Path, gtf: str | Path) -> list[str]:
    """Options by which STAR makes the folder ``index`` of a genome and its genes, which are not packed."""
    return [
        *["--runMode", "genomeGenerate", "--genomeDir", "index", "--genomeFastaFiles", str(fasta)],
        *["--sjdbGTFfile", str(gtf), "--sjdbOverhang", "100"],
        *["--genomeSAsparseD", str(genome.sparse), "--genomeSAindexNbases", str(genome.prefix)],
        *["--genomeChrBinNbits", str(genome.bin_bits)],
        *["--limitGenomeGenerateRAM", str(int(genome.gb_to_sort * 1e9))],
    ]


def build(genome: Genome, fasta: Path, gtf: Path, threads: int) -> None:
    """Make the folder ``index``."""
    run_star(index_options(genome, fasta, gtf), threads)
    Path("index").chmod(0o755)  # STAR leaves it to its owner alone


def copies_in(index: str | Path) -> list[str]:
    """Names of genes of X that an index has on Y, too; none of an index without genes."""
    names, starts, lengths, genes, exons, genome = (Path(index, name) for name in TABLES)
    if not all(path.is_file() for path in (names, starts, lengths, genes, exons, genome)):
        return []
    # the first line has their number; old indexes have ids alone
    ids, called = zip(*[(line.split(b"\t") * 2)[:2] for line in genes.read_bytes().splitlines()[1:]], strict=True)
    spans = np.loadtxt(exons, np.int64, skiprows=1, ndmin=2)  # first and last base, strand, gene, transcript
    bases = np.memmap(genome, np.uint8, "r")
    text, sexes = {}, Sexes()
    contigs = zip(names.read_bytes().split(), np.loadtxt(starts, int), np.loadtxt(lengths, int, ndmin=1), strict=False)
    for contig, start, length in contigs:
        if letter(contig):
            text[contig] = bases[start : start + length].tobytes().translate(BASES)
            here = (spans[:, 0] >= start) & (spans[:, 0] < start + length)
            for first, last, _strand, gene, _transcript in spans[here]:
                sexes.take(contig, ids[gene], called[gene], first - start + 1, last - start + 1)
    known = dict(zip(ids, called, strict=True))
    return sorted({known[span.gene].decode("utf-8", "replace") for span in sexes.copies(text)})


def both_ways(_first: str, second: str, index: str, _chemistry: Chemistry, threads: int) -> Ways:
    """Map reads 2, which are not packed, to the genome, and count them in genes either way."""
    options = ["--genomeDir", index, "--readFilesIn", second, "--outSAMtype", "None", "--quantMode", "GeneCounts"]
    run_star([*options, "--outFileNamePrefix", "part."], threads)
    _both, forward, reverse = gene_counts("part.ReadsPerGene.out.tab")
    return Ways(forward, reverse, mapped_share(summary_of("part.Log.final.out")))


def gene_counts(path: str | Path) -> tuple[int, int, int]:
    """Reads in genes whatever the strand, on that of the mRNA, and on the other, of STAR's ``ReadsPerGene.out.tab``."""
    rows = [line.split("\t") for line in Path(path).read_text().splitlines() if not line.startswith("N_")]
    both, forward, reverse = np.array([row[1:4] for row in rows] or np.zeros((1, 3)), int).sum(0)
    return int(both), int(forward), int(reverse)


def summary_of(log: str | Path) -> dict[str, float]:
    """Figures of ``Log.final.out``: name -> number, shares of reads as fractions."""
    found = {}
    for line in Path(log).read_text().splitlines():
        name, separator, value = line.partition("|")
        if separator and re.fullmatch(r"[\d.]+%?", value.strip()):
            number = float(value.strip().rstrip("%"))
            found[name.strip()] = number / 100 if "%" in value else number
    return found


def mapped_share(summary: Mapping[str, float]) -> float:
    """Share of reads that were placed, in one place or several."""
    names = ("Uniquely mapped reads %", "% of reads mapped to multiple loci")
    return sum(summary.get(name, 0.0) for name in names)
