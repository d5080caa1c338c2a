"""Labelled cells that a model learns from."""

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

from compartments.labels.training import read_reference


def test_small_labels_are_left_out_and_named(tmp_path):
    counts = np.random.default_rng(0).poisson(1.0, (35, 12)).astype(np.float32)
    counts[:, 3] = 0
    counts[0] = 0
    labels = ["b"] * 12 + ["a"] * 12 + ["rare"] * 6 + ["few"] * 3 + [None] * 2
    obs = pd.DataFrame({"type": labels}, index=[f"c{i}" for i in range(35)])
    var = pd.DataFrame(index=[f"G{i}" for i in range(12)])
    anndata.AnnData(sparse.csr_matrix(counts), obs=obs, var=var).write_h5ad(tmp_path / "reference.h5ad")
    values, names, genes, too_small = read_reference(tmp_path / "reference.h5ad", "type")
    assert too_small == ["few", "rare"] and sorted(set(names)) == ["a", "b"] and len(names) == 23
    assert "G3" not in genes and values.shape == (23, 11) and values.dtype == np.float32
    np.testing.assert_allclose(np.expm1(values.toarray()).sum(1), 1e4, rtol=1e-4)
