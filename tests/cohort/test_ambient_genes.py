"""Genes of a group that are mostly ambient, and what is assumed where nothing was removed."""

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

from compartments.cohort.ambient_genes import ambient_genes, ambient_partners, assume_ambient
from tests.support.signalling import make_cohort


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
    counts, expressing = (pseudobulk.layers[layer].toarray() for layer in ("counts", "n_expressing"))
    ambient = np.zeros(counts.shape)
    for row in np.flatnonzero(obs["lineage"].eq("A") & obs["condition"].eq("treated") & obs["compartment"].eq("CSF")):
        mix = counts[obs["sample"] == obs["sample"].iloc[row]].sum(0)
        leaked = rng.poisson(counts[row].sum() / 9 * mix / mix.sum())
        ambient[row] = np.round((1 - kept) * leaked)
        counts[row] += leaked
        expressing[row] = np.maximum(expressing[row], np.minimum(leaked - ambient[row], obs["n_cells"].iloc[row]))
    layers = pseudobulk.layers
    layers["counts"], layers["ambient"] = sparse.csr_matrix(counts), sparse.csr_matrix(ambient, dtype=np.float32)
    layers["n_expressing"] = sparse.csr_matrix(expressing)
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
    assert assume_ambient(pseudobulk) == list(study.samples["sample"])
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
    obs = pseudobulk.obs
    obs.loc[obs["sample"].isin(of_treated_csf), "ambient_method"] = "soupem"
    obs.loc[obs["donor"] == "D7", "ambient_method"] = "cellbender"  # without raw counts: what it removed is not known
    before = pseudobulk.layers["ambient"].toarray()
    assumed = assume_ambient(pseudobulk)
    assert not set(assumed) & {*of_treated_csf, "D7_CSF", "D7_blood"} and len(assumed) == 16 - 4 - 2
    same = ~pseudobulk.obs["sample"].isin(assumed).to_numpy()
    np.testing.assert_array_equal(pseudobulk.layers["ambient"].toarray()[same], before[same])
    assert (pseudobulk.layers["ambient"].toarray()[~same].sum(1) > 0).all()


def by_lineage(table):
    return table.groupby("lineage")["gene"].agg(set).to_dict()


def test_partners_that_are_ambient_in_one_arm_are_partners_in_none():
    """G0 is made by B and leaks into A: taken as ambient where nothing was removed, or seen by what was removed."""
    _, pseudobulk = leak(kept=1)
    before = pseudobulk.layers["ambient"].toarray()
    found = by_lineage(ambient_partners(pseudobulk))
    assert "G0" in found["A"] and "G0" not in found.get("B", set()) and len(found["A"]) <= 5
    np.testing.assert_array_equal(pseudobulk.layers["ambient"].toarray(), before)
    _, pseudobulk = leak(kept=0.3)
    pseudobulk.obs["ambient_method"] = "soupem"
    found = by_lineage(ambient_partners(pseudobulk))
    assert set(found) == {"A"} and "G0" in found["A"] and len(found["A"]) <= 3


def test_partners_are_ambient_only_where_they_are_expressed():
    """Ambient counts of an arm whose networks do not count the gene anyway, of few cells, or of no lineage."""

    def partners(expressing=20, n_cells=40, lineage="A", ambient=30.0):
        rows = [(f"s{n}", "sick" if n < 2 else "well", lineage, n_cells, "soupem") for n in range(4)]
        obs = pd.DataFrame(rows, columns=["sample", "condition", "lineage", "n_cells", "ambient_method"])
        obs = obs.assign(compartment="CSF").set_axis(obs["sample"])
        arm = (obs["condition"] == "sick").to_numpy()[:, None]
        layers = {
            "counts": np.full((4, 2), 100),
            "ambient": np.where(arm, [ambient, 0.0], 0.0),
            "n_expressing": np.where(arm & [True, False], expressing, n_cells),
        }
        sums = {name: sparse.csr_matrix(layer) for name, layer in layers.items()}
        return ambient_partners(anndata.AnnData(obs=obs, var=pd.DataFrame(index=["X", "Y"]), layers=sums))

    assert by_lineage(partners()) == {"A": {"X"}}
    assert by_lineage(partners(expressing=4)) == {"A": {"X"}}  # a tenth of the cells
    assert by_lineage(partners(expressing=[[20], [0], [40], [40]])) == {"A": {"X"}}  # one sample of two
    for none in ({"expressing": 3}, {"ambient": 20.0}, {"n_cells": 4}, {"lineage": "unassigned"}):
        assert partners(**none).empty and list(partners(**none)) == ["lineage", "gene"]
