"""Ligands and receptors of samples and lineages: log expression with sampling variances, from pseudobulk counts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from scipy.stats import binom

from compartments.cohort.ambient_genes import ambient_genes
from compartments.cohort.pseudobulk import ABSENT
from compartments.compare.normalisation import tmm_factors
from compartments.core.matrix import totals
from compartments.core.pairs import Pairs
from compartments.core.vocabulary import AMBIENT_SHARE_MAX, UNASSIGNED
from compartments.study.terms import Part, Term

if TYPE_CHECKING:
    from anndata import AnnData

CPM_OFFSET = 10.0
FEW_LEFT = 30
LEAST_NATIVE = 0.5  # of the counts, in genes that are not mostly ambient: else all genes say how sizes differ


@dataclass(frozen=True)
class Scores:
    """Ligands and receptors of all samples and lineages.

    Arrays have the shape (samples, lineages, pairs).

    Attributes
    ----------
    samples, lineages : Index
    pairs : DataFrame
        ``ligand, receptor``; index: row numbers of the resource.
    valid : bool array, shape (samples, lineages)
        Enough cells.
    ligand, receptor : float arrays
        log(CPM + offset), natural, of the weakest subunit; only meaningful where ``valid``.
    v_ligand, v_receptor : float arrays
        Their sampling variances.
    expresses_ligand, expresses_receptor : bool arrays
        All subunits detected in at least ``expr_prop`` of the cells, and ``valid``.
    counts_ligand, counts_receptor, ambient_ligand, ambient_receptor : float arrays, (..., subunits) last
        Raw counts and the ambient part of them.
    listed : bool array, shape (samples, pairs)
        The sample's files list all genes of the pair; else they were not counted there, which is not zero.
    """

    samples: pd.Index
    lineages: pd.Index
    pairs: pd.DataFrame
    valid: npt.NDArray[np.bool_]
    ligand: npt.NDArray[np.float64]
    receptor: npt.NDArray[np.float64]
    v_ligand: npt.NDArray[np.float64]
    v_receptor: npt.NDArray[np.float64]
    expresses_ligand: npt.NDArray[np.bool_]
    expresses_receptor: npt.NDArray[np.bool_]
    counts_ligand: npt.NDArray[np.float32]
    counts_receptor: npt.NDArray[np.float32]
    ambient_ligand: npt.NDArray[np.float32]
    ambient_receptor: npt.NDArray[np.float32]
    listed: npt.NDArray[np.bool_]

    def rows(self, term: Term, parts: Sequence[Part] | None = None) -> list[npt.NDArray[np.intp]]:
        """Positions of the samples of each unit, part by part (all parts, if none are given)."""
        return [self.samples.get_indexer(term.units[part.column]) for part in parts or term.parts]

    def having(self, term: Term, parts: Sequence[Part] | None = None) -> npt.NDArray[np.bool_]:
        """Which lineages each unit has, in its samples of all these parts: shape (units, lineages).

        None has those that only one of the models of a term's compartments can name.
        """
        return np.logical_and.reduce([self.valid[rows] & self.named(term) for rows in self.rows(term, parts)])

    def named(self, term: Term) -> npt.NDArray[np.bool_]:
        """Lineages that can be compared in a term, shape (lineages,)."""
        return ~self.lineages.isin(list(term.unnamed))

    def comparable(self, term: Term) -> npt.NDArray[np.bool_]:
        """Pairs whose genes the files of all samples of a term list, shape (pairs,)."""
        return self.listed[np.unique(np.concatenate(self.rows(term)))].all(0)

    def in_units(self, array: npt.NDArray[np.float64], term: Term) -> npt.NDArray[np.float64]:
        """Values of units from those of samples (first axis)."""
        return term.weighted([array[rows] for rows in self.rows(term)])

    def variance_in_units(self, array: npt.NDArray[np.float64], term: Term) -> npt.NDArray[np.float64]:
        """Sampling variances of :meth:`in_units`."""
        return term.weighted([array[rows] for rows in self.rows(term)], power=2)

    def edge_keys(
        self, source: npt.NDArray[np.intp], target: npt.NDArray[np.intp], pair: npt.NDArray[np.intp]
    ) -> pd.DataFrame:
        """Names of edges given by positions: ``source, target, ligand, receptor``."""
        return pd.DataFrame(
            {
                "source": self.lineages[source],
                "target": self.lineages[target],
                "ligand": self.pairs["ligand"].to_numpy()[pair],
                "receptor": self.pairs["receptor"].to_numpy()[pair],
            }
        )


def effective_sizes(
    layers: Mapping[str, sparse.csr_matrix], lineages: npt.NDArray[Any], enough: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Counts of pseudobulks times the factors of the trimmed mean of M values, lineage by lineage.

    Genes that are mostly ambient are not tested; where ambient RNA is left in one arm they must not make all others
    seem to fall there. Only the other genes of a lineage, if they have half of its counts, therefore say how the sizes
    of its pseudobulks differ. Which these are rests on all samples together, not to choose those that are high in an
    arm.

    Parameters
    ----------
    layers : dict of CSR, shape (pseudobulks, genes)
        ``counts``, ``corrected``, ``ambient``, maybe ``absent``.
    lineages : array of str, shape (pseudobulks,)
    enough : bool array, shape (pseudobulks,)
        Those with enough cells; the others keep their counts.

    Returns
    -------
    array, shape (pseudobulks,)
        Of the same geometric mean, in a lineage, as the counts of all genes.
    """
    size = totals(layers["corrected"]).astype(float)
    for lineage in np.unique(lineages[enough]):
        rows = np.flatnonzero(enough & (lineages == lineage))
        spoilt = ambient_genes(layers["counts"][rows], layers["ambient"][rows], lineages[rows], AMBIENT_SHARE_MAX)
        counts = layers["corrected"][rows].toarray()
        if ABSENT in layers:
            spoilt |= totals(layers[ABSENT][rows], 0) > 0
        native = counts[:, ~spoilt]
        if native.sum() < LEAST_NATIVE * counts.sum():
            native = counts
        there = native.any(1)
        rows, native = rows[there], native[there]
        if len(rows) > 1:
            own = native.sum(1) * tmm_factors(native)
            size[rows] = own * np.exp(np.log(size[rows] / own).mean())
    return size


def thinned_scores(counts: npt.NDArray[np.float64], kept: float, scale: float) -> npt.NDArray[np.float64]:
    """Mean of log(scale y + 10) over counts y of which each count stays with probability ``kept``.

    Parameters
    ----------
    counts : array of whole numbers, shape (genes,)
    kept : float, above 0, at most 1
    scale : float

    Returns
    -------
    array, shape (genes,)
        Exact (binomial) where fewer than 30 counts are left, above by the second-order delta method.
    """
    counts, back = np.unique(counts, return_inverse=True)
    mean, offset = kept * counts, CPM_OFFSET / scale
    score = np.log(scale * mean + CPM_OFFSET) - mean * (1 - kept) / (2 * (mean + offset) ** 2)
    few = np.flatnonzero((mean < FEW_LEFT) & (counts > 0))
    left = np.arange(3 * FEW_LEFT)
    score[few] = binom.pmf(left, counts[few, None], kept) @ np.log(scale * left + CPM_OFFSET)
    return score[back]


def score_pseudobulk(
    pseudobulk: "AnnData",
    samples: Iterable[str],
    resource: pd.DataFrame,
    min_cells: int = 10,
    expr_prop: float = 0.1,
    one_depth: bool = False,
) -> Scores:
    """Ligand and receptor scores from pseudobulk counts.

    Parameters
    ----------
    pseudobulk : AnnData, shape (samples x lineages, genes)
        ``layers`` counts, corrected, n_expressing, ambient; ``obs`` sample, lineage, n_cells.
    samples : sequence of str
        Order of the first axis.
    resource : DataFrame
        ``ligand, receptor``.
    min_cells : int
        Pseudobulks of fewer cells are missing, not zero.
    expr_prop : float
    one_depth : bool
        Scores as if every pseudobulk of a lineage had the counts of its shallowest: their mean over all ways to thin
        them. Sums over many edges need it, since the log of a small count is too low on average; single edges do not.

    Returns
    -------
    Scores

    Notes
    -----
    The score of a gene with corrected count k in a pseudobulk of N counts is log(1e6 k / N + 10), with N times its TMM
    factor over the samples of the lineage (:func:`effective_sizes`): where the donors of an arm differ more, so do
    their most abundant genes, and by plain totals all other genes seem to fall. A constant offset in CPM (edgeR's prior
    count scaled to library size) keeps the scores of deep and shallow pseudobulks comparable, which an offset in counts
    would not. Its sampling variance is the delta method on a Poisson count: (k + 1/2) / (k + 10 N / 1e6)^2. Variation
    between cells and donors beyond that is what the fit adds as its excess variance.
    """
    obs = cast(pd.DataFrame, pseudobulk.obs)
    kept = obs["sample"].isin(set(samples)).to_numpy() & (obs["lineage"] != UNASSIGNED).to_numpy()
    obs = obs[kept]
    names = pd.Index(samples)
    lineages = pd.Index(np.unique(obs["lineage"].to_numpy(str)))
    pairs = Pairs.of(resource, pd.Index(pseudobulk.var_names))
    genes = np.unique(np.concatenate([pairs.ligand.ravel(), pairs.receptor.ravel()]))
    at = names.get_indexer(obs["sample"]) * len(lineages) + lineages.get_indexer(obs["lineage"].astype(str))
    n_rows = len(names) * len(lineages)

    def spread(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Rows of every sample and lineage from those of the pseudobulks; zero where there is none."""
        full = np.zeros((n_rows, *values.shape[1:]), values.dtype)
        full[at] = values
        return full

    def layer(name: str) -> npt.NDArray[np.float64]:
        return spread(np.asarray(sparse.csr_matrix(pseudobulk.layers[name])[kept][:, genes].toarray(), float))

    stored = [name for name in ("counts", "corrected", "ambient", ABSENT) if name in pseudobulk.layers]
    layers = {name: sparse.csr_matrix(pseudobulk.layers[name])[kept] for name in stored}
    enough = obs["n_cells"].to_numpy() >= min_cells
    size = spread(effective_sizes(layers, obs["lineage"].to_numpy(object), enough))[:, None]
    n_cells = spread(obs["n_cells"].to_numpy(float))[:, None]
    counts = layer("corrected")
    valid = (n_cells >= min_cells).reshape(len(names), len(lineages))
    scale = 1e6 / np.maximum(size, 1)
    score = np.log(scale * counts + CPM_OFFSET)
    if one_depth:
        shallowest = np.where(valid, size.reshape(valid.shape), np.inf).min(0)
        for row in np.flatnonzero(valid):
            fewer = max(shallowest[row % len(lineages)], 1)
            score[row] = thinned_scores(counts[row], min(fewer / max(size[row, 0], 1), 1.0), 1e6 / fewer)
    variance = (counts + 0.5) / (counts + CPM_OFFSET / scale) ** 2
    expressed = layer("n_expressing") / np.maximum(n_cells, 1) >= expr_prop
    expressed &= n_cells >= min_cells
    raw, ambient = layer("counts"), layer("ambient")
    absent = (
        layer(ABSENT).reshape(*valid.shape, len(genes)).any(1)
        if ABSENT in layers
        else np.zeros((len(names), len(genes)))
    )
    listed = np.ones((len(names), len(pairs.table)), bool)
    shape = (len(names), len(lineages), len(pairs.table))

    parts: dict[str, npt.NDArray[Any]] = {}
    for role, subunits in (("ligand", pairs.ligand), ("receptor", pairs.receptor)):
        columns = np.searchsorted(genes, subunits)
        listed &= ~absent.astype(bool)[:, columns].any(2)
        weakest = score[:, columns].argmin(2)[..., None]
        parts[role] = np.take_along_axis(score[:, columns], weakest, 2).reshape(shape)
        parts[f"v_{role}"] = np.take_along_axis(variance[:, columns], weakest, 2).reshape(shape)
        parts[f"expresses_{role}"] = expressed[:, columns].all(2).reshape(shape)
        parts[f"counts_{role}"] = raw[:, columns].reshape(*shape, subunits.shape[1]).astype(np.float32)
        parts[f"ambient_{role}"] = ambient[:, columns].reshape(*shape, subunits.shape[1]).astype(np.float32)
    return Scores(names, lineages, pairs.table, valid, **parts, listed=listed)
