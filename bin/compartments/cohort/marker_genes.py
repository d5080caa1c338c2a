"""Genes that set a lineage or a cluster apart from all other cells, donor by donor."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.core.matrix import memberships, totals
from compartments.core.vocabulary import UNASSIGNED

if TYPE_CHECKING:
    from anndata import AnnData

MIN_CELLS = 10  # of a donor, in the group and outside
MIN_EXPRESSING = 0.1  # share of the group's cells, mean over donors
OFFSET = 10.0  # counts per million added on both sides: what a small group cannot see makes no fold change
N_GENES = 25
N_DRAWN = 2
COLUMNS = ["level", "name", "rank", "gene", "n_donors", "log2fc", "lowest_log2fc", "score"]
COLUMNS += ["expressing", "expressing_elsewhere", "cpm", "cpm_elsewhere"]


def markers_of_cohort(lineages: "Sums", clusters: "Sums", genes: npt.ArrayLike) -> tuple[pd.DataFrame, pd.DataFrame]:
    """:func:`marker_table` of lineages (without unassigned cells) and clusters, and :func:`drawn_table` of lineages.

    ``genes`` are those of both, which every file lists: one that a file lacks says nothing of its donors.
    """
    of_lineages = marker_table(lineages, "lineage", genes)
    of_lineages = of_lineages[of_lineages["name"] != UNASSIGNED]
    of_clusters = marker_table(clusters, "cluster", genes)
    found = [table for table in (of_lineages, of_clusters) if len(table)]
    markers = pd.concat(found, ignore_index=True) if found else of_lineages
    return markers, drawn_table(lineages, of_lineages, genes)


def sums_of_lineages(bulk: "AnnData", listed: npt.NDArray[np.bool_]) -> "Sums":
    """Sums of every donor and lineage, from the pseudobulks.

    Parameters
    ----------
    bulk : AnnData
        Of :func:`compartments.cohort.merging.make_pseudobulk`.
    listed : bool array, shape (genes,)
        The genes to take.
    """
    counts, seen = (sparse.csr_matrix(bulk.layers[name])[:, listed] for name in ("corrected", "n_expressing"))
    return Sums(counts, seen, bulk.obs["n_cells"], bulk.obs["donor"], bulk.obs["lineage"])


def sums_of_clusters(
    samples: Iterable[tuple[slice, sparse.csr_matrix]], obs: pd.DataFrame, listed: npt.NDArray[np.bool_]
) -> "Sums":
    """Sums of every donor and cluster, from the counts of one sample after the other.

    Parameters
    ----------
    samples : iterable of (rows, CSR of shape (cells of the sample, genes))
        Of :func:`compartments.cohort.on_disk.corrected_of_samples`.
    obs : DataFrame, shape (cells, ...)
        ``donor, leiden``.
    listed : bool array, shape (genes,)
        The genes to take.
    """
    counts, seen, groups = [], [], []
    for rows, matrix in samples:
        own, matrix = obs.iloc[rows], matrix[:, listed]
        names, codes = np.unique(own["leiden"].astype(str), return_inverse=True)
        members = memberships(codes, len(names), np.int64)
        counts.append(members @ matrix)
        seen.append(members @ (matrix > 0))
        groups.append(pd.DataFrame({"donor": str(own["donor"].iloc[0]), "name": names, "n": np.bincount(codes)}))
    table = pd.concat(groups)
    summed, found = (sparse.csr_matrix(sparse.vstack(parts, format="csr")) for parts in (counts, seen))
    return Sums(summed, found, table["n"], table["donor"], table["name"])


class Sums:
    """Counts and expressing cells of every donor and group.

    Parameters
    ----------
    counts, seen : CSR matrix, shape (rows, genes)
        Sums of counts, and numbers of cells with a count, over the cells behind each row.
    n_cells : int array, shape (rows,)
    donor, group : arrays of str, shape (rows,)
    """

    def __init__(
        self,
        counts: sparse.csr_matrix,
        seen: sparse.csr_matrix,
        n_cells: npt.ArrayLike,
        donor: npt.ArrayLike,
        group: npt.ArrayLike,
    ) -> None:
        self.donors, donor_code = np.unique(np.asarray(donor, str), return_inverse=True)
        self.names, group_code = np.unique(np.asarray(group, str), return_inverse=True)
        code = group_code * len(self.donors) + donor_code
        n = len(self.donors) * len(self.names)
        members, everyone = memberships(code, n), memberships(donor_code, len(self.donors))
        self._counts, self._seen = sparse.csr_matrix(members @ counts), sparse.csr_matrix(members @ seen)
        self._cells = np.bincount(code, np.asarray(n_cells), n).astype(int).reshape(len(self.names), -1)
        self._all = (everyone @ counts).toarray(), (everyone @ seen).toarray()

    def of(self, position: int) -> tuple[npt.NDArray[np.float64], ...]:
        """Counts per million and share of expressing cells in a group and outside, shape (donors that count, genes)."""
        rows = slice(position * len(self.donors), (position + 1) * len(self.donors))
        inside, outside = self._cells[position], self._cells.sum(axis=0) - self._cells[position]
        enough = (inside >= MIN_CELLS) & (outside >= MIN_CELLS)
        found = []
        for own, whole in ((self._counts[rows].toarray(), self._all[0]), (self._seen[rows].toarray(), self._all[1])):
            found += [own[enough], (whole - own)[enough]]
        for place in (0, 1):
            found[place] = found[place] * 1e6 / np.maximum(totals(found[place]), 1)[:, None]
        found[2], found[3] = found[2] / inside[enough, None], found[3] / outside[enough, None]
        return tuple(found)


def marker_table(sums: Sums, level: str, genes: npt.ArrayLike) -> pd.DataFrame:
    """The genes that set each group apart, best first.

    Parameters
    ----------
    sums : Sums
    level : str
        ``lineage`` or ``cluster``, for the table.
    genes : array of str, shape (genes,)

    Returns
    -------
    DataFrame
        ``COLUMNS``: at most ``N_GENES`` rows per group. No row for a group that no donor has enough cells of.

    Notes
    -----
    A donor's log2 fold change is that of counts per million, ``OFFSET`` added, of its cells in the group over all its
    others. Ranked by the mean over donors divided by its standard error plus the median one, as in SAM (Tusher et al.
    2001, PNAS 98:5116), so that no gene leads for a small spread by chance. There is no p-value: groups were formed
    by the expression of the same cells, which makes every test of them too liberal.
    """
    genes = np.asarray(genes, str)
    parts = []
    for position, name in enumerate(sums.names):
        inside, outside, seen, seen_outside = sums.of(position)
        n = len(inside)
        if not n:
            continue
        change = np.log2((inside + OFFSET) / (outside + OFFSET))
        mean, share = change.mean(axis=0), seen.mean(axis=0)
        candidates = np.flatnonzero((mean > 0) & (share >= MIN_EXPRESSING))
        score = mean.copy()
        if n > 1 and len(candidates):
            error = change.std(axis=0, ddof=1) / np.sqrt(n)
            score = mean / (error + np.median(error[candidates]) + 1e-9)
        best = candidates[np.lexsort((genes[candidates], -score[candidates]))][:N_GENES]
        values = [np.arange(1, len(best) + 1), genes[best], n, mean[best], change.min(axis=0)[best], score[best]]
        values += [share[best], seen_outside.mean(axis=0)[best], inside.mean(axis=0)[best], outside.mean(axis=0)[best]]
        parts.append(pd.DataFrame(dict(zip(COLUMNS, [level, name, *values], strict=True))))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def drawn_table(sums: Sums, markers: pd.DataFrame, genes: npt.ArrayLike) -> pd.DataFrame:
    """Expression in every group of the first ``N_DRAWN`` genes of each: what a dot plot shows.

    Returns
    -------
    DataFrame
        ``name, gene, marker_of, expressing, log2_cpm`` (means over donors, of counts per million plus ``OFFSET``).
    """
    first = markers[markers["rank"] <= N_DRAWN].drop_duplicates("gene")
    positions = pd.Index(np.asarray(genes, str)).get_indexer(first["gene"])
    parts = []
    for position, name in enumerate(sums.names):
        inside, _, seen, _ = sums.of(position)
        if len(inside):
            cpm, share = inside[:, positions].mean(axis=0), seen[:, positions].mean(axis=0)
            row = {"name": name, "gene": first["gene"].to_numpy(), "marker_of": first["name"].to_numpy()}
            parts.append(pd.DataFrame(row | {"expressing": share, "log2_cpm": np.log2(cpm + OFFSET)}))
    columns = ["name", "gene", "marker_of", "expressing", "log2_cpm"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
