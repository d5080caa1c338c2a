"""The profiles that cells are drawn from, and real cells that are thinned."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from compartments.core.errors import UserError
from compartments.core.gene_sets import read_gmt
from compartments.simulate import sources


def test_profiles_are_what_the_readme_says(root):
    table = pd.read_csv(root / "assets" / "profiles.tsv.gz", sep="\t", index_col="gene", keep_default_na=False)
    lineages = table.columns[1:]
    valid = set(pd.read_csv(root / "assets" / "celltypist_immune_all_low_lineage.tsv", sep="\t")["lineage"])
    assert len(lineages) >= 20 and set(lineages) <= valid
    assert len(table) >= 6000 and table.index.is_unique
    values = table[lineages].astype(float)
    assert values.notna().all(axis=None) and np.allclose(values.sum(), 1e6, rtol=2e-3)
    # sharpened at 5 % of the maximum; normalising to a million afterwards moves columns against each other a little
    sorted_ones = values.drop(columns=["T_cycling", "Platelet_MK", "Erythroid", "HSPC"]).drop(index="LYVE1")
    lowest = sorted_ones.where(sorted_ones > 0).min(axis=1) / sorted_ones.max(axis=1)
    assert lowest.min() > 0.025
    highest = values.idxmax(axis=1)
    for gene, lineage in {
        "LILRA4": "pDC",
        "FOXP3": "Treg",
        "MS4A1": "B",
        "CD14": "cMono",
        "SLC4A10": "MAIT",
        "CLEC9A": "cDC1",
        "HBB": "Erythroid",
        "PPBP": "Platelet_MK",
        "LYVE1": "Macrophage",
        "CD34": "HSPC",
    }.items():
        assert highest[gene] == lineage
    core = read_gmt(root / "assets" / "migration_sets.gmt")["CSF_MIGRATION_CORE"]
    assert set(core) <= set(table.index[table["core"].astype(int) == 1])
    assert {"CD52", "XIST", "RPS4Y1", "HBA1", "MT-CO1", "RPS2"} <= set(table.index)


def test_too_few_genes_is_refused(root):
    with pytest.raises(UserError, match="--genes 10: give a number from"):
        sources.ProfileSource(root / "assets" / "profiles.tsv.gz", 10)


def test_thinning_plants_the_exact_effect():
    """A gene raised fourfold keeps all its counts there and a quarter elsewhere."""
    rng = np.random.default_rng(0)
    counts = sparse.csr_matrix(rng.poisson(20, (500, 3)))
    pool = sources.PoolSource(counts, ["a"] * 500, ["x", "y", "z"], ["1", "2", "3"])
    ceiling, ones = np.array([4.0, 1.0, 1.0]), np.ones(3)
    raised = pool.draw(rng, "a", 500, ones, np.array([4.0, 1.0, 0.5]), ceiling, 0).mean(axis=0)
    plain = pool.draw(rng, "a", 500, ones, ones, ceiling, 0).mean(axis=0)
    assert np.asarray(raised / plain).ravel() == pytest.approx([4.0, 1.0, 0.5], rel=0.05)
