"""Pseudobulk differential expression on simulated studies: type-I error, false discovery proportion, power."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bin"))

from compartments import design, simulate
from compartments.expression import Options, compare_lineage
from compartments.pseudobulk import Lineage

SEED = 20
TERMS = ("interaction", "within:CSF", "within:blood")


def lineage_of(simulated, name="T"):
    """A simulated study as the pair (Lineage, Study) that the analysis takes; no ambient RNA."""
    samples = simulated.samples.set_index("sample").rename_axis(None)
    counts = simulated.counts.to_numpy().astype(np.int64)
    empty = sparse.csr_array(counts.shape, dtype=np.float32)
    sheet = simulated.samples.drop(columns="n_cells").assign(filtered="cells.h5ad")
    study = design.make_study(design.parse_samplesheet(sheet.to_csv(index=False)))
    genes = pd.Index(simulated.counts.columns)
    return Lineage(name, samples, genes, counts, sparse.csr_array(counts), empty), study


def analyse(rng, n_condition, n_reference, **settings):
    """Result rows of one simulated lineage, with the simulated effect of each term in ``truth``."""
    simulated = simulate.pseudobulk_study(rng, n_condition, n_reference, **settings)
    lineage, study = lineage_of(simulated)
    tables, _, skipped = compare_lineage(lineage, study, Options())
    if any("not fitted" in row["reason"] for row in skipped):
        raise RuntimeError(skipped)
    truth = simulated.truth
    effect = {
        "interaction": truth["interaction_log2fc"],
        "within:CSF": truth["both_log2fc"] + truth["interaction_log2fc"],
        "within:blood": truth["both_log2fc"],
    }
    for table in tables:
        table["truth"] = effect[table["term"].iloc[0]].reindex(table["gene"]).to_numpy()
    return pd.concat(tables, ignore_index=True)


def run(quick=False):
    """Rows of the scoreboard: ``step, metric, setting, value, gate, pass, n, seed``."""
    warnings.simplefilter("ignore")
    studies, genes = (12, 800) if quick else (200, 1500)
    rows = []

    def row(metric, setting, value, gate, passed, n):
        rows.append(
            {
                "step": "expression",
                "metric": metric,
                "setting": setting,
                "value": float(value),
                "gate": gate,
                "pass": None if passed is None else bool(passed),
                "n": n,
                "seed": SEED,
            }
        )

    for arms in ((2, 4), (6, 6)):
        for heavy in (False, True) if arms == (2, 4) else (False,):
            extra = {"heavy_tails": True, "treated_cells": 1 / 6} if heavy else {}
            setting = f"{arms[0]}v{arms[1]}" + (" depleted, heavy tails" if heavy else "")
            rng = np.random.default_rng([SEED, *arms, heavy])
            null = [analyse(rng, *arms, n_genes=genes, **extra) for _ in range(studies)]
            for term in TERMS:
                # genes with an effect of the condition in both compartments are not null within a compartment
                p = [t[(t["term"] == term) & (t["truth"] == 0)] for t in null]
                rate = np.mean([(t["p_value"] < 0.05).mean() for t in p])
                gated = not heavy
                row(
                    f"type-I error, {term}",
                    setting,
                    rate,
                    ".03-.07" if gated else "",
                    0.03 <= rate <= 0.07 if gated else None,
                    studies,
                )
                rate = np.mean([(t["p_value"] < 0.001).mean() for t in p])
                row(f"type-I error at .001, {term}", setting, rate, "", None, studies)
            any_hit = np.mean([(t.loc[t["term"] == "interaction", "q_value"] < 0.05).any() for t in null])
            row("studies with any interaction hit", setting, any_hit, "<= .2", any_hit <= 0.2, studies)
            called = np.mean([(t["call"] != "").any() for t in null])
            row("studies with any false call", setting, called, "", None, studies)

            signal = [analyse(rng, *arms, n_genes=genes, fraction_interaction=0.1, **extra) for _ in range(studies)]
            found = [t[t["term"] == "interaction"] for t in signal]
            fdp = np.mean([_fdp(t["q_value"] < 0.05, t["truth"] == 0) for t in found])
            row(
                "FDP at BH 5 %, interaction",
                setting,
                fdp,
                "<= .08" if not heavy else "",
                fdp <= 0.08 if not heavy else None,
                studies,
            )
            robust = np.mean(
                [_fdp((t["q_value"] < 0.05) & t["robust"].fillna(False).astype(bool), t["truth"] == 0) for t in found]
            )
            row("FDP at BH 5 % and robust, interaction", setting, robust, "", None, studies)
            power = np.mean([(t.loc[t["truth"] != 0, "q_value"] < 0.05).mean() for t in found])
            row("power, 1.5 log2 interaction", setting, power, "", None, studies)
            covered = np.mean([(np.abs(t["log2fc"] - t["truth"]) < 1.96 * t["se"]).mean() for t in found])
            row("coverage of 95 % interval, interaction", setting, covered, "", None, studies)
            shrunken = np.mean([_rmse(t, "log2fc_shrunken") / _rmse(t, "log2fc") for t in found])
            row("error of shrunken over raw log2 fold change", setting, shrunken, "<= 1", shrunken <= 1, studies)
    return rows


def _fdp(found, null):
    return (found & null).sum() / max(1, found.sum())


def _rmse(table, column):
    return float(np.sqrt(((table[column] - table["truth"]) ** 2).mean()))


if __name__ == "__main__":
    print(pd.DataFrame(run("--quick" in sys.argv)).to_string())
