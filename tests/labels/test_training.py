"""A model learns the labels of its reference, and comes out the same for the same seed."""

import numpy as np
from scipy import sparse

from compartments.labels.training import train_model


def test_labels_that_genes_tell_are_learnt_and_the_seed_decides_the_rest():
    rng = np.random.default_rng(0)
    labels = np.repeat(["a", "b", "c"], 40)
    counts = rng.poisson(np.where(labels[:, None] == np.array(["a", "b", "c"])[None], 20.0, 2.0))
    values = np.log1p(1e4 * counts / counts.sum(1, keepdims=True)).astype(np.float32)
    genes = np.array(["G1", "G2", "G3"])
    one, again = (train_model(sparse.csr_matrix(values), labels, genes, 1, "made for a test") for _ in range(2))
    scores = (values - one.scaler.mean_) / one.scaler.scale_ @ one.classifier.coef_.T + one.classifier.intercept_
    assert (np.array(one.classifier.classes_)[scores.argmax(1)] == labels).mean() > 0.95
    np.testing.assert_array_equal(one.classifier.coef_, again.classifier.coef_)
    assert one.description["details"] == "made for a test, seed 1" and one.description["date"] == "not dated"
