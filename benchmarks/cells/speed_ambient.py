"""Wall time, CPU time and peak memory of removing ambient RNA from one large sample.

    python -m benchmarks.cells.speed_ambient [--cells 10000] [--droplets 100000] [--genes 30000] [--cellbender]

With ``--cellbender`` also the CPU time of CellBender (``tools/setup.sh cellbender``) per epoch on the same droplets, on
one thread, as the pipeline calls it; its 150 epochs follow from that, and the posterior after them is not counted.
"""

import argparse
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from compartments.cells import removal
from compartments.core.matrix import totals as totals_of

ROOT = Path(__file__).resolve().parents[2]


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


def cellbender_epoch(counts, folder, epochs=2):
    """CPU seconds of one epoch of CellBender, mean of ``epochs`` after the first."""
    import anndata
    import pandas as pd

    from compartments.cells import cellbender
    from compartments.cells.attempts import plan_attempts

    os.environ["PATH"] = f"{ROOT / '.tools' / 'cellbender' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    names = pd.DataFrame({"gene_id": [f"G{g}" for g in range(counts.shape[1])]})
    droplets = anndata.AnnData(counts, var=names.set_index("gene_id", drop=False).rename_axis(None))
    cellbender.write_input(droplets, folder / cellbender.INPUT)
    attempt = plan_attempts(totals_of(counts), None)[1]
    print(f"cellbender: {attempt.expected} cells expected, {attempt.total} droplets analysed", flush=True)
    command = cellbender.command_of(attempt, cellbender.Settings((0.0,), 150))
    run = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    spent = []
    for line in run.stdout:
        if "average training loss" in line:
            ticks = Path(f"/proc/{run.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
            spent.append(sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"))
        if len(spent) > epochs:
            break
    run.kill()
    run.wait()
    return (spent[-1] - spent[0]) / epochs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--droplets", type=int, default=100_000)
    parser.add_argument("--genes", type=int, default=30_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cellbender", action="store_true", help="CellBender's CPU time, too")
    options = parser.parse_args()
    import anndata

    counts, empties = simulate(options.cells, options.droplets, options.genes, options.seed)
    cells = anndata.AnnData(layers={"counts": counts}, shape=counts.shape, uns={"sample": "speed"})
    before = time.perf_counter(), time.process_time()
    removal.remove_ambient(cells, empties, "soupem", options.seed)
    wall, cpu = time.perf_counter() - before[0], time.process_time() - before[1]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"soupem: {options.cells} cells, {options.droplets} droplets, {options.genes} genes, "
        f"{counts.nnz} non-zeros: {wall:.0f} s wall, {cpu:.0f} s CPU, {memory:.2f} GiB peak (simulation included)",
        flush=True,
    )
    if options.cellbender:
        with tempfile.TemporaryDirectory() as folder:
            epoch = cellbender_epoch(sp.vstack([counts, empties]).tocsr(), Path(folder))
        print(f"cellbender: {epoch:.0f} s CPU an epoch, {150 * epoch:.0f} s for 150: {150 * epoch / cpu:.0f} times")


if __name__ == "__main__":
    main()
