"""STAR: what its log says, and its index holds."""

import os
import subprocess

import pytest

from compartments.reads.star import copies_in, gene_counts, mapped_share, summary_of
from tests.reads.test_copies import GENES, X, Y, bases, fasta_of, gtf_of
from tests.support.reads import PROGRAMS, at_hand


def test_figures_of_the_log(tmp_path):
    path = tmp_path / "Log.final.out"
    path.write_text(
        "  Started job on |\tNov 29 01:00:00\n Number of input reads |\t1000\n UNIQUE READS:\n"
        " Uniquely mapped reads % |\t61.50%\n % of reads mapped to multiple loci |\t8.50%\n"
    )
    found = summary_of(path)
    assert found["Number of input reads"] == 1000 and mapped_share(found) == pytest.approx(0.7)


def test_reads_in_genes_either_way(tmp_path):
    path = tmp_path / "r.tab"
    path.write_text("N_unmapped\t9\t9\t9\nN_multimapping\t1\t1\t1\nE1\t10\t8\t2\nE2\t4\t4\t0\n")
    assert gene_counts(path) == (14, 12, 2)


@pytest.mark.skipif(not at_hand("STAR"), reason="STAR is not here: make setup-counts")
def test_genes_of_x_that_an_index_has_on_y(tmp_path):
    """Whether the GTF names those of Y or not; none where they are masked, or of an index without genes."""
    contigs = {b"chr1": bases(3000), b"chrX": X, b"chrY": Y}
    of_x = [gene for gene in GENES if gene[0] == "chrX"]
    hidden = contigs | {b"chrY": b"N" * 545 + Y[545:]}
    made = {"both": (contigs, GENES), "x": (contigs, of_x), "masked": (hidden, GENES), "bare": (contigs, [])}
    for name, (text, genes) in made.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "g.fa").write_bytes(fasta_of(text))
        (folder / "g.gtf").write_text(gtf_of(genes))
        options = ["--runMode", "genomeGenerate", "--genomeDir", "index", "--genomeFastaFiles", "g.fa"]
        options += ["--genomeSAindexNbases", "4"] + ["--sjdbGTFfile", "g.gtf"] * bool(genes)
        environment = os.environ | {"PATH": PROGRAMS}
        subprocess.run(["STAR", *options], cwd=folder, env=environment, check=True, capture_output=True)
    found = {name: copies_in(tmp_path / name / "index") for name in made}
    assert found == {"both": ["CD99", "IL3RA"], "x": ["CD99", "IL3RA"], "masked": [], "bare": []}
