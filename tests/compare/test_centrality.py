"""Centrality of lineages within one sample."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from compartments.compare import centrality, scored_cells, shares
from tests.support.annotated import PAIRS, toy

NETWORKS = {"all": np.ones(4, bool), "migration": np.array([True, False, False, False])}


def brute_force(counts, genes, lineages, pairs, expr_prop=0.1):
    """Strengths by their definition, one edge at a time."""
    x = scored_cells.log_normalise(counts).toarray()
    names = sorted(set(lineages))
    index = {gene: i for i, gene in enumerate(genes)}
    s = np.zeros((len(names), len(names)))
    for a, source in enumerate(names):
        for b, target in enumerate(names):
            for pair in pairs.itertuples():
                sent = x[lineages == source][:, [index[g] for g in pair.ligand.split("_")]]
                received = x[lineages == target][:, [index[g] for g in pair.receptor.split("_")]]
                expressed = min((sent > 0).mean(0).min(), (received > 0).mean(0).min()) >= expr_prop
                if a != b and expressed:
                    s[a, b] += np.sqrt(sent.mean(0).min() * received.mean(0).min())
    return s


def scored(seed=0, sizes=(30, 25, 12), n_perms=20, change=None):
    counts, genes, lineages = toy(seed, sizes)
    if change:
        change(counts, genes, lineages)
    x = scored_cells.log_normalise(counts)
    expression = centrality.Expression.of(x, genes, PAIRS, NETWORKS)
    return counts, genes, lineages, *centrality.score_centrality(expression, lineages, n_perms, seed=1)


@pytest.mark.parametrize("seed", range(4))
def test_strengths_are_those_of_the_definition(seed):
    counts, genes, lineages, nodes, edges = scored(seed)
    for network, members in NETWORKS.items():
        expected = brute_force(counts, genes, lineages, PAIRS[members])
        rows = edges[edges["network"] == network]
        found = rows.pivot(index="source", columns="target", values="strength").fillna(0).to_numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        own = nodes[nodes["network"] == network]
        np.testing.assert_allclose(own["out_strength"], expected.sum(1), rtol=1e-5)
        np.testing.assert_allclose(own["in_strength"], expected.sum(0), rtol=1e-5)
        np.testing.assert_allclose(own["share"].sum(), 1)


def test_groupings_at_once_are_the_plain_product_of_each():
    """To the last bit: cells are added in the stored order, which is that of the permutation."""
    counts, genes, lineages = toy()
    x = scored_cells.log_normalise(counts)
    expression = centrality.Expression.of(x, genes, PAIRS, NETWORKS)
    sizes = np.unique(lineages.astype(str), return_counts=True)[1]
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    shuffled = np.array([np.random.default_rng(seed).permutation(len(lineages)) for seed in range(5)])
    together, values = expression.strengths(shuffled, bounds), expression.values.toarray()
    plain = np.hstack([values.real, values.imag])
    weights = np.repeat((1 / sizes).astype(np.float32), sizes)
    for n, cells in enumerate(shuffled):
        mean, detected = np.hsplit(sparse.csr_matrix((weights, cells, bounds), (3, len(cells))) @ plain, 2)
        sent, received = (
            np.sqrt(mean[:, entity].min(2)) * (detected[:, entity].min(2) >= expression.expr_prop - 1e-6)
            for entity in (expression.ligand, expression.receptor)
        )
        for name, link in expression.links.items():
            expected = (link @ sent.T.astype(float)).T @ received.T
            np.fill_diagonal(expected, 0)
            np.testing.assert_array_equal(together[name][n], expected)


@given(st.integers(0, 1000), st.integers(2, 8))
@settings(max_examples=25, deadline=None)
def test_measures_equal_networkx(seed, n):
    s = np.random.default_rng(seed).gamma(1.0, 1.0, (n, n))
    np.fill_diagonal(s, 0)
    found = centrality.graph_measures(s)
    graph = nx.from_numpy_array(s, create_using=nx.DiGraph)
    if n > 2:  # with two nodes the leading singular vector is only unique if the edges differ
        hubs, authorities = nx.hits(graph, max_iter=1000, tol=1e-12)
        np.testing.assert_allclose(found["hub"], [hubs[k] for k in range(n)], atol=1e-6)
        np.testing.assert_allclose(found["authority"], [authorities[k] for k in range(n)], atol=1e-6)
    np.testing.assert_allclose(found["pagerank"].sum(), 1, rtol=1e-6)
    share = shares.shares(s)
    np.testing.assert_allclose(share, (found["out_strength"] + found["in_strength"]) / (2 * s.sum()))
    np.testing.assert_allclose(shares.shares(7 * s), share)


def test_empty_network_has_no_measures():
    """The first of three lineages that say nothing to each other is no hub."""
    found = centrality.graph_measures(np.zeros((3, 3)))
    assert found[["pagerank", "pagerank_reverse", "hub", "authority"]].isna().all(axis=None)
    assert found[["out_strength", "in_strength", "betweenness"]].eq(0).all(axis=None)


def test_empty_network_has_no_share():
    assert np.isnan(shares.shares(np.zeros((3, 3)))).all()
    assert np.isnan(centrality.max_t_p(np.full(3, np.nan), np.ones((5, 3)))).all()


def test_a_planted_hub_is_first_and_significant():
    def make_hub(counts, genes, lineages):
        rng = np.random.default_rng(0)
        ours = [genes.index(g) for g in ("L1", "L2", "R1", "R2", "R3")]
        counts[:, ours] = rng.poisson(0.3, (len(counts), len(ours)))
        counts[np.ix_(lineages == "T1", ours)] = rng.poisson(8, ((lineages == "T1").sum(), len(ours)))

    *_, nodes, _ = scored(2, (60, 40, 50, 30), n_perms=200, change=make_hub)
    rows = nodes[nodes["network"] == "all"].set_index("lineage")
    assert rows["rank"].idxmin() == "T1"
    assert rows.loc["T1", "p_permutation"] == pytest.approx(1 / 201)
    assert rows.drop("T1")["p_permutation"].min() > 0.05


def test_max_t_keeps_the_family_wise_error():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        values = rng.normal(size=(100, 6))
        hits += (centrality.max_t_p(values[0], values[1:]) <= 0.05).any()
    assert 0.02 <= hits / 400 <= 0.09  # binomial spread around .05


def test_share_downsampled_of_small_lineages_is_the_share():
    *_, nodes, edges = scored(5, (20, 15, 12))
    np.testing.assert_allclose(nodes["share"], nodes["share_downsampled"], rtol=1e-5)
    np.testing.assert_allclose(edges["strength"], edges["strength_downsampled"], rtol=1e-5)


def test_reasons_for_no_network_and_for_no_share():
    assert centrality.too_few_lineages(np.array(["A", "B"], object), 5) == ""
    one = centrality.too_few_lineages(np.array(["A", "A"], object), 5)
    assert one == "1 lineage with at least 5 cells: a network needs two"
    nodes = pd.DataFrame({"network": ["all", "all", "migration"], "share": [0.5, np.nan, np.nan]})
    assert [reason.split(":")[0] for reason in centrality.without_shares(nodes)] == ["network 'migration'"]


def test_genes_that_are_ambient_in_a_lineage_are_no_partners_of_it():
    """Strengths are those of a sample whose cells of that lineage lack the genes; complexes by any subunit."""
    counts, genes, lineages = toy(0, (30, 25, 12))
    names = sorted(set(lineages))
    spoilt = pd.DataFrame({"lineage": [names[0], names[1], "elsewhere"], "gene": ["L1", "R1", "L1"]})
    ambient = centrality.ambient_in(spoilt, lineages, genes)
    assert ambient.sum(1).tolist() == [1, 1, 0] and ambient[0, list(genes).index("L1")]
    x = scored_cells.log_normalise(counts)
    nodes, edges = centrality.score_centrality(
        centrality.Expression.of(x, genes, PAIRS, NETWORKS, ambient), lineages, n_perms=5, seed=1
    )
    lacking = x.toarray()
    for k, gene in ((0, "L1"), (1, "R1")):
        lacking[np.ix_(lineages == names[k], [list(genes).index(gene)])] = 0
    expression = centrality.Expression.of(sparse.csr_matrix(lacking), genes, PAIRS, NETWORKS)
    expected_nodes, expected = centrality.score_centrality(expression, lineages, n_perms=5, seed=1)
    for column in ("strength", "strength_downsampled"):
        np.testing.assert_allclose(edges[column], expected[column], rtol=1e-6)
    np.testing.assert_allclose(nodes["share"], expected_nodes["share"], rtol=1e-6)
    _, _, _, _, whole = scored(0)
    assert (edges["strength"] <= whole["strength"] + 1e-9).all() and edges["strength"].sum() < whole["strength"].sum()
