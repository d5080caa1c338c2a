"""The fit of one lineage's counts: negative binomial Wald tests of several contrasts, and refits without a donor."""

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from scipy.special import polygamma

from compartments.study.arms import of_rows

if TYPE_CHECKING:
    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.ds import DeseqStats
    from pydeseq2.inference import Inference

WALD_RIDGE = 1e-6  # PyDESeq2's own, on the information matrix


def one_coefficient(
    design: npt.NDArray[np.float64], vector: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], int]:
    """The same model with the contrast as one coefficient.

    Parameters
    ----------
    design : array, shape (samples, coefficients)
    vector : array, shape (coefficients,)

    Returns
    -------
    design : array, shape (samples, coefficients)
    transform : array, shape (coefficients, coefficients)
        New coefficients are ``transform @ old``; row ``index`` of it is the contrast.
    index : int
    """
    index = int(np.argmax(np.abs(vector)))
    transform = np.eye(len(vector))
    transform[index] = vector
    return design @ np.linalg.inv(transform), transform, index


def average_over_dispersion(
    stat: npt.NDArray[np.float64],
    share: npt.NDArray[np.float64],
    centre: npt.NDArray[np.float64],
    variance: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Two-sided p of Wald statistics whose standard errors rest on estimated dispersions.

    Parameters
    ----------
    stat : array, shape (genes,)
    share : array, shape (genes,)
        Share of the effect's variance that is proportional to the dispersion; the rest is Poisson noise.
    centre, variance : array, shape (genes,)
        Of the log of the dispersion over its estimate, given the data.

    Returns
    -------
    array, shape (genes,)

    Notes
    -----
    A Wald test takes the dispersion as known, so that p-values of a few replicates are too small far in the tail. Here
    p is averaged over the dispersion's posterior, normal on the log scale (a posterior predictive p-value, Meng 1994,
    Ann Stat 22:1142; Gauss-Hermite quadrature). With normal data and an inverse gamma posterior the same average is the
    moderated t test (Smyth 2004).
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(15)
    ratio = np.exp(np.asarray(centre)[:, None] + np.sqrt(variance)[:, None] * nodes)
    z = np.abs(np.asarray(stat, float))[:, None] / np.sqrt(1 + np.asarray(share)[:, None] * (ratio - 1))
    return 2 * stats.norm.sf(z) @ weights / weights.sum()


def fit_pydeseq2(
    counts: pd.DataFrame,
    design: pd.DataFrame,
    vectors: dict[str, npt.NDArray[np.float64]],
    inference: "Inference | None" = None,
) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Negative binomial Wald tests of several contrasts of one fit.

    Parameters
    ----------
    counts : DataFrame of int, shape (samples, genes)
    design : DataFrame, shape (samples, coefficients)
        Full column rank.
    vectors : dict
        Contrast name -> array, shape (coefficients,).
    inference : pydeseq2.inference.Inference, optional
        Default: :class:`BatchedInference`.

    Returns
    -------
    tables : dict of DataFrame
        Per contrast, index gene: ``base_mean, log2fc, log2fc_shrunken, se, stat, p_value``.
    fit : dict
        ``size_factors`` (samples,), ``dispersions`` (genes,), ``trend`` (``parametric`` or ``mean``).

    Raises
    ------
    ValueError
        A size factor that is not finite and positive: the sample shares no gene with the others. Small ones are in
        order: they say that a pseudobulk has few cells.

    Notes
    -----
    Love, Huber and Anders (2014) Genome Biol 15:550, with ``poscounts`` size factors, without Cook's and independent
    filtering: in these designs nearly every row is unique, so Cook's distance says nothing. Shrinkage is apeGLM's (Zhu,
    Ibrahim and Love 2019) on the contrast as one coefficient. ``stat`` is PyDESeq2's; ``p_value`` allows for the
    uncertainty of the dispersion, see :func:`average_over_dispersion`: its variance is that of the prior and of the
    data together, for genes outside the prior that of the data (trigamma of half the residual df, as for the prior).
    """
    from compartments.compare.batched import BatchedInference

    inference = inference or BatchedInference()
    with warnings.catch_warnings():
        # a failed trend fit is reported through 'trend', few residual df through the tier
        warnings.simplefilter("ignore")
        data = _fitted(counts, design, inference)
        centre, variance = _dispersion_posterior(data, len(design) - design.shape[1])
        tables = {name: _tested(data, design, vector, centre, variance) for name, vector in vectors.items()}
    fit = {
        "size_factors": data.obs["size_factors"].to_numpy(float),
        "dispersions": data.var["dispersions"].to_numpy(float),
        "trend": data.uns["disp_function_type"],
    }
    return tables, fit


def _fitted(counts: pd.DataFrame, design: pd.DataFrame, inference: "Inference") -> "DeseqDataSet":
    """Size factors, dispersions and coefficients."""
    from pydeseq2.dds import DeseqDataSet

    data = DeseqDataSet(
        counts=counts,
        metadata=pd.DataFrame(index=counts.index),
        design=design,
        size_factors_fit_type="poscounts",
        refit_cooks=False,
        inference=inference,
        quiet=True,
        low_memory=True,
    )
    data.fit_size_factors()
    factors = data.obs["size_factors"].to_numpy(float)
    if not (np.isfinite(factors) & (factors > 0)).all():
        odd = (counts > 0).sum(axis=1).idxmin()
        raise ValueError(f"sample {odd} shares too few genes with the others to have a size factor")
    data.fit_genewise_dispersions()
    data.fit_dispersion_trend()
    data.fit_dispersion_prior()
    data.fit_MAP_dispersions()
    data.fit_LFC()
    return data


def _dispersion_posterior(
    data: "DeseqDataSet", residual_df: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Centre and variance, per gene, of the log of the dispersion over its estimate."""
    sampling = polygamma(1, residual_df / 2)
    shrunken = 1 / (1 / sampling + 1 / float(data.uns["prior_disp_var"]))
    outlier = data.var["_outlier_genes"].to_numpy(bool)
    # the prior is centred on the trend, a mean; the median of a log-normal prior lies half its variance below,
    # which moves the posterior by half of its own variance
    return np.where(outlier, 0.0, -shrunken / 2), np.where(outlier, sampling, shrunken)


def _tested(
    data: "DeseqDataSet",
    design: pd.DataFrame,
    vector: npt.NDArray[np.float64],
    centre: npt.NDArray[np.float64],
    variance: npt.NDArray[np.float64],
) -> pd.DataFrame:
    """Test one contrast of a fit, then shrink it."""
    from pydeseq2.ds import DeseqStats

    test = DeseqStats(
        data, contrast=vector, cooks_filter=False, independent_filter=False, inference=data.inference, quiet=True
    )
    test.summary()
    raw = test.results_df.copy()  # lfc_shrink writes into results_df
    doubled = _standard_errors(test, 2 * data.var["dispersions"].to_numpy(float))
    share = np.clip((doubled / test.SE.to_numpy()) ** 2 - 1, 0, 1)
    rotated, transform, index = one_coefficient(design.to_numpy(), vector)
    test.design_matrix = pd.DataFrame(rotated, index=design.index, columns=design.columns)
    test.LFC = pd.DataFrame(test.LFC.to_numpy() @ transform.T, index=test.LFC.index, columns=design.columns)
    test.lfc_shrink(design.columns[index])
    return pd.DataFrame(
        {
            "base_mean": raw["baseMean"],
            "log2fc": raw["log2FoldChange"],
            "log2fc_shrunken": test.LFC.iloc[:, index] / math.log(2),
            "se": raw["lfcSE"],
            "stat": raw["stat"],
            "p_value": average_over_dispersion(raw["stat"].to_numpy(float), share, centre, variance),
        }
    )


def _standard_errors(test: "DeseqStats", dispersions: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Standard errors (natural log) of a fitted ``DeseqStats`` with other dispersions, shape (genes,)."""
    design = test.design_matrix.to_numpy(float)
    mu = np.exp(design @ test.LFC.to_numpy().T) * test.dds.obs["size_factors"].to_numpy(float)[:, None]
    ridge = np.diag(np.full(design.shape[1], WALD_RIDGE))
    return test.inference.wald_test(design, dispersions, test.LFC.to_numpy(), mu, ridge, test.contrast_vector, 0.0)[2]


def leave_one_donor_out(
    counts: npt.NDArray[np.integer],
    design: npt.NDArray[np.float64],
    vector: npt.NDArray[np.float64],
    donors: npt.NDArray[Any],
    size_factors: npt.NDArray[np.float64],
    dispersions: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Log2 fold changes with each donor left out in turn, size factors and dispersions of the full fit held.

    Parameters
    ----------
    counts : int array, shape (samples, genes)
    design : array, shape (samples, coefficients)
    vector : array, shape (coefficients,)
    donors : array, shape (samples,)
    size_factors : array, shape (samples,)
    dispersions : array, shape (genes,)

    Returns
    -------
    array, shape (donors, genes)
        NaN where the contrast rests on the donor left out.
    """
    from compartments.compare.batched import BatchedInference

    refits = []
    for donor in dict.fromkeys(donors):
        rows = donors != donor
        left = of_rows(design[rows], vector)
        if left is None:
            refits.append(np.full(counts.shape[1], np.nan))
            continue
        columns, contrast = left
        reduced = design[rows][:, columns]
        beta = BatchedInference().irls(counts[rows], size_factors[rows], reduced, dispersions, 0.5, 1e-8)[0]
        refits.append(beta @ contrast / math.log(2))
    return np.array(refits)
