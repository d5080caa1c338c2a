"""Where donors have coefficients of their own a fit is that of the whole matrix, at the cost of its samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compartments.compare import information
from compartments.compare.batched import BatchedInference
from compartments.compare.information import Arrow, Dense


def paired(n, parts, rng):
    """A design of ``n`` donors with samples of so many compartments, and of two arms, rows in any order."""
    own = np.zeros((n, parts, n, parts - 1))
    for donor in range(n):
        own[donor, 1:, donor] = np.eye(parts - 1)
        own[donor, 0, donor] = rng.choice([-0.5, 1.0], parts - 1)
    arms = np.zeros((n, parts, 2))
    arms[np.arange(n), 0, np.arange(n) % 2] = 1
    whole = np.concatenate([own.reshape(n * parts, -1), arms.reshape(n * parts, 2)], axis=1)
    return whole[rng.permutation(len(whole))][:, rng.permutation(whole.shape[1])]


@given(st.integers(6, 12), st.integers(2, 3), st.integers(0, 10**6))
def test_both_forms_agree(n, parts, seed):
    rng = np.random.default_rng(seed)
    design = paired(n, parts, rng)
    samples, p = design.shape
    weights, first, second = rng.uniform(0.3, 3, (samples, 4)), *rng.normal(size=(2, samples, 4))
    diagonal, vectors = rng.uniform(0.01, 0.1, (4, p)), rng.normal(size=(4, p))
    arrow, dense = Arrow.of(design), Dense(design)
    assert arrow.rows.shape == (n, parts) and arrow.columns.shape == (n, parts - 1) and len(arrow.shared) == 2
    for method, values in (
        ("solve", (weights, diagonal, vectors)),
        ("leverages", (weights, diagonal)),
        ("standard_errors", (weights, diagonal, vectors[0])),
        ("traces", (weights, first, second)),
    ):
        found, expected = getattr(arrow, method)(*values), getattr(dense, method)(*values)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_other_designs_are_no_arrow():
    rng = np.random.default_rng(0)
    assert Arrow.of(rng.normal(size=(50, 40))) is None
    assert Arrow.of(np.eye(40)[np.repeat(np.arange(40), np.arange(1, 41))]) is None, "donors with unlike numbers"
    small = paired(8, 2, rng)
    assert isinstance(information.information(small), Dense), "few coefficients: the same bytes as ever"
    assert isinstance(information.information(paired(40, 2, rng)), Arrow)


def test_a_fit_of_many_donors_is_that_of_the_whole_matrix(monkeypatch):
    rng = np.random.default_rng(3)
    design, genes = paired(40, 2, rng), 60
    mean = np.exp(design @ rng.normal(0, 0.5, (design.shape[1], genes)) + 3)
    factors = rng.uniform(0.5, 2, len(design))
    counts = rng.negative_binomial(5, 5 / (5 + mean * factors[:, None]))
    alpha, vector = rng.uniform(0.05, 0.5, genes), rng.normal(size=design.shape[1])
    size, offset = np.full(genes, 5.0), np.log(factors)

    def fit():
        inference = BatchedInference()
        beta, mu, hat, _ = inference.irls(counts, factors, design, alpha, 0.5, 1e-8)
        dispersions, _ = inference.alpha_mle(counts, design, mu, alpha, 1e-8, 10.0, 1.0, True, True)
        wald = inference.wald_test(design, alpha, beta, mu, np.diag(np.full(len(vector), 1e-6)), vector, 0.0)
        shrunken, variance, _ = inference.lfc_shrink_nbinom_glm(design, counts, size, offset, 15.0, 0.5, "", 1)
        return [beta, hat, dispersions, *wald, shrunken, variance[:, 1, 1]]

    by_arrow = fit()
    monkeypatch.setattr(information, "MOST_DENSE", 1000)
    for found, expected in zip(by_arrow, fit(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_the_variance_of_a_shrunken_effect_is_that_of_the_inverse():
    rng = np.random.default_rng(5)
    design = np.column_stack([np.ones(12), np.arange(12) % 2, rng.normal(size=12)])
    counts = rng.poisson(20, (12, 5))
    _, variance, _ = BatchedInference().lfc_shrink_nbinom_glm(
        design, counts, np.full(5, 4.0), np.zeros(12), 15.0, 1.0, "", 1
    )
    assert variance.shape == (5, 3, 3) and (variance > 0).all()
    with pytest.raises(ValueError, match="read-only"):
        variance[0, 0, 0] = 1
