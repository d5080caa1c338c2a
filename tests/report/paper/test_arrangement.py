"""Blocks as they lie on paper."""

import pandas as pd

from compartments.report.blocks import Answer, Glance, Table, Text
from compartments.report.paper.arrangement import arranged, rows_of


def test_every_block_is_in_a_part(figure):
    one, two = figure(), figure()
    folded = Table("t", "folded", pd.DataFrame({"a": [1]}), "t.tsv", folded=True)
    blocks = [Glance([]), Text("first"), one, Text("1. Which?", "question"), Answer([{"verdict": "yes"}]), two, folded]
    head, question, answer = arranged(blocks)
    assert [text.text for text in head.texts] == ["first"] and head.rows == [[one]]
    assert question.heading.text == "1. Which?" and question.answer is None
    assert answer.answer.rows == [{"verdict": "yes"}] and answer.rows == [[two]]
    assert answer.files == ["folded (1 rows; t.tsv)"] and answer.tables == []
    assert arranged([Glance([])]) == []


def test_figures_that_are_printed_elsewhere_are_not_repeated(figure):
    assert arranged([Text("x"), figure()], ["name"])[0].rows == []


def test_narrow_figures_stand_two_and_two_wide_ones_alone(figure):
    wide = figure(xaxis={"ticktext": [f"label {i}" for i in range(20)], "tickvals": list(range(20))})
    narrow = [figure() for _ in range(3)]
    assert rows_of([narrow[0], wide, narrow[1], narrow[2]]) == [[narrow[0], narrow[1]], [wide], [narrow[2]]]
