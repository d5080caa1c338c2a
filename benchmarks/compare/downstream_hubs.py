"""What centrality says of one study, whose cells are drawn one by one: figures of bench_downstream.py."""

from unittest.mock import patch

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks.compare.downstream_edges import some_pairs
from benchmarks.compare.downstream_tests import TERMS, bias, errors, tested_lineages
from benchmarks.downstream import LINEAGES, cells_of, draw, pseudobulk
from compartments.cohort.ambient_genes import ambient_partners
from compartments.cohort.depth import common_depth
from compartments.compare.centrality import Expression, ambient_in, networks_of
from compartments.compare.hubs import compare_centrality
from compartments.compare.scored_cells import log_normalise, testable_cells
from compartments.core.left_out import LeftOut
from compartments.core.matrix import thin
from compartments.core.pairs import Pairs

PAIRS = 250
MIN_CELLS = 5
HUB, HUB_LOG2FC = "pDC", 2.0  # its genes of migration pairs go up in the treated CSF


def measured(setting, seed, number):
    """One study: figure -> (sum, count)."""
    rng = np.random.default_rng([seed, number])
    table, groups, genes = some_pairs(rng, PAIRS)
    networks = networks_of(groups)
    effect = np.zeros((len(LINEAGES), len(genes)))
    if setting.truth == "changed":
        ends = table.loc[networks["migration"], ["ligand", "receptor"]].agg("_".join, axis=1)
        effect[LINEAGES.index(HUB)] = HUB_LOG2FC * np.isin(genes, "_".join(ends).split("_"))
    drawn = draw(setting, seed, number, genes, effect=effect)
    study, names = drawn.study(), drawn.samples["sample"]
    cells = {name: _kept(*cells_of(drawn, rng, at)) for at, name in enumerate(names)}
    depth = common_depth(_totals(cells)).set_index("sample")["umis_kept"]
    ambient = _ambient(drawn, np.random.default_rng([seed, number, 1]))
    nodes, edges, genes = [], [], [*genes, "others"]
    # half of the time goes into finding the pairs, which are those of all samples
    with patch.object(Pairs, "of", return_value=Pairs.of(table, pd.Index(genes))):
        for name, (counts, lineages) in cells.items():
            if len(set(lineages)) > 1 and depth[name] > 0:
                x = log_normalise(thin(counts, depth[name], rng))
                spoilt = ambient_in(ambient, lineages, genes)
                network = _network(Expression.of(x, genes, table, networks, spoilt), lineages)
                for tables, one in zip((nodes, edges), network, strict=True):
                    tables.append(one.assign(sample=name))
    left_out = LeftOut("compare_interactions")
    effects = compare_centrality(study, pd.concat(nodes), pd.concat(edges), left_out).effects
    called = effects[effects["call"].str.startswith("hub")]
    own = (called["lineage"] == HUB) & (called["network"] == "migration") & (called["call"] == "hub_gained_in_CSF")
    found = {}
    for network in networks:
        for of, term in TERMS.items():
            rows = effects[(effects["term"] == term) & (effects["network"] == network)]
            if setting.truth == "null":
                found |= errors(f"network {network}, {of}", rows)
                own_bias = bias(rows[rows["lineage"] == HUB], "estimate")
                found[f"bias of {HUB}, network {network}, {of}, logit of the share"] = own_bias
                found |= tested_lineages(f"network {network}, {of}", term, rows, drawn, LINEAGES)
            else:
                found[f"mean p, network {network}, {of}"] = rows["p_value"].sum(), rows["p_value"].notna().sum()
        if setting.truth == "null":
            found[f"studies with a false hub, network {network}"] = (called["network"] == network).any(), 1
    if setting.truth == "changed":
        return found | {f"power, hub claimed for {HUB} in CSF": (own.any(), 1)}
    return found


def _ambient(drawn, rng):
    """Genes that are no partners of lineages, as the cohort step finds them, in whole transcriptomes."""
    rest = [1 - x.sum(-1, keepdims=True) for x in (drawn.rate, drawn.soup)]
    rate, soup = (np.concatenate([x, y], -1) for x, y in zip((drawn.rate, drawn.soup), rest, strict=True))
    spread = np.append(drawn.spread_of_cells, 0.1)
    whole = drawn._replace(genes=[*drawn.genes, "others"], rate=rate, soup=soup, spread_of_cells=spread)
    return ambient_partners(pseudobulk(whole, rng, LINEAGES))


def _kept(counts, lineages):
    """Cells of lineages with enough of them."""
    keep, _ = testable_cells(lineages, MIN_CELLS)
    return sparse.csr_matrix(counts[keep]), lineages[keep]


def _totals(cells):
    """All counts of the lineages of each sample, as the depth of samples is taken from."""
    rows = [
        {"sample": name, "lineage": lineage, "n_cells": (lineages == lineage).sum(), "total": total}
        for name, (counts, lineages) in cells.items()
        for lineage, total in pd.Series(np.asarray(counts.sum(1)).ravel()).groupby(lineages).sum().items()
    ]
    obs = pd.DataFrame(rows)
    total = sparse.csr_matrix(obs.pop("total").to_numpy(float)[:, None])
    return anndata.AnnData(obs=obs.set_axis(obs.index.astype(str)), layers={"corrected": total}, shape=total.shape)


def _network(expression, lineages):
    """Ranks of the lineages and strengths of edges of one sample, without what no test of centrality rests on."""
    names, codes = np.unique(lineages.astype(str), return_inverse=True)
    bounds = np.concatenate([[0], np.cumsum(np.bincount(codes))])
    source, target = np.nonzero(~np.eye(len(names), dtype=bool))
    nodes, edges = [], []
    for network, (s,) in expression.strengths(np.argsort(codes, kind="stable")[None], bounds).items():
        rank = pd.Series(s.sum(0) + s.sum(1)).rank(ascending=False, method="min").astype("Int64")
        nodes.append(pd.DataFrame({"network": network, "lineage": names, "rank": rank}))
        of_edges = {"network": network, "source": names[source], "target": names[target]}
        edges.append(pd.DataFrame({**of_edges, "strength": s[source, target]}))
    edges = pd.concat(edges)
    return pd.concat(nodes), edges.assign(strength_downsampled=edges["strength"])
