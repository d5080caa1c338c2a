"""What STARsolo leaves, read without the barcodes that have nothing."""

import pytest

from compartments.core.errors import UserError
from compartments.reads.counted import barcodes_at, features, read_matrix, totals_at
from compartments.reads.star import mapped_share, summary_of
from compartments.reads.strands import gene_counts, judged

HEAD = "%%MatrixMarket matrix coordinate real general\n%\n3 1000 4\n"


def test_a_matrix_without_its_zero_barcodes(tmp_path):
    (tmp_path / "m.mtx").write_text(HEAD + "1 7 2\n3 7 1\n2 900 5\n1 12 1\n")
    (tmp_path / "exons.mtx").write_text(HEAD.replace(" 4\n", " 2\n") + "1 7 2\n2 13 9\n")
    (tmp_path / "b.tsv").write_text("".join(f"B{n}\n" for n in range(1, 1001)))
    (tmp_path / "f.tsv").write_text("E1\tA\tGene Expression\nE2\tB\tGene Expression\nE3\tC\tGene Expression\n")
    found = read_matrix(tmp_path / "m.mtx")
    assert found.counts.toarray().tolist() == [[2, 0, 1], [1, 0, 0], [0, 5, 0]]
    assert barcodes_at(tmp_path / "b.tsv", found.at) == ["B7", "B12", "B900"]
    assert features(tmp_path / "f.tsv") == (["E1", "E2", "E3"], ["A", "B", "C"])
    assert totals_at(tmp_path / "exons.mtx", found.at).tolist() == [2, 0, 0], "13 has no count here"


def test_a_matrix_of_nothing(tmp_path):
    (tmp_path / "m.mtx").write_text(HEAD.replace(" 4\n", " 0\n"))
    found = read_matrix(tmp_path / "m.mtx")
    assert found.counts.shape == (0, 3) and barcodes_at(tmp_path / "m.mtx", found.at) == []


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


@pytest.mark.parametrize(
    ("forward", "reverse", "mapped", "allowed", "found"),
    [
        (9000, 100, 0.9, ["Forward", "Reverse"], "Forward"),
        (100, 9000, 0.9, ["Forward", "Reverse"], "Reverse"),
        (9000, 100, 0.9, ["Forward"], "Forward"),
        (40, 30, 0.9, ["Forward"], "Forward"),
        (9000, 6000, 0.9, ["Forward", "Reverse"], "too even to tell"),
        (40, 3, 0.9, ["Forward", "Reverse"], "too even to tell"),
        (100, 9000, 0.9, ["Forward"], "run forward, but 100 of the first reads are in genes forward and 9000 reverse"),
        (900, 10, 0.12, ["Forward"], "12% of the first reads are placed"),
    ],
)
def test_the_strand_that_reads_say(forward, reverse, mapped, allowed, found):
    counts = {"Forward": forward, "Reverse": reverse}
    if found in counts:
        assert judged(counts, mapped, allowed) == (found, forward, reverse, mapped)
        return
    with pytest.raises(UserError, match=found):
        judged(counts, mapped, allowed)
