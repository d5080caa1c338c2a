"""Made-up cells, a made-up CellTypist model that knows them, and their files."""

import pickle
from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

from compartments.core.matrix import log_normalise
from compartments.labels import annotation
from compartments.labels.model import Model

GENES = ["CD3D", "CD3E", "CD3G", "TRAC", "CD4", "IL7R", "FCER1G", "TYROBP", "KLRF1", "GNLY", "NKG7", "KLRD1", "MS4A1"]
GENES += ["CD79A", "LILRA4", "CLEC4C", "IL3RA", "PLD4", "MZB1", "JCHAIN", "HBB", "HBA1", "C1QA", "C1QB", "C1QC", "CD14"]
GENES += ["S100A8", "S100A9", "LYZ", *(f"GENE{i}" for i in range(60))]
PROFILES = {
    "Tcm/Naive helper T cells": {"CD3D": 4, "CD3E": 4, "CD3G": 3, "TRAC": 5, "CD4": 1, "IL7R": 3},
    "CD16+ NK cells": {"FCER1G": 5, "TYROBP": 6, "KLRF1": 3, "GNLY": 20, "NKG7": 20, "KLRD1": 4},
    "Naive B cells": {"MS4A1": 6, "CD79A": 8},
    "pDC": {"LILRA4": 6, "CLEC4C": 3, "IL3RA": 4, "PLD4": 4, "MZB1": 5, "JCHAIN": 8},
    "Plasma cells": {"MZB1": 12, "JCHAIN": 40},
    "Macrophages": {"C1QA": 9, "C1QB": 9, "C1QC": 7, "CD14": 2, "TYROBP": 6, "FCER1G": 4},
    "Classical monocytes": {"CD14": 3, "S100A8": 20, "S100A9": 25, "LYZ": 30, "TYROBP": 6},
}


def simulate(labels, seed=0, background=3.0):
    """Counts of made-up cells: the profile of the label over a common background."""
    rng = np.random.default_rng(seed)
    rate = np.full((len(labels), len(GENES)), 0.0)
    rate[:, GENES.index("GENE0") :] = np.linspace(0.02, 2 * background, 60)
    for i, label in enumerate(labels):
        for gene, value in PROFILES.get(label, {}).items():
            rate[i, GENES.index(gene)] = value
    return sparse.csr_matrix(rng.poisson(rate).astype(np.int32))


def make_model():
    """A logistic model as CellTypist stores it, with one positive weight set per label."""
    labels = list(PROFILES)
    genes = [gene for gene in GENES if not gene.startswith("GENE") or int(gene[4:]) < 5]
    normalised = log_normalise(simulate(labels * 40)).toarray()[:, [GENES.index(g) for g in genes]]
    mean, scale = normalised.mean(0), np.where(normalised.std(0) > 0, normalised.std(0), 1)
    centre = (normalised.reshape(40, len(labels), -1).mean(0) - mean) / scale
    coef = centre - centre.mean(0)
    # halfway between a label's own score and the best score of another label
    own = (coef * centre).sum(1)
    others = coef @ centre.T - np.diag(np.full(len(labels), np.inf))
    return Model(
        "made_up.pkl",
        "0" * 64,
        {"version": "v1", "date": "", "details": "", "source": ""},
        np.array(labels),
        np.array(genes),
        coef,
        -(own + np.maximum(others.max(1), 0)) / 2,
        mean,
        scale,
    )


def with_label(model, name, gene="GENE0"):
    """The model with one more label, of cells that are full of a gene."""
    gain = np.zeros((1, len(model.genes)))
    gain[0, list(model.genes).index(gene)] = 4.0
    labels, coef = np.append(model.labels, name), np.vstack([model.coef, gain])
    return replace(model, labels=labels, coef=coef, intercept=np.append(model.intercept, -1.0))


def write_model(model, path):
    """The pickle that CellTypist writes, with real scikit-learn objects."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    classifier, scaler = LogisticRegression(), StandardScaler()
    classifier.classes_ = model.labels.astype(object)
    classifier.features = model.genes.astype(object)
    classifier.coef_, classifier.intercept_ = model.coef, model.intercept
    classifier.n_features_in_ = len(model.genes)
    scaler.mean_, scaler.scale_, scaler.with_mean = model.mean, model.scale, True
    content = {"Model": classifier, "Scaler_": scaler, "description": {**model.description, "number_celltypes": 7}}
    path.write_bytes(pickle.dumps(content))


def write_sample(folder, counts, sample="s1", genes=GENES, gene_id=None):
    """``<sample>.filtered.h5ad`` of the contracts."""
    barcodes = [f"CELL{i:04d}-1" for i in range(counts.shape[0])]
    data = ad.AnnData(
        obs=pd.DataFrame({"contamination": 0.0}, index=barcodes),
        var=pd.DataFrame({"gene_id": gene_id or list(genes), "soup_fraction": 0.0}, index=list(genes)),
        layers={"counts": counts, "corrected": counts.copy()},
        uns={"sample": sample, "ambient_method": "none"},
    )
    data.write_h5ad(folder / f"{sample}.filtered.h5ad")
    return barcodes


def label(counts, model, tables, compartment="blood", **options):
    return annotation.annotate(counts, GENES, GENES, [model], *tables, compartment, **options)
