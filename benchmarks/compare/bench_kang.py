"""Blood cells of Kang et al. 2018 without and with interferon beta: donors as their own controls, on real data.

Expression: 1,556 cells of 2 donors, through the expression step; exchanging the labels of one donor gives the negative
control. Composition: the published cells of 8 donors, which a few hours of interferon change little.
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
from compartments.compare import composition
from compartments.compare.expression import compare_lineages
from compartments.core.left_out import LeftOut
from compartments.core.matrix import totals
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet

ROOT = Path(__file__).resolve().parents[2]

STEP = "kang"
# raised in every leukocyte by type I interferon (Kang 2018, figure 3; Mostafavi 2016 Cell 164:564, core signature)
CORE = ["ISG15", "ISG20", "IFI6", "IFIT1", "IFIT2", "IFIT3", "MX1", "OAS1", "LY6E", "IFI44L"]
TYPES = ("B", "CD14+ Monocytes", "CD4 T", "CD8 T", "Dendritic", "FCGR3A+ Monocytes", "Megakaryocytes", "NK")
# cells of TYPES of eight donors, without interferon and with it
CELLS = """
101 136 288 72 5 50 9 69      424 644 819 174 6 177 16 174   119 315 413 532 6 85 7 127    25 86 177 26 3 14 4 17
43 176 155 20 1 25 4 40       109 314 1041 56 17 28 12 104   205 292 973 126 5 36 14 257   203 251 1151 55 9 75 18 116
130 166 375 104 13 91 7 102   319 550 714 128 9 159 17 191   114 282 352 485 6 93 10 194   35 111 265 29 3 22 10 23
50 146 176 15 6 26 3 46       86 244 835 30 15 22 9 113      196 307 934 109 13 51 15 231  259 309 1449 39 21 113 26 167
"""


def study_of(samples):
    """Study of ``sample, donor, condition``: blood, the donors with interferon (stim) against without (ctrl)."""
    sheet = samples.assign(compartment="blood", filtered=samples["sample"] + ".h5")
    return make_study(parse_samplesheet(sheet.to_csv(index=False)))


def lineages(data, swapped):
    """Lineages and study of the cells; ``swapped`` exchanges the conditions of donor 107."""
    labels = data.obs[["sample_id", "cluster_id"]].astype(str)
    rows = labels.groupby(["cluster_id", "sample_id"], sort=True).indices
    samples = pd.DataFrame({"sample": sorted(labels["sample_id"].unique())})
    samples["donor"] = "D" + samples["sample"].str[4:]
    stimulated = samples["sample"].str.startswith("stim") ^ (swapped & (samples["donor"] == "D107"))
    study = study_of(samples.assign(condition=np.where(stimulated, "stim", "ctrl")))
    counts = sparse.csr_array(data.X)
    table = study.samples.set_index("sample").rename_axis(None)[["donor", "compartment", "condition"]]
    found = []
    for cluster in sorted(labels["cluster_id"].unique()):
        cells = [rows[cluster, sample] for sample in table.index]
        sums = np.vstack([totals(counts[own], axis=0) for own in cells]).astype(np.int64)
        own = table.assign(n_cells=[len(c) for c in cells])
        empty = sparse.csr_array(sums.shape, dtype=np.float32)
        found.append(Lineage(cluster, own, data.var_names, sums, sparse.csr_array(sums), empty))
    return found, study


def compared(data, swapped=False):
    """Table of differential expression of all lineages."""
    each, study = lineages(data, swapped)
    left_out = LeftOut("compare_expression")
    found = compare_lineages(each, study, left_out)
    if len({fit["lineage"] for fit in found.fits}) < len(each):
        raise RuntimeError(left_out.rows)
    return found.tables["stim_vs_ctrl"]


def changes_of_composition():
    """Effects of interferon on the eight donors' composition."""
    cells = np.array(CELLS.split(), int).reshape(16, len(TYPES))
    samples = pd.DataFrame(
        [(f"{condition}{donor}", f"D{donor}", condition) for condition in ("ctrl", "stim") for donor in range(8)],
        columns=["sample", "donor", "condition"],
    )
    long = pd.DataFrame(cells, index=samples["sample"], columns=TYPES).rename_axis(columns="lineage").stack()
    counts = long.rename("n_cells").reset_index().assign(level="lineage")
    return composition.compare(study_of(samples), counts).effects


def run(quick=False):
    """Rows of the scoreboard, the same quick or not; none where the data set is absent."""
    import anndata

    warnings.simplefilter("ignore")
    folder = Path(os.environ.get("COMPARTMENTS_TEST_DATA", ROOT.parent / "shared" / "data"))
    path = folder / "kang18" / "example_sce_kang18.h5ad"
    if not path.is_file():
        print(f"bench_kang: {path} not found: set COMPARTMENTS_TEST_DATA", file=sys.stderr)
        return []
    data = anndata.read_h5ad(path)
    rows = []
    for lineage, table in compared(data).groupby("lineage"):
        setting = f"Kang 2018, {lineage}"
        tested = table.set_index("gene").reindex(table.loc[table["gene"].isin(CORE), "gene"])
        up = tested["log2fc"] > 1
        # their direction is published; how many reach q < .05 depends on cells and donors
        rows.append(row(STEP, "core interferon genes more than doubled", setting, up.mean(), ">= 1", len(tested), ""))
        found = ((tested["q_value"] < 0.05) & up).mean()
        rows.append(row(STEP, "core interferon genes found, q < .05", setting, found, "", len(tested), ""))
    for lineage, table in compared(data, swapped=True).groupby("lineage"):
        called = (table["q_value"] < 0.05).mean()
        metric = "genes called with labels exchanged in one donor"
        rows.append(row(STEP, metric, f"Kang 2018, {lineage}", called, "<= .01", len(table), ""))
    effects = changes_of_composition()
    doubled = (effects["ci_low"] > 1) | (effects["ci_high"] < -1)
    setting = "Kang 2018, 8 donors"
    rows.append(
        row(STEP, "types whose share changes at q < .05", setting, (effects["q_value"] < 0.05).sum(), "", 8, "")
    )
    rows.append(row(STEP, "types whose share is shown to double or halve", setting, doubled.sum(), "<= 0", 8, ""))
    return rows


if __name__ == "__main__":
    print(pd.DataFrame(run("--quick" in sys.argv)).to_string())
