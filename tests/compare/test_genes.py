"""Which genes are tested: the filter by expression, ambient genes, and genes that a lineage cannot make."""

import anndata
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from scipy import sparse

from compartments.compare.genes import ambient_genes, assume_ambient, filter_by_expression, foreign_genes
from tests.support.signalling import make_cohort


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


def test_ambient_genes():
    counts = sparse.csr_array(np.array([[20, 100, 5, 100], [20, 100, 5, 100]]))
    ambient = sparse.csr_array(np.array([[9, 5, 5, 0], [0, 5, 5, 41]], dtype=np.float32))
    groups = np.array(["a", "b"])
    # the third gene is all ambient but too rare to say so; the fourth is only in one group
    assert list(ambient_genes(counts, ambient, groups, 0.2)) == [True, False, False, True]
    assert not ambient_genes(counts, ambient, groups, 1.0).any()


def leak(kept):
    """A cohort in whose treated CSF a tenth of A's counts is the sample's mix, of which ``kept`` stays; B makes G0."""
    made = make_cohort(change=lambda rate, row: np.where(np.arange(45) == 5, 20.0 * (row["lineage"] == "B"), rate))
    study, pseudobulk = made
    rng, obs = np.random.default_rng(0), pseudobulk.obs
    counts = pseudobulk.layers["counts"].toarray()
    ambient = np.zeros(counts.shape)
    for row in np.flatnonzero(obs["lineage"].eq("A") & obs["condition"].eq("treated") & obs["compartment"].eq("CSF")):
        mix = counts[obs["sample"] == obs["sample"].iloc[row]].sum(0)
        leaked = rng.poisson(counts[row].sum() / 9 * mix / mix.sum())
        ambient[row] = np.round((1 - kept) * leaked)
        counts[row] += leaked
    layers = pseudobulk.layers
    layers["counts"], layers["ambient"] = sparse.csr_matrix(counts), sparse.csr_matrix(ambient, dtype=np.float32)
    return study, pseudobulk


def test_ambient_is_assumed_where_none_was_removed():
    """A tenth in the sample's profile: what another lineage makes is left out, the lineage's own genes are not."""
    study, pseudobulk = leak(kept=1)
    in_a = np.flatnonzero(pseudobulk.obs["lineage"] == "A")
    groups = (pseudobulk.obs["condition"] + pseudobulk.obs["compartment"]).to_numpy()[in_a]

    def left_out():
        layers = pseudobulk.layers
        return ambient_genes(layers["counts"][in_a], layers["ambient"][in_a], groups, 0.2)

    assert not left_out().any()
    assert assume_ambient(pseudobulk, study) == list(study.samples["sample"])
    counts, ambient = (pseudobulk.layers[layer].toarray() for layer in ("counts", "ambient"))
    sample = (pseudobulk.obs["sample"] == "D0_CSF").to_numpy()
    profile = counts[sample].sum(0) / counts[sample].sum()
    first = np.flatnonzero(sample)[0]
    expected = np.minimum(0.1 * counts[first].sum() * profile, counts[first])
    np.testing.assert_allclose(ambient[first], expected, rtol=1e-6)
    assert left_out()[5] and left_out().sum() <= 5


def test_ambient_that_was_removed_is_not_assumed():
    study, pseudobulk = leak(kept=0.3)
    of_treated_csf = list(study.samples.query("condition == 'treated' and compartment == 'CSF'")["sample"])
    study.samples["cellbender"] = np.where(study.samples["donor"] == "D7", "out.h5", "")
    before = pseudobulk.layers["ambient"].toarray()
    assumed = assume_ambient(pseudobulk, study)
    assert not set(assumed) & {*of_treated_csf, "D7_CSF", "D7_blood"} and len(assumed) == 16 - 4 - 2
    same = ~pseudobulk.obs["sample"].isin(assumed).to_numpy()
    np.testing.assert_array_equal(pseudobulk.layers["ambient"].toarray()[same], before[same])
    assert (pseudobulk.layers["ambient"].toarray()[~same].sum(1) > 0).all()


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
    ],
)
def test_foreign_genes(lineage, kept):
    genes = np.array(["TRBV7-2", "IGHV3-23", "IGLJ1", "IGKC", "HBB", "HBA1", "PPBP", "CD3E"])
    assert set(genes[~foreign_genes(genes, lineage)]) == kept
