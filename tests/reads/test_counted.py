"""What STARsolo leaves, read without the barcodes that have nothing."""

from compartments.reads.counted import barcodes_at, features, read_matrix, totals_at

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
