"""Dots of samples, lineages and genes."""

import numpy as np
import pandas as pd

from compartments.report.figures.dots import Spots, coupling_scatter, paired_dots, sample_dots, thinned, volcano

SPOTS = Spots(("condition", "compartment"), [["untreated", "treated"], ["blood", "CSF"]])


def test_lines_join_the_samples_of_a_donor_and_a_lost_one_leaves_a_dot(colours, words):
    rows = [("d1", "CSF", "treated", 3.0), ("d1", "blood", "treated", 1.0), ("d2", "blood", "treated", 2.0)]
    rows += [("d3", "blood", "untreated", 5.0), ("d4", "urine", "untreated", 9.0)]
    table = pd.DataFrame(rows, columns=["donor", "compartment", "condition", "score"])
    figure = paired_dots("x", table, "score", colours, SPOTS, words, y="score")
    traces = {trace["name"]: trace for trace in figure.traces if "name" in trace}
    assert list(traces["treated"]["y"]) == [3.0, 1.0, 2.0] and list(traces["untreated"]["y"]) == [5.0]
    lines = [trace for trace in figure.traces if trace["mode"] == "lines"]
    assert lines[0]["y"] == [1.0, 3.0, None, 2.0, None]  # from left to right
    assert sorted(traces["mean"]["y"]) == [1.5, 3.0, 5.0]
    assert "d4" not in set(figure.data["donor"]) and "_x" not in figure.data


def test_coupling_draws_every_lineage_and_the_other_arm_on_demand(colours, words):
    table = pd.DataFrame({"lineage": ["B", "T"], "own": [-2.0, 1.0], "base": [-1.0, np.nan]})
    for side in ("own", "base"):
        table = table.assign(**{f"{side}_low": table[side] - 1, f"{side}_high": table[side] + 2})
    rows = [("B", "d1", "treated", -2.0, -1.0), ("B", "d2", "untreated", 0.1, 0.2)]
    donors = pd.DataFrame(rows, columns=["lineage", "donor", "condition", "own", "base"])
    points, *circles = coupling_scatter("x", table, donors, ("CSF", "blood"), colours, words, change="log2").traces
    assert list(points["y"]) == [-2.0, 1.0] and list(points["error_y"]["array"]) == [2.0, 2.0]
    assert list(points["error_y"]["arrayminus"]) == [1.0, 1.0]
    shown = {trace["name"]: (list(trace["x"]), trace["visible"]) for trace in circles}
    assert shown == {"donors, treated": ([-1.0], True), "donors, untreated": ([0.2], "legendonly")}


def test_sample_dots_have_a_trace_for_each_group():
    rows = pd.DataFrame({"sample": ["s1", "s2"], "share": [0.1, 0.2], "lineage": ["B", "T"]})
    first, second = sample_dots([("a", rows, "#000", "x"), ("b", rows[:0], "#111", "x")], "share", "lineage", "%{x}")
    assert list(first["x"]) == [0.1, 0.2] and list(first["text"]) == ["s1", "s2"] and len(second["x"]) == 0


def genes():
    """Twenty genes of two lineages; the first five of each are found, the last of a lineage has no q."""
    q = np.r_[np.full(5, 0.05), np.full(4, 0.051), np.nan]
    one = pd.DataFrame({"gene": [f"G{i}" for i in range(10)], "p_value": np.arange(10) / 100, "q_value": q})
    both = pd.concat([one.assign(lineage="B"), one.assign(lineage="T")], ignore_index=True)
    return both.assign(log2fc=np.arange(20.0))


def test_thinning_keeps_the_genes_of_smallest_p_and_some_of_the_others():
    shown = thinned(genes(), limit=2)
    for _, rows in shown.groupby("lineage"):
        found = rows["q_value"] <= 0.05
        assert list(rows.loc[found, "gene"]) == ["G0", "G1"] and list(rows.loc[~found, "gene"]) == ["G5", "G7", "G9"]
    assert len(thinned(genes(), limit=10)) == 20 and thinned(genes()[:0]).empty


def test_volcano_shows_one_lineage_and_every_gene_once(words):
    figure = volcano("x", genes(), words, x="log2")
    assert [len(trace["x"]) for trace in figure.traces] == [5, 5, 5, 5]
    assert [trace["visible"] for trace in figure.traces] == [True, True, False, False]
    assert [trace["name"] for trace in figure.traces[:2]] == ["B, q > .05", "B, q <= .05"]
    assert np.isfinite(np.concatenate([trace["y"] for trace in figure.traces])).all()  # p of 0 as well
    second = figure.layout["updatemenus"][0]["buttons"][1]
    assert second["label"] == "T" and second["args"][0]["visible"] == [False, False, True, True]
