"""LIANA per sample: equal to LIANA itself, and what happens to samples that cannot be used."""

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
from tests.support.annotated import PAIRS, toy

KEYS = ["source", "target", "ligand_complex", "receptor_complex"]


@pytest.fixture(scope="module")
def pbmc():
    """Real cells that ship with scanpy: log-normalised matrix, genes, labels."""
    import scanpy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata = scanpy.datasets.pbmc68k_reduced().raw.to_adata()
    x = sparse.csr_matrix(adata.X, dtype=np.float32)
    x.eliminate_zeros()
    adata.X = x
    return adata


@pytest.mark.parametrize(("resource", "min_cells", "seed"), [("consensus", 10, 1), ("cellphonedb", 5, 7)])
def test_equal_to_liana(pbmc, resource, min_cells, seed):
    import liana as published

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = published.mt.rank_aggregate(
            pbmc,
            groupby="bulk_labels",
            resource_name=resource,
            use_raw=False,
            return_all_lrs=True,
            expr_prop=0.1,
            min_cells=min_cells,
            n_perms=100,
            seed=seed,
            inplace=False,
            verbose=False,
        )
    ours = liana.rank_aggregate(
        pbmc.X,
        pbmc.var_names,
        pbmc.obs["bulk_labels"].to_numpy(str),
        read_resource(resource),
        n_perms=100,
        seed=seed,
        min_cells=min_cells,
    )
    ours, reference = (table.astype(dict.fromkeys(KEYS, str)) for table in (ours, reference))
    both = ours.merge(reference, on=KEYS, suffixes=("", "_liana"))
    assert len(ours) == len(reference) == len(both) > 500
    for column in liana.COLUMNS[4:]:
        np.testing.assert_allclose(both[column], both[f"{column}_liana"], rtol=1e-6, atol=1e-6, err_msg=column)
    assert 0 < ours["present"].sum() < len(ours)


def test_complexes_are_present_only_with_all_subunits():
    counts, genes, lineages = toy()
    counts[lineages == "T0", genes.index("L2")] = 0
    table = liana.rank_aggregate(scored_cells.log_normalise(counts), genes, lineages, PAIRS, n_perms=10)
    rows = table[(table["source"] == "T0") & table["ligand_complex"].isin(["L2", "L1_L2"])]
    assert len(rows) == 6
    assert not rows["present"].any()
    assert table["present"].any()


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


def test_permutations_run_in_blocks_give_the_same(monkeypatch):
    counts, genes, lineages = toy(3)
    x = scored_cells.log_normalise(counts)
    whole = liana.rank_aggregate(x, genes, lineages, PAIRS, n_perms=30)
    monkeypatch.setattr(liana, "BLOCK_BYTES", 2 * 4 * x.shape[0])
    pd.testing.assert_frame_equal(whole, liana.rank_aggregate(x, genes, lineages, PAIRS, n_perms=30))


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
