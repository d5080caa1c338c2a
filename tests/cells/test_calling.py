import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import mmread
from scipy.special import gammaln

from compartments.cells import calling, emptydrops, ranks
from compartments.core.errors import SampleSkipped
from compartments.core.files import read_json, read_tsv


def droplets(n_cells, n_empty=3000, soup=60, n_genes=600, seed=0):
    """Empty droplets, then cells of two types whose mixture is the soup."""
    rng = np.random.default_rng(seed)
    types = rng.dirichlet(np.full(n_genes, 0.3), size=2)
    ambient = types.mean(0)
    empties = rng.multinomial(rng.poisson(rng.lognormal(np.log(soup), 0.3, n_empty)), ambient)
    cells = [rng.multinomial(int(rng.lognormal(7, 0.4)), types[i % 2]) for i in range(n_cells)]
    added = rng.multinomial(rng.poisson(soup, n_cells), ambient)
    return sp.csr_matrix(np.vstack([empties, np.array(cells).reshape(-1, n_genes) + added]).astype(np.int32))


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


def test_good_turing_by_hand():
    counts = np.array([0, 0, 1, 1, 2, 5])
    shares = emptydrops.good_turing(counts)
    assert shares.sum() == pytest.approx(1)
    assert shares[0] == shares[1] == pytest.approx(2 / 9 / 2)  # two of nine seen once, over two unseen genes
    assert (np.diff(shares[[2, 4, 5]]) > 0).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 200), min_size=1, max_size=80))
def test_good_turing_is_a_distribution(counts):
    shares = emptydrops.good_turing(np.array(counts))
    assert shares.sum() == pytest.approx(1) and (shares >= 0).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_adjusted_p_values(p):
    p = np.array(p)
    adjusted = calling.adjust(p)
    assert (adjusted >= p - 1e-12).all() and (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()
    direct = [min(1, min(q * len(p) / (p <= q).sum() for q in p[p >= value])) for value in p]
    np.testing.assert_allclose(adjusted, direct)


def test_empty_droplets_have_uniform_p_values():
    rng = np.random.default_rng(4)
    profile = rng.dirichlet(np.full(300, 0.5))
    totals = rng.integers(101, 400, 2000)
    counts = sp.csr_matrix(rng.multinomial(totals, profile))
    likelihood = emptydrops.log_probability(counts, np.log(profile))
    p, tail = emptydrops.monte_carlo(totals, likelihood, profile, 2000, seed=2)
    for level in (0.01, 0.05, 0.5):
        allowed = 4 * np.sqrt(level * (1 - level) / 2000)
        assert abs((p <= level).mean() - level) < allowed
        assert abs((tail <= level).mean() - level) < allowed + 0.005
    assert (tail < 1e-6).sum() == 0


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


def test_thinning_keeps_small_rows():
    counts = droplets(20, n_empty=50)
    thinned = emptydrops.thin(counts, 300, seed=1)
    totals = np.asarray(counts.sum(1)).ravel()
    assert (np.asarray(thinned.sum(1)).ravel() == np.minimum(totals, 300)).all()
    assert (thinned > counts).nnz == 0
    small = totals <= 300
    assert (thinned[small] != counts[small]).nnz == 0


def test_knee_of_two_plateaus():
    totals = np.r_[np.full(500, 5000), np.full(20_000, 80), np.linspace(4999, 81, 50).astype(int)]
    knee, inflection = ranks.knee_point(totals, 100)
    assert 3000 < knee <= 5000 and 100 < inflection < 5000
    assert np.isnan(ranks.knee_point(np.array([500, 500]))).all()


def test_number_of_cells():
    assert calling.check_number(49) and not calling.check_number(50)
    with pytest.raises(SampleSkipped, match="9 cells"):
        calling.check_number(9)
    assert "expected" in calling.warn(1000, 100, "emptydrops") and calling.warn(100, 120, "emptydrops") is None


def write_droplets(path, counts, kind="raw", is_cell=None):
    data = anndata.AnnData(counts, obs=pd.DataFrame(index=[f"B{i}" for i in range(counts.shape[0])]))
    if is_cell is not None:
        data.obs["is_cell"] = is_cell
    data.uns = {"sample": "S1", "kind": kind, "cell_source": "none" if is_cell is None else "filtered"}
    data.write_h5ad(path)


def test_executable(execute, tmp_path):
    write_droplets(tmp_path / "S1.droplets.h5ad", droplets(100))
    assert execute("call_cells", "--droplets", "S1.droplets.h5ad").returncode == 0
    first = (tmp_path / "samples" / "S1" / "S1.calls.tsv.gz").read_bytes()
    table, summary = (
        read_tsv(tmp_path / "samples" / "S1" / "S1.calls.tsv.gz"),
        read_json(tmp_path / "samples" / "S1" / "S1.calls.json"),
    )
    assert list(table) == ["barcode", "total", "is_cell", "source", "fdr"] and len(table) == 3100
    assert summary["n_cells"] == table["is_cell"].sum() and summary["few_cells"] is False
    assert len(summary["curve_rank"]) == len(summary["curve_total"]) <= 200
    assert summary["curve_total"] == sorted(summary["curve_total"], reverse=True)
    execute("call_cells", "--droplets", "S1.droplets.h5ad")
    assert (tmp_path / "samples" / "S1" / "S1.calls.tsv.gz").read_bytes() == first


def test_given_cells_are_accepted(execute, tmp_path):
    given_cells = np.arange(3030) % 101 == 0
    write_droplets(tmp_path / "S1.droplets.h5ad", droplets(30), is_cell=given_cells)
    assert execute("call_cells", "--droplets", "S1.droplets.h5ad").returncode == 0
    table = read_tsv(tmp_path / "samples" / "S1" / "S1.calls.tsv.gz")
    assert (table["is_cell"] == given_cells).all() and set(table["source"].dropna()) == {"filtered"}
    assert read_json(tmp_path / "samples" / "S1" / "S1.calls.json")["few_cells"] is True


@pytest.mark.parametrize("n", [1, 5])
def test_a_handful_of_barcodes_is_a_skip(execute, tmp_path, n):
    write_droplets(tmp_path / "S1.droplets.h5ad", droplets(n, n_empty=0), kind="filtered")
    done = execute("call_cells", "--droplets", "S1.droplets.h5ad")
    assert done.returncode == 0 and not (tmp_path / "samples" / "S1" / "S1.calls.tsv.gz").exists()
    assert f"{n} cells" in read_tsv(tmp_path / "skipped.tsv").loc[0, "reason"]


# -- what users give by mistake, from the file to the cells ---------------------------------------------------------


def write_10x(path, counts, types=None):
    """10x v3 h5 of ``counts`` (barcodes x features)."""
    import h5py

    n, genes = counts.shape
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        group["data"], group["indices"], group["indptr"] = counts.data, counts.indices, counts.indptr
        group["shape"] = counts.shape[::-1]
        group["barcodes"] = np.array([f"B{i:05d}-1" for i in range(n)], "S")
        features = group.create_group("features")
        features["id"] = np.array([f"ENSG{i:011d}" for i in range(genes)], "S")
        features["name"] = np.array([f"GENE{i}" for i in range(genes)], "S")
        features["feature_type"] = np.array(types or ["Gene Expression"] * genes, "S")
        features["genome"] = np.array(["GRCh38"] * genes, "S")


@pytest.fixture
def steps(execute, tmp_path):
    """read_counts, call_cells and remove_ambient on one file: (read, calls, ambient summaries, reasons of skips)."""

    def go(column, counts, types=None):
        for old in (*tmp_path.glob("S1.*"), *tmp_path.glob("samples/S1/*")):
            old.unlink()
        write_10x(tmp_path / "given.h5", counts.astype(np.int32), types)
        found, reasons = [], []
        for name, options in (
            ("read_counts", ("--sample", "S1", f"--{column}", "given.h5")),
            ("call_cells", ("--droplets", "S1.droplets.h5ad")),
            ("remove_ambient", ("--droplets", "S1.droplets.h5ad", "--calls", "samples/S1/S1.calls.tsv.gz")),
        ):
            done = execute(name, *options)
            assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
            reasons += list(read_tsv(tmp_path / "skipped.tsv")["reason"])
            if reasons:
                break
            step = {"read_counts": "read", "call_cells": "calls", "remove_ambient": "ambient"}[name]
            found.append(read_json(tmp_path / "samples" / "S1" / f"S1.{step}.json"))
        return found, reasons

    return go


def test_cells_given_as_raw_are_taken_as_cells(steps):
    (read, calls, soup), _ = steps("raw", droplets(60)[-60:])
    assert read["kind"] == "filtered" and "no empty droplets: used as filtered" in read["notes"]
    assert calls["n_cells"] == 60 and calls["method"] == "filtered"
    assert soup["method"] == "none" and "no empty droplets" in soup["reason"]


def test_droplets_given_as_filtered_have_their_cells_called(steps):
    (read, calls, soup), _ = steps("filtered", droplets(60))
    assert read["kind"] == "raw" and "holds all droplets: used as raw" in read["notes"]
    assert calls["method"] == "emptydrops" and 55 <= calls["n_cells"] <= 62 and soup["method"] == "soupem"


def test_empty_droplets_without_soup_leave_the_counts_as_they_are(steps):
    """All barcodes are there, but nothing is in the empty ones: no test, no soup, and no cell is lost."""
    blank = sp.csr_matrix((3000, 600), dtype=np.int32)
    (read, calls, soup), _ = steps("raw", sp.vstack([blank, droplets(60)[-60:]]).tocsr())
    assert read["kind"] == "raw" and calls["n_cells"] == 60 and "no empty droplets to test" in calls["warning"]
    assert soup["method"] == "none" and "no empty droplets" in soup["reason"]


def test_fewer_than_fifty_cells_are_said_and_one_barcode_is_dropped(steps):
    (_, calls, soup), _ = steps("raw", droplets(30))
    assert calls["few_cells"] is True and 25 <= calls["n_cells"] <= 32 and soup["method"] == "soupem"
    found, reasons = steps("raw", droplets(1)[-1:])
    assert len(found) == 1 and reasons == ["1 cells, fewer than 10: nothing to analyse"]


@pytest.mark.parametrize("kind", ["Antibody Capture", "Peaks"])
def test_other_features_are_left_out_and_said(steps, kind):
    counts = droplets(60)
    counts = sp.hstack([counts, sp.csr_matrix(np.full((counts.shape[0], 20), 50))]).tocsr()
    (read, calls, _), _ = steps("raw", counts, ["Gene Expression"] * 600 + [kind] * 20)
    assert read["n_genes"] == 600 and f"left out of the raw matrix were 20 {kind} features" in read["notes"]
    assert 55 <= calls["n_cells"] <= 62
