"""The step: pieces in, one table out."""

import json

HEADER = "stage\tsample\tlineage\tcontrast\treason\n"


def test_pieces_become_one_table(execute, tmp_path):
    (tmp_path / "study.json").write_text('{"samples": [{"sample": "b"}, {"sample": "a"}]}')
    (tmp_path / "1.tsv").write_text(HEADER + 'call_cells\ta\t\t\t"few" cells\n')
    (tmp_path / "2.tsv").write_text(HEADER + "read_counts\tb\t\t\tempty\n")
    done = execute("collect_skipped", "--study", "study.json", "1.tsv", "2.tsv")
    assert done.returncode == 0, done.stderr
    table = (tmp_path / "skipped.tsv").read_text()
    # a quote that begins a cell would hide it, or the rows behind it, from readers that take quotes away
    assert table == HEADER + "read_counts\tb\t\t\tempty\ncall_cells\ta\t\t\t'few' cells\n"


def test_reasons_are_joined_once_in_samplesheet_order(execute, tmp_path):
    (tmp_path / "study.json").write_text(json.dumps({"samples": [{"sample": "z"}, {"sample": "a"}]}))
    few, pair, quality = (
        "call_cells\ta\t\t\t3 cells\n",
        "design\t\t\tx_vs_y\tno pair\n",
        'quality\tz\t\t\tsays "none" left\n',
    )
    (tmp_path / "1.tsv").write_text(HEADER + few + pair)
    (tmp_path / "2.tsv").write_text(HEADER)
    (tmp_path / "3.tsv").write_text(HEADER + quality + few)
    done = execute("collect_skipped", "--study", "study.json", "3.tsv", "1.tsv", "2.tsv")
    assert done.returncode == 0, done.stderr
    written = (tmp_path / "skipped.tsv").read_text()
    assert written == HEADER + quality.replace('"', "'") + few + pair
    execute("collect_skipped", "--study", "study.json", "2.tsv", "1.tsv", "3.tsv")
    assert (tmp_path / "skipped.tsv").read_text() == written, "the order of the pieces does not matter"


def test_no_reason_leaves_the_header(execute, tmp_path):
    (tmp_path / "study.json").write_text('{"samples": []}')
    (tmp_path / "1.tsv").write_text(HEADER)
    assert execute("collect_skipped", "--study", "study.json", "1.tsv").returncode == 0
    assert (tmp_path / "skipped.tsv").read_text() == HEADER


def test_a_report_that_cannot_be_put_on_paper_is_a_row(execute, tmp_path, without_pango):
    (tmp_path / "study.json").write_text('{"samples": []}')
    (tmp_path / "1.tsv").write_text(HEADER)
    assert execute("collect_skipped", "--study", "study.json", "1.tsv").returncode == 0
    (row,) = (tmp_path / "skipped.tsv").read_text().splitlines()[1:]
    assert row.startswith(
        "print_report\t\t\t\treport.pdf was not made: a library of the system is missing (cannot load"
    )
    assert "apt-get install libpango" in row
    assert execute("collect_skipped", "--study", "study.json", "--paper", "false", "1.tsv").returncode == 0
    assert (tmp_path / "skipped.tsv").read_text() == HEADER
