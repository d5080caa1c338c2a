"""Doublets against known truth: ranking of heterotypic doublets, calls, and cells lost from rare lineages."""

import sys
from pathlib import Path

import numpy as np
import scipy.sparse as sp

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.droplet_samples import one_sample
from benchmarks.gates import row

from compartments.doublets import call_doublets, expected_rate

STEP = "doublets"
QUICK = [("CSF", 600, 0.008), ("blood", 3000, 0.008)]
FULL = [("CSF", 250, 0.008), ("CSF", 500, 0.008), ("CSF", 1000, 0.008), ("blood", 3000, 0.016), ("blood", 8000, 0.008)]


def run(quick=False):
    """Rows of the scoreboard."""
    rows = []
    for compartment, n_cells, rate in QUICK if quick else [*QUICK, *FULL]:
        for seed in (1, 2, 3):
            rows += _one(compartment, n_cells, rate, seed)
    return rows


def _one(compartment, n_cells, per_1000, seed):
    sample, _ = one_sample(compartment, n_cells, seed, empties=10, doublet_rate=per_1000, dying=0.0)
    counts = sp.csr_matrix(sample.native + sample.ambient)
    found = call_doublets(counts, expected_rate(n_cells, per_1000=per_1000), seed=seed)
    cells = sample.cells
    doublet = cells["doublet"].to_numpy()
    heterotypic = doublet & (cells["lineage"] != cells["partner_lineage"]).to_numpy()
    scored = ~doublet | heterotypic
    setting = f"{compartment} {n_cells} cells, {per_1000 * n_cells / 10:.2g} % doublets"
    gate = ">= .85" if compartment == "blood" else ""
    wrong = found.is_doublet & ~doublet
    pdc = (cells["lineage"] == "pDC").to_numpy() & ~doublet
    called = found.is_doublet.sum()
    figures = [
        ("average precision", average_precision(heterotypic[scored], found.score[scored]), gate, heterotypic.sum()),
        ("false calls among pDC", wrong[pdc].mean() if pdc.any() else 0.0, "<= .02", pdc.sum()),
        ("false calls", wrong.mean(), "", len(wrong)),
        ("recall of called", (found.is_doublet & heterotypic).sum() / max(1, heterotypic.sum()), "", heterotypic.sum()),
        ("called over true doublets", called / max(1, doublet.sum()), "", called),
    ]
    return [row(STEP, metric, setting, value, gate, int(n), seed) for metric, value, gate, n in figures]


def average_precision(truth, score):
    """Mean precision at the rank of each true case: bool and float arrays of one shape in, float out."""
    hits = truth[np.argsort(-score, kind="stable")]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


if __name__ == "__main__":
    for figure in run(quick="--quick" in sys.argv):
        print(figure)
