"""Cell calling against known truth: recall and precision by compartment, size and soup."""

import sys
from pathlib import Path

import numpy as np
import scipy.sparse as sp

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.droplet_samples import one_sample
from benchmarks.gates import row

from compartments.calling import call_cells

STEP = "calling"
QUICK = [("CSF", 300, 80), ("CSF", 100, 80), ("blood", 2000, 80)]
FULL = [
    *((compartment, n, soup) for compartment, n in (("CSF", 300), ("blood", 3000)) for soup in (20, 80, 300, 800)),
    ("CSF", 50, 80),
    ("CSF", 1000, 80),
    ("blood", 8000, 80),
]


def run(quick=False):
    """Rows of the scoreboard."""
    rows = []
    for compartment, n_cells, soup in QUICK if quick else FULL:
        for seed in (1,) if quick else (1, 2, 3):
            rows += _one(compartment, n_cells, soup, seed, empties=8000 if quick else 30_000)
    return rows


def _one(compartment, n_cells, soup, seed, empties):
    sample, _ = one_sample(compartment, n_cells, seed, empties=empties, soup_umi=soup)
    seen = np.asarray(sample.counts.sum(axis=1)).ravel() > 0
    calls = call_cells(sp.csr_matrix(sample.counts[seen]), seed=seed)
    truth = np.isin(sample.barcodes[seen], sample.cells["barcode"])
    right = (calls.is_cell & truth).sum()
    setting = f"{compartment} {n_cells} cells, soup {soup}"
    recall, precision = (">= .97", ">= .99") if compartment == "blood" else (">= .95", ">= .95")
    return [
        row(STEP, "recall", setting, right / truth.sum(), recall, int(truth.sum()), seed),
        row(STEP, "precision", setting, right / max(1, calls.is_cell.sum()), precision, int(calls.is_cell.sum()), seed),
    ]


if __name__ == "__main__":
    for figure in run(quick="--quick" in sys.argv):
        print(figure)
