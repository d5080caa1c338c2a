"""The limit of each step by name: what it cannot do without at this machine's rates, beside what it costs.

    python -m benchmarks.pipeline.bounds [--cells 50000] [--folder .]

For the cells of the ladder (scale_cells.py): values are read and unpacked once by each step that reads a matrix, and
the products are those that the method is. Rates are those of benchmarks/rates.py, measured now, on one core. Costs are
CPU seconds of the stored rung of the ladder. Start-up of a task is not in the bound: the last column is the ratio once
the CPU seconds of so many starts of Python with its packages are taken off.
"""

import argparse
import os
from datetime import date

import numpy as np

from benchmarks.pipeline.bench_scale import GENES, stored
from benchmarks.pipeline.scale_cells import PER_SAMPLE, sample
from benchmarks.rates import rates
from benchmarks.scoreboard import machine
from benchmarks.unequal import FOLDER as DATA
from compartments.core.pairs import read_resource
from compartments.labels.model import load_model

VARIABLE, COMPONENTS, PASSES, TYPES, PERMUTATIONS = 2000, 50, 10, 98, 1000
BYTES = 1.6  # of a stored value on disk, packed
SIMULATED = 3  # cells that doublets are scored on, for each that there is
SUMS = 1.9e6  # stored values of the sums of a sample
UMAP_EPOCHS, NEIGHBOURS, DRAWN = 200, 15, 5  # of the picture: passes over the graph, and cells that a pair repels
START = 0.9  # CPU seconds of a task that does nothing but import its packages


def shares():
    """Of the values of a sample: how many there are per cell, and the shares in three sets of genes."""
    from benchmarks.pipeline.scale_cells import pools

    counts, names = sample({"donor": "D0000", "compartment": "blood"}, GENES, 1), pools()[1]
    of_gene = np.bincount(counts.indices, minlength=counts.shape[1])
    known = set(load_model(DATA / "models" / "Immune_All_Low.pkl").genes)
    partners = set(read_resource("consensus")[["ligand", "receptor"]].to_numpy().ravel())
    partners = {part for name in partners for part in name.split("_")}
    total = counts.nnz
    return {
        "all": total / counts.shape[0],
        "variable": np.sort(of_gene)[::-1][:VARIABLE].sum() / total,
        "model": of_gene[[name in known for name in names]].sum() / total,
        "pairs": of_gene[[name in partners for name in names]].sum() / total,
    }


def bounds(cells, at, rate):
    """Step -> (what bounds it, seconds), for so many cells."""
    values = cells * at["all"]
    disk, unpacked = BYTES * values / rate["disk"][0], values / rate["unpacking"][0]
    sparse, wide = rate["sparse product, 50 columns"][0], rate["sparse product, 100 columns"][0]
    once = disk + unpacked
    pca = 2 * values * at["variable"] * COMPONENTS * PASSES / sparse
    permuted = 2 * values * at["pairs"] * PERMUTATIONS / sparse
    found = dict.fromkeys(("READ_COUNTS", "CALL_CELLS", "FILTER_CELLS"), ("values read once and unpacked", once))
    found["SUM_SAMPLE"] = ("both layers read once and unpacked", 2 * once)
    sums = SUMS * cells / PER_SAMPLE
    found["MERGE_SAMPLES"] = ("sums read once, unpacked, packed", sums / values * once + sums / rate["packing"][0])
    labels = 2 * values * at["model"] * TYPES / wide
    found["ANNOTATE_CELLS"] = (f"read once; product of the model's genes with {TYPES} types", once + labels)
    found["SCORE_DOUBLETS"] = (f"read once; PCA of {SIMULATED} x the cells", once + SIMULATED * pca)
    picture = cells * NEIGHBOURS * UMAP_EPOCHS * (1 + DRAWN) / rate["pass over values"][0]
    written = 2 * once + 2 * values / rate["packing"][0]
    what = f"both layers read, three matrices packed; PCA: {PASSES} products with {COMPONENTS} columns, cohort and "
    found["EMBED_COHORT"] = (
        what + f"compartments; {UMAP_EPOCHS} passes over their graphs",
        written + 2 * pca + 2 * picture,
    )
    for step in ("RUN_LIANA", "SCORE_CENTRALITY"):
        found[step] = (f"read once; {PERMUTATIONS} sums of the partners' values", once + permuted)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=50_000)
    parser.add_argument("--folder", default=".", help="on the disk that is meant (%(default)s)")
    given = parser.parse_args()
    table, rate = stored(), rates(given.folder)
    costs = table[(table["cells"] == given.cells) & (table["genes"] == GENES)].set_index("process")["cpu_s"]
    print("| step | bounded by | bound, s | CPU, s | ratio | without start-up |\n|---|---|---|---|---|---|")
    for step, (what, seconds) in bounds(given.cells, shares(), rate).items():
        tasks = 1 if step in ("MERGE_SAMPLES", "EMBED_COHORT") else given.cells // PER_SAMPLE
        cost = float(costs.get(step, np.nan))
        ratios = [cost / seconds, max(cost - START * tasks, 0) / seconds]
        print(f"| {step} | {what} | {seconds:.1f} | {cost:.0f} | {ratios[0]:.1f} | {ratios[1]:.1f} |")
    print(f"\n{machine()}, {date.today().isoformat()}, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
