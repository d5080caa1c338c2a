"""Rare types among many cells: recall, and accuracy of all, beside CellTypist's own modes in simulated mixtures.

Cells are drawn from the profiles of assets/profiles.tsv.gz (sorted cells of another source than the model's) around a
donor's own expression; the constants of the labels were not looked for here. The second seed is the half not looked at.
Immune_All_Low sees neither the cycling T cells of the profiles as cycling nor all of their cDC1 as such (the others as
migratory DC): these recalls say what the labels add to the model, not what they find in real cells.
"""

import os
import sys
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import scipy.sparse as sp

from benchmarks.gates import row
from benchmarks.labels.bench_annotation import tables
from benchmarks.labels.bench_labelled import broad_scores, celltypist_labels, labels_of
from compartments.labels.lineages import broad_lineages
from compartments.simulate.sources import ProfileSource

ROOT = Path(__file__).resolve().parents[2]
STEP = "rare"
N = 2000
GENES = 8000
UMIS = 2500
SD_DONOR = 0.3  # of log expression, as in simulated cohorts
COMMON = {"CD4_T": 0.4, "CD8_T": 0.2, "NK": 0.12, "B": 0.1, "cMono": 0.15, "ncMono": 0.03}
RARE = ("pDC", "Plasma", "Mast_Baso", "cDC1", "HSPC", "T_cycling")
TISSUE = {"Macrophage": 0.1, "Granulocyte": 0.1}
SHARES = (0.002, 0.01, 0.05)


def run(quick=False):
    """Rows of the scoreboard; nothing where the model is absent."""
    folder = Path(os.environ.get("COMPARTMENTS_TEST_DATA", ROOT.parent / "shared" / "data"))
    path = folder / "models" / "Immune_All_Low.pkl"
    if not path.is_file():
        print(f"bench_rare: {path} not found: set COMPARTMENTS_TEST_DATA", file=sys.stderr)
        return []
    source = ProfileSource(ROOT / "assets" / "profiles.tsv.gz", GENES)
    rows = []
    for seed in (1,) if quick else (1, 2):
        for share in SHARES[:1] if quick else SHARES:
            for name, further in (("blood", {}), ("tissue with granulocytes", TISSUE)):
                setting = f"{name}, each rare type {share:.1%}"
                rows += _figures(setting, mixture(source, share, further, seed), path, seed)
    return rows


def mixture(source, share, further, seed):
    """Cells of one sample, their lineage in ``obs['truth']``: ``RARE`` at ``share`` each, others beside ``COMMON``."""
    rng = np.random.default_rng([seed, 21])
    rare = {name: max(2, round(N * share)) for name in RARE}
    number = rare | {name: round(N * part) for name, part in further.items()}
    left = N - sum(number.values())
    number |= {name: round(left * part) for name, part in COMMON.items()}
    ones = np.ones(len(source.genes))
    donor = rng.lognormal(0, SD_DONOR, len(source.genes))
    blocks = [source.draw(rng, name, n, donor, ones, ones, UMIS) for name, n in number.items()]
    cells = anndata.AnnData(sp.csr_matrix(sp.vstack(blocks)).astype(np.int32))
    cells.var_names = list(source.genes)
    cells.obs["truth"] = np.repeat(list(number), list(number.values()))
    return cells


def _figures(setting, cells, path, seed):
    truth = cells.obs["truth"].to_numpy(object)
    ours = labels_of(cells, np.full(len(truth), "tissue" if "tissue" in setting else "PBMC"), path)
    lineage_map = tables()[0]
    called = {"ours": ours["lineage"].to_numpy(object)} | celltypist_labels(cells, path, lineage_map["lineage"])
    broad = pd.Series(broad_lineages(lineage_map))
    scores = {who: broad_scores(broad[truth].to_numpy(), pd.Series(names).map(broad)) for who, names in called.items()}
    rows = []
    for number, metric in enumerate(("accuracy, broad lineages", "macro F1, broad lineages")):
        best = max(value[number] for who, value in scores.items() if who != "ours")
        rows.append(row(STEP, metric, setting, scores["ours"][number], f">= {best - 0.01:.4f}", len(truth), seed))
        rows += [
            row(STEP, f"{metric}, {who}", setting, scores[who][number], "", len(truth), seed)
            for who in called
            if who != "ours"
        ]
    for name in RARE:
        own = truth == name
        recall = {who: (names[own] == name).mean() for who, names in called.items()}
        best = max(value for who, value in recall.items() if who != "ours")
        n, metric = int(own.sum()), f"recall, {name}"
        rows.append(row(STEP, metric, setting, recall["ours"], f">= {max(best - 0.05, 0):.4f}", n, seed))
        rows += [row(STEP, f"{metric}, {who}", setting, recall[who], "", n, seed) for who in called if who != "ours"]
    return rows


if __name__ == "__main__":
    for figure in run(quick="--quick" in sys.argv):
        print(figure)
