"""Ligand-receptor scores of one sample: LIANA's consensus (``liana.mt.rank_aggregate``), computed vectorised.

The table is that of LIANA 1.10 at its defaults with ``use_raw=False``; the tests compare the two edge by edge. LIANA
itself is not imported: it joins tables of text for every edge and method, which takes most of its time and memory. One
of its properties is kept and worth knowing when reading the table: ``expr_prod`` stands twice in LIANA's magnitude
consensus (Connectome and NATMI share the name), so that its ranks are turned round the second time; the strongest
edges still come first, but the very weakest follow not far behind. LIANA 2 ranks it once (scverse/liana pull request
261).
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse, special

from compartments.compare.scored_cells import testable_cells
from compartments.core.errors import SampleSkipped
from compartments.core.matrix import memberships
from compartments.core.pairs import Pairs
from compartments.core.vocabulary import EXPR_PROP

SCORES = ["lr_means", "cellphone_pvals", "expr_prod", "scaled_weight", "lr_logfc", "spec_weight", "lrscore"]
COLUMNS = ["source", "target", "ligand_complex", "receptor_complex", *SCORES, "specificity_rank", "magnitude_rank"]
SPECIFIC = ["cellphone_pvals", "scaled_weight", "lr_logfc", "spec_weight"]
STRONG = ["lr_means", "expr_prod", "lrscore"]
BLOCK_BYTES = 128 * 2**20  # of dense expression at a time
AT_ONCE = 50  # permutations
Places = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]  # lineage and gene of each edge


def rank_aggregate(
    x: sparse.csr_matrix,
    genes: npt.ArrayLike,
    lineages: npt.NDArray[Any],
    resource: pd.DataFrame,
    n_perms: int = 1000,
    seed: int = 1,
    min_cells: int = 10,
    expr_prop: float = EXPR_PROP,
) -> pd.DataFrame:
    """LIANA's consensus of CellPhoneDB, Connectome, log2FC, NATMI and SingleCellSignalR.

    Parameters
    ----------
    x : CSR of float32, shape (cells, genes)
        Log-normalised (natural log), no stored zeros.
    genes : sequence of str
        Unique symbols.
    lineages : array of str, shape (cells,)
    resource : DataFrame
        ``ligand, receptor``.
    n_perms, seed : int
        Label permutations of CellPhoneDB's p-value.
    min_cells : int
        Lineages with fewer cells are left out.
    expr_prop : float
        Share of a lineage's cells in which each subunit of its partner must be detected.

    Returns
    -------
    DataFrame
        ``COLUMNS``; every ordered pair of lineages x every pair of the resource with all subunits expressed in them.
        Ranks are among these edges. A complex has the values of its subunit of lowest mean in the lineage, the first
        of those if several are equal. Sorted by ``magnitude_rank``, then in the order of the resource.

    Raises
    ------
    SampleSkipped
        Fewer than two lineages, no pair with genes in the data, no edge expressed.

    Notes
    -----
    Dimitrov et al. (2022) Nat Commun 13:3224; rank aggregation after Kolde et al. (2012) Bioinformatics 28:573.
    Sums run in the same order and precision as LIANA's, because exact ties between permuted and observed means decide
    p-values of small lineages, and ties between edges decide ranks.
    """
    symbols = pd.Index(genes)
    order = np.argsort(symbols.to_numpy(object))
    order = order[x.getnnz(axis=0)[order] > 0]
    keep, _ = testable_cells(lineages, min_cells)
    names, codes = np.unique(np.asarray(lineages, object)[keep].astype(str), return_inverse=True)
    if len(names) < 2:
        raise SampleSkipped(f"{len(names)} lineage with at least {min_cells} cells: an interaction needs two")
    x = x[keep][:, order]
    pairs = Pairs.of(resource, symbols[order])
    if pairs.table.empty:
        raise SampleSkipped("no pair of the resource has all its genes detected in the sample")
    overall_mean = np.mean(x, dtype=np.float32)
    used = np.unique(np.concatenate([pairs.ligand.ravel(), pairs.receptor.ravel()]))
    x = x[:, used]
    ligands, receptors = np.searchsorted(used, pairs.ligand), np.searchsorted(used, pairs.receptor)
    group = _group_statistics(x, codes, len(names))

    expressed = group["props"] >= expr_prop
    s, t, p = np.nonzero(expressed[:, ligands].all(2)[:, None] & expressed[:, receptors].all(2)[None])
    if not len(s):
        raise SampleSkipped(f"no edge has both partners in at least {expr_prop:g} of the cells")
    left, right = (s, _weakest(group["mean"], ligands)[s, p]), (t, _weakest(group["mean"], receptors)[t, p])
    scores = _scores(group, left, right, overall_mean)
    scores["cellphone_pvals"] = _permutation_p(x, codes, left, right, scores["lr_means"], n_perms, seed)
    scores["specificity_rank"] = _consensus(scores, SPECIFIC)
    scores["magnitude_rank"] = _consensus(scores, STRONG)
    best = np.lexsort((t, s, p, scores["magnitude_rank"]))
    table: dict[str, Any] = {
        "source": pd.Categorical.from_codes(s[best], names),
        "target": pd.Categorical.from_codes(t[best], names),
    }
    for column, role in (("ligand_complex", "ligand"), ("receptor_complex", "receptor")):
        symbols, code = np.unique(pairs.table[role].to_numpy(str), return_inverse=True)
        table[column] = pd.Categorical.from_codes(code[p[best]], symbols)
    return pd.DataFrame(table | {name: scores[name][best] for name in COLUMNS[4:]})


def _weakest(mean: npt.NDArray[np.float32], subunits: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Gene of the first subunit of lowest mean, per lineage and pair."""
    return subunits[np.arange(len(subunits)), mean[:, subunits].argmin(2)]


def _scores(
    group: dict[str, npt.NDArray[Any]], left: Places, right: Places, overall_mean: np.float32
) -> dict[str, npt.NDArray[Any]]:
    """Every score of each edge but CellPhoneDB's p."""

    def both(statistic: str) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        return group[statistic][left], group[statistic][right]

    lm, rm = both("mean")
    ls, rs = both("mean_sum")
    root = np.sqrt(lm) * np.sqrt(rm)
    return {
        "lr_means": np.where((lm == 0) | (rm == 0), np.float32(0), (lm + rm) / np.float32(2)),
        "expr_prod": lm * rm,
        "scaled_weight": np.mean(both("zscore"), axis=0),
        "lr_logfc": np.mean(both("logfc"), axis=0),
        "spec_weight": (lm / ls) * (rm / rs),
        "lrscore": root / (root + overall_mean),
    }


def of_sample(table: pd.DataFrame, sample: str) -> pd.DataFrame:
    """The table of :func:`rank_aggregate` with the name of its sample as first column."""
    named = table.copy(deep=False)
    named.insert(0, "sample", sample)
    return named.astype({"sample": "category"})


def about_resource(resource: pd.DataFrame, n_symbols: int, unknown: list[str]) -> dict[str, Any]:
    """Numbers of pairs, of their genes and of those that were not measured, and the first 20 of the latter."""
    return {
        "n_pairs": len(resource),
        "n_genes": n_symbols,
        "n_genes_unknown": len(unknown),
        "genes_unknown": ",".join(unknown[:20]),
    }


def tested(table: pd.DataFrame, lineages: npt.NDArray[Any]) -> dict[str, int]:
    """What was scored: numbers of pairs, cells, lineages and edges, for ``<sample>.liana.json``."""
    return {
        "n_pairs_expressed": len(table.drop_duplicates(["ligand_complex", "receptor_complex"])),
        "n_cells": len(lineages),
        "n_lineages": len(np.unique(lineages)),
        "n_edges": len(table),
    }


def _blocks(n_rows: int, n_columns: int, item: int) -> list[slice]:
    """Ranges of columns that take at most ``BLOCK_BYTES`` when dense."""
    width = max(1, BLOCK_BYTES // (item * n_rows))
    return [slice(start, start + width) for start in range(0, n_columns, width)]


def _group_statistics(x: sparse.csr_matrix, codes: npt.NDArray[np.intp], n_groups: int) -> dict[str, npt.NDArray[Any]]:
    """Per lineage and gene: share detected, mean, sum of means, mean z-score, log2 fold change against the rest.

    Returns
    -------
    dict of arrays, shape (groups, genes)
    """
    n = x.shape[0]
    members = memberships(codes, n_groups)
    size = np.bincount(codes, minlength=n_groups)[:, None]
    detected = x.copy()
    detected.data = np.ones_like(x.data)
    mean = np.vstack([np.asarray(x[codes == k].mean(axis=0)) for k in range(n_groups)])

    total = np.zeros(x.shape[1], np.float32)
    lost = np.zeros_like(total)
    for row in mean:  # Kahan summation in float32, as pandas' grouped sum that LIANA uses
        y = row - lost
        new = total + y
        lost = (new - total) - y
        total = new

    exact = x.astype(np.float64)
    mu = np.bincount(x.indices, weights=x.data, minlength=x.shape[1]) / n
    squares = np.bincount(x.indices, weights=x.data * x.data, minlength=x.shape[1])
    sd = np.sqrt(np.maximum((squares / n - mu**2) * (n / max(n - 1, 1)), 0))
    sd[sd == 0] = 1
    zscore = np.empty((n_groups, x.shape[1]))
    for block in _blocks(int(size.max()), x.shape[1], 8):
        for k in range(n_groups):
            zscore[k, block] = ((exact[codes == k][:, block].toarray() - mu[block]) / sd[block]).mean(axis=0)

    exact.data = np.power(np.exp(1), exact.data) - 1
    inside, outside = (
        np.vstack([np.asarray(exact[of(codes, k)].mean(axis=0)) for k in range(n_groups)])
        for of in (np.equal, np.not_equal)
    )
    return {
        "props": (members @ detected).toarray() / size,
        "mean": mean,
        "mean_sum": np.broadcast_to(total, mean.shape),
        "zscore": zscore,
        "logfc": np.log2(inside + 1) - np.log2(outside + 1),
    }


def _permutation_p(
    x: sparse.csr_matrix,
    codes: npt.NDArray[np.intp],
    left: Places,
    right: Places,
    truth: npt.NDArray[np.float32],
    n_perms: int,
    seed: int,
) -> npt.NDArray[np.float64]:
    """CellPhoneDB's p: share of label permutations whose mean of both partners reaches the observed one.

    Parameters
    ----------
    x : CSR of float32, shape (cells, genes)
    left, right : tuple of int arrays, shape (edges,)
        Lineage and gene of ligand and receptor.
    truth : float32 array, shape (edges,)

    Returns
    -------
    array, shape (edges,)
    """
    n = x.shape[0]
    genes = np.unique(np.concatenate([left[1], right[1]]))
    n_groups = codes.max() + 1
    cells = np.argsort(codes, kind="stable")
    bounds = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=n_groups))])
    weights = np.repeat((1.0 / np.diff(bounds)).astype(np.float32), np.diff(bounds))
    means = np.empty((n_perms, n_groups, len(genes)), np.float32)
    rng, values = np.random.default_rng(seed), x[:, genes]
    for first in range(0, n_perms, AT_ONCE):
        ways = min(AT_ONCE, n_perms - first)
        drawn = np.concatenate([rng.permutation(n)[cells] for _ in range(ways)])
        ends = np.append((bounds[:-1] + n * np.arange(ways)[:, None]).ravel(), ways * n)
        members = sparse.csr_matrix((np.tile(weights, ways), drawn, ends), shape=(ways * n_groups, n))
        # a product of sparse matrices adds cells in the stored order, which is LIANA's
        means[first : first + ways] = (members @ values).toarray().reshape(ways, n_groups, -1)
    at_left = left[0] * len(genes) + np.searchsorted(genes, left[1])
    at_right = right[0] * len(genes) + np.searchsorted(genes, right[1])
    twice = 2 * truth.astype(np.float64)
    reached = np.zeros(len(truth), np.int64)
    for b in range(n_perms):
        mean = means[b].astype(np.float64).ravel()
        reached += mean[at_left] + mean[at_right] >= twice
    return reached / n_perms


def _consensus(scores: dict[str, npt.NDArray[Any]], names: list[str]) -> npt.NDArray[np.float64]:
    """Robust rank aggregation of some scores over all edges: an upper bound of a p-value for each edge."""
    # pandas' ranks, in the precision of the score as scipy's: the import of scipy.stats took longer than the rest
    signed = [scores[name] if name == "cellphone_pvals" else -scores[name] for name in names]
    ranks = np.column_stack([pd.Series(score).rank().to_numpy(score.dtype) for score in signed])
    if "expr_prod" in names:
        turned = names.index("expr_prod")
        ranks[:, turned] = len(ranks) + 1 - ranks[:, turned]
    ranks = np.sort(ranks / ranks.max(axis=0), axis=1)
    k = len(names)
    a = np.arange(1, k + 1)
    return np.clip(special.betainc(a, k - a + 1, ranks).min(1) * k, 0, 1)
