"""CPU time of the fit of a within-donor interaction with many donors, and of its refits without each donor.

    python -m benchmarks.compare.speed_donors [--donors 50] [--genes 1000] [--whole]

Simulated pseudobulks of so many donors an arm, of two compartments each. With `--whole` the fit rests on whole
information matrices, as it does for few coefficients, instead of eliminating each donor's own.
"""

import argparse
import time
from datetime import date

import numpy as np
import pandas as pd

from benchmarks.scoreboard import machine
from benchmarks.studies import pseudobulk_study
from compartments.compare import information
from compartments.compare.deseq import fit_pydeseq2, leave_one_donor_out

REFITTED = 100  # genes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--donors", type=int, default=50, help="an arm (%(default)s)")
    parser.add_argument("--genes", type=int, default=1000, help="(%(default)s)")
    parser.add_argument("--whole", action="store_true", help="whole matrices")
    given = parser.parse_args()
    information.MOST_DENSE = 10**6 if given.whole else information.MOST_DENSE
    study = pseudobulk_study(np.random.default_rng(1), given.donors, given.donors, n_genes=given.genes)
    counts, donors = study.counts.loc[:, study.counts.sum() > 30], study.samples["donor"]
    design = pd.get_dummies(donors, dtype=float)
    design["csf"] = (study.samples["compartment"] == "CSF").astype(float)
    design["csf_x_treated"] = design["csf"] * (study.samples["condition"] == "treated")
    vector = np.zeros(design.shape[1])
    vector[-1] = 1
    fit_pydeseq2(counts.iloc[:, :20], design.set_index(counts.index), {"x": vector})  # imports are not the fit's
    start = time.process_time()
    _, fit = fit_pydeseq2(counts, design.set_index(counts.index), {"x": vector})
    fitted = time.process_time()
    some = counts.to_numpy()[:, :REFITTED], design.to_numpy(), vector, donors.to_numpy()
    leave_one_donor_out(*some, fit["size_factors"], fit["dispersions"][:REFITTED])
    seconds = fitted - start, time.process_time() - fitted
    print(f"{counts.shape[1]} genes, {len(counts)} samples: fit {seconds[0]:.1f} s; ", end="")
    print(f"{REFITTED} genes without each of {2 * given.donors} donors {seconds[1]:.1f} s")
    print(f"{machine()}, {date.today().isoformat()}")


if __name__ == "__main__":
    main()
