"""Cells and empty droplets."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from compartments.cells.removal import remove_ambient
from compartments.cells.soup import measure_soup
from compartments.cells.split import split_droplets
from compartments.core.errors import SampleSkipped, UserError
from tests.support.droplets import droplets


def test_split_keeps_every_count(sample):
    data, calls, own, noise, _ = sample
    cells, empties = split_droplets(data, calls)
    assert (cells.layers["counts"].toarray() == own + noise).all()
    assert cells.layers["counts"].sum() + empties.sum() == data.X.sum() and cells.X is None


def test_what_is_said_of_droplets_goes_with_their_cells(sample):
    data, calls, *_ = sample
    said = data.copy()
    said.obs["pct_exonic"], said.obs["is_odd"] = np.arange(said.n_obs) / 10.0, True
    cells, _ = split_droplets(said, calls)
    assert list(cells.obs) == ["pct_exonic"]
    assert cells.obs["pct_exonic"].equals(said.obs["pct_exonic"][cells.obs_names])


def test_split_refuses_foreign_calls_and_skips_without_cells(sample):
    data, calls, *_ = sample
    with pytest.raises(UserError, match="'X' first"):
        split_droplets(data, pd.DataFrame({"barcode": ["X"], "is_cell": [True]}))
    with pytest.raises(SampleSkipped, match="no cell"):
        split_droplets(data, calls.assign(is_cell=False))


@pytest.mark.parametrize("share", [1.0, 0.7, 0.3])
def test_cells_that_were_not_given_are_no_empty_droplets(share):
    counts = droplets(300, n_empty=2000)  # empty ones first
    is_cell = np.arange(2300) >= 2000
    given = is_cell & (np.arange(2300) < 2000 + share * 300)
    data = anndata.AnnData(counts, obs=pd.DataFrame(index=[f"B{i}" for i in range(2300)]))
    data.var["gene_id"], data.uns = data.var_names, {"sample": "s", "kind": "raw"}
    calls = pd.DataFrame({"barcode": data.obs_names, "is_cell": given, "source": np.where(given, "filtered", "")})
    cells, empties = split_droplets(data, calls)
    assert cells.n_obs == share * 300
    every = split_droplets(data, calls.assign(is_cell=is_cell, source=np.where(is_cell, "filtered", "")))[1]
    assert (empties != every).nnz == 0  # the soup of a capture is the same whichever of its cells are given
    truth, found = measure_soup(counts[:2000]), measure_soup(empties)
    assert found.umi == pytest.approx(truth.umi, rel=0.02) and found.n_droplets > 1980
    assert np.abs(found.profile - truth.profile).sum() < 0.02


def test_barcodes_that_are_all_cells_give_no_soup():
    rng = np.random.default_rng(0)
    types = rng.dirichlet(np.full(300, 0.1), size=8)
    counts = sp.csr_matrix(np.array([rng.multinomial(2000, types[i % 8]) for i in range(400)], dtype=np.int32))
    data = anndata.AnnData(counts, obs=pd.DataFrame(index=[f"B{i}" for i in range(400)]))
    data.var["gene_id"], data.uns = data.var_names, {"sample": "s", "kind": "raw"}
    given = np.arange(400) < 100
    calls = pd.DataFrame({"barcode": data.obs_names, "is_cell": given, "source": np.where(given, "filtered", "")})
    cells, empties = split_droplets(data, calls)
    assert cells.n_obs == 100 and empties is None
    soup, reason = remove_ambient(cells, empties, "soupem", 0)
    assert soup is None and "no empty droplets" in reason and cells.uns["ambient_warning"] == reason
