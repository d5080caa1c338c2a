"""Genes of Y that are copies of X's are masked, so that their reads count for X."""

import hashlib
import json
import subprocess

import numpy as np
import pytest

from compartments.reads.copies import copies_among, masked, said_of
from compartments.reads.genome import kept_genes, look_at, sexes_of
from tests.support.reads import ACGT
from tests.support.runs import step

RNG = np.random.default_rng(3)


def bases(n):
    return ACGT[RNG.integers(0, 4, n)].tobytes()


SHARED, OWN = bases(500), bases(500)  # of both chromosomes; of a gene of Y that is called as one of X
X, Y = bases(130) + SHARED + bases(70) + bases(500), bases(45) + SHARED + OWN + bases(30)
# contig, gene, its name, from base, to base (from 1), as the sources of genomes have them
GENES = [
    ("chrX", "ENSG1.5", "IL3RA", 151, 350),
    ("chrX", "ENSG2.1", "CD99", 401, 600),
    ("chrX", "ENSG3.1", "Y_RNA", 701, 900),
    ("chrY", "ENSG1.5_PAR_Y", "IL3RA", 66, 265),
    ("chrY", "ENSG9.1", "CD99", 306, 525),  # an id of its own, and other ends
    ("chrY", "ENSG8.1", "Y_RNA", 561, 760),
    ("chrY", "ENSG7.1", "DDX3Y", 771, 900),
]


def gtf_of(genes):
    lines = []
    for contig, gene, name, start, end in genes:
        said = f'gene_id "{gene}"; transcript_id "{gene}.t"; gene_type "protein_coding"; gene_name "{name}";'
        for kind, first, last in (("gene", start, end), ("exon", start, start + 49), ("exon", end - 49, end)):
            lines.append("\t".join([contig, "H", kind, str(first), str(last), ".", "+", ".", said]))
    return "\n".join(lines) + "\n"


def fasta_of(contigs, width=60):
    return b"".join(
        b">%s of GRCh38\n%s" % (name, b"".join(text[at : at + width] + b"\n" for at in range(0, len(text), width)))
        for name, text in contigs.items()
    )


@pytest.fixture
def files(tmp_path):
    (tmp_path / "g.fa").write_bytes(fasta_of({b"chr1": bases(300), b"chrX": X, b"chrY": Y.lower()}))
    (tmp_path / "g.gtf").write_text(gtf_of(GENES))
    return tmp_path / "g.fa", tmp_path / "g.gtf"


def test_copies_are_told_by_their_bases(files):
    fasta, gtf = files
    found = copies_among(sexes_of(gtf), fasta)
    assert {(one.contig, one.gene) for one in found} == {(b"chrY", b"ENSG1.5_PAR_Y"), (b"chrY", b"ENSG9.1")}, "no Y_RNA"
    text = b"".join(line.strip() for line in masked(fasta, found) if not line.startswith(b">"))
    whole = b"".join(line.strip() for line in fasta.read_bytes().splitlines() if not line.startswith(b">"))
    y = len(whole) - len(Y)
    hidden = [place - y + 1 for place, (one, other) in enumerate(zip(whole, text, strict=True)) if one != other]
    assert hidden == [*range(66, 266), *range(306, 526)] and set(text[y + 65 : y + 265]) == {ord("N")}
    kept = b"".join(kept_genes(gtf, found))
    assert b"ENSG1.5_PAR_Y" not in kept and b"ENSG9.1" not in kept
    assert all(one in kept for one in (b'"ENSG1.5"', b'"ENSG2.1"', b'"ENSG8.1"', b'"ENSG7.1"'))


def test_a_genome_that_is_masked_already_stays_as_it_is(files):
    fasta, gtf = files
    fasta.write_bytes(fasta_of({b"chr1": bases(300), b"chrX": X, b"chrY": b"N" * 545 + Y[545:]}))
    found = copies_among(sexes_of(gtf), fasta)
    assert found == [] and b"".join(masked(fasta, found)) == fasta.read_bytes()
    assert b"".join(kept_genes(gtf, found)) == gtf.read_bytes()


def test_one_id_on_both_chromosomes_loses_only_that_of_y(files):
    fasta, gtf = files
    gtf.write_text(gtf_of([(*one[:1], one[2], *one[2:]) for one in GENES]))
    kept = b"".join(kept_genes(gtf, copies_among(sexes_of(gtf), fasta))).decode()
    assert [line.split("\t")[0] for line in kept.splitlines() if '"IL3RA"' in line] == ["chrX"] * 3


def test_a_gtf_without_the_genes_of_y_leaves_no_copy_there(files):
    """As GTFs made for 10x have it: the whole of a gene of X is told by its ends and middle; half of one is none."""
    fasta, gtf = files
    gtf.write_text(gtf_of([gene for gene in GENES if gene[0] == "chrX"]))
    found = copies_among(sexes_of(gtf), fasta)
    assert [tuple(one) for one in found] == [
        (b"chrY", b"ENSG1.5", 65, 265),
        (b"chrY", b"ENSG2.1", 315, 515),
    ]
    gtf.write_text(gtf_of([("chrX", "ENSG1.5", "IL3RA", 151, 950)]))
    assert copies_among(sexes_of(gtf), fasta) == []


def test_in_the_middle_of_x_no_gene_is_looked_for_that_y_does_not_name(files, monkeypatch):
    fasta, gtf = files
    monkeypatch.setattr("compartments.reads.copies.FIRST", 300)
    monkeypatch.setattr("compartments.reads.copies.LAST", 300)
    gtf.write_text(gtf_of([gene for gene in GENES if gene[0] == "chrX"]))
    assert [one.gene for one in copies_among(sexes_of(gtf), fasta)] == [b"ENSG1.5"]


def test_a_warning_names_some_of_them():
    assert said_of([]) == ""
    assert "has 1 gene of the chromosome X on Y as well (CD99):" in said_of(["CD99"])
    assert "has 7 genes of the chromosome X on Y as well (A, B, C, D, E and 2 more):" in said_of(list("ABCDEFG"))


def test_an_index_with_copies_is_not_taken_for_one_without(files):
    fasta, gtf = files
    both = look_at(fasta, gtf).digest
    text = hashlib.sha256(fasta.read_bytes() + gtf.read_bytes())
    assert both != text.hexdigest()[:16]
    gtf.write_text(gtf.read_text().replace("chrX", "chr1").replace("chrY", "chr1"))
    text = hashlib.sha256(fasta.read_bytes() + gtf.read_bytes())
    assert look_at(fasta, gtf).digest == text.hexdigest()[:16]


def test_the_counter_is_given_the_masked_genome(files, tmp_path):
    fasta, gtf = files
    genome = look_at(fasta, gtf)
    (tmp_path / "genome.json").write_text(json.dumps(genome._asdict()))
    (tmp_path / "STAR").write_text("#!/bin/sh\nmkdir index\ncp unpacked/* index\n")
    (tmp_path / "STAR").chmod(0o755)
    words = ("--genome", "genome.json", "--fasta", fasta.name, "--gtf", gtf.name, "--out", "made")
    environment = {"PATH": f"{tmp_path}:/bin:/usr/bin"}
    subprocess.run(step("build_index", *words), cwd=tmp_path, check=True, env=environment)
    assert (tmp_path / "made" / "genome.fa").read_bytes().count(b"N") == 200 + 220
    assert "PAR_Y" not in (tmp_path / "made" / "genes.gtf").read_text()
