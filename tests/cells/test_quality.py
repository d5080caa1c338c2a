import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from compartments.cells import quality
from compartments.core.files import read_json, read_tsv

SYMBOLS = ["MT-CO1", "RPL3", "HBB", "PPBP", *[f"G{i}" for i in range(300)]]


def clean(n=400, seed=0, spread=0.45):
    """Cells of one kind: log-normal depth, 6 % mitochondrial."""
    rng = np.random.default_rng(seed)
    p = np.r_[0.06, 0.1, 0.001, 0.0005, np.full(300, 0.8385 / 300)]
    depth = rng.lognormal(np.log(2500), spread, n).astype(int)
    return np.array([rng.multinomial(d, p) for d in depth])


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


def cells_file(path, dense):
    counts = sp.csr_matrix(dense.astype(np.int32))
    data = anndata.AnnData(
        obs=pd.DataFrame({"contamination": 0.0}, index=[f"B{i}" for i in range(len(dense))]),
        var=pd.DataFrame({"gene_id": SYMBOLS}, index=SYMBOLS),
        layers={"counts": counts, "corrected": counts},
        uns={"sample": "S1", "ambient_method": "none"},
    )
    data.write_h5ad(path)


def test_executable(execute, tmp_path):
    dense = clean()
    dense[:3, 0] += 4000
    cells_file(tmp_path / "S1.cells.h5ad", dense)
    assert execute("filter_cells", "--cells", "S1.cells.h5ad").returncode == 0
    table, per_cell = (
        read_tsv(tmp_path / "samples" / "S1" / "S1.qc.tsv"),
        read_tsv(tmp_path / "samples" / "S1" / "S1.qc_cells.tsv.gz"),
    )
    filtered = anndata.read_h5ad(tmp_path / "S1.filtered.h5ad")
    assert list(table) == ["sample", "metric", "lower", "upper", "n_removed", "n_removed_only"]
    assert set(per_cell.loc[~per_cell["passes"], "barcode"]) == {f"B{i}" for i in range(400)} - set(filtered.obs_names)
    assert not {"B0", "B1", "B2"} & set(filtered.obs_names)
    assert (filtered.layers["counts"] != sp.csr_matrix(dense)[[int(b[1:]) for b in filtered.obs_names]]).nnz == 0
    assert read_json(tmp_path / "samples" / "S1" / "S1.qc.json")["n_cells"] == filtered.n_obs
    assert filtered.X is None and filtered.obs["total_counts"].min() >= 300


def test_nothing_left_is_a_skip(execute, tmp_path):
    cells_file(tmp_path / "S1.cells.h5ad", clean(30))
    done = execute("filter_cells", "--cells", "S1.cells.h5ad", "--min_counts", 1e6)
    assert done.returncode == 0 and not (tmp_path / "S1.filtered.h5ad").exists()
    skipped = read_tsv(tmp_path / "skipped.tsv")
    assert skipped.loc[0, "sample"] == "S1" and "total_counts" in skipped.loc[0, "reason"]
