"""Labels on sets whose cells others have named: accuracy beside CellTypist's own modes, and what confidence means.

Constants come from the first half of each set; the same figures on the half that no one looked at are the other row:
donors (or every second cell, where there is one donor) by a fixed rule. Where nobody named the cells (other
chemistries, CellTypist's own sample), the truth is a panel of genes that the pipeline's markers do not hold, and cells
that it does not name clearly have none. Shares are judged in halves of at least ``ENOUGH`` cells.
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
from compartments.core.matrix import log_normalise, totals
from compartments.labels import annotation
from compartments.labels.lineages import broad_lineages
from compartments.labels.model import load_model

ROOT = Path(__file__).resolve().parents[2]
STEP = "labelled"
BINS = 10
ENOUGH = 500
COMMON = 0.02  # share of a lineage whose share is judged
LEAST = 3  # cells of a true lineage that has an F1
IN_CURVE = 20  # cells of a point of a reliability curve
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
PANELS = {
    "T": "CD2 CD5 CD6 CD27 LAT LCK TRBC1 TRBC2",
    "B": "BLK CD19 CD22 FCRL1 FCRLA IGHM IGKC LINC00926 RALGPS2 SPIB TCL1A VPREB3",
    "Myeloid": "CD68 CFD CST3 CSTA CTSB MARCO MNDA SERPINA1 TYMP",
    "NK_ILC": "CLIC3 FGFBP2 KLRC1 NCR1 PRF1 SPON2",
}
CLEAR = 4  # UMIs of a panel, and how many times those of all others, that name a cell
CHEMISTRIES = {
    "PBMC 10x 3' v2": "pbmc_chemistries/1k_PBMC_v2_raw.h5ad",
    "PBMC 10x 3' v3": "pbmc_chemistries/1k_PBMC_v3_filt.h5ad",
    "PBMC 10x 5'": "pbmc_chemistries/5prime_PBMC_filt_1kcells.h5ad",
}
LEAST_GENES = 500  # of a cell of these files: dead and nearly empty cells are what quality control is for


def run(quick=False):
    """Rows of the scoreboard; nothing where the data are absent."""
    folder = Path(os.environ.get("COMPARTMENTS_TEST_DATA", ROOT.parent / "shared" / "data"))
    path = folder / "models" / "Immune_All_Low.pkl"
    if not (path.is_file() and all((folder / file).is_file() for file, *_ in SETS.values())):
        print(f"bench_labelled: data or model not found in {folder}: set COMPARTMENTS_TEST_DATA", file=sys.stderr)
        return []
    rows = []
    for name, data, truth, samples, second in _named(folder, quick):
        rows += _figures(name, data, truth, samples, second, path)
    if not quick:
        for name, data in _unnamed(folder):
            second = np.arange(data.n_obs) % 2 == 1
            rows += _figures(name, data, panel_truth(data), np.full(data.n_obs, name.split()[0]), second, path)
    return rows


def _named(folder, quick):
    """Sets that others have labelled: name, cells, truth, sample, which cells are of the second half."""
    for name, (file, column, meaning, sample, donor) in SETS.items():
        if quick and not name.startswith("lung"):
            continue
        data = anndata.read_h5ad(folder / file)
        data.var_names_make_unique()
        truth = data.obs[column].astype(str).map(meaning).to_numpy(object)
        samples = data.obs[sample].astype(str).to_numpy() if sample else np.full(len(truth), "PBMC")
        second = np.arange(len(truth)) % 2 == 1
        if donor:
            second = (data.obs[donor].astype(str) != data.obs[donor].astype(str).min()).to_numpy()
        yield name, data, truth, samples, second


def _unnamed(folder):
    """Sets without labels: name, cells."""
    import celltypist

    for name, file in CHEMISTRIES.items():
        data = anndata.read_h5ad(folder / file)
        data.var_names_make_unique()
        counts = sp.csr_matrix(data.X)
        yield name, data[np.diff(counts.indptr) >= LEAST_GENES].copy()
    table = pd.read_csv(Path(celltypist.__file__).parent / "data" / "samples" / "sample_cell_by_gene.csv", index_col=0)
    data = anndata.AnnData(sp.csr_matrix(np.rint(table.to_numpy())))
    data.var_names = list(table.columns)
    data.var_names_make_unique()
    yield "lavage sample of CellTypist", data


def panel_truth(data):
    """Broad lineage of the cells whose transcripts of ``PANELS`` are clear, shape (cells,); None for the others."""
    counts = sp.csr_matrix(data.X)
    found = np.column_stack([totals(counts[:, data.var_names.isin(genes.split())]) for genes in PANELS.values()])
    best = found.max(axis=1)
    clear = (best >= CLEAR) & (best >= CLEAR * (found.sum(axis=1) - best))
    return np.where(clear, np.array(list(PANELS), object)[found.argmax(axis=1)], None)


def _figures(name, data, truth, samples, second, model_path):
    ours, theirs = labels_of(data, samples, model_path), celltypist_labels(data, model_path)
    called = {"ours": ours["lineage_broad"].replace(MYELOID).to_numpy(object)} | theirs
    rows = []
    for half, inside in (("first half", ~second), ("second half", second)):
        use = inside & pd.notna(truth)
        setting, n = f"{name}, {half}", int(use.sum())
        scores = {who: broad_scores(truth[use], names[use]) for who, names in called.items()}
        for number, metric in enumerate(("accuracy, broad lineages", "macro F1, broad lineages")):
            best = max(scores[who][number] for who in theirs)
            rows.append(row(STEP, metric, setting, scores["ours"][number], f">= {best - 0.01:.4f}", n, ""))
            rows += [row(STEP, f"{metric}, {who}", setting, scores[who][number], "", n, "") for who in theirs]
        if n >= ENOUGH:
            metric = "largest distance of a share from truth, log2"
            rows.append(row(STEP, metric, setting, _share_error(truth[use], called["ours"][use]), "<= .1", n, ""))
            rows += [row(STEP, f"{metric}, {who}", setting, _share_error(truth[use], called[who][use]), "", n, "")
                     for who in theirs]  # fmt: skip
        right = (ours["model_broad"].to_numpy(object) == truth)[use]
        probability = ours["probability_broad"].to_numpy()[use]
        error = calibration_error(probability, right)
        rows.append(row(STEP, "expected calibration error of probability_broad", setting, error, "", n, ""))
        for start, (_, share, cells) in reliability(probability, right).items():
            if cells >= IN_CURVE:
                metric = f"right, of probability_broad {start:.1f} to {start + 1 / BINS:.1f}"
                rows.append(row(STEP, metric, setting, share, "", cells, ""))
        confidence, stands = ours["confidence"].to_numpy()[use], (called["ours"] == truth)[use]
        for kind in ("high", "marker", "neighbours"):
            if (cells := int((confidence == kind).sum())) >= IN_CURVE:
                rows.append(
                    row(STEP, f"right, of confidence {kind}", setting, stands[confidence == kind].mean(), "", cells, "")
                )
        rows.append(row(STEP, "unassigned", setting, (called["ours"][use] == annotation.UNASSIGNED).mean(), "", n, ""))
    if name in SETS:
        rows.append(
            row(STEP, "authors' cells that a clear panel names otherwise", name, *_contradicted(data, truth), "")
        )
    return rows


def _contradicted(data, truth):
    """Largest share over the panels' lineages above ``COMMON``, of cells with a clear panel; how many these are."""
    panel, found = panel_truth(data), {}
    for name in PANELS:
        of_it = panel[(truth == name) & pd.notna(panel)]
        if (truth == name).mean() > COMMON and len(of_it):
            found[name] = (of_it != name).mean(), len(of_it)
    share, n = max(found.values())
    return share, "", n


def _share_error(truth, called):
    """Largest distance on the log2 scale of a lineage's share from the true one, of lineages above ``COMMON``."""
    names = [name for name in np.unique(truth.astype(str)) if (truth == name).mean() > COMMON]
    return max(abs(np.log2(max((called == name).mean(), 1 / len(called)) / (truth == name).mean())) for name in names)


def calibration_error(probability, right):
    """Expected calibration error: mean distance of share right from mean probability over ``BINS`` bins of probability.

    Naeini et al. 2015, AAAI; arrays of shape (cells,).
    """
    curve = np.array(list(reliability(probability, right).values()))
    return float(np.average(abs(curve[:, 0] - curve[:, 1]), weights=curve[:, 2]))


def reliability(probability, right):
    """Start of each of ``BINS`` bins of probability with cells -> mean probability, share right, number of cells."""
    which = np.minimum((probability * BINS).astype(int), BINS - 1)
    return {
        b / BINS: (probability[which == b].mean(), right[which == b].mean(), int((which == b).sum()))
        for b in np.unique(which)
    }


def broad_scores(truth, called):
    """Accuracy, and F1 averaged over lineages of at least ``LEAST`` cells; unassigned counts as wrong."""
    names = [name for name in np.unique(truth.astype(str)) if (truth == name).sum() >= LEAST]
    f1 = [
        2 * ((truth == name) & (called == name)).sum() / ((truth == name).sum() + (called == name).sum())
        for name in names
    ]
    return float((truth == called).mean()), float(np.mean(f1))


def labels_of(data, samples, model_path):
    """The pipeline's labels, sample by sample; ``model_broad`` is the model's best guess."""
    model, lineage_map = load_model(model_path), tables()[0]
    broad = broad_lineages(lineage_map)
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


def celltypist_labels(data, model_path, names=None):
    """Lineages by CellTypist's best match and by its majority voting, all cells of the file at once.

    ``names`` gives the lineage of a label; the broad one by default.
    """
    import celltypist

    names = tables()[0]["lineage_broad"].replace(MYELOID) if names is None else names
    cells = anndata.AnnData(log_normalise(sp.csr_matrix(data.X)).astype(np.float32))
    cells.var_names = data.var_names
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        labels = celltypist.annotate(cells, model=str(model_path), majority_voting=True).predicted_labels
    return {
        mode: labels[column].astype(str).map(names).fillna("none").to_numpy(object)
        for mode, column in (("best match", "predicted_labels"), ("majority voting", "majority_voting"))
    }


if __name__ == "__main__":
    for figure in run(quick="--quick" in sys.argv):
        print(figure)
