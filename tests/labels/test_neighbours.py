"""Unassigned cells named after the cells around them."""

import numpy as np
import pandas as pd
from scipy import sparse

from compartments.labels.neighbours import N_NEIGHBOURS, Surroundings, borrow_lineages, is_protected, neighbours_prior


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
    borrow_lineages(labels, Surroundings(counts))
    assert labels.iloc[-1][["lineage", "lineage_broad", "confidence"]].tolist() == ["B", "B", "neighbours"]
    pd.testing.assert_frame_equal(labels.iloc[:-1], before)


def test_rare_types_are_not_outvoted():
    lineage, confidence, counts = two_kinds()
    for guess in ("pDC", "Plasma", "T_cycling"):
        labels = cells(lineage, confidence, guess)
        borrow_lineages(labels, Surroundings(counts))
        assert labels["lineage"].iloc[-1] == "unassigned"


def test_too_few_sure_cells_say_nothing():
    lineage, confidence, counts = two_kinds(4)
    labels = cells(lineage, confidence)
    borrow_lineages(labels, Surroundings(counts))
    assert labels["lineage"].iloc[-1] == "unassigned"


def beliefs(n=40):
    """Two kinds of ``n`` cells that a model hardly tells apart: log probabilities (kind 0, kind 1, none), counts."""
    rate = np.full((2 * n, 40), 1.0)
    rate[:n, :10], rate[n:, 10:20] = 20, 20
    rng = np.random.default_rng(3)
    lean = np.where(np.arange(2 * n) < n, 0.4, -0.4) + rng.normal(0, 0.6, 2 * n)  # a fifth leans to the wrong side
    odds = np.column_stack([lean, -lean, np.full(2 * n, -5.0)])
    log_probability = odds - np.log(np.exp(odds).sum(axis=1, keepdims=True))
    return log_probability, sparse.csr_matrix(rng.poisson(rate)), np.repeat([0, 1], n)


def test_what_a_model_hardly_tells_its_neighbourhood_tells():
    log_probability, counts, truth = beliefs()
    nothing = np.full(len(truth), -1)
    assert 0.6 < (log_probability.argmax(axis=1) == truth).mean() < 0.9
    prior = neighbours_prior(log_probability, np.zeros(len(truth), bool), nothing, Surroundings(counts), 0.1)
    assert ((log_probability + prior).argmax(axis=1) == truth).mean() > 0.95


def test_unsure_cells_do_not_make_each_other_sure_where_the_model_has_its_genes():
    log_probability, counts, truth = beliefs()
    nothing, asked = np.full(len(truth), -1), np.zeros(len(truth), bool)
    shift = {
        overlap: np.ptp(
            neighbours_prior(log_probability, asked, nothing, Surroundings(counts), overlap)[:, :2], axis=1
        ).mean()
        for overlap in (0.1, 1.0)
    }
    assert shift[1.0] < 1e-9 and shift[0.1] > 1  # on the log scale


def test_settled_cells_keep_their_label_and_what_others_say_has_a_bound():
    log_probability, counts, truth = beliefs()
    log_probability[0] = np.log([0.001, 0.998, 0.001])  # of kind 1 by the model, among cells of kind 0
    settled = np.zeros(len(truth), bool)
    settled[0] = True
    nothing = np.full(len(truth), -1)
    prior = neighbours_prior(log_probability, settled, nothing, Surroundings(counts), 0.1)
    assert (prior[0] == 0).all() and (prior[1:] != 0).any(axis=1).all()
    asked = neighbours_prior(log_probability, np.zeros(len(truth), bool), nothing, Surroundings(counts), 0.1)
    assert (asked[0].max() - asked[0].min()) <= np.log(3 * N_NEIGHBOURS + 1)
    assert (log_probability + asked)[0].argmax() == 1


def test_markers_weigh_as_much_as_the_neighbours():
    log_probability, counts, truth = beliefs()
    log_probability[0] = np.log([0.45, 0.54, 0.01])
    marked = np.full(len(truth), -1)
    marked[0] = 1
    prior = neighbours_prior(log_probability, np.zeros(len(truth), bool), marked, Surroundings(counts), 0.1)
    assert (log_probability + prior)[0].argmax() == 1  # its neighbours alone say 0, as above


def test_few_cells_are_not_asked():
    log_probability, counts, truth = beliefs()
    few = slice(0, N_NEIGHBOURS)
    prior = neighbours_prior(log_probability[few], np.zeros(9, bool), np.full(9, -1), Surroundings(counts[few]), 0.1)
    assert not prior.any()


def test_what_is_protected():
    lineage, label = pd.Series(["pDC", "B", "CD4_T"]), np.array(["pDC", "Cycling B cells", "Regulatory T cells"])
    assert list(is_protected(lineage, label)) == [True, True, False]
