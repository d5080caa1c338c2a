"""Soup out of the cells, and nothing else."""

import numpy as np

from compartments.cells import ambient
from compartments.cells.removal import remove_ambient
from compartments.cells.split import split_droplets


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
