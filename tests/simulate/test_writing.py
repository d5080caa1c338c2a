"""Files of a sample against its truth."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from tests.support.simulated import read_10x


def test_truth_agrees_with_the_files(cohort):
    import anndata

    cells = pd.read_csv(cohort / "truth" / "cells.tsv.gz", sep="\t", keep_default_na=False)
    composition = pd.read_csv(cohort / "truth" / "composition.tsv", sep="\t")
    for sample, own in cells.groupby("sample"):
        raw, barcodes, features = read_10x(cohort / sample / "raw_feature_bc_matrix.h5")
        filtered, kept, _ = read_10x(cohort / sample / "filtered_feature_bc_matrix.h5")
        truth = anndata.read_h5ad(cohort / "truth" / f"{sample}.h5ad")
        assert len(set(barcodes)) == len(barcodes) and all(len(b) == 18 and b.endswith("-1") for b in barcodes)
        assert set(features["feature_type"]) == {"Gene Expression"} and len(set(features["id"])) == 2000
        assert list(kept) == list(truth.obs_names) == own["barcode"].tolist() and len(barcodes) > len(kept) + 500
        position = pd.Index(barcodes).get_indexer(kept)
        assert (position >= 0).all()
        total = sparse.csr_matrix(truth.layers["native"]) + sparse.csr_matrix(truth.layers["ambient"])
        assert abs(raw[position] - total).nnz == 0 and abs(filtered - total).nnz == 0
        assert (np.asarray(truth.layers["ambient"].sum(axis=1)).ravel() == own["ambient_umi"]).all()
        assert truth.var["soup"].sum() == pytest.approx(1)
        assert (own["doublet"].astype(str) == "True").eq(own["partner_lineage"] != "").all()
        counted = composition[composition["sample"] == sample].set_index("lineage")["n_cells"]
        assert counted[counted > 0].sort_index().to_dict() == own["lineage"].value_counts().sort_index().to_dict()
        # empty droplets hold soup only
        empty = np.setdiff1d(np.arange(len(barcodes)), position)
        profile = np.asarray(raw[empty].sum(axis=0)).ravel() / raw[empty].sum()
        assert np.abs(profile - truth.var["soup"].to_numpy()).sum() < 0.2
