"""Labels on sets whose cells others have named: accuracy beside CellTypist's own modes, and what confidence means.

The rules were looked at on these files; the same figures on halves that no one looked at are the other row of each
set: donors (or every second cell, where there is one donor) by a fixed rule.
"""

import os
import sys
import warnings
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import scipy.sparse as sp

from benchmarks.gates import row
from benchmarks.labels.bench_annotation import tables
from compartments.core.matrix import log_normalise
from compartments.labels import annotation
from compartments.labels.model import load_model

ROOT = Path(__file__).resolve().parents[2]
STEP = "labelled"
BINS = 10
LEAST = 3  # cells of a true lineage that has an F1
MYELOID = {"Mono_Mac": "Myeloid", "cDC": "Myeloid"}  # the authors' types do not tell monocytes from DC
PBMC_4K = {"T_CD4": "T", "T_CD8": "T", "MNP": "Myeloid", "B": "B", "NK": "NK_ILC", "?": "pDC"}
KANG = {"CD14+ Monocytes": "Myeloid", "FCGR3A+ Monocytes": "Myeloid", "CD4 T cells": "T", "CD8 T cells": "T"}
KANG |= {"B cells": "B"}
TISSUE = {"tMoMacDC": "Myeloid", "bMonocytes": "Myeloid", "tT cells": "T", "bT cells": "T", "bNK cells": "NK_ILC"}
TISSUE |= {"tNK cells": "NK_ILC", "tB cells": "B", "bB cells": "B", "tPlasma cells": "Plasma", "tpDC": "pDC"}
TISSUE |= dict.fromkeys(("bNeutrophils", "tNeutrophils", "tMast cells", "bBasophils"), "Granulocyte")
TISSUE |= dict.fromkeys(
    ("Patient1-specific", "Patient6-specific", "Ciliated cells", "Fibroblasts", "Smooth muscle cells"), "NonImmune"
)
# file, column of the truth, its broad lineages, column of the sample, column of the donor
SETS = {
    "PBMC 4k": ("pbmc4k/pbmc4k_2170_cells.h5ad", "Annotation", PBMC_4K, None, None),
    "Kang 2018, 1,267 genes": ("kang18/example_sce_kang18.h5ad", "cluster_id", KANG, "sample_id", "sample_id"),
    "lung tumour and blood": ("tissue/lung_tumour_blood_145_cells.h5ad", "truth", TISSUE, "tissue", "donor"),
}


def run(quick=False):
    """Rows of the scoreboard; nothing where the data are absent."""
    folder = Path(os.environ.get("COMPARTMENTS_TEST_DATA", ROOT.parent / "shared" / "data"))
    path, rows = folder / "models" / "Immune_All_Low.pkl", []
    for name, (file, *columns) in SETS.items():
        if not (path.is_file() and (folder / file).is_file()):
            print(f"bench_labelled: {folder / file} or {path} not found: set COMPARTMENTS_TEST_DATA", file=sys.stderr)
        elif not quick or name.startswith("lung"):
            rows += _figures(name, folder / file, path, *columns)
    return rows


def _figures(name, path, model_path, column, meaning, sample, donor):
    data = anndata.read_h5ad(path)
    data.var_names_make_unique()
    truth = data.obs[column].astype(str).map(meaning).to_numpy(object)
    samples = data.obs[sample].astype(str).to_numpy() if sample else np.full(len(truth), "PBMC")
    second = np.arange(len(truth)) % 2 == 1
    if donor:
        second = (data.obs[donor].astype(str) != data.obs[donor].astype(str).min()).to_numpy()
    ours, theirs = _ours(data, samples, model_path), _celltypist(data, model_path)
    called = {"ours": ours["lineage_broad"].replace(MYELOID).to_numpy(object)} | theirs
    rows = []
    for half, inside in (("first half", ~second), ("second half", second)):
        use = inside & pd.notna(truth)
        setting, n = f"{name}, {half}", int(use.sum())
        scores = {who: _scores(truth[use], names[use]) for who, names in called.items()}
        for number, metric in enumerate(("accuracy, broad lineages", "macro F1, broad lineages")):
            best = max(scores[who][number] for who in theirs)
            rows.append(row(STEP, metric, setting, scores["ours"][number], f">= {best - 0.01:.4f}", n, ""))
            rows += [row(STEP, f"{metric}, {who}", setting, scores[who][number], "", n, "") for who in theirs]
        right = (ours["model_broad"].to_numpy(object) == truth)[use]
        error = calibration_error(ours["probability_broad"].to_numpy()[use], right)
        rows.append(row(STEP, "expected calibration error of probability_broad", setting, error, "", n, ""))
        rows.append(row(STEP, "unassigned", setting, (called["ours"][use] == annotation.UNASSIGNED).mean(), "", n, ""))
    return rows


def calibration_error(probability, right):
    """Expected calibration error: mean distance of share right from mean probability over ``BINS`` bins of probability.

    Naeini et al. 2015, AAAI; arrays of shape (cells,).
    """
    which = np.minimum((probability * BINS).astype(int), BINS - 1)
    distance = [abs(right[which == b].mean() - probability[which == b].mean()) for b in np.unique(which)]
    return float(np.average(distance, weights=np.bincount(which)[np.unique(which)]))


def _scores(truth, called):
    """Accuracy, and F1 averaged over lineages of at least ``LEAST`` cells; unassigned counts as wrong."""
    names = [name for name in np.unique(truth.astype(str)) if (truth == name).sum() >= LEAST]
    f1 = [
        2 * ((truth == name) & (called == name)).sum() / ((truth == name).sum() + (called == name).sum())
        for name in names
    ]
    return float((truth == called).mean()), float(np.mean(f1))


def _ours(data, samples, model_path):
    """The pipeline's labels, sample by sample; ``model_broad`` is the model's best guess."""
    model, lineage_map = load_model(model_path), tables()[0]
    broad = dict(zip(lineage_map["lineage"], lineage_map["lineage_broad"], strict=True))
    parts = []
    for name in np.unique(samples):
        rows = np.flatnonzero(samples == name)
        counts = sp.csr_matrix(data.X[rows]).astype(np.int32)
        labels, _ = annotation.annotate(
            counts, data.var_names, data.var_names, [model], *tables(), name, min_overlap=0.0
        )
        parts.append(labels.set_index(rows))
    labels = pd.concat(parts).sort_index()
    return labels.assign(model_broad=labels["model_lineage"].map(broad).replace(MYELOID))


def _celltypist(data, model_path):
    """Broad lineages by CellTypist's best match and by its majority voting, all cells of the file at once."""
    import celltypist

    broad = tables()[0]["lineage_broad"].replace(MYELOID)
    cells = anndata.AnnData(log_normalise(sp.csr_matrix(data.X)).astype(np.float32))
    cells.var_names = data.var_names
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        labels = celltypist.annotate(cells, model=str(model_path), majority_voting=True).predicted_labels
    return {
        mode: labels[column].astype(str).map(broad).fillna("none").to_numpy(object)
        for mode, column in (("best match", "predicted_labels"), ("majority voting", "majority_voting"))
    }


if __name__ == "__main__":
    for figure in run(quick="--quick" in sys.argv):
        print(figure)
