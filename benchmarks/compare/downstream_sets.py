"""What gene-set scores say of one study: figures of bench_downstream.py."""

import numpy as np
import pandas as pd

from benchmarks.compare.downstream_tests import TERMS, analysed, bias, errors, tested_lineages
from benchmarks.downstream import ROOT, draw, profiles
from compartments.cohort.pseudobulk import lineages as usable_lineages
from compartments.compare import donor_scores, genesets
from compartments.core.gene_sets import read_gmt
from compartments.core.left_out import LeftOut

CHOSEN = ("CD4_T", "CD8_T", "cMono", "cDC2")
GENES = 600
MIN_CELLS = 10


def measured(setting, seed, number):
    """One study: figure -> (sum, count)."""
    rng = np.random.default_rng([seed, number])
    known, every = profiles()[0], read_gmt(ROOT / "assets" / "migration_sets.gmt")
    sets = {name: [gene for gene in every[name] if gene in known] for name in genesets.PREREGISTERED}
    inside = pd.unique(np.concatenate(list(sets.values())))
    others = rng.choice(known.difference(inside), GENES - len(inside), replace=False)
    drawn = draw(setting, seed, number, [*inside, *others], programme=sets["CSF_MIGRATION_CORE"])
    study, (bulk, _), left_out = drawn.study(), analysed(drawn, rng, CHOSEN), LeftOut("score_gene_sets")
    lineages = [donor_scores.without_ambient(one, left_out) for one in usable_lineages(bulk, MIN_CELLS, left_out)]
    scores = genesets.score_lineages(lineages, sets, seed, left_out)
    scores = donor_scores.add_all_lineages(scores, len(study.samples), left_out)
    effects = genesets.compare_scores(scores, study, list(sets), left_out).effects
    found = {}
    for of, term in TERMS.items():
        rows = effects[effects["term"] == term]
        single = rows[rows["lineage"] != donor_scores.ALL]
        found |= errors(of, single) | tested_lineages(of, term, single, drawn, CHOSEN)
        found |= errors(f"over lineages, {of}", rows[rows["lineage"] == donor_scores.ALL])
        found[f"bias, {of}, z-score points"] = bias(single, "estimate")
        found[f"share of scores tested, {of}"] = single["p_value"].notna().sum(), len(sets) * len(CHOSEN)
    return found
