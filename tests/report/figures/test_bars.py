"""Bars, boxes and lines."""

import numpy as np
import pandas as pd

from compartments.report.figures.bars import bars, boxes, curve


def test_bars_are_the_columns_given(words):
    table = pd.DataFrame({"sample": ["s1", "s2"], "called": [5, 7], "kept": [4, np.nan]})
    figure = bars("x", table, "sample", {"called": "all", "kept": "good"}, words, y="cells")
    assert [trace["name"] for trace in figure.traces] == ["all", "good"]
    assert [list(trace["x"]) for trace in figure.traces] == [["s1", "s2"]] * 2
    drawn = figure.json()
    assert [trace["y"] for trace in drawn["data"]] == [[5, 7], [4, None]] and drawn["csv"]["called"] == [5, 7]
    assert figure.layout["barmode"] == "group" and figure.layout["showlegend"]


def test_stacked_bars_keep_their_colours_and_make_room_for_many(words):
    names = [f"c{i}" for i in range(9)]
    table = pd.DataFrame([range(9)], columns=names).assign(sample="s1")
    series = {name: name for name in names}
    figure = bars("x", table, "sample", series, words, y="", colours={"c3": "#123456"}, stacked=True, percent=True)
    assert figure.layout["barmode"] == "stack" and figure.traces[3]["marker"]["color"] == "#123456"
    assert figure.height > bars("x", table, "sample", {"c1": "c1"}, words, y="").height
    assert figure.layout["yaxis"]["tickformat"] == ".1~%"


def test_boxes_are_the_quantiles_of_each_sample(words):
    table = pd.DataFrame({"sample": ["s2"] * 101 + ["s1"] * 3, "n": [*range(101), 5, 5, 5]})
    (trace,) = boxes("x", table, "sample", "n", words, y="n").traces
    assert list(trace["x"]) == ["s2", "s1"]
    limits = {part: list(trace[part]) for part in ("lowerfence", "q1", "median", "q3", "upperfence")}
    assert limits == {"lowerfence": [2.5, 5], "q1": [25, 5], "median": [50, 5], "q3": [75, 5], "upperfence": [97.5, 5]}


def test_a_curve_has_a_hover_only_if_given():
    assert "hovertemplate" not in curve("a", [1.0], [2.0], 0)
    assert curve("a", [1.0], [2.0], 0, "dot", "here")["hovertemplate"] == "here"
    assert curve("a", [1.0], [2.0], 0)["line"]["color"] != curve("a", [1.0], [2.0], 1)["line"]["color"]
