"""The batched fits against PyDESeq2's own, gene by gene."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydeseq2 import utils
from pydeseq2.dds import DeseqDataSet
from pydeseq2.default_inference import DefaultInference
from pydeseq2.ds import DeseqStats

from benchmarks.studies import pseudobulk_study
from compartments.compare import batched
from compartments.compare.batched import BatchedInference
from compartments.compare.information import Dense

ROOT = Path(__file__).resolve().parents[2]
# in a process of its own: a kernel that is not there ends it, as it ended every study of 20 coefficients and more
MANY_COLUMNS = """
from compartments.compare.batched import _hat_diagonals
from compartments.compare.information import Dense
import numpy as np
rng, n, p = np.random.default_rng(0), 28, 24
design, mu = rng.normal(size=(n, p)), rng.uniform(1, 50, (n, 40))
found = _hat_diagonals(Dense(design), mu, np.full(40, 0.1))
for gene in range(40):
    root = np.sqrt(mu[:, gene] / (1 + 0.1 * mu[:, gene]))[:, None] * design
    expected = np.diag(root @ np.linalg.solve(root.T @ root + 1e-6 * np.eye(p), root.T))
    assert np.allclose(found[:, gene], expected)
for m, k, n in ((2, 900, 3), (24, 320, 2), (100, 400, 20), (600, 1200, 300)):
    a, b = rng.normal(size=(m, k)), rng.normal(size=(k, n))
    assert np.allclose((a @ b)[-1], [(a[-1] * column).sum() for column in b.T])
    assert np.allclose((a.T @ a)[:, 0], (a * a[:, [0]]).sum(0))
"""


def test_many_coefficients_with_the_kernels_that_steps_get():
    own = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    given = {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "bin")}
    done = subprocess.run([sys.executable, "-c", MANY_COLUMNS], env=own | given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def reference():
    """PyDESeq2's own, in this process."""
    return DefaultInference(n_cpus=1)


def study(genes=400, seed=3, **settings):
    """Counts and a paired design: one column per donor, compartment, compartment x condition."""
    simulated = pseudobulk_study(np.random.default_rng(seed), 2, 4, n_genes=genes, fraction_interaction=0.2, **settings)
    counts = simulated.counts.loc[:, simulated.counts.sum() > 30]
    samples = simulated.samples
    design = pd.get_dummies(samples["donor"], dtype=float)
    design["csf"] = (samples["compartment"] == "CSF").astype(float)
    design["csf_x_treated"] = design["csf"] * (samples["condition"] == "treated")
    return counts, design.set_index(counts.index)


def analyse(inference, counts, design):
    """The whole PyDESeq2 path with one inference object."""
    data = DeseqDataSet(
        counts=counts,
        metadata=pd.DataFrame(index=counts.index),
        design=design,
        size_factors_fit_type="poscounts",
        refit_cooks=False,
        inference=inference,
        quiet=True,
    )
    data.fit_size_factors()
    for step in ("genewise_dispersions", "dispersion_trend", "dispersion_prior", "MAP_dispersions", "LFC"):
        getattr(data, f"fit_{step}")()
    contrast = np.zeros(design.shape[1])
    contrast[-1] = 1
    test = DeseqStats(
        data, contrast=contrast, cooks_filter=False, independent_filter=False, inference=inference, quiet=True
    )
    test.summary()
    table = test.results_df.copy()
    test.lfc_shrink(design.columns[-1])
    table["shrunken"] = test.results_df["log2FoldChange"]
    table["genewise"], table["dispersion"] = data.var["genewise_dispersions"], data.var["dispersions"]
    return table, data


@pytest.fixture(scope="module")
def both():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        counts, design = study(500, sd_residual=0.9)
        return analyse(reference(), counts, design), analyse(BatchedInference(), counts, design)


def test_results_equal_default_inference(both):
    (expected, _), (found, _) = both
    np.testing.assert_allclose(found["log2FoldChange"], expected["log2FoldChange"], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["lfcSE"], expected["lfcSE"], rtol=1e-4)
    np.testing.assert_allclose(found["stat"], expected["stat"], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["pvalue"], expected["pvalue"], rtol=1e-3, atol=1e-6)


def test_dispersions_equal_default_inference(both):
    (expected, _), (found, _) = both
    # L-BFGS-B stops once the likelihood changes by 2e-9 of its value, which leaves a dispersion known to about 1e-3
    overdispersed = expected["genewise"] > 1e-3
    assert overdispersed.mean() > 0.9
    np.testing.assert_allclose(found["genewise"][overdispersed], expected["genewise"][overdispersed], rtol=5e-3)
    assert (found["genewise"][~overdispersed] < 2e-3).all()
    np.testing.assert_allclose(found["dispersion"], expected["dispersion"], rtol=1e-3)


def test_trend_and_prior_equal(both):
    (_, expected), (_, found) = both
    assert found.uns["disp_function_type"] == expected.uns["disp_function_type"]
    np.testing.assert_allclose(found.var["fitted_dispersions"], expected.var["fitted_dispersions"], rtol=1e-3)
    assert found.uns["prior_disp_var"] == pytest.approx(expected.uns["prior_disp_var"], rel=1e-2)


@pytest.mark.parametrize("prior", [None, 0.7])
def test_dispersion_is_never_a_worse_optimum(prior):
    """Genes of little dispersion, started at the smallest: PyDESeq2's own objective is never higher here than there."""
    counts, design = study(250, seed=5, sd_residual=0.15)
    counts, design = counts.to_numpy(), design.to_numpy()
    mu = np.maximum(reference().irls(counts, np.ones(len(counts)), design, np.full(250, 0.05), 0.5, 1e-8)[1], 0.5)
    start = np.full(counts.shape[1], 0.05)  # a prior is centred on the trend; moment estimates can be the smallest
    start[::2] = 0.05 if prior else 1e-8
    arguments = (counts, design, mu, start, 1e-8, 12.0, prior, True, prior is not None)
    expected, found = reference().alpha_mle(*arguments)[0], BatchedInference().alpha_mle(*arguments)[0]

    def loss(alpha, gene):
        weights = mu[:, gene] / (1 + mu[:, gene] * alpha)
        penalty = np.linalg.slogdet((design.T * weights) @ design)[1] / 2
        penalty += 0 if prior is None else (np.log(alpha) - np.log(start[gene])) ** 2 / (2 * prior)
        return utils.nb_nll(counts[:, gene], mu[:, gene], alpha) + penalty

    excess = np.array([loss(a, g) - loss(b, g) for g, (a, b) in enumerate(zip(found, expected, strict=True))])
    # where the likelihood has no optimum but falls towards zero, both stop on the way, at a gradient of 1e-5
    assert excess.max() < 1e-4
    reached = np.abs(excess) < 1e-6
    assert reached.mean() > 0.5
    close = reached & (expected > 1e-3)
    np.testing.assert_allclose(found[close], expected[close], rtol=1e-2)


def test_shrunken_is_the_better_optimum(both):
    """Shrinkage agrees where L-BFGS-B finished, and is never at a worse value of PyDESeq2's own objective."""
    (expected, data), (found, _) = both
    difference = np.abs(found["shrunken"] - expected["shrunken"])
    assert difference.quantile(0.95) < 0.01
    design = data.obsm["design_matrix"].to_numpy()
    offset = np.log(data.obs["size_factors"].to_numpy())
    size = 1 / data.var["dispersions"].to_numpy()
    arguments = (design, data.X, size, offset, 15, 0.5, "L-BFGS-B", design.shape[1] - 1)
    mine, _, converged = BatchedInference().lfc_shrink_nbinom_glm(*arguments)
    theirs, _, _ = reference().lfc_shrink_nbinom_glm(*arguments)
    assert converged.all()
    for gene in range(data.n_vars):
        settings = (design, data.X[:, gene], size[gene], offset, 15, 0.5, design.shape[1] - 1)
        assert utils.nbinomFn(mine[gene], *settings) <= utils.nbinomFn(theirs[gene], *settings) + 1e-6


@pytest.mark.parametrize("seed", [1, 2])
def test_irls_equals_reference(seed):
    counts, design = study(150, seed, cells=(2, 4))
    counts, design = counts.to_numpy(), design.to_numpy()
    factors = np.exp(np.random.default_rng(seed).normal(0, 0.5, len(counts)))
    dispersions = np.random.default_rng(seed).uniform(0.01, 3, counts.shape[1])
    expected = reference().irls(counts, factors, design, dispersions, 0.5, 1e-8)
    found = BatchedInference().irls(counts, factors, design, dispersions, 0.5, 1e-8)
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-8)


def test_irls_of_a_gene_that_diverges():
    """Separation: a gene with counts in one arm only goes to PyDESeq2's own optimiser."""
    counts = np.array([[0, 5], [0, 6], [0, 4], [10**6, 7], [2 * 10**6, 3], [10**6, 9]])
    design = np.column_stack([np.ones(6), [0, 0, 0, 1, 1, 1]])
    arguments = (counts, np.ones(6), design, np.array([0.1, 0.1]), 1e-12, 1e-8)
    expected, found = reference().irls(*arguments), BatchedInference().irls(*arguments)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)
    assert list(found[3]) == list(expected[3])


def test_least_squares_means_equal():
    counts, design = study(50)
    factors = np.linspace(0.5, 2, len(counts))
    arguments = (counts.to_numpy(), factors, design.to_numpy(), 0.5)
    np.testing.assert_allclose(BatchedInference().lin_reg_mu(*arguments), reference().lin_reg_mu(*arguments), rtol=1e-8)


@pytest.mark.parametrize("alternative", [None, "greater", "less", "greaterAbs", "lessAbs"])
def test_wald_equals_reference(alternative):
    rng = np.random.default_rng(0)
    _, design = study(20)
    design = design.to_numpy()
    lfc = rng.normal(0, 0.3, (12, design.shape[1]))
    mu = np.exp(3 + design @ lfc.T)
    contrast = np.eye(design.shape[1])[-1]
    ridge = np.diag(np.repeat(1e-6, design.shape[1]))
    arguments = (design, rng.uniform(0.01, 1, 12), lfc, mu, ridge, contrast, 0.2, alternative)
    for mine, theirs in zip(BatchedInference().wald_test(*arguments), reference().wald_test(*arguments), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9)


def test_chunks_do_not_change_results(monkeypatch):
    counts, design = study(60)
    arguments = (counts.to_numpy(), np.ones(len(counts)), design.to_numpy(), np.full(counts.shape[1], 0.2), 0.5, 1e-8)
    whole = BatchedInference().irls(*arguments)
    monkeypatch.setattr(batched, "CHUNK_ELEMENTS", 7 * design.shape[1] ** 2)
    for part, full in zip(BatchedInference().irls(*arguments), whole, strict=True):
        np.testing.assert_allclose(part, full, rtol=1e-10)


def test_dispersion_derivatives_match_finite_differences():
    counts, design = study(30)
    counts, design = counts.to_numpy(), design.to_numpy()
    mu = np.maximum(counts.mean(0) * np.ones_like(counts), 0.5)
    x = np.linspace(-6, 2, counts.shape[1])
    centre = np.zeros_like(x)

    def loss(x):
        values = []
        for gene, log_alpha in enumerate(x):
            alpha = np.exp(log_alpha)
            weights = mu[:, gene] / (1 + mu[:, gene] * alpha)
            determinant = np.linalg.slogdet((design.T * weights) @ design)[1]
            values.append(utils.nb_nll(counts[:, gene], mu[:, gene], alpha) + determinant / 2 + log_alpha**2 / 2)
        return np.array(values)

    def derivatives(x):
        return batched._dispersion_derivatives(x, counts, Dense(design), mu, centre, 1.0, True)

    gradient, curvature = derivatives(x)
    h = 1e-4
    np.testing.assert_allclose(gradient, (loss(x + h) - loss(x - h)) / (2 * h), rtol=1e-4, atol=1e-4)
    slope = (derivatives(x + h)[0] - derivatives(x - h)[0]) / (2 * h)
    np.testing.assert_allclose(curvature, slope, rtol=1e-5, atol=1e-5)
