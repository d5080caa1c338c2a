"""Scores of ligands and receptors, and their sampling variances."""

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from compartments.compare import pair_scores
from compartments.compare.normalisation import tmm_factors
from tests.support.signalling import GENES, PAIRS, make_cohort, score


def test_scores_are_log_cpm_of_the_weakest_subunit():
    study, pseudobulk = make_cohort()
    scores = score(study, pseudobulk)
    row = pseudobulk["D1_CSF:B"]
    counts = pd.Series(row.layers["corrected"].toarray()[0], GENES)
    of_lineage = pseudobulk[pseudobulk.obs["lineage"] == "B"]
    factor = tmm_factors(of_lineage.layers["corrected"].toarray())[list(of_lineage.obs["sample"]).index("D1_CSF")]
    expected = np.log(counts * 1e6 / (counts.sum() * factor) + pair_scores.CPM_OFFSET)
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
        layers = dict.fromkeys(("counts", "corrected", "n_expressing"), counts) | {"ambient": 0 * counts}
        pseudobulk = anndata.AnnData(obs=obs, var=pd.DataFrame(index=GENES), layers=layers)
        scores = score(study, pseudobulk)
        drawn.append(scores.ligand[:, 0, :2])
        variances.append(scores.v_ligand[:, 0, :2])
    observed, claimed = np.array(drawn).reshape(-1, 2).var(0), np.array(variances).reshape(-1, 2).mean(0)
    np.testing.assert_allclose(claimed, observed, rtol=0.2)


def test_ambient_left_in_one_arm_lowers_no_other_gene():
    """A tenth of treated CSF is G0 to G19, of B: the sizes of A rest on its own genes, once these are known."""
    of_b = np.arange(len(GENES)) >= 25

    def leak(rate, row):
        rate = np.where(of_b, 5.0 * (row["lineage"] == "B") + 0.01, 2.0)
        if row["condition"] == "treated" and row["compartment"] == "CSF" and row["lineage"] == "A":
            rate = rate + np.where(of_b, rate.sum() / 9 / of_b.sum(), 0)
        return rate

    study, pseudobulk = make_cohort(change=leak, n_cells=400)
    arm = study.samples["compartment"].eq("CSF") & study.samples["condition"].eq("treated")
    a = pseudobulk.obs["lineage"].eq("A").to_numpy()
    spoilt = np.where(of_b, 0.9, 0.0) * a[:, None]
    fall = []
    for share in (0 * spoilt, spoilt):
        pseudobulk.layers["ambient"] = sparse.csr_matrix(share * pseudobulk.layers["counts"].toarray())
        scores = score(study, pseudobulk)
        ligand = scores.ligand[:, scores.lineages.get_loc("A"), 0]
        fall.append(ligand[arm].mean() - ligand[study.samples["compartment"].eq("CSF") & ~arm].mean())
    assert fall[0] < -0.05 and abs(fall[1]) < 0.02
    lineages, counts = pseudobulk.obs["lineage"].to_numpy(object), pseudobulk.layers["counts"]
    sizes = [  # all genes mostly ambient: all count, as if none were
        pair_scores.effective_sizes({"counts": counts, "corrected": counts, "ambient": ambient}, lineages, a)
        for ambient in (counts, 0 * counts)
    ]
    np.testing.assert_array_equal(*sizes)


def test_at_one_depth_no_score_depends_on_the_counts_of_a_sample():
    """Mean log scores fall with few counts; those of thinned counts do not, and are the mean over thinnings."""
    rng = np.random.default_rng(1)
    rate = rng.gamma(0.5, 1e-3, 400)
    deep, shallow = (rng.poisson(rate / rate.sum() * n, (200, 400)) for n in (60_000, 3_000))
    plain = [np.log(1e6 * counts / n + 10).mean() for counts, n in ((deep, 60_000), (shallow, 3_000))]
    even = np.mean([pair_scores.thinned_scores(counts, 0.05, 1e6 / 3_000) for counts in deep])
    assert plain[1] < plain[0] - 0.1
    assert even == pytest.approx(plain[1], abs=0.01)
    drawn = np.log(1e6 / 3_000 * rng.binomial(deep[0], 0.05, (4000, 400)) + 10).mean(0)
    np.testing.assert_allclose(pair_scores.thinned_scores(deep[0], 0.05, 1e6 / 3_000), drawn, atol=0.08)
    counts = np.arange(5.0)
    np.testing.assert_allclose(pair_scores.thinned_scores(counts, 1.0, 7.0), np.log(7 * counts + 10))


def test_one_depth_is_that_of_the_shallowest_sample_of_a_lineage():
    study, pseudobulk = make_cohort()
    row = pseudobulk.obs_names.get_loc("D1_CSF:B")
    corrected = pseudobulk.layers["corrected"].tolil()
    corrected[row] = corrected[row].toarray() // 4
    pseudobulk.layers["corrected"] = corrected.tocsr()
    plain, even = (score(study, pseudobulk, one_depth=fair) for fair in (False, True))
    i, k = plain.samples.get_loc("D1_CSF"), plain.lineages.get_loc("B")
    np.testing.assert_allclose(even.ligand[i, k], plain.ligand[i, k])
    others = np.arange(len(plain.samples)) != i
    assert (even.ligand[others, k] < plain.ligand[others, k]).all()
    np.testing.assert_array_equal(even.expresses_ligand, plain.expresses_ligand)


def test_a_study_without_the_genes_of_any_pair_has_no_scores():
    study, pseudobulk = make_cohort(1, 1)
    pseudobulk.var_names = [f"X{number}" for number in range(pseudobulk.n_vars)]
    scores = score(study, pseudobulk)
    assert scores.ligand.shape == scores.v_receptor.shape == (len(scores.samples), len(scores.lineages), 0)
