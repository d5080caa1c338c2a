"""Unassigned cells named after the cells around them."""

import numpy as np
import pandas as pd
from scipy import sparse

from compartments.labels.neighbours import borrow_lineages


def cells(lineage, confidence, guess="CD4_T"):
    frame = pd.DataFrame({"lineage": lineage, "confidence": confidence})
    frame["lineage_broad"] = frame["lineage"].map({"CD4_T": "T", "B": "B"}).fillna("unassigned")
    frame["display_label"], frame["rule"] = frame["lineage"], ""
    frame["model_lineage"] = np.where(frame["confidence"] == "high", frame["lineage"], guess)
    frame["celltypist_label"] = frame["model_lineage"]
    return frame.astype(object)


def two_kinds(n=20):
    """n CD4 T cells, n B cells, then one cell without a name that expresses what the B cells do."""
    rate = np.full((2 * n + 1, 40), 1.0)
    rate[:n, :10], rate[n:, 10:20] = 20, 20
    counts = sparse.csr_matrix(np.random.default_rng(0).poisson(rate))
    return ["CD4_T"] * n + ["B"] * n + ["unassigned"], ["high"] * 2 * n + ["low"], counts


def test_the_neighbourhood_names_a_cell_and_no_other_changes():
    lineage, confidence, counts = two_kinds()
    labels = cells(lineage, confidence)
    before = labels.iloc[:-1].copy()
    borrow_lineages(labels, counts)
    assert labels.iloc[-1][["lineage", "lineage_broad", "confidence"]].tolist() == ["B", "B", "neighbours"]
    pd.testing.assert_frame_equal(labels.iloc[:-1], before)


def test_rare_types_are_not_outvoted():
    lineage, confidence, counts = two_kinds()
    for guess in ("pDC", "Plasma", "T_cycling"):
        labels = cells(lineage, confidence, guess)
        borrow_lineages(labels, counts)
        assert labels["lineage"].iloc[-1] == "unassigned"


def test_too_few_sure_cells_say_nothing():
    lineage, confidence, counts = two_kinds(4)
    labels = cells(lineage, confidence)
    borrow_lineages(labels, counts)
    assert labels["lineage"].iloc[-1] == "unassigned"
