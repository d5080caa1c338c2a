"""Pseudobulk differential expression on simulated studies: type-I error, false discovery proportion, power."""

import sys
import warnings

import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks import studies
from benchmarks.gates import row
from compartments.cohort.pseudobulk import Lineage
from compartments.compare.expression import compare_lineage
from compartments.core.left_out import LeftOut
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet

STEP = "expression"
SEED = 20
GENES = 800
TERMS = ("interaction", "within:CSF", "within:blood")


def lineage_of(simulated, name="T"):
    """A simulated study as the pair (Lineage, Study) that the analysis takes; no ambient RNA."""
    samples = simulated.samples.set_index("sample").rename_axis(None)
    counts = simulated.counts.to_numpy().astype(np.int64)
    empty = sparse.csr_array(counts.shape, dtype=np.float32)
    sheet = simulated.samples.drop(columns="n_cells").assign(filtered="cells.h5ad")
    study = make_study(parse_samplesheet(sheet.to_csv(index=False)))
    genes = pd.Index(simulated.counts.columns)
    return Lineage(name, samples, genes, counts, sparse.csr_array(counts), empty), study


def analyse(rng, n_condition, n_reference, **settings):
    """Result rows of one simulated lineage, with the simulated effect of each term in ``truth``."""
    simulated = studies.pseudobulk_study(rng, n_condition, n_reference, **settings)
    lineage, study = lineage_of(simulated)
    left_out = LeftOut("compare_expression")
    tables, _ = compare_lineage(lineage, study, left_out)
    if any("not fitted" in row["reason"] for row in left_out.rows):
        raise RuntimeError(left_out.rows)
    truth = simulated.truth
    effect = {
        "interaction": truth["interaction_log2fc"],
        "within:CSF": truth["both_log2fc"] + truth["interaction_log2fc"],
        "within:blood": truth["both_log2fc"],
    }
    for table in tables:
        table["truth"] = effect[table["term"].iloc[0]].reindex(table["gene"]).to_numpy()
    return pd.concat(tables, ignore_index=True)


def run(quick=False, studies=200):
    """Rows of the scoreboard: ``step, metric, setting, value, gate, pass, n, seed``.

    Gates are on the model that the methods were chosen by; heavy tails in a depleted lineage are printed.
    """
    warnings.simplefilter("ignore")
    if quick:
        return _setting((2, 4), False, 40, 12) + _setting((6, 6), False, 10, 10)
    rows = [line for arms in [(2, 4), (3, 3), (4, 4), (6, 6)] for line in _setting(arms, False, studies, studies)]
    return rows + _setting((2, 4), True, studies, studies)


def _setting(arms, heavy, n_null, n_signal):
    """Rows of one design: studies without, and with, genes that have an interaction."""
    extra = {"heavy_tails": True, "treated_cells": 1 / 6} if heavy else {}
    setting = f"{arms[0]}v{arms[1]}" + (" depleted, heavy tails" if heavy else "")
    rng = np.random.default_rng([SEED, *arms, heavy])
    rows = []

    def add(metric, value, gate, n):
        rows.append(row(STEP, metric, setting, value, "" if heavy else gate, n, SEED))

    null = [analyse(rng, *arms, n_genes=GENES, **extra) for _ in range(n_null)]
    for term in TERMS:
        # genes with an effect of the condition in both compartments are not null within a compartment
        p = [t.loc[(t["term"] == term) & (t["truth"] == 0), "p_value"] for t in null]
        add(f"type-I error, {term}", np.mean([(x < 0.05).mean() for x in p]), ".03-.07", n_null)
        add(f"type-I error at .001, {term}", np.mean([(x < 0.001).mean() for x in p]), "", n_null)
    any_hit = np.mean([(t.loc[t["term"] == "interaction", "q_value"] < 0.05).any() for t in null])
    # of a dozen studies, one more or less decides
    add("studies with any interaction hit", any_hit, "<= .2" if n_null >= 40 else "", n_null)
    add("studies with any false call", np.mean([(t["call"] != "").any() for t in null]), "", n_null)

    signal = [analyse(rng, *arms, n_genes=GENES, fraction_interaction=0.1, **extra) for _ in range(n_signal)]
    found = [t[t["term"] == "interaction"] for t in signal]
    add(
        "FDP at BH 5 %, interaction",
        np.mean([_fdp(t["q_value"] < 0.05, t["truth"] == 0) for t in found]),
        "<= .08",
        n_signal,
    )
    robust = [_fdp((t["q_value"] < 0.05) & t["robust"].fillna(False).astype(bool), t["truth"] == 0) for t in found]
    add("FDP at BH 5 % and robust, interaction", np.mean(robust), "", n_signal)
    power = np.mean([(t.loc[t["truth"] != 0, "q_value"] < 0.05).mean() for t in found])
    add("power, 1.5 log2 interaction", power, "", n_signal)
    covered = np.mean([(np.abs(t["log2fc"] - t["truth"]) < 1.96 * t["se"]).mean() for t in found])
    add("coverage of 95 % interval, interaction", covered, "", n_signal)
    shrunken = np.mean([_rmse(t, "log2fc_shrunken") / _rmse(t, "log2fc") for t in found])
    add("error of shrunken over raw log2 fold change", shrunken, "<= 1", n_signal)
    return rows


def _fdp(found, null):
    return (found & null).sum() / max(1, found.sum())


def _rmse(table, column):
    return float(np.sqrt(((table[column] - table["truth"]) ** 2).mean()))


if __name__ == "__main__":
    print(pd.DataFrame(run("--quick" in sys.argv)).to_string())
