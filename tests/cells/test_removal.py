"""Soup out of the cells, and nothing else."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from compartments.cells import ambient
from compartments.cells.removal import remove_ambient
from compartments.cells.split import split_droplets
from compartments.core.vocabulary import MIGRATION_PAIRS


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


@pytest.mark.parametrize("n_cells", [12, 24, 29, 36])
def test_few_cells_of_several_types_lose_their_soup_and_no_more(n_cells):
    """As one cluster, their own genes would count as soup: five times as much would go."""
    rng = np.random.default_rng(n_cells)
    profiles = pd.read_csv(MIGRATION_PAIRS.parent / "profiles.tsv.gz", sep="\t", nrows=3000)[
        ["cMono", "CD4_T", "B", "NK"]
    ].to_numpy()
    profiles = profiles / profiles.sum(axis=0)
    own = rng.poisson(profiles[:, np.arange(n_cells) % 4].T * rng.lognormal(np.log(2500), 0.35, (n_cells, 1)))
    soup = profiles @ [0.6, 0.2, 0.2, 0]
    noise = rng.poisson(soup * rng.gamma(20, 150 / 20, (n_cells + 1500, 1)))
    counts, empties = sp.csr_matrix((own + noise[:n_cells]).astype(np.int32)), sp.csr_matrix(noise[n_cells:])
    cells = anndata.AnnData(obs=pd.DataFrame(index=[f"B{i}" for i in range(n_cells)]), layers={"counts": counts})
    found, _ = remove_ambient(cells, empties, "soupem", 1)
    assert found is not None and found.level == pytest.approx(150, rel=0.25)
    assert 0.7 < (counts - cells.layers["corrected"]).sum() / noise[:n_cells].sum() < 1.1
