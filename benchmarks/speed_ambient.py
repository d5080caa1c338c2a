"""Wall time, CPU time and peak memory of removing ambient RNA from one large sample.

python benchmarks/speed_ambient.py [--cells 10000] [--droplets 100000] [--genes 30000]
"""

import argparse
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bin"))

import numpy as np
import scipy.sparse as sp

from compartments import ambient


def simulate(n_cells, n_droplets, n_genes, seed):
    """Twelve kinds of cells with log-normal profiles, 3,000 UMIs each, and 100 UMIs of soup in every droplet."""
    rng = np.random.default_rng(seed)
    base = rng.lognormal(0, 2.0, n_genes)
    profiles = base * rng.lognormal(0, 1.0, (12, n_genes)) * (rng.random((12, n_genes)) < 0.7)
    profiles /= profiles.sum(axis=1, keepdims=True)
    cumulative = np.cumsum(profiles, axis=1)
    soup = np.cumsum(profiles.mean(axis=0))

    def draw(totals, choose):
        rows = np.repeat(np.arange(len(totals)), totals)
        genes = np.minimum(choose(rows), n_genes - 1)
        return sp.coo_matrix((np.ones(len(rows), np.int32), (rows, genes)), shape=(len(totals), n_genes)).tocsr()

    kinds = rng.integers(12, size=n_cells)
    flat = (cumulative + np.arange(12)[:, None]).ravel()

    def own(rows):
        return np.searchsorted(flat, kinds[rows] + rng.random(len(rows)) * 0.999999) - kinds[rows] * n_genes

    def ambient_rna(rows):
        return np.searchsorted(soup, rng.random(len(rows)))

    cells = draw(rng.poisson(rng.lognormal(np.log(3000), 0.4, n_cells)), own)
    cells = cells + draw(rng.poisson(rng.lognormal(np.log(100), 0.25, n_cells)), ambient_rna)
    empties = draw(rng.poisson(rng.lognormal(np.log(100), 0.25, n_droplets - n_cells)), ambient_rna)
    return cells.astype(np.int32), empties


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--droplets", type=int, default=100_000)
    parser.add_argument("--genes", type=int, default=30_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    import anndata

    counts, empties = simulate(options.cells, options.droplets, options.genes, options.seed)
    cells = anndata.AnnData(layers={"counts": counts}, shape=counts.shape, uns={"sample": "speed"})
    before = time.perf_counter(), time.process_time()
    ambient.remove_ambient(cells, empties, "soupem", options.seed)
    wall, cpu = time.perf_counter() - before[0], time.process_time() - before[1]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"soupem: {options.cells} cells, {options.droplets} droplets, {options.genes} genes, "
        f"{counts.nnz} non-zeros: {wall:.0f} s wall, {cpu:.0f} s CPU, {memory:.2f} GiB peak (simulation included)"
    )


if __name__ == "__main__":
    main()
