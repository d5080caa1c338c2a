"""Scores of ligands and receptors, and their sampling variances."""

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

from compartments.compare import pair_scores
from tests.support.signalling import GENES, PAIRS, make_cohort, score


def test_scores_are_log_cpm_of_the_weakest_subunit():
    study, pseudobulk = make_cohort()
    scores = score(study, pseudobulk)
    row = pseudobulk["D1_CSF:B"]
    counts = pd.Series(row.layers["corrected"].toarray()[0], GENES)
    expected = np.log(counts * 1e6 / counts.sum() + pair_scores.CPM_OFFSET)
    i, k = scores.samples.get_loc("D1_CSF"), scores.lineages.get_loc("B")
    np.testing.assert_allclose(scores.ligand[i, k], [expected[p.split("_")].min() for p in PAIRS["ligand"]])
    np.testing.assert_allclose(scores.receptor[i, k], [expected[p.split("_")].min() for p in PAIRS["receptor"]])


def test_sampling_variance_is_that_of_repeated_draws():
    study, _ = make_cohort(1, 1)
    rng = np.random.default_rng(3)
    rate = rng.gamma(2.0, 20.0, len(GENES))
    drawn, variances = [], []
    names = study.samples["sample"]
    for _ in range(300):
        counts = sparse.csr_matrix(rng.poisson(np.tile(rate, (4, 1))))
        obs = pd.DataFrame({"sample": names, "lineage": "A", "n_cells": 50}).set_index(names + ":A", drop=False)
        layers = dict.fromkeys(("counts", "corrected", "n_expressing", "ambient"), counts)
        pseudobulk = anndata.AnnData(obs=obs, var=pd.DataFrame(index=GENES), layers=layers)
        scores = score(study, pseudobulk)
        drawn.append(scores.ligand[:, 0, :2])
        variances.append(scores.v_ligand[:, 0, :2])
    observed, claimed = np.array(drawn).reshape(-1, 2).var(0), np.array(variances).reshape(-1, 2).mean(0)
    np.testing.assert_allclose(claimed, observed, rtol=0.2)
