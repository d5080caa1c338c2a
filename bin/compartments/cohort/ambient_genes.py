"""Which genes of a group of cells are mostly ambient, and what is taken as ambient where nothing was removed."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.cohort.depth import MIN_CELLS
from compartments.core.matrix import memberships, totals
from compartments.core.vocabulary import (
    AMBIENT_SHARE_MAX,
    EXPR_PROP,
    MIN_AMBIENT_COUNTS,
    UNASSIGNED,
)

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
    layers = cast(dict[str, Any], pseudobulk.layers)
    ambient, samples = _with_assumed(cast(pd.DataFrame, pseudobulk.obs), layers["counts"], layers["ambient"])
    layers["ambient"] = ambient
    return samples


def _with_assumed(obs: pd.DataFrame, counts: Any, ambient: Any) -> tuple[Any, list[str]]:
    """Ambient counts with those of :func:`assume_ambient`, and the samples that have them."""
    codes, names = pd.factorize(obs["sample"].astype(str))
    rows = np.flatnonzero(obs["ambient_method"] == "none")
    if not len(rows):
        return ambient, []
    counts = sparse.csr_array(counts)
    of_sample = memberships(codes, len(names)) @ counts
    profile = of_sample.multiply(1 / np.maximum(totals(of_sample), 1)[:, None]).tocsr()
    soup = profile[codes[rows]].multiply(ASSUMED_AMBIENT * totals(counts)[rows][:, None]).minimum(counts[rows])
    added = memberships(rows, counts.shape[0]) @ soup.tocsr()
    return (sparse.csr_array(ambient) + added).astype(np.float32), list(names[np.unique(codes[rows])])


def ambient_partners(pseudobulk: "AnnData") -> pd.DataFrame:
    """Genes that are mostly ambient in a lineage, so that they are no ligand or receptor of it in any network.

    A network is that of one sample. Where ambient RNA is left in one arm, or more of it was removed there, genes of
    other lineages would make its lineages more central; so a gene that is ambient in one arm counts in none.

    Parameters
    ----------
    pseudobulk : AnnData, shape (samples x lineages, genes)
        From :func:`compartments.cohort.merging.make_pseudobulk`; it stays as it is.

    Returns
    -------
    DataFrame
        ``lineage, gene``. By the rule of edges: more than ``AMBIENT_SHARE_MAX`` of the gene's counts were ambient in a
        condition and compartment of which a sample expresses it, in ``EXPR_PROP`` of the lineage's cells, so that its
        network would count it. Of samples from which nothing was removed a tenth is ambient (:func:`assume_ambient`).
    """
    obs, layers = cast(pd.DataFrame, pseudobulk.obs), cast(dict[str, Any], pseudobulk.layers)
    ambient, _ = _with_assumed(obs, layers["counts"], layers["ambient"])
    enough = obs["n_cells"].ge(MIN_CELLS) & obs["lineage"].ne(UNASSIGNED)
    arms = obs[["lineage", "condition", "compartment"]].astype(str)
    found: dict[str, npt.NDArray[np.bool_]] = {}
    for (lineage, *_), rows in arms[enough.to_numpy()].groupby(list(arms), sort=True).groups.items():
        at = obs.index.get_indexer(rows)
        least = EXPR_PROP * obs["n_cells"].to_numpy()[at, None]
        expressing = (layers["n_expressing"][at].toarray() >= least - 1e-9).any(0)
        raw, soup = totals(layers["counts"][at], 0), totals(ambient[at], 0)
        high = expressing & (soup > AMBIENT_SHARE_MAX * raw)
        found[lineage] = found.get(lineage, False) | high
    parts = [pd.DataFrame({"lineage": name, "gene": pseudobulk.var_names[high]}) for name, high in found.items()]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["lineage", "gene"])
