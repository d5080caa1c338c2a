"""Cell calling against known truth: recall and precision by compartment, size and soup.

Simulated samples; the 737,280 droplets of 10x PBMC 4k rebuilt from its 2,170 published cells, the totals of its other
barcodes and its measured soup; and the calls of Bioconductor's DropletUtils (tests/data/emptydrops, reference.R).
"""

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.io import mmread

from benchmarks.droplet_samples import one_sample
from benchmarks.gates import row
from compartments.cells.calling import call_cells
from compartments.core.matrix import totals as totals_of

ROOT = Path(__file__).resolve().parents[2]

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
    return rows + _dropletutils() + _pbmc()


def _dropletutils():
    """Share of the tested barcodes on which EmptyDrops here and in DropletUtils agree, FDR .001."""
    folder = ROOT / "tests" / "data" / "emptydrops"
    counts = sp.csr_matrix(mmread(folder / "counts.mtx.gz").T)
    theirs = pd.read_csv(folder / "reference.tsv", sep="\t")
    ours = call_cells(counts, seed=1).is_cell[theirs["barcode"]]
    same = (ours == (theirs["fdr"] <= 0.001)).mean()
    return [row(STEP, "agreement", "DropletUtils 1.18.1, barcodes above 100 UMIs", same, "== 1", len(theirs), 1)]


def _pbmc(seed=1):
    """All droplets of PBMC 4k: its cells, and every smaller barcode drawn from its soup at its own total."""
    path = Path(os.environ.get("COMPARTMENTS_TEST_DATA", ROOT.parent / "shared" / "data"), "pbmc4k")
    path /= "pbmc4k_2170_cells.h5ad"
    if not path.exists():
        print(f"bench_calling: {path} not found: set COMPARTMENTS_TEST_DATA", file=sys.stderr)
        return []
    import anndata

    data = anndata.read_h5ad(path)
    cells = sp.csr_matrix(data.X.astype(np.int32))
    total, number = (np.asarray(data.uns[f"nDropUMIs_hist_{name}"]).astype(int) for name in ("x", "n"))
    empty = (total > 0) & (total < cells.sum(axis=1).min())
    totals = np.repeat(total[empty], number[empty])
    rng = np.random.default_rng(seed)
    profile = np.cumsum(data.var["soup_est"].to_numpy() / data.var["soup_est"].sum())
    genes = np.minimum(np.searchsorted(profile, rng.random(totals.sum())), len(profile) - 1)
    rows = np.repeat(np.arange(len(totals)), totals)
    soup = sp.coo_matrix((np.ones(len(rows), np.int32), (rows, genes)), shape=(len(totals), len(profile))).tocsr()
    calls = call_cells(sp.csr_matrix(sp.vstack([cells, soup])), seed=seed)
    n = cells.shape[0]
    setting = f"PBMC 4k (real), {n} cells, {len(totals)} droplets of its soup"
    return [
        row(STEP, "recall", setting, calls.is_cell[:n].mean(), ">= .97", n, seed),
        row(STEP, "precision", setting, calls.is_cell[:n].sum() / calls.is_cell.sum(), ">= .99", n, seed),
    ]


def _one(compartment, n_cells, soup, seed, empties):
    sample, _ = one_sample(compartment, n_cells, seed, empties=empties, soup_umi=soup)
    seen = totals_of(sample.counts) > 0
    calls = call_cells(sp.csr_matrix(sample.counts[seen]), seed=seed)
    cells = sample.cells.set_index("barcode")
    truth = np.isin(sample.barcodes[seen], cells.index)
    living = np.isin(sample.barcodes[seen], cells.index[~cells["dying"]])  # quality control removes the others
    right = (calls.is_cell & truth).sum()
    setting = f"{compartment} {n_cells} cells, soup {soup}"
    recall, precision = (">= .97", ">= .99") if compartment == "blood" else (">= .95", ">= .95")
    return [
        row(STEP, "recall", setting, right / truth.sum(), recall, int(truth.sum()), seed),
        row(STEP, "recall of living cells", setting, calls.is_cell[living].mean(), recall, int(living.sum()), seed),
        row(STEP, "precision", setting, right / max(1, calls.is_cell.sum()), precision, int(calls.is_cell.sum()), seed),
    ]


if __name__ == "__main__":
    for figure in run(quick="--quick" in sys.argv):
        print(figure)
