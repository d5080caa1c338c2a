"""Ligand-receptor scores of one sample: LIANA's consensus (``liana.mt.rank_aggregate``), computed vectorised.

The numbers are those of LIANA 1.10 with ``use_raw=False, return_all_lrs=True``; the tests compare the two. LIANA itself
is not imported: it joins tables of text for every edge and method, which takes most of its time and memory. Two of its
properties are kept and worth knowing when reading the table. With ``return_all_lrs=True`` a complex enters with the
values of its first subunit (``present`` still asks for all subunits). And ``expr_prod`` stands twice in LIANA's
magnitude consensus (Connectome and NATMI share the name), so that its ranks are turned round the second time.
"""

import numpy as np
import pandas as pd
from scipy import sparse, special
from scipy.stats import rankdata

from compartments.core.errors import SampleSkipped
from compartments.core.pairs import Pairs
from compartments.core.vocabulary import UNASSIGNED

SCORES = ["lr_means", "cellphone_pvals", "expr_prod", "scaled_weight", "lr_logfc", "spec_weight", "lrscore"]
COLUMNS = ["source", "target", "ligand_complex", "receptor_complex", *SCORES, "specificity_rank", "magnitude_rank"]
BLOCK_BYTES = 128 * 2**20  # of the dense expression that permutations run on


def log_normalise(counts):
    """log1p of counts scaled to 10,000 per cell.

    Parameters
    ----------
    counts : CSR, shape (cells, genes)

    Returns
    -------
    CSR of float32, without stored zeros. Cells without counts stay zero.
    """
    x = sparse.csr_matrix(counts, dtype=np.float64, copy=True)
    x.eliminate_zeros()
    totals = np.asarray(x.sum(1)).ravel()
    x.data = np.log1p(x.data * np.repeat(1e4 / np.maximum(totals, 1), np.diff(x.indptr)))
    return x.astype(np.float32)


def testable_cells(lineages, min_cells, max_cells=0, seed=1):
    """Cells of lineages with enough cells, and why the others are left out.

    Parameters
    ----------
    lineages : array of str, shape (cells,)
    min_cells : int
    max_cells : int
        Keep at most so many of a lineage, drawn without replacement; 0 keeps all.
    seed : int

    Returns
    -------
    keep : int array
        Positions, ascending.
    reasons : dict of str to str
        Lineage (``unassigned`` among them) to reason.
    """
    lineages = np.asarray(lineages, object)
    counts = pd.Series(lineages).value_counts().sort_index()
    reasons, keep = {}, []
    rng = np.random.default_rng(seed)
    for lineage, n in counts.items():
        cells = np.flatnonzero(lineages == lineage)
        if lineage == UNASSIGNED:
            reasons[lineage] = f"{n} cells without a lineage: not a cell type"
        elif n < min_cells:
            reasons[lineage] = f"{n} cells, fewer than --min_cells {min_cells}: its edges are missing, not zero"
        else:
            keep.append(np.sort(rng.choice(cells, max_cells, replace=False)) if 0 < max_cells < n else cells)
    return np.sort(np.concatenate(keep)) if keep else np.array([], int), reasons


def one_hot(codes, n_groups, dtype=np.float64):
    """Membership matrix, CSR of shape (groups, cells), from a group code per cell."""
    n = len(codes)
    return sparse.csr_matrix((np.ones(n, dtype), (codes, np.arange(n))), shape=(n_groups, n))


def rank_aggregate(x, genes, lineages, resource, n_perms=1000, seed=1, min_cells=10, expr_prop=0.1):
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
    genes = pd.Index(genes)
    order = np.argsort(genes.to_numpy(object))
    order = order[x.getnnz(axis=0)[order] > 0]
    keep, _ = testable_cells(lineages, min_cells)
    names, codes = np.unique(np.asarray(lineages, object)[keep].astype(str), return_inverse=True)
    if len(names) < 2:
        raise SampleSkipped(f"{len(names)} lineage with at least {min_cells} cells: an interaction needs two")
    x = x[keep][:, order]
    pairs = Pairs.of(resource, genes[order])
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

    def both(statistic):
        return group[statistic][left], group[statistic][right]

    lm, rm = both("mean")
    scores = {"lr_means": np.where((lm == 0) | (rm == 0), np.float32(0), (lm + rm) / np.float32(2))}
    scores["cellphone_pvals"] = _permutation_p(x, codes, left, right, scores["lr_means"], n_perms, seed)
    scores["expr_prod"] = lm * rm
    scores["scaled_weight"] = np.mean(both("zscore"), axis=0)
    scores["lr_logfc"] = np.mean(both("logfc"), axis=0)
    ls, rs = both("mean_sum")
    scores["spec_weight"] = (lm / ls) * (rm / rs)
    root = np.sqrt(lm) * np.sqrt(rm)
    scores["lrscore"] = root / (root + overall_mean)

    specificity, rest_specificity = _consensus(
        scores, ["cellphone_pvals", "scaled_weight", "lr_logfc", "spec_weight"], present.size
    )
    magnitude, rest_magnitude = _consensus(scores, ["lr_means", "expr_prod", "lrscore"], present.size)

    best = np.lexsort((t, s, p, magnitude))
    rs_, rt, rp = np.nonzero(~present)
    table = {
        "source": pd.Categorical.from_codes(np.concatenate([s[best], rs_]), names),
        "target": pd.Categorical.from_codes(np.concatenate([t[best], rt]), names),
    }
    p = np.concatenate([p[best], rp])
    for column, role in (("ligand_complex", "ligand"), ("receptor_complex", "receptor")):
        symbols, code = np.unique(pairs.table[role].to_numpy(str), return_inverse=True)
        table[column] = pd.Categorical.from_codes(code[p], symbols)
    for name, values in scores.items():
        worst = values.max() if name == "cellphone_pvals" else values.min()
        table[name] = np.concatenate([values[best], np.full(len(rp), worst, values.dtype)])
    table["specificity_rank"] = np.concatenate([specificity[best], np.full(len(rp), rest_specificity)])
    table["magnitude_rank"] = np.concatenate([magnitude[best], np.full(len(rp), rest_magnitude)])
    table["present"] = np.arange(len(p)) < len(best)
    return pd.DataFrame(table)


def _group_statistics(x, codes, n_groups):
    """Per lineage and gene: share detected, mean, sum of means, mean z-score, log2 fold change against the rest.

    Returns
    -------
    dict of arrays, shape (groups, genes)
    """
    n = x.shape[0]
    members = one_hot(codes, n_groups)
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


def _permutation_p(x, codes, left, right, truth, n_perms, seed):
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


def _consensus(scores, names, n_edges):
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
