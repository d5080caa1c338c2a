"""Wall and CPU time and peak memory of gene-set scores: 100 donors x 2 compartments x 30 lineages, 14 sets."""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.compare.speed_expression import write_cohort
from benchmarks.timed import timed

SIZES = (314, 41, 60, 205, 52, 105, 28, 68, 58, 25, 19, 27, 33, 10)  # of assets/migration_sets.gmt


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--donors", type=int, nargs=2, default=[50, 50], metavar=("CONDITION", "REFERENCE"))
    parser.add_argument("--lineages", type=int, default=30)
    parser.add_argument("--genes", type=int, default=15_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        genes = write_cohort(folder, *options.donors, options.lineages, options.genes, 0)
        rng = np.random.default_rng(0)
        lines = [["set" + str(size), "random", *rng.choice(genes, size, replace=False)] for size in SIZES]
        (folder / "sets.gmt").write_text("".join("\t".join(line) + "\n" for line in lines))
        inputs = ["--study", "study.json", "--pseudobulk", "pseudobulk.h5ad", "--gene_sets", "sets.gmt"]
        wall, cpu, peak = timed(folder, "score_gene_sets", *inputs)
    print(f"{2 * sum(options.donors)} samples x {options.lineages} lineages x {options.genes} genes, {len(SIZES)} sets")
    print(f"wall {wall:.1f} s, CPU {cpu:.1f} s, peak memory {peak:.2f} GiB")


if __name__ == "__main__":
    main()
