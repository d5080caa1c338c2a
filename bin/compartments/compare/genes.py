"""Which genes of a lineage are tested: expressed enough, its own, and not from the ambient soup."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.core.matrix import memberships, totals
from compartments.core.vocabulary import MIN_AMBIENT_COUNTS
from compartments.study.study import Study

if TYPE_CHECKING:
    from anndata import AnnData

ASSUMED_AMBIENT = 0.1  # of the counts of a sample from which nothing was removed: what droplets often have
RED_CELL_PLATELET = re.compile(r"HB[AB]\d*|PPBP")
IG_SEGMENT = re.compile(r"IG[HKL][VDJ](\d|I|\()")
TR_SEGMENT = re.compile(r"TR[ABDG][VDJ]\d")
B_LINEAGE = re.compile(r"B($|[^a-z])|.*plasma", re.IGNORECASE)
T_LINEAGE = re.compile(r"T($|[^a-z]|reg|fh)|.*[^A-Z]T($|[^A-Za-z])|gdT|MAIT|NKT")


def filter_by_expression(
    counts: npt.NDArray[np.integer],
    groups: npt.NDArray[Any],
    min_count: float = 10,
    min_total_count: float = 15,
    large_n: float = 10,
    min_prop: float = 0.7,
) -> npt.NDArray[np.bool_]:
    """Genes with enough counts in enough samples to be tested.

    Parameters
    ----------
    counts : array, shape (samples, genes)
    groups : array, shape (samples,)
        Labels; the smallest group says in how many samples a gene must be expressed.
    min_count, min_total_count, large_n, min_prop
        As in edgeR's ``filterByExpr`` (Chen, Lun and Smyth 2016, F1000Research 5:1438).

    Returns
    -------
    bool array, shape (genes,)
    """
    library = counts.sum(1)
    smallest = float(np.unique(groups, return_counts=True)[1].min())
    if smallest > large_n:
        smallest = large_n + (smallest - large_n) * min_prop
    cutoff = min_count / np.median(library) * 1e6
    cpm = counts / library[:, None] * 1e6
    tolerance = 1e-14
    return ((cpm >= cutoff).sum(0) >= smallest - tolerance) & (counts.sum(0) >= min_total_count - tolerance)


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


def assume_ambient(pseudobulk: "AnnData", study: Study) -> list[str]:
    """Fill ``layers["ambient"]`` of the samples from which nothing was removed, as if a tenth of them were ambient.

    Where ambient RNA was not removed it is not absent: markers of abundant lineages appear in all others, in one arm
    more than in the other. The ambient counts of a gene are taken as a tenth of a pseudobulk's counts times the gene's
    share in the whole sample (at most what was counted), so that with :func:`ambient_genes` a gene is left out where
    its share in the sample is twice that in the lineage.

    Parameters
    ----------
    pseudobulk : AnnData, shape (samples x lineages, genes)
        ``obs["sample"]``, ``layers`` counts and ambient (CSR); changed in place.
    study : Study
        Finished CellBender outputs (column ``cellbender``) stay as they are, whether or not they say what was removed.

    Returns
    -------
    list of str
        The samples.
    """
    sample = cast(pd.DataFrame, pseudobulk.obs)["sample"].astype(str)
    layers = cast(dict[str, Any], pseudobulk.layers)
    codes, names = pd.factorize(sample)
    removed = np.bincount(codes, totals(layers["ambient"]), len(names))
    sheet = study.samples
    finished = sheet.loc[sheet["cellbender"] != "", "sample"] if "cellbender" in sheet else []
    untouched = (removed == 0) & ~names.isin(finished)
    rows = np.flatnonzero(untouched[codes])
    if not len(rows):
        return []
    counts = sparse.csr_array(layers["counts"])
    of_sample = memberships(codes, len(names)) @ counts
    profile = of_sample.multiply(1 / np.maximum(totals(of_sample), 1)[:, None]).tocsr()
    soup = profile[codes[rows]].multiply(ASSUMED_AMBIENT * totals(counts)[rows][:, None]).minimum(counts[rows])
    added = memberships(rows, counts.shape[0]) @ soup.tocsr()
    layers["ambient"] = (sparse.csr_array(layers["ambient"]) + added).astype(np.float32)
    return list(names[untouched])


def foreign_genes(genes: Iterable[str], lineage: str) -> npt.NDArray[np.bool_]:
    """Genes that only contamination brings to a lineage: red cells', platelets', and receptor segments of B or T cells.

    Immunoglobulin V, D and J segments stay in B and plasma cells, T-cell receptor segments in T cells (by the name of
    the lineage).

    Returns
    -------
    bool array, shape (genes,)
    """
    ig, tr = not B_LINEAGE.match(lineage), not T_LINEAGE.match(lineage)
    return np.array(
        [
            bool(
                RED_CELL_PLATELET.fullmatch(gene) or (ig and IG_SEGMENT.match(gene)) or (tr and TR_SEGMENT.match(gene))
            )
            for gene in genes
        ]
    )
