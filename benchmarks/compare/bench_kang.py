"""Interferon response of Kang et al. 2018 (PBMC, 2 donors x control / IFN-beta) through the expression step.

Each donor has both conditions, which the design does not allow: the four samples are analysed as four donors, 2v2,
which is conservative. Exchanging the labels of one donor gives the negative control.
"""

import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks.gates import row
from compartments.cohort.pseudobulk import Lineage
from compartments.compare.expression import compare_lineage
from compartments.core.left_out import LeftOut
from compartments.core.matrix import totals
from compartments.study.study import Study

ROOT = Path(__file__).resolve().parents[2]

STEP = "kang"
# raised in every leukocyte by type I interferon (Kang 2018, figure 3; Mostafavi 2016 Cell 164:564, core signature)
CORE = ["ISG15", "ISG20", "IFI6", "IFIT1", "IFIT2", "IFIT3", "MX1", "OAS1", "LY6E", "IFI44L"]


def lineages(data, swapped):
    """Lineages and study; ``swapped`` exchanges the conditions of donor 107."""
    labels = data.obs[["sample_id", "cluster_id"]].astype(str)
    rows = labels.groupby(["cluster_id", "sample_id"], sort=True).indices
    samples = pd.DataFrame({"sample": sorted(labels["sample_id"].unique())})
    stimulated = samples["sample"].str.startswith("stim") ^ (swapped & samples["sample"].str.endswith("107"))
    samples = samples.assign(
        donor=samples["sample"], compartment="blood", condition=np.where(stimulated, "stim", "ctrl")
    )
    contrasts = pd.DataFrame({"contrast": ["stim_vs_ctrl"], "condition": ["stim"], "reference": ["ctrl"]})
    study = Study(samples, "blood", contrasts, [], [])
    counts = sparse.csr_array(data.X)
    table = samples.set_index("sample").rename_axis(None)
    found = []
    for cluster in sorted(labels["cluster_id"].unique()):
        cells = [rows[cluster, sample] for sample in table.index]
        sums = np.vstack([totals(counts[own], axis=0) for own in cells]).astype(np.int64)
        own = table.assign(n_cells=[len(c) for c in cells])
        empty = sparse.csr_array(sums.shape, dtype=np.float32)
        found.append(Lineage(cluster, own, data.var_names, sums, sparse.csr_array(sums), empty))
    return found, study


def run(quick=False):
    """Rows of the scoreboard; none where the data set is absent."""
    import anndata

    warnings.simplefilter("ignore")
    folder = Path(os.environ.get("COMPARTMENTS_TEST_DATA", ROOT.parent / "shared" / "data"))
    path = folder / "kang18" / "example_sce_kang18.h5ad"
    if not path.is_file():
        print(f"bench_kang: {path} not found: set COMPARTMENTS_TEST_DATA", file=sys.stderr)
        return []
    data = anndata.read_h5ad(path)
    rows = []
    for swapped in (False, True):
        each, study = lineages(data, swapped)
        for lineage in each:
            left_out = LeftOut("compare_expression")
            tables, _ = compare_lineage(lineage, study, left_out)
            if not tables:
                raise RuntimeError(left_out.rows)
            table = tables[0].set_index("gene")
            setting = f"Kang 2018, {lineage.name}"
            if swapped:
                called = (table["q_value"] < 0.05).mean()
                metric = "genes called with labels exchanged in one donor"
                rows.append(row(STEP, metric, setting, called, "<= .01", len(table), ""))
                continue
            tested = table.reindex([gene for gene in CORE if gene in table.index])
            up = tested["log2fc"] > 1
            found = (tested["q_value"] < 0.05) & up
            # their direction is published; how many reach q < .05 depends on cells and donors
            rows.append(
                row(STEP, "core interferon genes more than doubled", setting, up.mean(), ">= 1", len(tested), "")
            )
            rows.append(row(STEP, "core interferon genes found, q < .05", setting, found.mean(), "", len(tested), ""))
    return rows


if __name__ == "__main__":
    print(pd.DataFrame(run("--quick" in sys.argv)).to_string())
