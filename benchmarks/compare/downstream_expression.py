"""What differential expression says of one study: figures of bench_downstream.py."""

import numpy as np

from benchmarks.compare.downstream_tests import TERMS, analysed, bias, errors, tested_lineages
from benchmarks.downstream import LINEAGES, draw, profiles
from compartments.cohort.pseudobulk import lineages as usable_lineages
from compartments.compare.expression import compare_lineages
from compartments.core.left_out import LeftOut

CHOSEN = ("CD4_T", "cDC2")
GENES = 300
MIN_CELLS = 10
CHANGED, LOG2FC = 0.1, 1.5  # share of genes whose expression changes in CSF alone, three of four up


def measured(setting, seed, number):
    """One study: figure -> (sum, count)."""
    rng = np.random.default_rng([seed, number])
    genes = rng.choice(profiles()[0], GENES, replace=False)
    effect = None
    if setting.truth == "changed":
        effect = LOG2FC * rng.choice([1, 1, 1, -1], (len(LINEAGES), GENES))
        effect = effect * (rng.random(effect.shape) < CHANGED)
    drawn = draw(setting, seed, number, genes, effect=effect)
    study, (bulk, assumed), left_out = drawn.study(), analysed(drawn, rng, CHOSEN), LeftOut("compare_expression")
    compared = compare_lineages(usable_lineages(bulk, MIN_CELLS, left_out), study, left_out, 1, assumed)
    (table,) = compared.tables.values()
    found = {}
    for of, term in TERMS.items():
        rows = table[table["term"] == term]
        if effect is not None:
            found |= _discoveries(of, rows, drawn.genes, effect)
            continue
        hits = rows["q_value"] < 0.05
        families = rows.assign(hit=hits).groupby("lineage")["hit"].any()
        found |= errors(of, rows) | {
            f"bias, {of}, log2": bias(rows),
            f"lineages with a false hit at q < .05, {of}": (families.sum(), len(families)),
            f"false genes per lineage, {of}": (hits.sum(), len(families)),
            f"share of genes tested, {of}": (len(rows), GENES * max(len(families), 1)),
        }
        found |= tested_lineages(of, term, rows, drawn, CHOSEN)
    return found


def _discoveries(of, rows, genes, effect):
    """False ones among the hits of each lineage, and what was found of what changed."""
    found = {f"FDP at q < .05, {of}": [0.0, 0], f"power, {LOG2FC} log2, {of}": [0, 0]}
    fdp, power = found.values()
    for lineage, own in rows.groupby("lineage"):
        changed = effect[LINEAGES.index(lineage)] != 0
        hits = (own["q_value"] < 0.05).to_numpy()
        true = changed[genes.get_indexer(own["gene"])]
        fdp[0] += (hits & ~true).sum() / max(hits.sum(), 1)
        power[0] += (hits & true).sum()
        fdp[1] += 1
    power[1] = sum((effect[LINEAGES.index(lineage)] != 0).sum() for lineage in CHOSEN)
    return found | {f"mean p, {of}": (rows["p_value"].sum(), rows["p_value"].notna().sum())}
