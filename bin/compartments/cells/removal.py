"""Ambient RNA taken out of the cells of one sample."""

import numpy as np

from compartments.cells import soupem
from compartments.cells.clusters import cluster_cells
from compartments.cells.soup import soup_or_reason


def remove_ambient(cells, empties, method, seed, why="", strength=1.0):
    """Fill ``layers['corrected']``, ``obs['contamination']``, ``var['soup_fraction']`` and ``uns['ambient_*']``.

    Parameters
    ----------
    cells : AnnData
        From :func:`split_droplets`; changed in place.
    empties : csr_matrix or None
    method : {'soupem', 'none'}
    seed : int
    why : str
        Why the sample gets another method than was asked for.
    strength : float
        Of :func:`soupem.take_out`.

    Returns
    -------
    soup : Soup or None
    reason : str or None
        ``why``, or what keeps the method from being used.
    """
    counts = cells.layers["counts"]
    counts.sort_indices()
    soup, reason = soup_or_reason(empties)
    cells.uns["ambient_warning"] = why or (reason if reason and method != "none" else "")
    reason = why or reason
    if method == "none" or soup is None:
        method = "none"
        corrected = counts.copy()
    else:
        corrected, soup.level = soupem.remove_soup(counts, soup, cluster_cells(counts, seed), seed, strength)
    set_corrected(cells, corrected, soup, method)
    return soup, reason


def set_corrected(cells, corrected, soup, method):
    """Put a corrected matrix and what goes with it into ``cells`` (in place), as the contracts say."""
    counts = cells.layers["counts"]
    cells.layers["corrected"] = corrected
    before = np.asarray(counts.sum(axis=1)).ravel()
    after = np.asarray(corrected.sum(axis=1)).ravel()
    cells.obs["contamination"] = (before - after) / np.maximum(before, 1)
    cells.var["soup_fraction"] = np.zeros(cells.n_vars) if soup is None else soup.profile
    cells.uns["ambient_method"] = method
