"""Gene-set scores on simulated studies: error under the null and power of the difference in differences."""

import sys
import warnings
import zlib
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks import studies
from benchmarks.compare.bench_expression import lineage_of
from benchmarks.gates import row
from compartments.compare import donor_scores, genesets
from compartments.core.left_out import LeftOut

STEP = "genesets"
SEED = 30
SET_SIZE = 40


def match_depth(lineage, seed):
    """The lineage with deeper compartments thinned at random to the median total of the shallowest."""
    depth = pd.Series(lineage.corrected.sum(1), index=lineage.samples.index)
    medians = depth.groupby(lineage.samples["compartment"]).median()
    share = (medians.min() / medians)[lineage.samples["compartment"]].to_numpy()
    rng = np.random.default_rng([seed, zlib.crc32(lineage.name.encode())])
    return replace(lineage, corrected=rng.binomial(lineage.corrected, share[:, None]))


def effects_of(rng, n_condition, n_reference, set_log2fc, matched=False, n_lineages=3, n_genes=1200):
    """Effects of one set over several lineages of one simulated study."""
    lineages = []
    for number in range(n_lineages):
        simulated = studies.pseudobulk_study(
            rng, n_condition, n_reference, n_genes=n_genes, set_size=SET_SIZE, set_log2fc=set_log2fc
        )
        lineage, study = lineage_of(simulated, f"L{number}")
        lineages.append(lineage)
    sets = {"SET": list(lineage.genes[:SET_SIZE])}
    if matched:
        lineages = [match_depth(one, SEED) for one in lineages]
    left_out = LeftOut("score_gene_sets")
    scores = genesets.score_lineages(lineages, sets, SEED, left_out)
    if left_out.rows:
        raise RuntimeError(left_out.rows)
    scores = donor_scores.add_all_lineages(scores, len(lineage.samples), left_out)
    return genesets.compare_scores(scores, study, ["SET"], left_out).effects


def run(quick=False, studies=200):
    """Rows of the scoreboard."""
    warnings.simplefilter("ignore")
    rows = []
    for arms in [(2, 4), (6, 6)] if quick else [(2, 4), (3, 3), (4, 4), (6, 6)]:
        for matched in (False,) if quick else (False, True):
            n_studies = 40 if quick else studies
            setting = f"{arms[0]}v{arms[1]}" + (" depth matched" if matched else "")
            for log2fc in (0.0, 0.8):
                rng = np.random.default_rng([SEED, *arms, int(matched)])
                each = pd.concat([effects_of(rng, *arms, log2fc, matched) for _ in range(n_studies)])
                single = each[each["lineage"] != donor_scores.ALL]
                for term in ("interaction", "within:CSF", "within:blood"):
                    own = single[single["term"] == term]
                    null = log2fc == 0 or term == "within:blood"
                    for column, name in (("p_value", "plain t"), ("p_moderated", "moderated t")):
                        value = float((own[column] < 0.05).mean())
                        gated = null and column == "p_value"
                        kind = "type-I error" if null else "power, .8 log2"
                        if null and log2fc:
                            kind += " beside an effect in CSF"
                        metric = f"{kind}, {term}, {name}"
                        rows.append(row(STEP, metric, setting, value, ".02-.08" if gated else "", len(own), SEED))
                pooled = each[(each["lineage"] == donor_scores.ALL) & (each["term"] == "interaction")]
                called = each[each["term"] == "interaction"]
                for metric, value in (
                    ("over lineages, p < .05", (pooled["p_value"] < 0.05).mean()),
                    ("rows called CSF_only or CSF_higher", (called["call"] != "").mean()),
                ):
                    rows.append(row(STEP, f"{metric}, effect {log2fc}", setting, value, "", len(pooled), SEED))
    return rows


if __name__ == "__main__":
    print(pd.DataFrame(run("--quick" in sys.argv)).to_string())
