"""Wall and CPU time and peak memory of composition and coupling: 100 donors x 2 compartments x 30 lineages."""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.count_studies import long_counts, study_of
from benchmarks.studies import count_study
from benchmarks.timed import timed
from compartments.core.files import write_tsv


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--donors", type=int, nargs=2, default=[50, 50], metavar=("CONDITION", "REFERENCE"))
    parser.add_argument("--lineages", type=int, default=30)
    arguments = parser.parse_args()
    base = {f"lineage{i:02d}": 1.0 / (i + 1) for i in range(arguments.lineages)}
    simulated = count_study(np.random.default_rng(0), *arguments.donors, base_csf=base, base_blood=base)
    with tempfile.TemporaryDirectory() as folder:
        study_of(simulated.samples).save(Path(folder) / "study.json")
        write_tsv(long_counts(simulated.counts), Path(folder) / "counts.tsv")
        steps = [
            ["compare_composition", "--study", "study.json", "--counts", "counts.tsv"],
            [
                "compare_coupling",
                "--study",
                "study.json",
                "--composition",
                "composition/effects.tsv",
                "--donors",
                "composition/donors.tsv",
            ],
        ]
        print("step\twall_s\tcpu_s\tpeak_GiB")
        for name, *options in steps:
            wall, cpu, peak = timed(folder, name, *options)
            print(f"{name}\t{wall:.1f}\t{cpu:.1f}\t{peak:.2f}")


if __name__ == "__main__":
    main()
