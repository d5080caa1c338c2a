"""The fit: contrasts as coefficients, refits without a donor, size factors, and p-values far in the tail."""

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from scipy import stats

from compartments.compare import deseq, expression, normalisation
from compartments.study.terms import terms_of
from tests.support.pseudobulks import lineage_of, pairs_of, study_of


@given(st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_one_coefficient_keeps_the_fit(seed):
    rng = np.random.default_rng(seed)
    pairs = pairs_of(["treated"] * 2 + ["untreated"] * 3 + ["other"] * 2, "other")
    matrix, vector, _ = expression.unit_design(pairs)
    rotated, transform, index = deseq.one_coefficient(matrix.to_numpy(), vector)
    beta = rng.normal(size=len(vector))
    np.testing.assert_allclose(rotated @ (transform @ beta), matrix.to_numpy() @ beta, atol=1e-9)
    assert (transform @ beta)[index] == pytest.approx(vector @ beta)


def test_leave_one_donor_out_equals_refits(simulated):
    from compartments.compare.batched import BatchedInference

    *_, pairs = terms_of(study_of(simulated))
    matrix, vector, _ = expression.unit_design(pairs)
    counts = simulated.counts.loc[matrix.index].to_numpy()[:, :20]
    donors = np.tile(pairs.units["donor"], 2)
    factors, dispersions = np.linspace(0.7, 1.4, len(counts)), np.full(20, 0.1)
    found = deseq.leave_one_donor_out(counts, matrix.to_numpy(), vector, donors, factors, dispersions)
    assert found.shape == (7, 20)
    smaller, smaller_vector, _ = expression.unit_design(pairs.of(np.arange(7) != 2))
    rows = matrix.index.get_indexer(smaller.index)
    beta = BatchedInference().irls(counts[rows], factors[rows], smaller.to_numpy(), dispersions, 0.5, 1e-8)[0]
    np.testing.assert_allclose(found[2], beta @ smaller_vector / np.log(2), rtol=1e-5, atol=1e-6)


def test_leave_one_donor_out_without_an_arm():
    matrix = np.array([[1, 0], [0, 1], [0, 1]], float)
    found = deseq.leave_one_donor_out(
        np.full((3, 2), 50), matrix, np.array([1.0, -1]), np.array(["a", "b", "c"]), np.ones(3), np.full(2, 0.1)
    )
    assert np.isnan(found[0]).all() and np.isfinite(found[1:]).all()


@pytest.mark.parametrize("single", [0, 1])
def test_a_donor_alone_with_a_batch_is_left_out_like_others(single):
    """Such a donor tells nothing of the contrast, be its batch the first, which has no column, or another."""
    from compartments.compare.batched import BatchedInference

    arms, alone = np.eye(2)[[0, 0, 0, 1, 1, 1]], np.arange(6) == single
    matrix, vector = np.column_stack([arms, alone != alone[0]]), np.array([1.0, -1, 0])
    counts, ones, dispersions = np.random.default_rng(2).poisson(80, (6, 5)), np.ones(6), np.full(5, 0.1)
    found = deseq.leave_one_donor_out(counts, matrix, vector, np.arange(6), ones, dispersions)
    assert np.isfinite(found).all()
    beta = BatchedInference().irls(counts[~alone], ones[~alone], arms[~alone], dispersions, 0.5, 1e-8)[0]
    np.testing.assert_allclose(found[single], beta @ vector[:2] / np.log(2), rtol=1e-4, atol=1e-6)


def test_size_factors_follow_tmm(simulated):
    lineage = lineage_of(simulated)
    *_, pairs = terms_of(study_of(simulated))
    matrix, vector, _ = expression.unit_design(pairs)
    counts = simulated.counts.loc[matrix.index]
    _, fit = deseq.fit_pydeseq2(counts, matrix, {"x": vector})
    library = lineage.corrected.sum(1) * normalisation.tmm_factors(lineage.corrected)
    tmm = pd.Series(library, index=lineage.samples.index)[matrix.index].to_numpy()
    ratio = np.log(fit["size_factors"]) - np.log(tmm)
    assert np.ptp(ratio) < 0.4
    assert np.corrcoef(np.log(fit["size_factors"]), np.log(tmm))[0, 1] > 0.98


def test_p_averaged_over_the_dispersion():
    """Without uncertainty the Wald test; with it the average over draws; a small share leaves Poisson noise alone."""
    z, ones = np.array([0.5, -2.0, 4.0, 6.0]), np.ones(4)
    known = deseq.average_over_dispersion(z, ones, 0 * ones, 0 * ones)
    np.testing.assert_allclose(known, 2 * stats.norm.sf(np.abs(z)), rtol=1e-10)
    np.testing.assert_allclose(deseq.average_over_dispersion(z, 0 * ones, ones, ones), known, rtol=1e-10)
    log_ratio = np.random.default_rng(0).normal(-0.1, np.sqrt(0.2), 200_000)
    drawn = [2 * stats.norm.sf(abs(v) / np.sqrt(0.3 + 0.7 * np.exp(log_ratio))).mean() for v in z]
    found = deseq.average_over_dispersion(z, 0.7 * ones, -0.1 * ones, 0.2 * ones)
    np.testing.assert_allclose(found[:3], drawn[:3], rtol=0.02)
    assert found[3] > 10 * known[3]


def test_p_far_in_the_tail_is_calibrated():
    """Three donors against three, no effect: about 1 in 1,000 genes has p < .001, where a Wald test gives several."""
    rng = np.random.default_rng(12)
    rates = {"averaged": [], "wald": []}
    for _ in range(4):
        dispersion = 0.1 * rng.lognormal(-0.125, 0.5, 3000)
        mean = rng.lognormal(5.5, 0.8, 3000)
        counts = rng.negative_binomial(1 / dispersion, 1 / (1 + mean * dispersion), (6, 3000))
        samples = [f"s{i}" for i in range(6)]
        table = pd.DataFrame(counts, index=samples, columns=[f"g{i}" for i in range(3000)])
        design = pd.DataFrame({"one": 1.0, "treated": [0.0, 0, 0, 1, 1, 1]}, index=samples)
        fitted = deseq.fit_pydeseq2(table, design, {"c": np.array([0.0, 1.0])})[0]["c"]
        rates["averaged"].append((fitted["p_value"] < 0.001).mean())
        rates["wald"].append((2 * stats.norm.sf(fitted["stat"].abs()) < 0.001).mean())
    assert 0.0003 < np.mean(rates["averaged"]) < 0.002 < np.mean(rates["wald"])
