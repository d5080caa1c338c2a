"""Wall and CPU time and peak memory of simulate_cohort at its defaults: 12 samples, 6,000 genes."""

import argparse
import tempfile

from benchmarks.timed import timed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--donors", type=int, nargs=2, default=[2, 4], metavar=("CONDITION", "REFERENCE"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        arms = ["--treated", options.donors[0], "--untreated", options.donors[1]]
        wall, cpu, peak = timed(folder, "simulate_cohort", *arms, "--outdir", "cohort")
    print(f"{2 * sum(options.donors)} samples: wall {wall:.1f} s, CPU {cpu:.1f} s, peak memory {peak:.2f} GiB")


if __name__ == "__main__":
    main()
