"""The step: pieces in, one table out."""

HEADER = "stage\tsample\tlineage\tcontrast\treason\n"


def test_pieces_become_one_table(execute, tmp_path):
    (tmp_path / "study.json").write_text('{"samples": [{"sample": "b"}, {"sample": "a"}]}')
    (tmp_path / "1.tsv").write_text(HEADER + 'call_cells\ta\t\t\t"few" cells\n')
    (tmp_path / "2.tsv").write_text(HEADER + "read_counts\tb\t\t\tempty\n")
    done = execute("collect_skipped", "--study", "study.json", "1.tsv", "2.tsv")
    assert done.returncode == 0, done.stderr
    table = (tmp_path / "skipped.tsv").read_text()
    assert table == HEADER + 'read_counts\tb\t\t\tempty\ncall_cells\ta\t\t\t"few" cells\n'
