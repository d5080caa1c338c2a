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
from scipy.special import logsumexp
from scipy.stats import norm, poisson

from benchmarks.droplet_samples import one_sample
from benchmarks.gates import row
from compartments.cells.calling import FDR, call_cells
from compartments.cells.emptydrops import unlikeliness
from compartments.core.matrix import totals as totals_of

ROOT = Path(__file__).resolve().parents[2]

STEP = "calling"
QUICK = [("CSF", 300, 80), ("CSF", 100, 80), ("blood", 2000, 80)]
FLOOR = 1e-12  # share of a gene that only some lineage has
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


def oracles(sample, soup, fdr=FDR):
    """Shares of all cells and of the living that perfect knowledge calls with at most ``fdr`` of the calls empty.

    All know the soup, and where to cut. ``genes`` is how unlikely a barcode's genes are among draws of its total from
    the soup, as in EmptyDrops; ``sizes`` also how unlikely its total is among empty droplets (Fisher's product).
    ``cells`` also knows the proportion, profile and sizes of every lineage, dying or not, but not which one a
    barcode has: the ratio of its likelihoods as a cell and as an empty droplet (Neyman and Pearson), which no method
    that sees counts alone beats.
    """
    totals = totals_of(sample.counts).astype(int)
    caught = soup * np.exp(0.25 * norm.ppf((np.arange(25) + 0.5) / 25))  # as simulate.droplets.draw_soup has it
    seen = np.flatnonzero(totals > 0)
    by_genes = unlikeliness(sp.csr_matrix(sample.counts[seen]), sample.soup, 2000)
    by_total = poisson.sf(totals[seen, None] - 1, caught).mean(1)
    genes, sizes = np.full((2, len(totals)), np.inf)
    genes[seen] = np.log(np.maximum(by_genes, 1e-300))
    sizes[seen] = genes[seen] + np.log(np.maximum(by_total, 1e-300))
    found = {"genes": _best(sample, genes, fdr), "sizes": _best(sample, sizes, fdr)}

    def of_total(more):
        """Log-probability of each total where a cell has ``more`` times what the droplet caught of the soup."""
        return logsumexp(poisson.logpmf(totals[:, None], caught * (1 + more)), axis=1) - np.log(len(caught))

    grid = np.geomspace(0.01, 100, 33)
    kinds = sample.cells["lineage"] + sample.cells["dying"].map({True: " dying", False: ""})
    own_size = np.maximum(totals_of(sample.native) / soup, grid[0])
    columns, prior = [], []
    for kind in kinds.unique():
        own = (kinds == kind).to_numpy()
        profile = totals_of(sample.native[own], axis=0) / max(1, totals_of(sample.native[own]).sum())
        nearest = np.abs(np.log(own_size[own])[:, None] - np.log(grid)).argmin(1)
        for place, n in zip(*np.unique(nearest, return_counts=True), strict=True):
            columns.append((sample.soup + grid[place] * profile) / (1 + grid[place]))
            prior.append((place, n / len(kinds)))
    by_size = {place: of_total(grid[place]) for place in {place for place, _ in prior}}
    as_cell = sample.counts @ np.log(np.maximum(np.array(columns).T, FLOOR))
    as_cell += np.column_stack([by_size[place] + np.log(share) for place, share in prior])
    as_empty = sample.counts @ np.log(np.maximum(sample.soup, FLOOR)) + of_total(0)
    return found | {"cells": _best(sample, as_empty - logsumexp(as_cell, axis=1), fdr)}


def _best(sample, score, fdr):
    """Shares of all cells and of the living among the lowest scores, as many as have at most ``fdr`` empty droplets."""
    truth = np.isin(sample.barcodes, sample.cells["barcode"])
    living = np.isin(sample.barcodes, sample.cells["barcode"][~sample.cells["dying"]])
    order = np.argsort(score, kind="stable")
    wrong = np.cumsum(~truth[order]) / np.arange(1, len(order) + 1)
    called = order[: np.flatnonzero(wrong <= fdr).max(initial=-1) + 1]
    return truth[called].sum() / truth.sum(), living[called].sum() / living.sum()


def tell_oracles():
    """Print them beside what is called, for the settings that miss their gates."""
    for soup in (800, 300):
        for seed in (1, 2, 3):
            sample, _ = one_sample("blood", 3000, seed, empties=30_000, soup_umi=soup)
            told = [f"{name}: all {both[0]:.4f}, living {both[1]:.4f}" for name, both in oracles(sample, soup).items()]
            print(f"blood 3000 cells, soup {soup}, seed {seed}; {'; '.join(told)}", flush=True)


if __name__ == "__main__":
    if "--oracle" in sys.argv:
        tell_oracles()
        sys.exit()
    for figure in run(quick="--quick" in sys.argv):
        print(figure)
