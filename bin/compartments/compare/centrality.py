"""Who talks most: networks between the lineages of one sample, and how central each lineage is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.compare.shares import shares
from compartments.core.pairs import Pairs
from compartments.core.vocabulary import EXPR_PROP

DOWNSAMPLED_CELLS = 20
DOWNSAMPLED_REPEATS = 50
AT_ONCE = 25  # permutations


@dataclass(frozen=True)
class Expression:
    """What the networks are computed from.

    Attributes
    ----------
    values : CSR of complex64, shape (cells, genes)
        Log-normalised expression of the genes of the resource; as imaginary part 1 where detected, so that one product
        sums both.
    ligand, receptor : int array, shape (entities, most subunits)
        Positions of the subunits of each ligand and each receptor among the genes.
    links : dict of str to CSR, shape (receptors, ligands)
        Network name to its pairs.
    expr_prop : float
    own_ligand, own_receptor : bool array, shape (groups or 1, entities)
        Whether a group's ligand (receptor) counts; not where a subunit is mostly ambient there.
    """

    values: sparse.csr_matrix
    ligand: npt.NDArray[np.intp]
    receptor: npt.NDArray[np.intp]
    links: dict[str, sparse.csr_matrix]
    expr_prop: float
    own_ligand: npt.NDArray[np.bool_]
    own_receptor: npt.NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        x: sparse.csr_matrix,
        genes: npt.ArrayLike,
        resource: pd.DataFrame,
        networks: Mapping[str, npt.NDArray[np.bool_]],
        ambient: npt.NDArray[np.bool_] | None = None,
        expr_prop: float = EXPR_PROP,
    ) -> "Expression":
        """Prepare one sample.

        Parameters
        ----------
        x : CSR of float32, shape (cells, genes)
            Log-normalised, no stored zeros.
        genes : sequence of str
        resource : DataFrame
            ``ligand, receptor``.
        networks : dict of str to bool array, shape (pairs of the resource,)
            Which pairs each network counts.
        ambient : bool array, shape (groups, genes), optional
            Genes that are mostly ambient in each group of cells (:meth:`strengths`) and so no partner there. They must
            be the same in all samples that are compared.
        expr_prop : float
            A ligand or receptor counts in a lineage if all its subunits are detected in at least this share of cells.
        """
        pairs = Pairs.of(resource, pd.Index(genes))
        used = np.unique(np.concatenate([pairs.ligand.ravel(), pairs.receptor.ravel()]))
        x = x[:, used]
        values = sparse.csr_matrix((x.data + np.complex64(1j), x.indices, x.indptr), shape=x.shape)
        ligand, l_code = np.unique(pairs.ligand, axis=0, return_inverse=True)
        receptor, r_code = np.unique(pairs.receptor, axis=0, return_inverse=True)
        links = {}
        for name, members in networks.items():
            inside = np.asarray(members)[pairs.table.index]
            shape = (len(receptor), len(ligand))
            links[name] = sparse.csr_matrix(
                (np.ones(inside.sum()), (r_code.ravel()[inside], l_code.ravel()[inside])), shape=shape
            )
        own = np.ones((1, len(pd.Index(genes))), np.bool_) if ambient is None else ~ambient
        own_ligand, own_receptor = (own[:, entity].all(2) for entity in (ligand, receptor))
        ligand, receptor = np.searchsorted(used, ligand), np.searchsorted(used, receptor)
        return cls(values, ligand, receptor, links, expr_prop, own_ligand, own_receptor)

    def strengths(
        self, cells: npt.NDArray[np.intp], bounds: npt.NDArray[np.intp]
    ) -> dict[str, npt.NDArray[np.float64]]:
        """Networks between groups of cells, each in several ways of grouping them.

        Parameters
        ----------
        cells : int array, shape (ways, cells)
            Cells ordered by group.
        bounds : int array, shape (groups + 1,)
            Where each group starts in a row of ``cells``.

        Returns
        -------
        dict of str to array, shape (ways, groups, groups)
            ``S[s, t]``, the sum over pairs of sqrt(mean of ligand in s * mean of receptor in t), complexes by their
            weakest subunit; zero on the diagonal (autocrine).
        """
        (ways, n), sizes = cells.shape, np.diff(bounds)
        weights = np.tile(np.repeat((1.0 / sizes).astype(np.float32), sizes), ways)
        ends = np.append((bounds[:-1] + n * np.arange(ways)[:, None]).ravel(), ways * n)
        shape = (ways * len(sizes), self.values.shape[0])
        members = sparse.csr_matrix((weights.astype(np.complex64), cells.ravel(), ends), shape=shape)
        # both sparse: a cell has few of the genes, and cells are added in the stored order
        sums = (members @ self.values).toarray()
        mean, detected = sums.real, sums.imag
        threshold = self.expr_prop - 1e-6  # shares are sums of float32
        sent, received = (
            np.sqrt(_lowest(mean, entity))
            * (np.tile(own, (shape[0] // len(own), 1)) & (_lowest(detected, entity) >= threshold))
            for entity, own in ((self.ligand, self.own_ligand), (self.receptor, self.own_receptor))
        )
        networks = {}
        for name, link in self.links.items():
            linked = (link @ sent.T.astype(float)).T
            s = np.array([a @ b.T for a, b in zip(np.split(linked, ways), np.split(received, ways), strict=True)])
            s[:, np.arange(len(sizes)), np.arange(len(sizes))] = 0
            networks[name] = s
        return networks


def _lowest(values: npt.NDArray[np.float32], entities: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
    """Lowest value of each entity's subunits, shape (rows, entities); most have one, repeated."""
    first = entities[:, 0]
    found = values[:, first]
    for column in entities.T[1:]:
        several = np.flatnonzero(column != first)
        found[:, several] = np.minimum(found[:, several], values[:, column[several]])
    return found


def networks_of(groups: Mapping[str, npt.NDArray[np.bool_]]) -> dict[str, npt.NDArray[np.bool_]]:
    """The networks of a sample: all pairs, and those of any group of migration pairs.

    Parameters
    ----------
    groups : dict of str to bool array, shape (pairs of the resource,)
        From :func:`compartments.core.pairs.read_groups`.
    """
    migration = np.any(list(groups.values()), axis=0)
    return {"all": np.ones(len(migration), bool), "migration": migration}


def ambient_in(table: pd.DataFrame, lineages: npt.NDArray[Any], genes: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Genes that are mostly ambient in each lineage of a sample, sorted by name.

    Parameters
    ----------
    table : DataFrame
        ``lineage, gene``, from :func:`compartments.cohort.ambient_genes.ambient_partners`.
    lineages : array of str, shape (cells,)
    genes : sequence of str

    Returns
    -------
    bool array, shape (lineages, genes)
    """
    names = np.unique(np.asarray(lineages, str))
    listed = pd.Index(np.asarray(genes, str))
    return np.array([listed.isin(table.loc[table["lineage"] == name, "gene"]) for name in names])


def without_shares(nodes: pd.DataFrame) -> list[str]:
    """Reasons of the networks in which no lineage has a share."""
    names = [name for name, rows in nodes.groupby("network", sort=False) if rows["share"].isna().all()]
    return [f"network '{name}': no pair has both partners expressed, so no lineage has a share" for name in names]


def too_few_lineages(lineages: npt.NDArray[Any], min_cells: int) -> str:
    """Why the cells that are left, each of a lineage, make no network; empty if they do."""
    n_lineages = len(set(lineages))
    return "" if n_lineages > 1 else f"{n_lineages} lineage with at least {min_cells} cells: a network needs two"


def graph_measures(s: npt.NDArray[np.float64]) -> pd.DataFrame:
    """Measures of each node of a weighted directed network.

    Returns
    -------
    DataFrame
        ``out_strength, in_strength, pagerank`` (importance as receiver), ``pagerank_reverse`` (as sender), ``hub,
        authority`` (HITS: leading singular vectors), ``betweenness`` (shortest paths with length 1/strength). Missing
        in an empty network are all but strengths and betweenness, which are 0.

    Notes
    -----
    Roles after CellChat (Jin et al. 2021 Nat Commun 12:1088); PageRank and betweenness by networkx; HITS after
    Kleinberg (1999) J ACM 46:604, scaled to sum one.
    """
    left, _, right = np.linalg.svd(s)
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(s)))
    graph.add_weighted_edges_from((a, b, s[a, b]) for a, b in zip(*np.nonzero(s), strict=True))
    for _, _, edge in graph.edges(data=True):
        edge["length"] = 1 / edge["weight"]
    nodes = range(len(s))

    def ordered(values: Mapping[int, float]) -> list[float]:
        return [values[node] for node in nodes]

    hub, authority = np.abs(left[:, 0]), np.abs(right[0])
    table = pd.DataFrame(
        {
            "out_strength": s.sum(1),
            "in_strength": s.sum(0),
            "pagerank": ordered(nx.pagerank(graph, max_iter=1000)),
            "pagerank_reverse": ordered(nx.pagerank(graph.reverse(), max_iter=1000)),
            "hub": hub / hub.sum(),
            "authority": authority / authority.sum(),
            "betweenness": ordered(nx.betweenness_centrality(graph, weight="length")),
        }
    )
    if not s.any():  # in a network of nothing no lineage matters, nor are all alike
        table[["pagerank", "pagerank_reverse", "hub", "authority"]] = np.nan
    return table


def max_t_p(observed: npt.NDArray[np.float64], null: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """One-sided p that a lineage is more central than any would be with shuffled labels (max-T).

    Parameters
    ----------
    observed : array, shape (lineages,)
    null : array, shape (permutations, lineages)

    Returns
    -------
    array, shape (lineages,)
        Family-wise over lineages; NaN where the network is empty.

    Notes
    -----
    Westfall and Young's single-step max-T on shares standardised by their null mean and SD.
    """
    if not np.isfinite(observed).all():
        return np.full(len(observed), np.nan)
    null = null[np.isfinite(null).all(1)]
    sd = null.std(0, ddof=1)
    sd = np.where(sd > 0, sd, np.inf)
    highest = ((null - null.mean(0)) / sd).max(1)
    z = (observed - null.mean(0)) / sd
    return (1 + (highest[:, None] >= z - 1e-12).sum(0)) / (1 + len(highest))


def score_centrality(
    expression: Expression, lineages: npt.NDArray[Any], n_perms: int = 1000, seed: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Centrality of every lineage of one sample in every network.

    Parameters
    ----------
    expression : Expression
    lineages : array of str, shape (cells,)
        At least two lineages.
    n_perms, seed : int

    Returns
    -------
    nodes : DataFrame
        ``network, lineage, n_cells``, :func:`graph_measures`, ``share, share_downsampled`` (median over repeats with at
        most 20 cells per lineage), ``rank`` (1 is the largest share), ``p_permutation``.
    edges : DataFrame
        ``network, source, target, strength, strength_downsampled`` (medians), all ordered pairs of lineages.
    """
    names, codes = np.unique(np.asarray(lineages, str), return_inverse=True)
    sizes = np.bincount(codes)
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    cells = np.argsort(codes, kind="stable")
    rng = np.random.default_rng(seed)

    observed = {name: s[0] for name, s in expression.strengths(cells[None], bounds).items()}
    null = {name: np.empty((n_perms, len(names))) for name in observed}
    for b in range(0, n_perms, AT_ONCE):
        shuffled = np.array([rng.permutation(len(codes)) for _ in range(b, min(b + AT_ONCE, n_perms))])
        for name, s in expression.strengths(shuffled, bounds).items():
            null[name][b : b + AT_ONCE] = shares(s)
    downsampled = _downsampled(expression, cells, bounds, rng)

    nodes, edges = [], []
    source, target = np.nonzero(~np.eye(len(names), dtype=bool))
    for name, s in observed.items():
        table = graph_measures(s)
        table.insert(0, "network", name)
        table.insert(1, "lineage", names)
        table.insert(2, "n_cells", sizes)
        table["share"] = shares(s)
        table["share_downsampled"] = np.median(shares(downsampled[name]), axis=0)
        table["rank"] = table["share"].rank(ascending=False, method="min").astype("Int64")
        table["p_permutation"] = max_t_p(table["share"].to_numpy(), null[name])
        nodes.append(table)
        edges.append(
            pd.DataFrame(
                {
                    "network": name,
                    "source": names[source],
                    "target": names[target],
                    "strength": s[source, target],
                    "strength_downsampled": np.median(downsampled[name], axis=0)[source, target],
                }
            )
        )
    return pd.concat(nodes, ignore_index=True), pd.concat(edges, ignore_index=True)


def _downsampled(
    expression: Expression, cells: npt.NDArray[np.intp], bounds: npt.NDArray[np.intp], rng: np.random.Generator
) -> dict[str, npt.NDArray[np.float64]]:
    """Networks of repeated draws of at most 20 cells per lineage: arrays, shape (repeats, lineages, lineages)."""
    fewer = np.minimum(np.diff(bounds), DOWNSAMPLED_CELLS)
    groups = list(zip(bounds[:-1], bounds[1:], fewer, strict=True))
    drawn = [
        np.concatenate([rng.choice(cells[a:b], k, replace=False) for a, b, k in groups])
        for _ in range(DOWNSAMPLED_REPEATS)
    ]
    return expression.strengths(np.array(drawn), np.concatenate([[0], np.cumsum(fewer)]))
