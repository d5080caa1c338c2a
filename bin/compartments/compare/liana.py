"""Ligand-receptor scores of one sample: LIANA's consensus (``liana.mt.rank_aggregate``), computed vectorised.

The numbers are those of LIANA 1.10 with ``use_raw=False, return_all_lrs=True``; the tests compare the two. LIANA itself
is not imported: it joins tables of text for every edge and method, which takes most of its time and memory. Two of its
properties are kept and worth knowing when reading the table. With ``return_all_lrs=True`` a complex enters with the
values of its first subunit (``present`` still asks for all subunits). And ``expr_prod`` stands twice in LIANA's
magnitude consensus (Connectome and NATMI share the name), so that its ranks are turned round the second time.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse, special
from scipy.stats import rankdata

from compartments.compare.scored_cells import EXPR_PROP, testable_cells
from compartments.core.errors import SampleSkipped
from compartments.core.matrix import memberships
from compartments.core.pairs import Pairs

SCORES = ["lr_means", "cellphone_pvals", "expr_prod", "scaled_weight", "lr_logfc", "spec_weight", "lrscore"]
COLUMNS = ["source", "target", "ligand_complex", "receptor_complex", *SCORES, "specificity_rank", "magnitude_rank"]
SPECIFIC = ["cellphone_pvals", "scaled_weight", "lr_logfc", "spec_weight"]
STRONG = ["lr_means", "expr_prod", "lrscore"]
BLOCK_BYTES = 128 * 2**20  # of the dense expression that permutations run on
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
        An edge is ``present`` if all its subunits are detected in at least this share of the cells.

    Returns
    -------
    DataFrame
        ``COLUMNS`` and ``present``; every ordered pair of lineages x every pair whose genes are detected in the sample.
        Edges that are not present carry LIANA's fill, the worst value among those present. Sorted by
        ``magnitude_rank``, then by name.

    Raises
    ------
    SampleSkipped
        Fewer than two lineages, no pair with genes in the data, no edge present.

    Notes
    -----
    Dimitrov et al. (2022) Nat Commun 13:3224; rank aggregation after Kolde et al. (2012) Bioinformatics 28:573.
    Sums run in the same order and precision as LIANA's (float32), because exact ties between permuted and observed
    means decide p-values of small lineages.
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

    detected_l = group["props"][:, ligands].min(2) >= expr_prop
    detected_r = group["props"][:, receptors].min(2) >= expr_prop
    present = detected_l[:, None, :] & detected_r[None, :, :]
    s, t, p = np.nonzero(present)
    if not len(s):
        raise SampleSkipped(f"no edge has both partners in at least {expr_prop:g} of the cells")
    left, right = (s, ligands[p, 0]), (t, receptors[p, 0])
    scores = _scores(group, left, right, overall_mean)
    scores["cellphone_pvals"] = _permutation_p(x, codes, left, right, scores["lr_means"], n_perms, seed)
    return _table(scores, present, names, pairs.table)


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


def _table(
    scores: dict[str, npt.NDArray[Any]],
    present: npt.NDArray[np.bool_],
    names: npt.NDArray[np.str_],
    pairs: pd.DataFrame,
) -> pd.DataFrame:
    """All edges, those that are present first, with both consensus ranks."""
    s, t, p = np.nonzero(present)
    specificity, rest_specificity = _consensus(scores, SPECIFIC, present.size)
    magnitude, rest_magnitude = _consensus(scores, STRONG, present.size)
    best = np.lexsort((t, s, p, magnitude))
    rest_s, rest_t, rest_p = np.nonzero(~present)
    table: dict[str, Any] = {
        "source": pd.Categorical.from_codes(np.concatenate([s[best], rest_s]), names),
        "target": pd.Categorical.from_codes(np.concatenate([t[best], rest_t]), names),
    }
    pair = np.concatenate([p[best], rest_p])
    for column, role in (("ligand_complex", "ligand"), ("receptor_complex", "receptor")):
        symbols, code = np.unique(pairs[role].to_numpy(str), return_inverse=True)
        table[column] = pd.Categorical.from_codes(code[pair], symbols)
    for name in SCORES:
        values = scores[name]
        worst = values.max() if name == "cellphone_pvals" else values.min()
        table[name] = np.concatenate([values[best], np.full(len(rest_p), worst, values.dtype)])
    table["specificity_rank"] = np.concatenate([specificity[best], np.full(len(rest_p), rest_specificity)])
    table["magnitude_rank"] = np.concatenate([magnitude[best], np.full(len(rest_p), rest_magnitude)])
    table["present"] = np.arange(len(pair)) < len(best)
    return pd.DataFrame(table)


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
    """What was tested: numbers of pairs, cells, lineages and edges, for ``<sample>.liana.json``."""
    return {
        "n_pairs_tested": len(table.drop_duplicates(["ligand_complex", "receptor_complex"])),
        "n_cells": len(lineages),
        "n_lineages": len(np.unique(lineages)),
        "n_edges": len(table),
        "n_edges_present": int(table["present"].sum()),
    }


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
    sums = (members @ exact).toarray()
    mu = sums.sum(0) / n
    squares = np.bincount(x.indices, weights=(x.data * x.data).astype(np.float64), minlength=x.shape[1])
    sd = np.sqrt(np.maximum((squares / n - mu**2) * (n / max(n - 1, 1)), 0))
    sd[sd == 0] = 1

    exact.data = np.power(np.exp(1), exact.data) - 1
    linear = (members @ exact).toarray()
    rest = linear.sum(0) - linear
    logfc = np.log2(linear / size + 1) - np.log2(rest / (n - size) + 1)
    return {
        "props": (members @ detected).toarray() / size,
        "mean": mean,
        "mean_sum": np.broadcast_to(total, mean.shape),
        "zscore": (sums / size - mu) / sd,
        "logfc": logfc,
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
    width = max(1, BLOCK_BYTES // (4 * n))
    for start in range(0, len(genes), width):
        dense = x[:, genes[start : start + width]].toarray()
        rng = np.random.default_rng(seed)
        for b in range(n_perms):
            # a sparse row times a dense matrix adds cells in the stored order, which is LIANA's
            mean = sparse.csr_matrix((weights, rng.permutation(n)[cells], bounds), shape=(n_groups, n)) @ dense
            means[b, :, start : start + width] = mean
    at_left = left[0] * len(genes) + np.searchsorted(genes, left[1])
    at_right = right[0] * len(genes) + np.searchsorted(genes, right[1])
    twice = 2 * truth.astype(np.float64)
    reached = np.zeros(len(truth), np.int64)
    for b in range(n_perms):
        mean = means[b].astype(np.float64).ravel()
        reached += mean[at_left] + mean[at_right] >= twice
    return reached / n_perms


def _consensus(
    scores: dict[str, npt.NDArray[Any]], names: list[str], n_edges: int
) -> tuple[npt.NDArray[np.float64], float]:
    """Robust rank aggregation of some scores over all edges.

    Parameters
    ----------
    scores : dict of arrays, shape (present edges,)
    names : list of str
    n_edges : int
        All edges; those not present tie with the worst one present.

    Returns
    -------
    rho : array, shape (present edges,)
    rest : float
        The value of all edges that are not present.
    """
    n = len(scores[names[0]])
    ranks = np.empty((n + 1, len(names)))
    for column, name in enumerate(names):
        values = scores[name] if name == "cellphone_pvals" else -scores[name]
        rank = rankdata(values)
        worst = values == values.max()
        last = (n - worst.sum() + 1 + n_edges) / 2
        rank[worst] = last
        rank = np.append(rank, last)
        if name == "expr_prod":
            rank = n_edges + 1 - rank
        ranks[:, column] = rank / rank.max()
    k = len(names)
    ranks.sort(axis=1)
    a = np.arange(1, k + 1)
    rho = np.clip(special.betainc(a, k - a + 1, ranks).min(1) * k, 0, 1)
    return rho[:n], float(rho[n])
