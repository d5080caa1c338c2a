"""A sketch keeps what is rare, and the cells beside it go with it."""

import numpy as np
import pandas as pd
from scipy import sparse

from compartments.cohort import sketch


def made(n=6000, seed=0):
    """Cells of five groups in ten dimensions, one of them rare, in four samples."""
    rng = np.random.default_rng(seed)
    group = rng.choice(list("abcde"), n, p=[0.4, 0.3, 0.2, 0.095, 0.005])
    centre = dict(zip("abcde", 4 * np.random.default_rng(1).normal(size=(5, 10)), strict=True))
    points = np.array([centre[name] for name in group]) + rng.normal(size=(n, 10))
    return group, points.astype(np.float32), pd.DataFrame({"sample": np.repeat(list("wxyz"), n // 4), "lineage": group})


def test_no_rare_lineage_is_thinned():
    group, _, strata = made()
    rows = sketch.chosen(strata, 1500, seed=2)
    assert (np.diff(rows) > 0).all() and abs(len(rows) - 1500) <= 20
    assert (group[rows] == "e").sum() == (group == "e").sum()
    per_sample = strata.iloc[rows]["sample"].value_counts()
    assert per_sample.max() - per_sample.min() < 40
    assert (sketch.chosen(strata, 1500, seed=2) == rows).all()
    assert len(sketch.chosen(strata, 10**6)) == len(strata)


def test_cells_go_with_their_neighbours():
    group, points, strata = made()
    rows = sketch.chosen(strata, 1500)
    nearest = sketch.nearest(points[rows], points, 15)
    labels = pd.Categorical(group[rows])
    voted = sketch.voted(labels, nearest, rows)
    assert (np.asarray(voted) == group).mean() > 0.99 and (np.asarray(voted)[rows] == group[rows]).all()
    found = sketch.placed(points[rows, :2], nearest, rows)
    assert (found[rows] == points[rows, :2]).all()
    others = np.setdiff1d(np.arange(len(points)), rows)
    assert np.abs(found - points[:, :2])[others].mean() < 1.2  # a mean of neighbours: within their spread
    for one, other in zip(nearest, sketch.nearest(points[rows], points, 15, threads=2), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_graph_of_a_sketch_has_its_places_among_all_cells():
    graph = sparse.csr_matrix(np.array([[0, 0.5], [0.2, 0]]))
    wide = sketch.widened(graph, np.array([1, 3]), 5).toarray()
    assert wide[1, 3] == 0.5 and wide[3, 1] == 0.2 and wide.sum() == 0.7
