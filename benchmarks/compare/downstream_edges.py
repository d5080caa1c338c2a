"""What edges and groups of edges say of one study: figures of bench_downstream.py."""

from functools import cache

import numpy as np

from benchmarks.compare.downstream_tests import TERMS, analysed, bias, errors, rejected
from benchmarks.downstream import draw, profiles
from compartments.compare.edges import compare_edges
from compartments.compare.pair_scores import score_pseudobulk
from compartments.compare.pathways import compare_groups
from compartments.core import pairs
from compartments.core.left_out import LeftOut
from compartments.core.vocabulary import MIGRATION_PAIRS

CHOSEN = ("CD4_T", "CD8_T", "cMono", "cDC2")
PAIRS, GENES = 250, 600


@cache
def resource():
    """Pairs whose subunits have profiles, and which are of which group of migration pairs."""
    known, table = set(profiles()[0]), pairs.read_resource("consensus")
    groups = pairs.read_groups(MIGRATION_PAIRS, table)
    subunits = (table["ligand"] + "_" + table["receptor"]).str.split("_")
    there = subunits.map(known.issuperset).to_numpy()
    return table[there].reset_index(drop=True), {name: members[there] for name, members in groups.items()}


def some_pairs(rng, n):
    """All pairs of groups and others up to ``n``: the pairs, the groups' members, the genes of their subunits."""
    table, groups = resource()
    inside = np.any(list(groups.values()), axis=0)
    others = rng.choice(np.flatnonzero(~inside), n - inside.sum(), replace=False)
    chosen = np.sort(np.concatenate([np.flatnonzero(inside), others]))
    table = table.iloc[chosen].reset_index(drop=True)
    genes = sorted({gene for pair in table[["ligand", "receptor"]].agg("_".join, axis=1) for gene in pair.split("_")})
    return table, {name: members[chosen] for name, members in groups.items()}, genes


def measured(setting, seed, number):
    """One study: figure -> (sum, count)."""
    rng = np.random.default_rng([seed, number])
    table, groups, genes = some_pairs(rng, PAIRS)
    others = rng.choice(profiles()[0].difference(genes), GENES - len(genes), replace=False)
    drawn = draw(setting, seed, number, [*genes, *others])
    study, (bulk, _), left_out = drawn.study(), analysed(drawn, rng, CHOSEN), LeftOut("compare_interactions")
    scores, even = (
        score_pseudobulk(bulk, study.samples["sample"], table, one_depth=one_depth) for one_depth in (False, True)
    )
    effects = compare_edges(study, scores, left_out).effects
    groups = compare_groups(study, even, groups, left_out).effects
    found = {}
    for of, term in TERMS.items():
        rows = effects[effects["term"] == term]
        found |= errors(of, rows)
        found[f"type-I error, both partners, {of}"] = rejected(rows, "p_both")
        found[f"bias, {of}, log2"] = bias(rows)
        found[f"share of expressed edges tested, {of}"] = rows["p_value"].notna().sum(), len(rows)
        of_term = groups[groups["term"] == term]
        for level, name in (("all", "groups over lineages"), ("pair", "groups of two lineages")):
            found |= errors(f"{name}, {of}", of_term[of_term["level"] == level])
            found[f"bias, {name}, {of}, log2"] = bias(of_term[of_term["level"] == level])
    return found
