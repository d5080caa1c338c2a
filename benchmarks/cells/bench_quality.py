"""Quality limits against known truth: dying cells removed, good cells kept, pDC and plasma cells above all."""

import sys

import numpy as np
import scipy.sparse as sp

from benchmarks.droplet_samples import one_sample
from benchmarks.gates import row
from compartments.cells.quality import Limits, judge, measure

STEP = "quality"
SIZES = [("CSF", 300), ("CSF", 1000), ("blood", 3000)]
SEEDS = (1, 2, 3)


def run(quick=False):
    """Rows of the scoreboard, cells of all seeds together; methods set no gate here."""
    seeds = SEEDS if quick else range(1, 11)
    rows = []
    for compartment, n_cells in SIZES:
        found = [_one(compartment, n_cells, seed) for seed in seeds]
        setting = f"{compartment} {n_cells} cells, {len(seeds)} seeds"
        for metric in found[0]:
            chosen = np.concatenate([one[metric] for one in found])
            rows.append(row(STEP, metric, setting, chosen.mean(), "", len(chosen), seeds[0]))
    return rows


def _one(compartment, n_cells, seed):
    """Per metric, for each cell concerned: whether it was removed, or kept."""
    sample, source = one_sample(compartment, n_cells, seed, empties=10)
    counts = sp.csr_matrix(sample.native + sample.ambient)
    fails, _, _ = judge(measure(counts, source.genes), Limits())
    removed, cells = fails.any(axis=1).to_numpy(), sample.cells
    good, lineage = ~cells["dying"].to_numpy(), cells["lineage"].to_numpy()
    return {
        "dying cells removed": removed[~good],
        "good cells kept": ~removed[good],
        "pDC kept": ~removed[good & (lineage == "pDC")],
        "plasma cells kept": ~removed[good & (lineage == "Plasma")],
    }


if __name__ == "__main__":
    for figure in run(quick="--quick" in sys.argv):
        print(figure)
