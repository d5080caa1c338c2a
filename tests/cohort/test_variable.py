"""Variable genes from sums are those that scanpy finds in the matrix."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scanpy
from scipy import sparse

from compartments.cohort.sums import moments
from compartments.cohort.variable import variable_genes
from compartments.core.matrix import log_normalise


def cells(sizes, n_genes=600):
    """Counts of samples, with genes that no cell or one batch lacks."""
    rng = np.random.default_rng(3)
    rate = rng.gamma(0.3, 2, n_genes)
    rate[:5] = 0
    parts = []
    for size in sizes:
        own = rate * np.exp(0.4 * rng.normal(size=n_genes))
        own[rng.integers(5, n_genes, 10)] = 0
        parts.append(sparse.csr_matrix(rng.poisson(own * rng.gamma(2, 0.5, (size, 1)) * rng.gamma(1, 1, (1, n_genes)))))
    return parts


@pytest.mark.parametrize("batch", [["a"] * 4, ["a", "b", "a", "c"]], ids=["one batch", "three"])
def test_the_genes_are_scanpys(batch):
    parts = cells([80, 120, 60, 90])
    total, squares = (np.column_stack(values) for values in zip(*map(moments, parts), strict=True))
    n_cells = np.array([part.shape[0] for part in parts])
    found = variable_genes(total, squares, n_cells, batch, 100)
    data = anndata.AnnData(log_normalise(sparse.vstack(parts)), obs=pd.DataFrame({"b": np.repeat(batch, n_cells)}))
    data.obs_names = data.obs_names.astype(str)
    scanpy.pp.highly_variable_genes(data, n_top_genes=100, batch_key="b" if len(set(batch)) > 1 else None)
    assert found["highly_variable"].sum() == 100
    assert (found["highly_variable"].to_numpy() == data.var["highly_variable"].to_numpy()).all()
    for column in ("means", "dispersions", "dispersions_norm"):
        np.testing.assert_allclose(found[column], data.var[column], rtol=1e-5, atol=1e-8, err_msg=column)


def test_a_batch_of_few_cells_is_not_judged_by_itself():
    parts = cells([80, 20])
    total, squares = (np.column_stack(values) for values in zip(*map(moments, parts), strict=True))
    together = variable_genes(total, squares, np.array([80, 20]), list("aa"), 50)
    pd.testing.assert_frame_equal(variable_genes(total, squares, np.array([80, 20]), list("ab"), 50), together)
