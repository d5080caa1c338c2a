"""Which genes of a lineage are tested: expressed enough, and its own."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from compartments.core.species import IG_SEGMENT, RED_CELL_PLATELET, TR_SEGMENT

# as words of a name, alone or with what sort of cell: naive B, Bmem, memoryB; CD8_Tem, Th17, gdT
B_LINEAGE = re.compile(r"(?i:(.*[^a-z/])?B($|[^a-z]|cell|mem|naive|reg)|.*plasma(?!cytoid))|.*[a-z]B($|[^A-Za-z])")
T_LINEAGE = re.compile(
    r"(?i:(.*[^a-z])?T($|[^a-z]|cell|mem|naive|reg|conv|eff|ex|fh|[cer]m|scm|[hc]\d|hymo)|.*(NK|MAI)T($|[^a-z]))"
    r"|.*[a-z]T($|[^A-Za-z])"
)


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
