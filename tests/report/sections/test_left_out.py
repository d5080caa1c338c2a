"""What was left out."""

from compartments.report.sections import left_out
from tests.support.tables import write


def test_reasons_are_counted_by_step(gappy):
    counts, table = left_out.build(gappy)
    assert counts.text.startswith("2 lines on samples, lineages and comparisons that were left out or")
    assert "filter_cells 1" in counts.text and "compare_expression 1" in counts.text
    assert list(table.frame["reason"]) == list(gappy.needed("skipped.tsv")["reason"]) and table.note == ""


def test_nothing_left_out_is_said(gappy, bare):
    write(gappy.needed("skipped.tsv").iloc[:0], bare.results.root, "skipped.tsv")
    assert [block.text for block in left_out.build(bare)] == ["Nothing was left out."]
