"""Figures of other methods on the samples of bench_ambient.py, kept in ambient_stored.tsv.

    python -m benchmarks.cells.store_ambient --method cellbender [--setting TEXT] [--epochs 150]
    python -m benchmarks.cells.store_ambient --method decontx|soupx [--setting TEXT]

CellBender 0.4 (``tools/setup.sh cellbender``) is run as ``run_cellbender.py`` runs it: expected cells and analysed
droplets given, rates 0 and 0.01 in one run, one thread, its usual learning rate. It takes
minutes to an hour of CPU per sample, so only the small ones get it. DecontX and SoupX need the Python packages
decontx-scanpy and pysoupx in the environment that runs this. Rows carry the checksum of the sample they belong to.
"""

import argparse
import os
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import scipy.sparse as sp

from benchmarks.cells import bench_ambient as bench
from benchmarks.scoreboard import cpu_seconds, machine
from compartments.cells.clusters import cluster_cells
from compartments.cells.soup import measure_soup

ROOT = Path(__file__).resolve().parents[2]

FPRS = [0.0, 0.01]
SOUPX_LIMITS = [
    {},
    {"tfidf_min": 0.5},
    {"tfidf_min": 0.5, "soup_quantile": 0.5},
    {"tfidf_min": 0.1, "soup_quantile": 0.1},
]
EMPTY = 750  # droplets that CellBender analyses beyond the expected cells


def cellbender(sample, epochs, folder):
    """CellBender's corrected counts for each of ``FPRS``.

    Returns
    -------
    list of (name, rows of the cells found, counts), a note, and further metrics
    """
    import anndata

    from compartments.cells import cellbender, soundness
    from compartments.cells.attempts import LEARNING_RATE, Attempt
    from compartments.counts.reading import read_counts
    from compartments.counts.source import CELL_PROBABILITY

    n_cells = sample.raw.shape[0]
    counts = sp.csr_matrix(sp.vstack([sample.raw, sample.empties]))
    barcodes = [f"c{i:06d}" for i in range(counts.shape[0])]
    droplets = anndata.AnnData(
        counts,
        obs=pd.DataFrame(index=barcodes),
        var=pd.DataFrame({"gene_id": list(sample.genes)}, index=list(sample.genes)),
    )
    cellbender.write_input(droplets, folder / cellbender.INPUT)
    os.environ["PATH"] = f"{ROOT / '.tools' / 'cellbender' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    attempts = [Attempt("expected cells", n_cells, n_cells + EMPTY, LEARNING_RATE)]
    used, history = cellbender.run_attempts(attempts, folder, cellbender.Settings(tuple(FPRS), epochs))
    if used is None:
        sys.exit("; ".join(history))
    found = []
    for which, fpr in enumerate(FPRS):
        output = soundness.output_path(folder, FPRS, which)
        read = read_counts(output)
        where = pd.Index(barcodes).get_indexer(read.barcodes)
        kept = (where < n_cells) & (read.source.latents["cell_probability"] > CELL_PROBABILITY)
        found.append((f"cellbender fpr {fpr:g}", where[kept], sp.csr_matrix(read.matrix[np.flatnonzero(kept)])))
    drift = soundness.training_drift(soundness.read_curve(output))
    return found, f"{epochs} epochs; {'; '.join(history)}", {"training_drift": drift}


def decontx(sample, seed):
    """DecontX (Yang et al. 2020, Genome Biol) with the empty droplets as background and this pipeline's clusters."""
    import pydecontx

    soup = measure_soup(sample.empties)
    background = sp.csr_matrix(np.round(soup.profile * soup.total))
    clusters = cluster_cells(sample.raw, seed)
    options = {"compute_umap": False, "verbose": False, "iter_loglik": 10**6, "seed": seed}
    return pydecontx.decontx(sample.raw, z=clusters, background=background, **options)["decontX_counts"]


def soupx(sample, seed):
    """SoupX (Young and Behjati 2020, GigaScience): automatic estimate, subtraction, with this pipeline's clusters."""
    import pysoupx

    names = [f"c{i}" for i in range(sample.raw.shape[0])]
    most = int(sample.empties.sum(axis=1).max()) + 1
    channel = pysoupx.SoupChannel(
        tod=sp.csc_matrix(sp.vstack([sample.raw, sample.empties]).T),
        toc=sp.csc_matrix(sample.raw.T),
        genes=list(sample.genes),
        cells=names,
        droplets=names + [f"e{i}" for i in range(sample.empties.shape[0])],
        soup_range=(0, max(100, most)),  # its own limit of 100 UMIs leaves no droplet of rich soup
    )
    clusters = cluster_cells(sample.raw, seed)
    channel = pysoupx.set_clusters(channel, dict(zip(names, clusters.astype(str), strict=True)))
    for limits in SOUPX_LIMITS:
        try:
            channel = pysoupx.auto_est_cont(channel, verbose=False, **limits)
            break
        except ValueError as error:  # too few markers in a small sample; its advice is to lower these limits
            if limits == SOUPX_LIMITS[-1]:
                sys.exit(f"SoupX: {error}")
    return sp.csr_matrix(pysoupx.adjust_counts(channel, method="subtraction", verbose=0)).T


def to_whole(expected, seed):
    """Whole counts with the given expectation (floor plus a Bernoulli draw of the fraction): csr_matrix of int."""
    whole = sp.csr_matrix(expected)
    floor = np.floor(whole.data)
    whole.data = (floor + (np.random.default_rng(seed).random(floor.size) < whole.data - floor)).astype(np.int64)
    return sp.csr_matrix(whole, dtype=np.int64)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", required=True, choices=["cellbender", "decontx", "soupx"])
    parser.add_argument("--setting", default="", help="only settings of which this text is a part")
    parser.add_argument("--epochs", type=int, default=150, help="of CellBender (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for setting in bench.SMALL if options.method == "cellbender" else bench.FULL:
        name = bench.name_of(setting)
        if options.setting not in name:
            continue
        sample = bench.Sample.simulated(*setting, options.seed)
        before, started = cpu_seconds(), time.monotonic()
        if options.method == "cellbender":
            with tempfile.TemporaryDirectory() as folder:
                found, note, more = cellbender(sample, options.epochs, Path(folder))
        else:
            expected = {"decontx": decontx, "soupx": soupx}[options.method](sample, options.seed)
            every = np.arange(sample.raw.shape[0])
            found, note = [(options.method, every, to_whole(expected, options.seed))], ""
            more = {}
        rows = []
        for method, cells, corrected in found:
            figures = bench.measure(sample.take(cells), corrected)
            figures |= more | {
                "cells_found": len(cells) / sample.raw.shape[0],
                "cpu_seconds": round(cpu_seconds() - before),
            }
            rows += [{"method": method, "setting": name, "metric": k, "value": f"{v:.4g}"} for k, v in figures.items()]
        extra = {
            "sample": sample.checksum(),
            "note": note,
            "command": f"python -m benchmarks.cells.store_ambient --method {options.method} --setting '{name}'"
            + (f" --epochs {options.epochs}" if options.method == "cellbender" else ""),
            "date": date.today().isoformat(),
            "machine": machine(),
        }
        bench.store([row | extra for row in rows])
        print(f"{name}: {time.monotonic() - started:.0f} s\n{pd.DataFrame(rows).to_string()}\n{note}", flush=True)


if __name__ == "__main__":
    main()
