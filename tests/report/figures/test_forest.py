"""Forests: estimates with intervals and donors."""

import math

import numpy as np
import pandas as pd

from compartments.report.figures.forest import forest, left_out_dots, power_dots

SERIES = {"CSF": "CSF", "blood": "blood"}


def effects():
    """Two lineages in two compartments; B has no p in blood."""
    rows = [("B", "CSF", -2.0, 0.01), ("T", "CSF", 1.0, 0.2), ("B", "blood", -1.0, math.nan), ("T", "blood", 0.5, 0.3)]
    table = pd.DataFrame(rows, columns=["label", "series", "log2fc", "p_value"])
    table = table.assign(ci_low=table["log2fc"] - 1, ci_high=table["log2fc"] + 2, q_value=table["p_value"])
    return table.assign(tier="exploratory", n_condition=2, n_reference=3)


def test_estimates_lie_on_the_line_of_their_label(colours, words):
    figure = forest("x", effects(), None, ["B", "T"], SERIES, colours, words, x="log2", margin=1.0)
    csf, blood = figure.traces
    assert list(csf["x"]) == [-2.0, 1.0] and list(blood["x"]) == [-1.0, 0.5]
    assert np.round([*csf["y"], *blood["y"]]).tolist() == [1, 0, 1, 0]  # from top to bottom
    assert (np.asarray(csf["y"]) > np.asarray(blood["y"])).all()
    assert list(csf["error_x"]["array"]) == [2.0, 2.0] and list(csf["error_x"]["arrayminus"]) == [1.0, 1.0]
    assert "no p (too few donors), exploratory, 2 v 3 donors" in blood["text"][0] and "p = 0.3" in blood["text"][1]
    assert [(s["type"], s["x0"]) for s in figure.layout["shapes"]] == [("line", 0), ("rect", -1.0)]
    bare = forest("x", effects(), None, ["B", "T"], SERIES, colours, words, x="log2")
    assert [s["type"] for s in bare.layout["shapes"]] == ["line"]


def test_donors_are_circles_of_their_arm(colours, words):
    rows = [
        ("B", "CSF", "d1", "treated", -2.5),
        ("B", "CSF", "d2", "untreated", 0.0),
        ("T", "blood", "d1", "treated", 1),
    ]
    donors = pd.DataFrame(rows, columns=["label", "series", "donor", "condition", "shown"])
    treated, untreated, *rest = forest("x", effects(), donors, ["B", "T"], SERIES, colours, words, x="log2").traces
    assert treated["name"] == "donors, treated" and list(treated["x"]) == [-2.5, 1]
    assert list(treated["text"]) == ["d1, CSF", "d1, blood"] and list(untreated["x"]) == [0.0]
    assert np.round(treated["y"]).tolist() == [1, 0] and len(rest) == 2


def test_power_has_a_symbol_for_each_number_of_donors(words):
    rows = [("B", 0, 8.0), ("B", 2, 4.0), ("T", 0, 3.0), ("T", 2, 2.0)]
    table = pd.DataFrame(rows, columns=["label", "more_donors", "fold_mde80"])
    line, now, more = power_dots("x", table, ["T", "B"], words, x="fold", each=" per arm").traces
    assert (now["name"], more["name"]) == ("this cohort", "+2 per arm")
    assert list(now["x"]) == [8.0, 3.0] and list(now["y"]) == [0, 1] and list(more["x"]) == [4.0, 2.0]
    np.testing.assert_array_equal(line["x"], [2.0, 3.0, np.nan, 4.0, 8.0, np.nan])


def test_left_out_has_a_dot_for_each_and_the_interval_of_all(words):
    row = pd.Series({"tau_u": 1.0, "tau_low": 0.4, "tau_high": 1.7})
    drivers = pd.DataFrame({"kind": ["lineage", "lineage"], "left_out": ["B", "T"], "tau_u": [0.2, 1.1]})
    donor, lineage, every = left_out_dots("x", row, drivers, {"donor": "#000", "lineage": "#111"}, words).traces
    assert len(donor["x"]) == 0 and list(lineage["x"]) == [0.2, 1.1]
    assert list(lineage["y"]) == ["without B", "without T"]
    assert np.allclose([every["x"][0], *every["error_x"]["array"], *every["error_x"]["arrayminus"]], [1.0, 0.7, 0.6])
