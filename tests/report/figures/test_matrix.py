"""Heat maps and networks."""

import numpy as np
import pandas as pd
import pytest

from compartments.report.figures.labels import LETTER, ROOMS
from compartments.report.figures.matrix import heatmap, network, switched


def test_heatmap_is_the_matrix_around_zero(words):
    wide = pd.DataFrame([[1.0, -3.0], [np.nan, 2.0]], index=["B", "T"], columns=["x", "y"])
    figure = heatmap("h", wide, words, label="log2", data=wide)
    (trace,) = figure.traces
    np.testing.assert_array_equal(trace["z"], wide)
    assert (trace["y"], trace["x"]) == (["B", "T"], ["x", "y"]) and (trace["zmin"], trace["zmax"]) == (-3.0, 3.0)
    assert figure.json()["data"][0]["z"] == [[1, -3], [None, 2]]
    (share,) = heatmap("h", wide.abs(), words, label="", data=wide, symmetric=False, limit=5.0).traces
    assert (share["zmin"], share["zmax"]) == (0, 5.0)


@pytest.mark.parametrize("wide", [pd.DataFrame(), pd.DataFrame([[np.nan]], index=["B"], columns=["x"])])
def test_heatmap_of_nothing_has_limits(words, wide):
    (trace,) = heatmap("h", wide, words, label="", data=wide).traces
    assert (trace["zmin"], trace["zmax"]) == (-1.0, 1.0)


def strengths():
    """Three lineages; NK has no signalling with B."""
    names = ["B", "T", "NK"]
    return pd.DataFrame([[0, 0.4, 0], [0.4, 0, -0.2], [0, -0.2, 0]], index=names, columns=names)


def test_network_draws_each_pair_once_and_none_without_signalling(words):
    figure = network("n", strengths(), (0.4, 0.4), words, data=strengths())
    lines = [trace for trace in figure.traces if trace["mode"] == "lines"]
    assert [trace["line"]["dash"] for trace in lines] == ["dot", "solid"]  # from narrow to wide
    assert [len(trace["x"]) for trace in lines] == [3, 3] and lines[0]["line"]["width"] < lines[1]["line"]["width"]
    nodes = next(trace for trace in figure.traces if "symbol" in trace.get("marker", {}))
    assert nodes["marker"]["symbol"] == ["circle", "circle", "diamond"]
    assert nodes["text"][0] == "B: takes part in 20.0 percentage points"
    assert figure.traces[-1]["text"] == ["B", "T", "NK"]


def test_long_names_of_a_network_stand_in_lines_and_have_room(words):
    names = ["non-classical monocyte", "platelet or megakaryocyte", "NK"]
    long = strengths().set_axis(names).set_axis(names, axis=1)
    figure = network("n", long, (0.4, 0.4), words, data=long)
    assert figure.traces[-1]["text"] == ["non-classical<br>monocyte", "platelet or<br>megakaryocyte", "NK"]
    low, high = figure.layout["xaxis"]["range"]
    places = np.array(figure.traces[-1]["x"])
    pixels = ROOMS[0][0] / (high - low)
    assert (high - np.abs(places).max()) * pixels >= 13 * LETTER - 1  # a line of 13 letters, on a phone


def test_a_menu_switches_between_figures(words):
    views = {"a": heatmap("h", strengths(), words, label="", data=strengths())}
    views["b"] = network("n", strengths(), (0.4, 0.4), words, data=strengths())
    both = switched(views)
    assert both.name == "h" and [trace["visible"] for trace in both.traces] == [True] + [False] * 5
    buttons = both.layout["updatemenus"][0]["buttons"]
    assert [button["label"] for button in buttons] == ["a", "b"]
    assert buttons[1]["args"][0]["visible"] == [False] + [True] * 5
