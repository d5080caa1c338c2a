"""How well batches mix."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from compartments.cohort import mixing


def test_an_integration_that_erases_compartments_is_said():
    """Two compartments apart before and mixed after, donors mixed before and apart after: both get a remark."""
    rng = np.random.default_rng(0)
    obs = pd.DataFrame({"compartment": np.repeat(["CSF", "blood"], 200), "donor": np.tile(["a", "b"], 200)})
    data = ad.AnnData(obs=obs.set_index(obs.index.astype(str)))
    mixed = rng.normal(size=(400, 4))
    data.obsm["X_pca"] = mixed + 50 * (obs["compartment"] == "CSF").to_numpy()[:, None]
    data.obsm["X_pca_harmony"] = mixed + 50 * (obs["donor"] == "a").to_numpy()[:, None]
    table = mixing.mixing_table(data, ("donor", "compartment")).set_index("key")
    assert table.loc["compartment", "mixing_before"] < 0.05 and table.loc["compartment", "mixing_after"] > 0.85
    assert table.loc["compartment", "remark"].startswith("compartments are no longer apart after Harmony")
    assert table.loc["donor", "remark"] == "donors are less mixed after Harmony than before"
    data.obsm["X_pca_harmony"] = data.obsm["X_pca"]
    assert (mixing.mixing_table(data, ("donor", "compartment"))["remark"] == "").all()


def test_local_diversity_knows_its_bounds():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(600, 5))
    labels = np.repeat(list("abc"), 200)
    assert np.median(mixing.local_diversity(mixing.neighbourhoods(points), labels)) == pytest.approx(3, abs=0.35)
    apart = points + 100 * np.repeat(np.arange(3), 200)[:, None]
    np.testing.assert_allclose(mixing.local_diversity(mixing.neighbourhoods(apart), labels), 1, atol=1e-6)
