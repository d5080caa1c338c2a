"""Cohorts of any size from real cells: cells of blood and CSF drawn again and again, thinned, 5,000 a sample.

    python -m benchmarks.pipeline.scale_cells 50000 FOLDER [--genes 800]

A cell is one of 2,170 blood cells (10x PBMC 4k) or of 1,317 CSF cells that has 500 genes; where more genes per cell are
asked for than they have, it is summed with cells that are near it. Its counts are thinned binomially, by another share
for every gene and donor (log-normal, sd 0.15) and for every cell (sd 0.25), so that no two cells are alike. Files that
are there are kept. Writes FOLDER/<genes>/<sample>.h5 (10x, filtered) and FOLDER/<genes>/<cells>.csv, the samplesheet.
"""

import argparse
import csv
from functools import cache
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.decomposition import TruncatedSVD
from sklearn.neighbors import NearestNeighbors

from benchmarks.unequal import FOLDER as DATA
from compartments.core.files import replacing
from compartments.core.tenx import write_10x_h5
from compartments.counts.reading import read_counts

PER_SAMPLE = 5000
SPREAD_GENES, SPREAD_CELLS = 0.15, 0.25
NEAR = 10
FEWEST_GENES = 500  # of a cell that is drawn
POOLS = {"blood": "pbmc4k/pbmc4k_2170_cells.h5ad", "CSF": "csf/csf_cellbender_v3_filtered.h5"}
BASES = np.array(list("ACGT"))


@cache
def pools():
    """Compartment -> counts (cells, genes); names and ids of the genes that both files have."""
    read = {name: read_counts(DATA / path) for name, path in POOLS.items()}
    names = sorted(set.intersection(*(set(counts.symbol) for counts in read.values())))
    found, ids = {}, {}
    for name, counts in read.items():
        places = dict(zip(counts.symbol, range(len(counts.symbol)), strict=True))
        columns = [places[gene] for gene in names]
        shared, ids = sp.csr_matrix(counts.matrix[:, columns]), counts.gene_id[columns]
        found[name] = shared[np.diff(shared.indptr) >= FEWEST_GENES]
    return found, np.array(names), ids


@cache
def near(compartment):
    """The cells nearest to each, itself first; shape (cells, NEAR)."""
    counts = pools()[0][compartment]
    scaled = sp.diags_array(1e4 / np.maximum(np.asarray(counts.sum(1)).ravel(), 1)) @ counts
    space = TruncatedSVD(20, random_state=0).fit_transform(sp.csr_matrix(scaled).log1p())
    return NearestNeighbors(n_neighbors=NEAR).fit(space).kneighbors(space)[1]


def share_for(counts, genes):
    """Share of the counts to keep so that cells have so many genes on average."""
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        found = (1 - (1 - middle) ** counts.data).sum() / counts.shape[0]
        low, high = (middle, high) if found < genes else (low, middle)
    return low


def sample(row, genes, seed):
    """Counts of one sample: csr_matrix of int32, shape (PER_SAMPLE, genes of the pools)."""
    place, donor = row["compartment"], int(row["donor"][1:])
    pool, rng = pools()[0][place], np.random.default_rng([seed, donor, list(POOLS).index(place)])
    drawn = rng.integers(pool.shape[0], size=PER_SAMPLE)
    cells = pool[drawn]
    for _ in range(1, int(np.ceil(1.5 * genes * pool.shape[0] / pool.nnz))):
        cells = cells + pool[near(place)[drawn, rng.integers(1, NEAR, PER_SAMPLE)]]
    of_genes = np.random.default_rng([seed, donor]).lognormal(0, SPREAD_GENES, cells.shape[1])
    of_cells = rng.lognormal(0, SPREAD_CELLS, PER_SAMPLE)
    kept = share_for(cells, genes) * of_genes[cells.indices] * np.repeat(of_cells, np.diff(cells.indptr))
    thinned = rng.binomial(cells.data, np.minimum(kept, 1)).astype(np.int32)
    found = sp.csr_matrix((thinned, cells.indices, cells.indptr), shape=cells.shape)
    found.eliminate_zeros()
    return found


def barcodes(n):
    """As many different barcodes of 16 bases."""
    digits = np.arange(n)[:, None] // 4 ** np.arange(16) % 4
    return np.array(["".join(row) + "-1" for row in BASES[digits]])


def plan(cells):
    """Rows of the samplesheet: donors treated or not in turn, CSF and blood of each; under four samples blood alone."""
    n = cells // PER_SAMPLE
    places = ["blood"] if n < 4 else ["CSF", "blood"]
    arms = {0: "untreated", 1: "treated"}
    return [
        {"sample": f"D{d:04d}_{place}", "donor": f"D{d:04d}", "compartment": place, "condition": arms[d % 2]}
        for d in range(n // len(places))
        for place in places
    ]


def make(cells, folder, genes=800, seed=1):
    """Write what is missing; the samplesheet."""
    place = Path(folder) / str(genes)
    place.mkdir(parents=True, exist_ok=True)
    rows = plan(cells)
    for row in rows:
        row["filtered"] = f"{row['sample']}.h5"
        if not (place / row["filtered"]).exists():
            _, names, ids = pools()
            write_10x_h5(place / row["filtered"], sample(row, genes, seed), barcodes(PER_SAMPLE), names, ids)
    with replacing(place / f"{cells}.csv") as temporary, open(temporary, "w", newline="") as handle:
        table = csv.DictWriter(handle, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    return place / f"{cells}.csv"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cells", type=int)
    parser.add_argument("folder")
    parser.add_argument("--genes", type=int, default=800, help="per cell, on average (%(default)s)")
    given = parser.parse_args()
    print(make(given.cells, given.folder, given.genes))


if __name__ == "__main__":
    main()
