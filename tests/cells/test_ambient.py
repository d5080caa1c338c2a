import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmarks.cells import bench_ambient
from compartments.cells import ambient, leaks, mixtures, soupem
from compartments.cells.blood import red_cells
from compartments.cells.clusters import cluster_cells
from compartments.cells.removal import remove_ambient
from compartments.cells.soup import measure_soup
from compartments.cells.split import split_droplets
from compartments.core.errors import SampleSkipped, UserError
from compartments.core.files import read_json, read_tsv, write_json
from compartments.core.vocabulary import ADULT_HAEMOGLOBIN
from compartments.report import report
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet

GENES = [*ADULT_HAEMOGLOBIN, "LYZ", *leaks.GATES["T"], *leaks.GATES["myeloid"], *[f"G{i}" for i in range(120)]]


def make_sample(n_cells=120, n_empty=1500, soup_umi=60, seed=0):
    """Droplets (T cells, then myeloid cells, then empty) and the counts of the cells without soup."""
    rng = np.random.default_rng(seed)
    shares = {kind: rng.lognormal(0, 1, len(GENES)) for kind in ("T", "myeloid")}
    for kind, other in (("T", "myeloid"), ("myeloid", "T")):
        shares[kind][[GENES.index(g) for g in leaks.GATES[other]]] = 0
        shares[kind][: len(ADULT_HAEMOGLOBIN)] = 0
    shares["T"][GENES.index("LYZ")] = 0
    shares["myeloid"][GENES.index("LYZ")] = 30
    profiles = {kind: share / share.sum() for kind, share in shares.items()}
    own = np.array([rng.multinomial(1500, profiles["T" if i < n_cells // 2 else "myeloid"]) for i in range(n_cells)])
    soup = own.sum(axis=0) / own.sum()
    soup[: len(ADULT_HAEMOGLOBIN)] += 0.1
    soup /= soup.sum()
    noise = rng.poisson(soup_umi * soup, (n_cells + n_empty, len(GENES)))
    counts = noise.copy()
    counts[:n_cells] += own
    data = anndata.AnnData(
        sp.csr_matrix(counts.astype(np.int32)),
        obs=pd.DataFrame(index=[f"B{i:05d}-1" for i in range(len(counts))]),
        var=pd.DataFrame({"gene_id": GENES}, index=GENES),
    )
    data.uns = {"sample": "s1", "kind": "raw", "cell_source": "none"}
    calls = pd.DataFrame({"barcode": data.obs_names, "is_cell": np.arange(len(counts)) < n_cells})
    return data, calls, own, noise[:n_cells], soup


@pytest.fixture(scope="module")
def sample():
    return make_sample()


def test_split_keeps_every_count(sample):
    data, calls, own, noise, _ = sample
    cells, empties = split_droplets(data, calls)
    assert (cells.layers["counts"].toarray() == own + noise).all()
    assert cells.layers["counts"].sum() + empties.sum() == data.X.sum() and cells.X is None


def test_split_refuses_foreign_calls_and_skips_without_cells(sample):
    data, calls, *_ = sample
    with pytest.raises(UserError, match="'X' first"):
        split_droplets(data, pd.DataFrame({"barcode": ["X"], "is_cell": [True]}))
    with pytest.raises(SampleSkipped, match="no cell"):
        split_droplets(data, calls.assign(is_cell=False))


def test_soup_is_measured(sample):
    data, calls, _, _, truth = sample
    _, empties = split_droplets(data, calls)
    soup = measure_soup(empties)
    assert soup.profile.sum() == pytest.approx(1) and np.abs(soup.profile - truth).max() < 0.005
    assert soup.umi == pytest.approx(60 * truth.sum(), rel=0.1)
    tiny = sp.csr_matrix((np.ones(20000), (np.arange(20000), np.zeros(20000, int))), shape=(20000, len(GENES)))
    assert measure_soup(sp.vstack([empties, tiny]).tocsr()).umi == pytest.approx(soup.umi, rel=0.1)
    with pytest.raises(ValueError, match="hold 0 UMIs"):
        measure_soup(sp.csr_matrix((10, len(GENES)), dtype=np.int32))


def test_soup_is_removed_and_signal_kept(sample):
    data, calls, own, noise, _ = sample
    cells, empties = split_droplets(data, calls)
    soup, reason = remove_ambient(cells, empties, "soupem", 1)
    counts, corrected = cells.layers["counts"].toarray(), cells.layers["corrected"].toarray()
    assert reason is None and corrected.dtype == np.int32 and (corrected >= 0).all() and (corrected <= counts).all()
    removed = counts - corrected
    assert np.minimum(removed, noise).sum() > 0.3 * noise.sum()
    assert np.maximum(removed - noise, 0).sum() < 0.03 * own.sum()
    summary = ambient.summarise(cells, soup, reason)
    assert summary["leak_HBB_in_non_erythroid_before"] > 0.9 > 0.1 > summary["leak_HBB_in_non_erythroid_after"]
    assert summary["leak_LYZ_in_T_before"] > 0.5 > 0.2 > summary["leak_LYZ_in_T_after"]
    assert 50 <= summary["leak_LYZ_in_T_cells"] <= 60 and summary["leak_MS4A1_in_T_before"] is None
    again, empties = split_droplets(data, calls)
    remove_ambient(again, empties, "soupem", 1)
    assert (again.layers["corrected"] != cells.layers["corrected"]).nnz == 0
    remove_ambient(again, empties, "soupem", 1, strength=1.4)
    more = counts - again.layers["corrected"].toarray()
    assert 1.05 * removed.sum() < more.sum() < 1.4 * removed.sum() and (more <= counts).all()
    assert np.minimum(more, noise).sum() > np.minimum(removed, noise).sum()


@pytest.mark.parametrize("seed", [1, 2])
def test_amount_is_found_where_empty_droplets_mislead(seed):
    sample = bench_ambient.Sample.simulated("CSF", 300, 0.1, 0.3, 1.0, 1000, seed)
    soup, clusters = measure_soup(sample.empties), cluster_cells(sample.raw, seed)
    true = sample.noise.sum() / 300
    totals, sizes = mixtures.cluster_totals(sample.raw, clusters), np.bincount(clusters)
    for wrong in (0.7, 1.0, 1.4):
        soup.umi = true * wrong
        assert mixtures.estimate_level(totals, sizes, soup) == pytest.approx(true, rel=0.2)


def test_amount_is_found_in_real_cells(real_data):
    """With soup added at a known rate; a little of their own is in the cells, too."""
    for sample in (bench_ambient.Sample.pbmc(0.05, 1), bench_ambient.Sample.csf(0.05, 1)):
        soup, clusters = measure_soup(sample.empties), cluster_cells(sample.raw, 1)
        found = mixtures.estimate_level(mixtures.cluster_totals(sample.raw, clusters), np.bincount(clusters), soup)
        assert 0.85 < found / (sample.noise.sum() / sample.raw.shape[0]) < 1.2


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.floats(1e-4, 30.0), st.floats(1e-4, 60.0), st.sampled_from([0.0, 1e-4, 2e-3]))
def test_expected_soup_is_the_posterior_mean(count, soup_rate, own_rate, stray):
    x = np.arange(count + 1)
    own = stats.nbinom.pmf(x, soupem.OWN_SIZE, soupem.OWN_SIZE / (soupem.OWN_SIZE + own_rate))
    own[1:] += stray / (x[1:] * (x[1:] + 1))
    joint = own * stats.poisson.pmf(count - x, soup_rate)
    expected = (joint * (count - x)).sum() / joint.sum()
    found = soupem.expected_soup(*(np.array([v]) for v in (count, soup_rate, own_rate, stray)))[0]
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 20), st.integers(0, 3)), max_size=60), st.integers(0, 9))
def test_allocation_keeps_the_sum_of_each_group(rows, seed):
    expected = np.array([r[0] for r in rows])
    groups = np.array([r[1] for r in rows], dtype=int)
    whole = soupem.allocate(expected, groups, seed)
    assert ((whole == np.floor(expected)) | (whole == np.floor(expected) + 1)).all()
    for group in np.unique(groups):
        assert abs(whole[groups == group].sum() - expected[groups == group].sum()) < 1 + 1e-9


def test_rounding_is_right_on_average_and_follows_the_seed():
    expected, groups = np.full(20000, 1.35), np.arange(20000) // 2
    whole = soupem.allocate(expected, groups, 1)
    assert whole.max() == 2 and whole.sum() == pytest.approx(expected.sum(), rel=0.01)
    assert (whole == soupem.allocate(expected, groups, 1)).all()
    assert (whole != soupem.allocate(expected, groups, 2)).any()


def test_without_empty_droplets_nothing_is_removed(execute, tmp_path, sample):
    data, calls, *_ = sample
    data = data[calls["is_cell"].to_numpy()].copy()
    data.uns["kind"] = "filtered"
    data.write_h5ad(tmp_path / "s1.droplets.h5ad")
    calls[calls["is_cell"]].to_csv(tmp_path / "s1.calls.tsv.gz", sep="\t", index=False)
    done = execute("remove_ambient", "--droplets", "s1.droplets.h5ad", "--calls", "s1.calls.tsv.gz")
    assert done.returncode == 0, done.stderr
    summary = read_json(tmp_path / "samples" / "s1" / "s1.ambient.json")
    assert summary["method"] == "none" and "no empty droplets" in summary["reason"] and summary["fraction_removed"] == 0
    cells = anndata.read_h5ad(tmp_path / "s1.cells.h5ad")
    assert (cells.layers["counts"] != cells.layers["corrected"]).nnz == 0 and cells.uns["ambient_method"] == "none"
    assert (tmp_path / "skipped.tsv").read_text().count("\n") == 1


def test_executable_writes_the_same_bytes_twice(execute, tmp_path, sample):
    data, calls, *_ = sample
    tables = []
    for run in ("a", "b"):
        folder = tmp_path / run
        folder.mkdir()
        data.write_h5ad(folder / "s1.droplets.h5ad")
        calls.to_csv(folder / "s1.calls.tsv.gz", sep="\t", index=False)
        arguments = ("--droplets", "s1.droplets.h5ad", "--calls", "s1.calls.tsv.gz", "--seed", 3)
        done = execute("remove_ambient", *arguments, cwd=folder)
        assert done.returncode == 0, done.stderr
        tables.append(
            [(folder / "samples" / "s1" / f"s1.{name}").read_bytes() for name in ("soup.tsv.gz", "ambient.json")]
        )
    assert tables[0] == tables[1]
    soup = read_tsv(folder / "samples" / "s1" / "s1.soup.tsv.gz", required=("gene", "soup_fraction"))
    assert soup["soup_fraction"].is_monotonic_decreasing and soup["gene"][0] in (*ADULT_HAEMOGLOBIN, "LYZ")


def test_sample_without_cells_is_skipped(execute, tmp_path, sample):
    data, calls, *_ = sample
    data.write_h5ad(tmp_path / "s1.droplets.h5ad")
    calls.assign(is_cell=False).to_csv(tmp_path / "s1.calls.tsv.gz", sep="\t", index=False)
    done = execute("remove_ambient", "--droplets", "s1.droplets.h5ad", "--calls", "s1.calls.tsv.gz")
    assert done.returncode == 0 and "no cell was called" in (tmp_path / "skipped.tsv").read_text()
    assert not (tmp_path / "s1.cells.h5ad").exists()


def test_blood_in_the_sample(sample):
    data, calls, *_ = sample
    cells, empties = split_droplets(data, calls)
    soup, _ = remove_ambient(cells, empties, "none", 1)
    assert red_cells(cells, soup)["red_cell_index"] == pytest.approx(0.3 / 1.3, abs=0.01)
    clean = red_cells(cells, soup, rbc_per_ul=50, cells_per_ul=3)
    bloody = red_cells(cells, soup, rbc_per_ul=5000, cells_per_ul=3)
    assert (clean["traumatic_tap"], bloody["traumatic_tap"]) == (False, True) and bloody["blood_basis"] == "counted"
    assert red_cells(cells, None)["traumatic_tap"] is None
    for blood in ("blood", "PBMC", "whole_blood"):
        assert red_cells(cells, soup, 4_700_000, 6700, blood)["traumatic_tap"] is None
    assert red_cells(cells, soup, 5000, 3, "synovial fluid")["traumatic_tap"] is True


def test_report_says_what_was_not_removed_and_shows_leaks_and_curves(tmp_path):
    folder = tmp_path / "samples" / "s1"
    folder.mkdir(parents=True)
    reason = "s2 has only called cells, and one method must serve all samples"
    leak = {"leak_LYZ_in_T_before": 0.5, "leak_LYZ_in_T_after": 0.1, "leak_LYZ_in_T_cells": 40}
    none = {"leak_IGKC_in_T_before": None, "leak_IGKC_in_T_after": None, "leak_IGKC_in_T_cells": 2}
    write_json(
        {"sample": "s1", "method": "none", "reason": reason, "traumatic_tap": None} | leak | none,
        folder / "s1.ambient.json",
    )
    curve = {f"{part}_{what}": [1, 2, 3] for part in ("train", "test") for what in ("epoch", "elbo")}
    summary = {"sample": "s1", "succeeded": True, "warnings": "not converged", "n_attempts": 2, "reason": None}
    write_json(summary | curve, folder / "s1.cellbender.json")
    write_json({"sample": "s1", "n_cells": 30, "few_cells": True, "warning": None}, folder / "s1.calls.json")
    write_json({"sample": "s1", "notes": "gene expression only: left out were 20 Peaks"}, folder / "s1.read.json")
    (tmp_path / "study.json").write_text("")
    sheet = "sample,donor,compartment,condition,raw\ns1,d1,P,x,a.h5\ns2,d1,Q,x,b.h5\ns3,d2,P,y,a.h5\ns4,d2,Q,y,b.h5\n"
    make_study(parse_samplesheet(sheet), reference_compartment="Q", reference_condition="y").save(
        tmp_path / "study.json"
    )
    results = report.Results(tmp_path)
    blocks = {
        getattr(block, "name", block.kind + str(i)): block for i, block in enumerate(report.ambient(results, None))
    }
    said = " ".join(block.text for block in blocks.values() if block.kind == "text")
    assert f"Ambient RNA was not removed in s1: {reason}." in said and "CellBender, s1: not converged." in said
    assert blocks["leaks"].frame[["gene", "cells", "before", "after"]].to_numpy().tolist() == [["LYZ", "T", 50.0, 10.0]]
    assert len(blocks["cellbender"].traces) == 2 and not any(
        c.startswith("leak_") for c in blocks["ambient_table"].frame
    )
    said = " ".join(block.text for block in report.quality(results, None) if block.kind == "text")
    assert "s1: gene expression only: left out were 20 Peaks." in said and "s1: 30 cells: too few" in said
