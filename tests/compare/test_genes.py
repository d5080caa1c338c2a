"""Which genes are tested: the filter by expression, ambient genes, and genes that a lineage cannot make."""

import anndata
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from compartments.compare.genes import filter_by_expression, foreign_genes


def test_filter_equals_decoupler():
    decoupler = pytest.importorskip("decoupler")
    rng = np.random.default_rng(0)
    counts = rng.poisson(rng.gamma(0.4, 20, 500) * rng.lognormal(0, 0.7, (9, 1)))
    groups = np.array(list("aaabbbccc"))
    data = anndata.AnnData(counts.astype(float), obs=pd.DataFrame({"g": groups}, index=[f"s{i}" for i in range(9)]))
    data.var_names = [f"g{i}" for i in range(500)]
    decoupler.pp.filter_by_expr(data, group="g", min_count=10, min_total_count=15, large_n=10, min_prop=0.7)
    found = filter_by_expression(counts, groups)
    assert 50 < found.sum() < 450
    np.testing.assert_array_equal(found, np.isin([f"g{i}" for i in range(500)], data.var_names))


@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
@settings(max_examples=25, deadline=None)
def test_filter_is_stricter_with_more_counts_asked(seed, more):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rng.gamma(0.4, 30, 60), (6, 60)) + 1
    groups = np.array(list("aabbbb"))
    loose = filter_by_expression(counts, groups)
    strict = filter_by_expression(counts, groups, min_count=10 + more)
    assert not (strict & ~loose).any()


@pytest.mark.parametrize(
    ("lineage", "kept"),
    [
        ("CD4_T", {"TRBV7-2", "IGKC", "CD3E"}),
        ("Treg", {"TRBV7-2", "IGKC", "CD3E"}),
        ("gdT", {"TRBV7-2", "IGKC", "CD3E"}),
        ("MAIT", {"TRBV7-2", "IGKC", "CD3E"}),
        ("CD8 T cells", {"TRBV7-2", "IGKC", "CD3E"}),
        ("B", {"IGHV3-23", "IGLJ1", "IGKC", "CD3E"}),
        ("B_prog", {"IGHV3-23", "IGLJ1", "IGKC", "CD3E"}),
        ("Plasma", {"IGHV3-23", "IGLJ1", "IGKC", "CD3E"}),
        ("cMono", {"IGKC", "CD3E"}),
        ("Mast_Baso", {"IGKC", "CD3E"}),
        ("NK", {"IGKC", "CD3E"}),
        ("pDC", {"IGKC", "CD3E"}),
        ("Naive B cells", {"IGHV3-23", "IGLJ1", "IGKC", "CD3E"}),
        ("Germinal center B cells", {"IGHV3-23", "IGLJ1", "IGKC", "CD3E"}),
        ("Memory_B", {"IGHV3-23", "IGLJ1", "IGKC", "CD3E"}),
        ("memoryB", {"IGHV3-23", "IGLJ1", "IGKC", "CD3E"}),
        ("Bmem", {"IGHV3-23", "IGLJ1", "IGKC", "CD3E"}),
        ("CD19+ B", {"IGHV3-23", "IGLJ1", "IGKC", "CD3E"}),
        ("CD8_Tem", {"TRBV7-2", "IGKC", "CD3E"}),
        ("CD4.Th17", {"TRBV7-2", "IGKC", "CD3E"}),
        ("Tcm", {"TRBV7-2", "IGKC", "CD3E"}),
        ("iNKT", {"TRBV7-2", "IGKC", "CD3E"}),
        ("naiveT", {"TRBV7-2", "IGKC", "CD3E"}),
        ("Double-positive thymocytes", {"TRBV7-2", "IGKC", "CD3E"}),
        ("CD8a/b(entry)", {"IGKC", "CD3E"}),
        ("Basophil", {"IGKC", "CD3E"}),
        ("Plasmacytoid_DC", {"IGKC", "CD3E"}),
        ("TAM", {"IGKC", "CD3E"}),
        ("AT2", {"IGKC", "CD3E"}),
        ("Tuft", {"IGKC", "CD3E"}),
    ],
)
def test_foreign_genes(lineage, kept):
    genes = np.array(["TRBV7-2", "IGHV3-23", "IGLJ1", "IGKC", "HBB", "HBA1", "PPBP", "CD3E"])
    assert set(genes[~foreign_genes(genes, lineage)]) == kept
