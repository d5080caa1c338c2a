"""LIANA per sample: the table of LIANA itself, edge by edge, and what happens to samples that cannot be used."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from compartments.compare import liana, scored_cells
from compartments.core.errors import SampleSkipped
from compartments.core.pairs import read_resource
from tests.support.annotated import PAIRS, published_liana, toy

KEYS = liana.COLUMNS[:4]
SCORES = liana.SCORES
RANKS = ["specificity_rank", "magnitude_rank"]


def same_table(ours, reference):
    """Both tables hold the same edges, with equal scores, and ranks to 1e-6."""
    assert set(reference) == set(liana.COLUMNS) == set(ours)
    ours, reference = (t.astype(dict.fromkeys(KEYS, str)).set_index(KEYS).sort_index() for t in (ours, reference))
    pd.testing.assert_index_equal(ours.index, reference.index)
    pd.testing.assert_frame_equal(ours[SCORES], reference[SCORES], check_exact=True)
    np.testing.assert_allclose(ours[RANKS], reference[RANKS], rtol=0, atol=1e-6)


def of_complexes(table):
    return table[table["ligand_complex"].str.contains("_") | table["receptor_complex"].str.contains("_")]


@pytest.fixture(scope="module")
def pbmc():
    """Real cells that ship with scanpy: log-normalised matrix, genes, labels."""
    import scanpy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata = scanpy.datasets.pbmc68k_reduced().raw.to_adata()
    x = sparse.csr_matrix(adata.X, dtype=np.float32)
    x.eliminate_zeros()
    return x, adata.var_names, adata.obs["bulk_labels"].to_numpy(object)


@pytest.fixture(scope="module")
def simulated():
    """Cells with the genes of a resource in which a third of the pairs have complexes; one lineage is small."""
    rng = np.random.default_rng(5)
    pairs = read_resource("cellphonedb")
    genes = sorted({gene for entity in pairs.to_numpy().ravel() for gene in entity.split("_")})
    sizes = [60, 40, 25, 9]
    profile = rng.lognormal(0, 2, len(genes)) * rng.lognormal(0, 1.2, (len(sizes), len(genes)))
    codes = rng.permutation(np.repeat(range(len(sizes)), sizes))
    depth = rng.lognormal(np.log(2000), 0.4, (len(codes), 1))
    counts = rng.poisson(depth * (profile / profile.sum(1, keepdims=True))[codes])
    return scored_cells.log_normalise(counts), genes, np.array([f"T{k}" for k in codes], object), pairs


@pytest.mark.parametrize(("resource", "min_cells", "seed"), [("consensus", 10, 1), ("cellphonedb", 5, 7)])
def test_equal_to_liana_on_real_cells(pbmc, resource, min_cells, seed):
    pairs, options = read_resource(resource), {"n_perms": 50, "seed": seed, "min_cells": min_cells}
    ours = liana.rank_aggregate(*pbmc, pairs, **options)
    assert len(ours) > 100
    same_table(ours, published_liana(*pbmc, pairs, **options))


def test_equal_to_liana_with_complexes(simulated):
    options = {"n_perms": 50, "seed": 3, "min_cells": 10}
    ours = liana.rank_aggregate(*simulated, **options)
    assert len(of_complexes(ours)) > 500
    assert len(ours) - len(of_complexes(ours)) > 500
    same_table(ours, published_liana(*simulated, **options))


def test_of_subunits_with_equal_means_the_first_counts_as_in_liana():
    rng = np.random.default_rng(0)
    genes = ["A", "B", "C", "D", "E", "F"]
    x = rng.integers(1, 5, (64, len(genes))) / 2
    for even, spread in (("A", "B"), ("E", "D")):  # halves have exact sums: in T0 the means are equal
        x[:32, genes.index(even)] = 1
        x[:32, genes.index(spread)] = np.repeat([0.5, 1.5], 16)
    lineages = np.repeat(np.array(["T0", "T1"], object), 32)
    pairs = pd.DataFrame({"ligand": ["B_A", "A_B", "C"], "receptor": ["D_E", "E_D", "F"]})
    x = sparse.csr_matrix(x, dtype=np.float32)
    ours = liana.rank_aggregate(x, genes, lineages, pairs, n_perms=20)
    assert len(of_complexes(ours)) == 8
    same_table(ours, published_liana(x, genes, lineages, pairs, n_perms=20, seed=1, min_cells=10))


def test_complexes_need_all_subunits():
    counts, genes, lineages = toy()
    counts[lineages == "T0", genes.index("L2")] = 0
    table = liana.rank_aggregate(scored_cells.log_normalise(counts), genes, lineages, PAIRS, n_perms=10)
    with_l2 = table["ligand_complex"].isin(["L2", "L1_L2"])
    assert set(table.loc[with_l2, "source"]) == {"T1", "T2"}
    assert set(table.loc[~with_l2, "source"]) == {"T0", "T1", "T2"}


@given(st.integers(0, 50))
@settings(max_examples=15, deadline=None)
def test_order_of_cells_of_genes_and_of_pairs_does_not_matter(seed):
    counts, genes, lineages = toy(seed)
    x = scored_cells.log_normalise(counts)
    rng = np.random.default_rng(seed)
    columns, pairs = rng.permutation(len(genes)), rng.permutation(len(PAIRS))
    a = liana.rank_aggregate(x, genes, lineages, PAIRS, n_perms=20)
    b = liana.rank_aggregate(x[:, columns], np.array(genes)[columns], lineages, PAIRS.iloc[pairs], n_perms=20)
    both = a.astype(dict.fromkeys(KEYS, str)).merge(b.astype(dict.fromkeys(KEYS, str)), on=KEYS, suffixes=("", "_b"))
    assert len(both) == len(a) == len(b)
    for column in liana.COLUMNS[4:]:
        np.testing.assert_allclose(both[column], both[f"{column}_b"], rtol=1e-5, atol=1e-7)
    assert a["cellphone_pvals"].between(0, 1).all()
    assert a["specificity_rank"].between(0, 1).all()


def test_dense_blocks_give_the_same(monkeypatch):
    counts, genes, lineages = toy(3)
    x = scored_cells.log_normalise(counts)
    whole = liana.rank_aggregate(x, genes, lineages, PAIRS, n_perms=30)
    monkeypatch.setattr(liana, "BLOCK_BYTES", 2 * 4 * x.shape[0])
    pd.testing.assert_frame_equal(whole, liana.rank_aggregate(x, genes, lineages, PAIRS, n_perms=30), rtol=1e-12)


def test_one_lineage_is_skipped():
    counts, genes, lineages = toy(sizes=(40,))
    with pytest.raises(SampleSkipped, match="an interaction needs two"):
        liana.rank_aggregate(scored_cells.log_normalise(counts), genes, lineages, PAIRS)


def test_of_the_genes_not_measured_the_first_twenty_are_named():
    about = liana.about_resource(PAIRS, 40, [f"X{i}" for i in range(25)])
    assert about | {"genes_unknown": ""} == {
        "n_pairs": len(PAIRS), "n_genes": 40, "n_genes_unknown": 25, "genes_unknown": ""
    }  # fmt: skip
    assert about["genes_unknown"].split(",") == [f"X{i}" for i in range(20)]
