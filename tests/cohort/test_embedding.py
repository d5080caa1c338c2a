"""What the embedding rests on."""

from importlib.metadata import version

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from compartments.cohort import embedding
from compartments.core.errors import UserError
from compartments.core.left_out import LeftOut
from compartments.core.matrix import log_normalise


def test_pynndescent_is_a_release_that_works():
    """0.7.0 fails in scanpy's neighbours of more than 8,192 cells; lift the pin only with a release that does not."""
    assert tuple(map(int, version("pynndescent").split(".")[:2])) < (0, 7)


def test_a_sketch_is_taken_of_many_cells_only():
    auto = embedding.Settings()
    assert (
        not auto.sketches(100_000) and auto.sketches(embedding.SKETCH_ABOVE + 1) and embedding.SKETCH_ABOVE >= 100_000
    )
    assert not embedding.Settings(method="full").sketches(10**7) and embedding.Settings(method="sketch").sketches(10**6)
    assert not embedding.Settings(method="sketch").sketches(1000), "fewer cells than a sketch has"


def test_the_key_is_a_column_of_the_samplesheet():
    obs = pd.DataFrame({"sample": list("aabb"), "donor": list("xxyy"), "leiden": list("0101")})
    assert list(embedding.batches_of(obs, "donor")) == list("xxyy") and set(embedding.batches_of(obs, "none")) == {""}
    for key in ("plate", "leiden"):
        with pytest.raises(UserError, match=f"--integration_key '{key}' is not a column of the samplesheet"):
            embedding.batches_of(obs, key)


def made(n=1500, n_genes=120):
    """Cells of four lineages of two donors."""
    rng = np.random.default_rng(0)
    lineage = rng.choice(list("ABCD"), n, p=[0.5, 0.3, 0.17, 0.03])
    donor = np.repeat(["x", "y"], n // 2)
    rate = {name: rng.gamma(0.4, 3, n_genes) for name in "ABCD"}
    own = {name: np.exp(0.3 * rng.normal(size=n_genes)) for name in "xy"}
    counts = rng.poisson([rate[a] * own[b] for a, b in zip(lineage, donor, strict=True)])
    obs = pd.DataFrame({"sample": donor, "donor": donor, "lineage": lineage}).set_index(pd.Index(map(str, range(n))))
    return anndata.AnnData(log_normalise(sparse.csr_matrix(counts)).astype(np.float32), obs=obs)


def test_a_sketch_votes_as_all_cells_and_threads_change_nothing(monkeypatch):
    """Of all cells and of a third of them: the lineage that most of a cluster has is the same in 99 % of the cells."""
    full, again = made(), made()
    embedding.embed(full, embedding.Settings(method="full"))
    embedding.embed(again, embedding.Settings(method="full", threads=2))
    monkeypatch.setattr(embedding, "SKETCH_CELLS", 500)
    sketched = made()
    embedding.embed(sketched, embedding.Settings(method="sketch"))
    assert full.obs["in_sketch"].all() and 450 <= sketched.obs["in_sketch"].sum() <= 550
    for data, n_reasons in ((full, 0), (sketched, 1)):
        left_out = LeftOut("embed_cohort")
        embedding.say_sketch(data.obs, left_out)
        assert len(left_out.rows) == n_reasons and all("of 1,500 cells" in row["reason"] for row in left_out.rows)
    voted = [
        data.obs.groupby("leiden", observed=True)["lineage"].transform(lambda own: own.mode()[0]).to_numpy()
        for data in (full, sketched)
    ]
    assert (voted[0] == voted[1]).mean() >= 0.99 and (voted[1] == full.obs["lineage"]).mean() >= 0.99
    for name in ("X_pca", "X_pca_harmony", "X_umap"):
        np.testing.assert_array_equal(full.obsm[name], again.obsm[name])
    assert (full.obs["leiden"] == again.obs["leiden"]).all()
    np.testing.assert_array_equal(full.obsm["X_pca_harmony"], sketched.obsm["X_pca_harmony"])
    assert np.isfinite(sketched.obsm["X_umap"]).all()
    degree = np.asarray((sketched.obsp["connectivities"] > 0).sum(1)).ravel()
    assert ((degree > 0) == sketched.obs["in_sketch"]).all()
