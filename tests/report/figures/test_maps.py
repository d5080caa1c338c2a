"""Maps."""

import types

import numpy as np
import pandas as pd

from compartments.report.figures.maps import LEAST_SQUARES, embedding, tiles
from compartments.report.figures.style import Words


def test_embedding_counts_every_cell():
    rng = np.random.default_rng(1)
    cells = pd.DataFrame(rng.normal(size=(5000, 2)), columns=["umap_1", "umap_2"])
    cells["lineage"] = rng.choice(["a", "b"], 5000)
    figure = embedding("x", cells, "lineage", {"a": "#000", "b": "#fff"}, Words("", "", ""))
    assert figure.data["n_cells"].sum() == 5000
    assert sum(len(t["x"]) for t in figure.traces) == len(figure.data)
    assert (figure.data["share"] >= 0.5).all()


def test_a_value_that_is_nowhere_the_commonest_is_on_the_map():
    rng = np.random.default_rng(1)
    cells = pd.DataFrame(rng.normal(size=(50_000, 2)), columns=["umap_1", "umap_2"])
    cells["lineage"] = np.where(np.arange(50_000) % 5_000 == 0, "rare", np.where(np.arange(50_000) < 2, "pair", "all"))
    cells.loc[0, "lineage"] = "pair"
    figure = embedding("x", cells, "lineage", {}, Words("", "", ""))
    squares = figure.data["lineage"].value_counts()
    assert squares["rare"] >= LEAST_SQUARES and squares["pair"] >= 1
    assert figure.data["n_cells"].sum() == 50_000


def tiled(rows, counts):
    """Places of the squares of a cohort: (donor, row) to the text below it, and the rows in order."""
    samples = pd.DataFrame(rows, columns=["sample", "donor", "compartment", "condition"])
    figure = tiles("cohort", samples, counts, types.SimpleNamespace(condition={}), Words("", "", ""))
    squares = {
        (x, y): (text, name)
        for trace in figure.traces
        for x, y, text, name in zip(trace["x"], trace["y"], trace["text"], trace["customdata"], strict=True)
    }
    assert sum(len(trace["x"]) for trace in figure.traces) == len(squares)  # none lies on another
    return squares, figure.layout["yaxis"]["categoryarray"], figure.data


def test_every_specimen_has_a_square_of_its_own():
    rows = [("a", "A", "CSF", "x"), ("b", "B", "blood", "y"), ("c", "C", "blood", "y")]
    squares, order, data = tiled(rows, {"a": 1200, "b": 3})
    assert squares == {("A", "CSF"): ("1,200", "a"), ("B", "blood"): ("3", "b"), ("C", "blood"): ("", "c")}
    assert order == ["CSF", "blood"] and list(data) == ["sample", "donor", "compartment", "condition", "n_cells"]
    rows = [("a", "A", "CSF", "pre"), ("b", "A", "blood", "pre"), ("c", "A", "CSF", "post"), ("d", "A", "CSF", "pre")]
    squares, order, _ = tiled(rows, {"a": 10, "c": 5, "d": 7})
    assert squares == {
        ("A", "CSF, pre"): ("17", "a, d"),
        ("A", "blood, pre"): ("", "b"),
        ("A", "CSF, post"): ("5", "c"),
    }
    assert order == ["CSF, pre", "CSF, post", "blood, pre"]
