"""External check: cell counts of Schafflick et al. 2020 (Nat Commun 11:247), CSF and PBMC of 12 donors, 22 types.

The ratios of mean proportions (CSF over PBMC) that the authors' analysis prints, and, with the donors that gave both as
replicates, the directions that the paper reports.
"""

import os
import sys
from pathlib import Path

import pandas as pd

from benchmarks.count_studies import long_counts, study_of
from benchmarks.gates import row
from compartments.compare import composition

ROOT = Path(__file__).resolve().parents[2]

STEP = "schafflick"
FOLDER = Path(os.environ.get("COMPARTMENTS_TEST_DATA", ROOT.parent / "shared" / "data")) / "schafflick2020"
DOWN = ["Mono", "B1", "RBC"]
UP = ["mDC1", "mDC2", "Tregs", "ncMono"]


def cohort():
    """The study, cells of samples x types, and the ratios that the authors' analysis prints, type by comparison."""
    sheet = pd.read_csv(FOLDER / "schafflick2020_counts_by_sample.tsv", sep="\t")
    sheet = sheet.rename(columns={"sample_id": "sample", "tissue": "compartment", "state": "condition"})
    printed = pd.read_csv(FOLDER / "schafflick2020_proportion_ratios_recomputed.tsv", sep="\t", index_col=0)
    counts = sheet.set_index("sample").drop(columns=["donor", "compartment", "condition"])
    return study_of(sheet[["sample", "donor", "compartment", "condition"]]), counts, printed


def run(quick=False):
    """Rows of the scoreboard, the same quick or not; none where the data are absent."""
    if not FOLDER.is_dir():
        print(f"bench_schafflick: {FOLDER} not found: set COMPARTMENTS_TEST_DATA", file=sys.stderr)
        return []
    study, counts, printed = cohort()
    printed = printed["CSF_vs_PBMC"]
    found = composition.compare(study, long_counts(counts))
    table = found.differences().set_index("lineage")
    ratio = table["mean_proportion"] / table["mean_proportion_reference"]
    # types too rare to be tested alone are pooled, so they have no ratio of their own
    compared = ratio.index.intersection(printed.index)
    deviation = (ratio[compared] / printed[compared] - 1).abs().max()
    setting = f"Schafflick 2020, {table['n_donors'].iloc[0]} donors with both"
    rows = [
        row(
            STEP,
            "largest relative deviation from the printed ratios",
            "Schafflick 2020, all samples",
            deviation,
            "<= .0001",
            len(compared),
            "",
        ),
    ]
    for lineage in [*DOWN, *UP]:
        gate = "< 0" if lineage in DOWN else "> 0"
        value = table["log2fc"].get(lineage, float("nan"))
        n = int(table["n_donors"].iloc[0])
        rows.append(row(STEP, f"{lineage}, CSF against PBMC, log2 to the median type", setting, value, gate, n, ""))
        rows.append(row(STEP, f"{lineage}, q", setting, table["q_value"].get(lineage, float("nan")), "", n, ""))
    return rows


if __name__ == "__main__":
    for line in run():
        print(*line.values(), sep="\t")
