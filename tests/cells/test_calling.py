import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.io import mmread
from scipy.special import gammaln

from compartments.cells import calling, emptydrops
from compartments.core.errors import SampleSkipped
from tests.support.droplets import droplets


@pytest.fixture(scope="module")
def reference(request):
    folder = request.config.rootpath / "tests" / "data" / "emptydrops"
    counts = sp.csr_matrix(mmread(folder / "counts.mtx.gz").T)
    return counts, pd.read_csv(folder / "reference.tsv", sep="\t"), pd.read_csv(folder / "ambient.tsv", sep="\t")


def test_as_dropletutils(reference):
    """Ambient profile and likelihoods equal; Monte-Carlo p-values and calls agree (reference.R)."""
    counts, expected, ambient = reference
    totals = np.asarray(counts.sum(1)).ravel()
    profile = emptydrops.ambient_profile(counts, totals, 100)
    np.testing.assert_allclose(profile[ambient["gene"]], ambient["proportion"], rtol=1e-9)
    tested = counts[expected["barcode"]]
    with np.errstate(divide="ignore"):
        likelihood = emptydrops.log_probability(tested, np.log(profile))
    np.testing.assert_allclose(likelihood + gammaln(expected["total"] + 1), expected["log_prob"], rtol=1e-9)
    p, tail = emptydrops.monte_carlo(expected["total"].to_numpy(), likelihood, profile, 5000, seed=1)
    error = np.sqrt(expected["p_value"] * (1 - expected["p_value"]) * (1 / 5000 + 1 / 20_000)) + 2e-4
    assert (np.abs(p - expected["p_value"]) / error).max() < 5
    beyond = expected["p_value"] > 0.01  # there the tail can be compared with draws
    assert np.abs(tail - expected["p_value"])[beyond].max() < 0.03
    calls = calling.call_cells(counts)
    assert set(np.flatnonzero(calls.is_cell)) == set(expected["barcode"][expected["fdr"] <= 0.001])


@pytest.mark.parametrize("n_cells", [20, 100, 300])
def test_few_cells_among_many_droplets(n_cells):
    counts = droplets(n_cells)
    calls = calling.call_cells(counts)
    assert calls.is_cell[-n_cells:].mean() >= 0.95
    assert calls.is_cell[:-n_cells].sum() <= 0.01 * n_cells


def test_no_cells_no_calls():
    assert calling.call_cells(droplets(0)).is_cell.sum() <= 1


def test_deep_soup_moves_the_ambient_limit():
    counts = droplets(200, soup=400)
    calls = calling.call_cells(counts)
    assert calls.summary["ambient_limit"] > 300
    assert calls.is_cell[-200:].mean() >= 0.9 and calls.is_cell[:-200].sum() <= 2


def test_without_empties_the_expected_number_or_the_knee_decides():
    counts = droplets(300, n_empty=20, soup=5)[20:]
    totals = np.asarray(counts.sum(1)).ravel()
    counts = counts[totals > 400][:40]  # 40 cells: even their smaller half is no soup profile by its size
    few = sp.csr_matrix((counts.data // 40 + 1, counts.indices, counts.indptr), shape=counts.shape)[:8, :60]
    calls = calling.call_cells(few, expected_cells=4)
    assert calls.summary["method"] == "expected_cells" and calls.is_cell.sum() >= 4
    assert calling.call_cells(few).summary["method"] == "knee"


def test_number_of_cells():
    assert calling.check_number(49) and not calling.check_number(50)
    with pytest.raises(SampleSkipped, match="9 cells"):
        calling.check_number(9)
    assert "expected" in calling.warn(1000, 100, "emptydrops") and calling.warn(100, 120, "emptydrops") is None


# -- what users give by mistake, from the file to the cells ---------------------------------------------------------
