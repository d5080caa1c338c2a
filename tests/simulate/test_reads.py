"""Reads of known counts: every molecule is there, on the gene and droplet that it is of."""

import gzip

import numpy as np
import pytest
import scipy.sparse as sp

from compartments.simulate.reads import COMPLEMENT, LENGTH, make_genome, mutated, write_reads

NAMES = [*(f"G{n}" for n in range(30)), "MT-A"]


@pytest.fixture(scope="module")
def genome():
    return make_genome(NAMES, [f"E{n}" for n in range(31)], 3)


def bases_of(path):
    return gzip.decompress(path.read_bytes()).split(b"\n")[1::4]


def test_the_genes_lines_give_their_transcripts(genome):
    """Exons of the GTF, joined and turned where the gene runs backwards, are the spliced transcript."""
    spliced = {}
    for line in genome.gtf:
        contig, _source, kind, start, end, _dot, strand, _frame, words = line.split("\t")
        if kind == "exon":
            part = genome.contigs[contig][int(start) - 1 : int(end)]
            spliced.setdefault((words.split('"')[1], strand), []).append(part)
    assert len(spliced) == 31
    for number, ((identifier, strand), parts) in enumerate(spliced.items()):
        whole = np.concatenate(parts)
        whole = COMPLEMENT[whole[::-1]] if strand == "-" else whole
        start, length = genome.start[number, 0], genome.length[number, 0]
        assert identifier == f"E{number}" and (genome.sequence[start : start + length] == whole).all()


def test_reads_without_errors_are_of_their_droplet_and_gene(genome, tmp_path):
    rng = np.random.default_rng(0)
    counts = sp.csr_matrix(rng.poisson(2.0, (4, 31)).astype(np.int32))
    barcodes = ["A" * 16, "C" * 16, "G" * 16, "T" * 16]
    n = write_reads(counts, barcodes, genome, tmp_path / "S", seed=1, copies=0.0, errors=0.0)
    first, second = (bases_of(tmp_path / f"S_R{mate}_001.fastq.gz") for mate in (1, 2))
    assert n == len(first) == len(second) and {len(read) for read in first} == {28}
    text = genome.sequence.tobytes()
    at = [text.find(read) for read in second]
    ends = np.concatenate([genome.start.ravel(), [len(text)]])
    gene = np.array([np.searchsorted(ends, place, "right") - 1 for place in at]) // 2
    here = np.array(at) >= 0
    assert here.sum() == counts.sum() and {len(read) for read in second} == {LENGTH}
    found = np.zeros((4, 31), int)
    droplet = np.array([barcodes.index(read[:16].decode()) for read in first])
    np.add.at(found, (droplet[here], gene[here]), 1)
    # copies of a gene are alike in places, where a read of one is found in the other
    assert (found.sum(1) == np.asarray(counts.sum(1)).ravel()).all()
    assert np.abs(found - counts.toarray()).sum() <= 0.1 * counts.sum()
    assert 0.02 < 1 - here.mean() < 0.08, "reads from between genes"


def test_the_same_seed_gives_the_same_reads(genome, tmp_path):
    counts = sp.csr_matrix(np.full((2, 31), 3, np.int32))
    for name in "ab":
        write_reads(counts, ["A" * 16, "C" * 16], genome, tmp_path / name, seed=1)
    one, other = (bases_of(tmp_path / f"{name}_R2_001.fastq.gz") for name in "ab")
    assert one == other


def test_errors_are_other_bases():
    bases = np.full(100_000, ord("A"), np.uint8)
    changed = mutated(bases, 0.01, np.random.default_rng(1)) != bases
    assert 0.009 < changed.mean() < 0.011
