"""Which genes of a group of cells are mostly ambient, and what is taken as ambient where nothing was removed."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.core.matrix import memberships, totals
from compartments.core.vocabulary import MIN_AMBIENT_COUNTS

if TYPE_CHECKING:
    from anndata import AnnData

ASSUMED_AMBIENT = 0.1  # of the counts of a sample from which nothing was removed: what droplets often have


def ambient_genes(
    counts: sparse.csr_array, ambient: sparse.csr_array, groups: npt.NDArray[Any], share_max: float
) -> npt.NDArray[np.bool_]:
    """Genes of which more than ``share_max`` of the raw counts were ambient in any group with at least 15 raw counts.

    Parameters
    ----------
    counts, ambient : sparse arrays, shape (samples, genes)
    groups : array, shape (samples,)
        Condition x compartment.

    Returns
    -------
    bool array, shape (genes,)
    """
    from_soup = np.zeros(counts.shape[1], bool)
    for group in dict.fromkeys(groups):
        rows = np.flatnonzero(groups == group)
        raw, soup = totals(counts[rows], 0), totals(ambient[rows], 0)
        from_soup |= (raw >= MIN_AMBIENT_COUNTS) & (soup > share_max * raw)
    return from_soup


def assume_ambient(pseudobulk: "AnnData") -> list[str]:
    """Fill ``layers["ambient"]`` of the samples from which nothing was removed, as if a tenth of them were ambient.

    Where ambient RNA was not removed it is not absent: markers of abundant lineages appear in all others, in one arm
    more than in the other. The ambient counts of a gene are taken as a tenth of a pseudobulk's counts times the gene's
    share in the whole sample (at most what was counted), so that with :func:`ambient_genes` a gene is left out where
    its share in the sample is twice that in the lineage.

    Parameters
    ----------
    pseudobulk : AnnData, shape (samples x lineages, genes)
        ``obs`` sample and ambient_method (``none`` where nothing was removed; what a method removed need not be known,
        as of finished CellBender outputs without their raw counts); ``layers`` counts and ambient (CSR), changed in
        place.

    Returns
    -------
    list of str
        The samples.
    """
    obs = cast(pd.DataFrame, pseudobulk.obs)
    layers = cast(dict[str, Any], pseudobulk.layers)
    codes, names = pd.factorize(obs["sample"].astype(str))
    rows = np.flatnonzero(obs["ambient_method"] == "none")
    if not len(rows):
        return []
    counts = sparse.csr_array(layers["counts"])
    of_sample = memberships(codes, len(names)) @ counts
    profile = of_sample.multiply(1 / np.maximum(totals(of_sample), 1)[:, None]).tocsr()
    soup = profile[codes[rows]].multiply(ASSUMED_AMBIENT * totals(counts)[rows][:, None]).minimum(counts[rows])
    added = memberships(rows, counts.shape[0]) @ soup.tocsr()
    layers["ambient"] = (sparse.csr_array(layers["ambient"]) + added).astype(np.float32)
    return list(names[np.unique(codes[rows])])
