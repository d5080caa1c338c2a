"""Ambient RNA taken out of the cells of one sample."""

import numpy as np
import scipy.sparse as sp
from anndata import AnnData

from compartments.cells.clusters import cluster_cells
from compartments.cells.soup import Soup, soup_or_reason
from compartments.cells.soupem import remove_soup
from compartments.core.matrix import totals


def remove_ambient(
    cells: AnnData, empties: sp.csr_matrix | None, method: str, seed: int, why: str = "", strength: float = 1.0
) -> tuple[Soup | None, str | None]:
    """Fill ``layers['corrected']``, ``obs['contamination']``, ``var['soup_fraction']`` and ``uns['ambient_*']``.

    Parameters
    ----------
    cells : AnnData
        From :func:`~compartments.cells.split.split_droplets`; changed in place.
    empties : csr_matrix or None
    method : {'soupem', 'none'}
    seed : int
    why : str
        Why the sample gets another method than was asked for.
    strength : float
        Of :func:`~compartments.cells.soupem.take_out`.

    Returns
    -------
    soup : Soup or None
    reason : str or None
        ``why``, or what keeps the method from being used.
    """
    counts: sp.csr_matrix = cells.layers["counts"]
    counts.sort_indices()
    soup, reason = soup_or_reason(empties)
    cells.uns["ambient_warning"] = why or (reason if reason and method != "none" else "")
    reason = why or reason
    if method == "none" or soup is None:
        method = "none"
        corrected = counts.copy()
    else:
        corrected, soup.level = remove_soup(counts, soup, cluster_cells(counts, seed), seed, strength)
    set_corrected(cells, corrected, soup, method)
    return soup, reason


def set_corrected(cells: AnnData, corrected: sp.csr_matrix, soup: Soup | None, method: str) -> None:
    """Put a corrected matrix and what goes with it into ``cells`` (in place), as the contracts say."""
    counts = cells.layers["counts"]
    cells.layers["corrected"] = corrected
    before, after = totals(counts), totals(corrected)
    cells.obs["contamination"] = (before - after) / np.maximum(before, 1)
    cells.var["soup_fraction"] = np.zeros(cells.n_vars) if soup is None else soup.profile
    cells.uns["ambient_method"] = method
