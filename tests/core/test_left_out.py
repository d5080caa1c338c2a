"""Reasons for what was left out, as rows."""

from compartments.core.left_out import LeftOut

HEADER = "stage\tsample\tlineage\tcontrast\treason\n"


def test_reasons_are_rows_in_their_order(tmp_path):
    left_out = LeftOut("toy")
    left_out.add("too few\n cells", sample="s1")
    left_out.lineages({"B": "no donor", "pDC": "one donor"}, contrast="x_vs_y")
    left_out.lineages(["NK"], reason="absent")
    left_out.write(str(tmp_path / "skipped.tsv"))
    assert (tmp_path / "skipped.tsv").read_text() == (
        HEADER
        + "toy\ts1\t\t\ttoo few cells\ntoy\t\tB\tx_vs_y\tno donor\ntoy\t\tpDC\tx_vs_y\tone donor\ntoy\t\tNK\t\tabsent\n"
    )


def test_nothing_left_out_leaves_the_header(tmp_path):
    LeftOut("toy").write(str(tmp_path / "skipped.tsv"))
    assert (tmp_path / "skipped.tsv").read_text() == HEADER
