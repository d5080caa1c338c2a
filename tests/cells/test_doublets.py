import math

import anndata
import numpy as np
import pytest
import scipy.sparse as sp

from compartments.cells import coexpression, doublets, scrublet
from compartments.core.files import read_json, read_tsv


def two_types(n=300, n_genes=400, n_doublets=12, seed=0):
    """Counts of two cell types; the last ``n_doublets`` are sums of one cell of each."""
    rng = np.random.default_rng(seed)
    profiles = rng.dirichlet(np.full(n_genes, 0.2), size=2)
    cells = np.array([rng.multinomial(rng.integers(1000, 2500), profiles[i % 2]) for i in range(n)])
    mixed = [rng.multinomial(1800, profiles[0]) + rng.multinomial(1800, profiles[1]) for _ in range(n_doublets)]
    return sp.csr_matrix(np.vstack([cells, mixed]).astype(np.int32))


def test_variable_genes_are_those_of_scanpy():
    sc = pytest.importorskip("scanpy")
    counts = two_types()
    counts = counts[:, counts.getnnz(axis=0) >= 3].astype(float)
    normalised = sp.csr_matrix(sp.diags_array(1e4 / np.asarray(counts.sum(1)).ravel()) @ counts)
    data = anndata.AnnData(normalised.log1p())
    sc.pp.highly_variable_genes(data, n_top_genes=100)
    assert (scrublet.variable_genes(normalised, 100) == data.var["highly_variable"].to_numpy()).all()


def test_scores_are_those_of_scanpy():
    """From the normalised genes on: standardising, components, neighbours, score and threshold."""
    sc = pytest.importorskip("scanpy")
    counts = two_types()
    n = counts.shape[0]
    # no pair of a cell with itself and none twice: equal points, whose order among neighbours is arbitrary
    every = np.argwhere(np.triu(np.ones((n, n), bool), 1))
    pairs = np.random.default_rng(3).choice(every, 2 * n, replace=False)
    observed, simulated, threshold = scrublet.scrublet(counts, 0.03, pairs=pairs)

    kept = counts[:, counts.getnnz(axis=0) >= 3].astype(float)
    totals = np.asarray(kept.sum(1)).ravel()
    first, second = pairs.T
    real = anndata.AnnData(sp.csr_matrix(sp.diags_array(1e4 / totals) @ kept).log1p())
    mixed = sp.diags_array(1e4 / (totals[first] + totals[second])) @ (kept[first] + kept[second])
    made = anndata.AnnData(sp.csr_matrix(mixed).log1p(), obsm={"doublet_parents": pairs})
    sc.pp.scrublet(real, made, expected_doublet_rate=0.03, use_approx_neighbors=False, verbose=False)
    np.testing.assert_allclose(observed, real.obs["doublet_score"], rtol=1e-9)
    # scanpy counts a simulated doublet as a neighbour of itself (unless any two points are equal); here it never is, so
    # that simulated and observed are on one footing
    k = round(round(0.5 * np.sqrt(n)) * 3)
    theirs = neighbours(real.uns["scrublet"]["doublet_scores_sim"], 0.03, k)
    np.testing.assert_allclose(theirs - neighbours(simulated, 0.03, k), 1, atol=1e-6)
    assert simulated.min() < threshold < simulated.max()


def neighbours(score, rate, k, ratio=2):
    """Number of simulated neighbours behind a score: Scrublet's formula turned round."""
    share = score * (1 - rate) / (rate / ratio + score * (1 - rate - rate / ratio))
    return share * (k + 2) - 1


def test_doublets_of_two_types_are_found():
    counts = two_types(n=600, n_doublets=15)
    found = doublets.call_doublets(counts, 15 / 615, call_from=500)
    assert found.threshold_source == "auto"
    assert found.is_doublet[-15:].mean() > 2 / 3
    assert found.is_doublet[:-15].mean() < 0.01
    assert found.score[-15:].min() > np.median(found.score)


def test_coexpression_by_hand():
    """Two genes that exclude each other, one that goes with both: only the cell with both stands out."""
    counts = np.array([[1, 0, 1], [2, 0, 1], [1, 0, 0], [0, 3, 1], [0, 1, 1], [0, 1, 0], [1, 1, 1]])
    score = coexpression.coexpression(sp.csr_matrix(counts))
    # share of cells 4/7 and 4/7, so exactly one of the two in 24/49 of cells if independent; seen in 6 of 7
    apart = -np.log(sum(math.comb(7, k) * (24 / 49) ** k * (25 / 49) ** (7 - k) for k in (6, 7)))
    alone = -np.log(1 - sum(math.comb(7, k) * (23 / 49) ** k * (26 / 49) ** (7 - k) for k in range(3)))
    assert score[2] == score[5] == 0
    np.testing.assert_allclose(score[:2], alone)
    np.testing.assert_allclose(score[6], apart + 2 * alone)


def test_a_second_caller_only_takes_calls_away():
    counts = two_types(n=600, n_doublets=15)
    alone = doublets.call_doublets(counts, 15 / 615)
    both = doublets.call_doublets(counts, 15 / 615, callers=doublets.CALLERS)
    assert both.n_scrublet == alone.is_doublet.sum() and not (both.is_doublet & ~alone.is_doublet).any()
    assert 0 < both.is_doublet.sum() and both.is_doublet[:-15].sum() == 0
    assert (both.score == alone.score).all() and alone.coexpression is None
    assert np.median(both.coexpression[-15:]) > np.percentile(both.coexpression[:-15], 95)


def test_seed_decides():
    counts = two_types()
    same = [scrublet.scrublet(counts, 0.02, seed=5)[0] for _ in range(2)]
    other = scrublet.scrublet(counts, 0.02, seed=6)[0]
    assert (same[0] == same[1]).all()
    assert (same[0] != other).any()


def test_neighbours_by_hand():
    observed, simulated = np.array([[0.0], [1.0], [10.0]]), np.array([[0.4], [10.1], [10.2]])
    assert scrublet.simulated_neighbours(observed, simulated, 2).tolist() == [1, 1, 2, 0, 1, 1]


def test_few_cells_get_scores_but_no_calls():
    found = doublets.call_doublets(two_types(n=200), 0.02)
    assert found.threshold_source == "too_few_cells"
    assert np.isfinite(found.score).all() and not found.is_doublet.any()
    none = doublets.call_doublets(two_types(n=20, n_doublets=2), 0.02)
    assert none.threshold_source == "too_few_cells" and np.isnan(none.score).all()


@pytest.mark.parametrize(
    ("threshold", "rate", "word"),
    [(None, 0.02, "no two modes"), (0.1, 0.5, "percentile"), (0.97, 0.002, "times"), (0.97, 0.03, "auto")],
)
def test_threshold_is_judged(threshold, rate, word):
    scores = np.linspace(0, 1, 1000)
    assert word in doublets.judge_threshold(threshold, scores, rate)


def test_rate_follows_cells_and_chemistry():
    assert doublets.expected_rate(500) == pytest.approx(0.004)
    assert doublets.expected_rate(10_000) == pytest.approx(0.08)
    assert doublets.expected_rate(10_000, "10x 3' GEM-X v4") == pytest.approx(0.04)
    assert doublets.expected_rate(500, loaded_cells=10_000) == pytest.approx(0.048)
    assert doublets.expected_rate(10_000, per_1000=0.001) == pytest.approx(0.01)


def test_executable(execute, tmp_path):
    counts = two_types(n=600, n_doublets=15)
    data = anndata.AnnData(shape=counts.shape, layers={"counts": counts}, uns={"sample": "S1"})
    data.write_h5ad(tmp_path / "S1.filtered.h5ad")
    assert execute("score_doublets", "--filtered", "S1.filtered.h5ad", "--loaded_cells", 8333).returncode == 0
    first = (tmp_path / "samples" / "S1" / "S1.doublets.tsv.gz").read_bytes()
    table, summary = (
        read_tsv(tmp_path / "samples" / "S1" / "S1.doublets.tsv.gz"),
        read_json(tmp_path / "samples" / "S1" / "S1.doublets.json"),
    )
    assert list(table) == ["barcode", "doublet_score", "predicted_doublet"] and len(table) == 615
    assert summary["threshold_source"] == "auto" and summary["n_doublets"] == table["predicted_doublet"].sum() > 10
    execute("score_doublets", "--filtered", "S1.filtered.h5ad", "--loaded_cells", 8333)
    assert (tmp_path / "samples" / "S1" / "S1.doublets.tsv.gz").read_bytes() == first
    done = execute("score_doublets", "--filtered", "S1.filtered.h5ad", "--doublet_callers", "scrublet,coexpression")
    assert done.returncode == 0, done.stderr
    assert "coexpression_score" in read_tsv(tmp_path / "samples" / "S1" / "S1.doublets.tsv.gz")
    assert read_json(tmp_path / "samples" / "S1" / "S1.doublets.json")["callers"] == "scrublet, coexpression"
    done = execute("score_doublets", "--filtered", "S1.filtered.h5ad", "--doublet_callers", "scrublet,solo")
    assert (
        done.returncode == 2
        and "--doublet_callers is 'scrublet,solo'" in done.stderr
        and "Traceback" not in done.stderr
    )


@pytest.mark.parametrize("n", [0, 1, 30])
def test_hardly_any_cells_through_the_executable(execute, tmp_path, n):
    counts = two_types()[:n]
    data = anndata.AnnData(shape=counts.shape, layers={"counts": counts}, uns={"sample": "S1"})
    data.write_h5ad(tmp_path / "S1.filtered.h5ad")
    done = execute("score_doublets", "--filtered", "S1.filtered.h5ad", "--doublet_callers", "scrublet,coexpression")
    assert done.returncode == 0, done.stderr
    summary = read_json(tmp_path / "samples" / "S1" / "S1.doublets.json")
    assert summary["threshold_source"] == "too_few_cells" and summary["n_doublets"] == 0
    assert len(read_tsv(tmp_path / "samples" / "S1" / "S1.doublets.tsv.gz")) == n
