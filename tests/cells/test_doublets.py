import numpy as np
import pytest
import scipy.sparse as sp

from compartments.cells import doublets
from tests.support.cells import two_types


def test_doublets_of_two_types_are_found():
    counts = two_types(n=600, n_doublets=15)
    found = doublets.call_doublets(counts, 15 / 615, call_from=500)
    assert found.threshold_source == "auto"
    assert found.is_doublet[-15:].mean() > 2 / 3
    assert found.is_doublet[:-15].mean() < 0.01
    assert found.score[-15:].min() > np.median(found.score)


def test_a_second_caller_only_takes_calls_away():
    counts = two_types(n=600, n_doublets=15)
    alone = doublets.call_doublets(counts, 15 / 615)
    both = doublets.call_doublets(counts, 15 / 615, callers=doublets.CALLERS)
    assert both.n_scrublet == alone.is_doublet.sum() and not (both.is_doublet & ~alone.is_doublet).any()
    assert both.is_doublet.sum() > 0 and both.is_doublet[:-15].sum() == 0
    assert (both.score == alone.score).all() and alone.coexpression is None
    assert np.median(both.coexpression[-15:]) > np.percentile(both.coexpression[:-15], 95)


def test_few_cells_get_scores_but_no_calls():
    found = doublets.call_doublets(two_types(n=200), 0.02)
    assert found.threshold_source == "too_few_cells"
    assert np.isfinite(found.score).all() and not found.is_doublet.any()
    none = doublets.call_doublets(two_types(n=20, n_doublets=2), 0.02)
    assert none.threshold_source == "too_few_cells" and np.isnan(none.score).all()


@pytest.mark.parametrize("n_genes", [1, 3, 22, 31])
def test_small_panels_end_without_calls(n_genes):
    counts = sp.csr_matrix(np.random.default_rng(0).poisson(3, (600, n_genes)).astype(np.int32))
    found = doublets.call_doublets(counts, 0.01, callers=doublets.CALLERS)
    assert found.threshold_source.startswith("rejected: ") and not found.is_doublet.any()
    assert np.isfinite(found.score).all() or n_genes < 22  # cells of fewer than 3 genes have no score
    assert found.summary("s", doublets.CALLERS, 0.01)["n_doublets"] == 0


@pytest.mark.parametrize("factor", [1, np.arange(1, 601)[:, None]])
def test_cells_that_are_all_alike_end_without_calls(factor):
    alike = np.tile(np.random.default_rng(0).poisson(3, (1, 300)), (600, 1)) * factor
    found = doublets.call_doublets(sp.csr_matrix(alike.astype(np.int32)), 0.01)
    assert found.threshold_source == "rejected: too few genes differ between the cells"
    assert np.isnan(found.score).all() and not found.is_doublet.any()


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
    newer = ["5' v3", "SC5P-R2-v3", "Single Cell 5' R2-only v3", "Single Cell 3' v4 (polyA)", "GEM-X", "3' v3.1 HT"]
    assert {doublets.expected_rate(10_000, name) for name in newer} == {0.04}
    older = ["3' v3", "SC3Pv3", "Single Cell 5' R2-only", "5' v2", "Chromium Next GEM Single Cell 3' v3.1", "simulated"]
    assert {doublets.expected_rate(10_000, name) for name in older} == {0.08}
    assert doublets.expected_rate(500, loaded_cells=10_000) == pytest.approx(0.048)
    assert doublets.expected_rate(10_000, per_1000=0.001) == pytest.approx(0.01)
