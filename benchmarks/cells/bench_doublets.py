"""Doublets against known truth: ranking of heterotypic doublets, calls, and cells lost from rare lineages."""

import sys

import numpy as np
import scipy.sparse as sp

from benchmarks.droplet_samples import one_sample
from benchmarks.gates import row
from compartments.cells.doublets import CALLERS, call_doublets, expected_rate

STEP = "doublets"
SEEDS = (1, 2, 3)
GATES = {("blood", "average precision"): ">= .85", "false calls among pDC": "<= .02"}
QUICK = [("CSF", 600, 0.008), ("blood", 3000, 0.008)]
FULL = [("CSF", 250, 0.008), ("CSF", 500, 0.008), ("CSF", 1000, 0.008), ("blood", 3000, 0.016), ("blood", 8000, 0.008)]


def run(quick=False):
    """Rows of the scoreboard: means over the seeds."""
    rows = []
    for compartment, n_cells, rate in QUICK if quick else [*QUICK, *FULL]:
        setting = f"{compartment} {n_cells} cells, {rate * n_cells / 10:.2g} % doublets, mean of {len(SEEDS)} seeds"
        with np.errstate(invalid="ignore"):  # shares of no doublets
            found = [_one(compartment, n_cells, rate, seed) for seed in SEEDS]
        for metric in found[0]:
            value, n = np.array([one[metric] for one in found]).T
            if np.isnan(value).all():  # no doublet in any of the samples: nothing to rank or find
                continue
            gate = GATES.get((compartment, metric), GATES.get(metric, ""))
            rows.append(row(STEP, metric, setting, np.nanmean(value), gate, int(n.sum()), SEEDS[0]))
    return rows


def _one(compartment, n_cells, per_1000, seed):
    """Value and number of cases of each metric."""
    sample, _ = one_sample(compartment, n_cells, seed, empties=10, doublet_rate=per_1000, dying=0.0)
    counts = sp.csr_matrix(sample.native + sample.ambient)
    found = call_doublets(counts, expected_rate(n_cells, per_1000=per_1000), seed=seed, callers=CALLERS)
    # the second caller takes calls away and leaves the first one's scores as they are
    single = np.nan_to_num(found.score) > found.threshold if found.n_scrublet else np.zeros(n_cells, bool)
    cells = sample.cells
    doublet = cells["doublet"].to_numpy()
    heterotypic = doublet & (cells["lineage"] != cells["partner_lineage"]).to_numpy()
    scored = ~doublet | heterotypic
    wrong = single & ~doublet
    pdc = (cells["lineage"] == "pDC").to_numpy() & ~doublet
    n_true, n_called, n_agreed = heterotypic.sum(), single.sum(), found.is_doublet.sum()
    return {
        "average precision": (average_precision(heterotypic[scored], found.score[scored]), n_true),
        "false calls among pDC": (wrong[pdc].mean(), pdc.sum()),
        "false calls": (wrong.mean(), len(wrong)),
        "recall of calls": ((single & heterotypic).sum() / n_true, n_true),
        "precision of calls": ((single & doublet).sum() / n_called if n_called else np.nan, n_called),
        "calls per true doublet": (n_called / doublet.sum(), n_called),
        "average precision, co-expression": (
            average_precision(heterotypic[scored], found.coexpression[scored]),
            n_true,
        ),
        "recall of calls, consensus": ((found.is_doublet & heterotypic).sum() / n_true, n_true),
        "precision of calls, consensus": (
            (found.is_doublet & doublet).sum() / n_agreed if n_agreed else np.nan,
            n_agreed,
        ),
        "false calls among pDC, consensus": ((found.is_doublet & ~doublet)[pdc].mean(), pdc.sum()),
    }


def average_precision(truth, score):
    """Mean precision at the rank of each true case: bool and float arrays of one shape in, float out."""
    hits = truth[np.argsort(-score, kind="stable")]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean()) if hits.any() else np.nan


if __name__ == "__main__":
    for figure in run(quick="--quick" in sys.argv):
        print(figure)
