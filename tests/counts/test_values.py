"""Values that are counts, and others."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from compartments.core.errors import UserError
from compartments.counts import reading
from compartments.counts.names import make_unique
from compartments.counts.values import unlike_counts, value_problem
from tests.support.matrices import SYMBOLS, some_counts


def test_h5ad_without_counts(tmp_path):
    data = anndata.AnnData(some_counts().astype(float).log1p(), var=pd.DataFrame(index=make_unique(SYMBOLS)))
    data.write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(UserError, match=r"fractional values .* store raw integer counts"):
        reading.read_counts(tmp_path / "a.h5ad")


def cells(n=100, n_genes=600, seed=0):
    """Counts of cells of different depth, few of most genes and many of some."""
    rng = np.random.default_rng(seed)
    share = rng.gamma(0.5, 1, n_genes)
    return rng.poisson(rng.lognormal(7, 0.4, (n, 1)) * share / share.sum())


def test_whole_numbers_that_are_no_counts():
    counts = cells()
    scaled = counts / counts.sum(1, keepdims=True)
    assert unlike_counts(sp.csr_matrix(counts)) == ""
    for factor in (10_000, 1_000_000):
        assert "no value of 1" in unlike_counts(sp.csr_matrix(np.rint(scaled * factor)))
    assert "no value of 1" in unlike_counts(sp.csr_matrix(counts * 3.0))
    few = cells(n_genes=150)
    assert "the same total" in unlike_counts(sp.csr_matrix(np.rint(few / few.sum(1, keepdims=True) * 10_000)))
    assert "no value above 1" in unlike_counts(sp.csr_matrix(counts > 0, dtype=float))
    assert "no value above 10" in unlike_counts(sp.csr_matrix(np.rint(np.log1p(scaled * 10_000))))


def test_few_or_shallow_barcodes_can_be_counts():
    counts = cells()
    rng = np.random.default_rng(1)
    for few in (counts[:19] > 0, rng.poisson(0.02, (500, 600)), rng.poisson(1.2, (100, 150)), np.zeros((30, 60))):
        assert unlike_counts(sp.csr_matrix(few, dtype=float)) == ""


def test_problems_of_single_values():
    for values, word in [
        ([0, 1.5], "fractional values such as 1.5"), ([1, -2], "negative values such as -2"),
        ([1, np.nan], "no numbers"), ([1, np.inf], "no numbers"), ([2**40], "above 2^31"), ([b"1"], "no numbers"),
    ]:  # fmt: skip
        assert word in value_problem(np.array(values))
    assert value_problem(np.array([-0.0, 0, 3.0], np.float16)) == ""
