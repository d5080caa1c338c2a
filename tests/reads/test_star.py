"""STAR: what its log says."""

import pytest

from compartments.reads.star import gene_counts, mapped_share, summary_of


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
