import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from compartments.cells import quality
from tests.support.cells import SYMBOLS, clean


def judged(dense, **limits):
    measured = quality.measure(sp.csr_matrix(dense), SYMBOLS)
    return measured, *quality.judge(measured, quality.Limits(**limits))


def test_measures_by_hand():
    dense = np.zeros((2, len(SYMBOLS)), int)
    dense[0, :5] = [10, 20, 30, 0, 40]
    dense[1, 4:34] = np.arange(1, 31)
    measured = quality.measure(sp.csr_matrix(dense), SYMBOLS)
    assert measured["total_counts"].tolist() == [100, 465] and measured["n_genes"].tolist() == [4, 30]
    assert measured.loc[0, ["pct_mt", "pct_ribo", "pct_hb", "pct_top20"]].tolist() == [10, 20, 30, 100]
    assert measured.loc[1, "pct_top20"] == pytest.approx(100 * np.arange(11, 31).sum() / 465)


def test_plasma_cells_are_kept():
    """Half of a plasma cell's RNA is antibody: few genes hold most of it, and nothing is wrong with it."""
    rng = np.random.default_rng(4)
    symbols = ["IGHG1", "IGKC", "JCHAIN", "IGLV2-14", *(f"G{i}" for i in range(600))]
    shares = np.r_[0.3, 0.2, 0.05, 0.05, np.full(600, 0.4 / 600)]
    plain = np.r_[np.zeros(4), np.full(600, 1 / 600)]
    counts = np.vstack([rng.multinomial(3000, plain, 200), rng.multinomial(6000, shares, 5)])
    measured = quality.measure(sp.csr_matrix(counts), symbols)
    assert (measured["pct_top20"] < 20).all()
    fails, _, _ = quality.judge(measured, quality.Limits())
    assert not fails.iloc[200:].any(axis=None)
    names = pd.Index(["IGHM", "IGHA2", "IGKV3-20", "IGLC2", "IGHD", "IGLON5", "IGHMBP2", "IGF1R"])
    assert names.str.match(quality.ANTIBODY).tolist() == [True] * 5 + [False] * 3


def test_clean_sample_loses_next_to_nothing():
    _, fails, _, _ = judged(clean())
    assert fails.any(axis=1).mean() < 0.01
    _, fails, _, _ = judged(clean(spread=0.05))  # a homogeneous sample is not cut to its own narrow middle
    assert fails["total_counts"].sum() == 0 and fails["n_genes"].sum() == 0


def test_large_rare_and_small_cells_stay():
    dense = clean()
    dense = np.vstack([dense, clean(10, seed=1, spread=0.1) * 4, clean(10, seed=2, spread=0.1) // 3])
    _, fails, _, _ = judged(dense)
    assert not fails["total_counts"].to_numpy()[-20:].any()


def test_dying_and_nearly_empty_cells_go():
    dense = clean()
    dense[:5, 0] += (dense[:5].sum(1) * 0.6).astype(int)
    dense[5:9] = 0
    dense[5:9, 50:60] = 1
    _, fails, table, _ = judged(dense)
    assert fails["pct_mt"].to_numpy()[:5].all() and fails["total_counts"].to_numpy()[5:9].all()
    rows = table.set_index("metric")
    assert rows.loc["pct_mt", "n_removed"] == fails["pct_mt"].sum()
    assert rows.loc["any", "n_removed"] == fails.any(axis=1).sum()
    assert rows.loc["n_genes", "n_removed_only"] == 0  # too few counts as well


def test_erythroid_cells_and_platelets_stay_for_annotation():
    dense = clean()
    dense[:2] = 0
    dense[0, [2, 5]] = [900, 100]  # two genes only
    dense[1, [3, 5, 6]] = [20, 400, 200]
    _, fails, _, special = judged(dense)
    assert special[:2].all() and not fails.iloc[:2].any(axis=None)
    _, fails, _, _ = judged(dense, min_counts=700)
    assert fails["total_counts"].tolist()[:2] == [False, True]  # hard limits hold for them too


@pytest.mark.parametrize(("gene", "share"), [(2, 0.1), (3, 0.02)], ids=["haemoglobin", "platelets"])
def test_what_the_soup_holds_frees_no_cell_from_the_limits(gene, share):
    dense = clean()
    dense[:, gene] = np.random.default_rng(0).poisson(share * dense.sum(1).mean(), len(dense))
    dense[0] = 0
    dense[0, [gene, 5]] = [900, 100]
    dense[1:4] = dense[1:4] // 8
    _, fails, _, special = judged(dense)
    assert special[0] and not special[1:].any() and fails["total_counts"].to_numpy()[1:4].all()


def test_hard_limits_hold():
    measured, fails, _, _ = judged(clean(), max_counts=3000, min_counts=2000, max_mt=5, min_genes=290)
    assert (fails["total_counts"] == ~measured["total_counts"].between(2000, 3000)).all()
    assert (fails["pct_mt"] == (measured["pct_mt"] > 5)).all()
    assert (fails["n_genes"] == (measured["n_genes"] < 290)).all()


def test_adaptive_limits_switch_off():
    limits = quality.find_limits(
        quality.measure(sp.csr_matrix(clean()), SYMBOLS),
        quality.Limits(None, None, None, None, min_counts=0, min_genes=0, max_mt=100),
    )
    assert limits == {
        "total_counts": (0, np.inf),
        "n_genes": (0, np.inf),
        "pct_mt": (-np.inf, 100),
        "pct_top20": (-np.inf, np.inf),
    }
