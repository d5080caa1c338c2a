"""Variance between donors where samples differ in what they weigh: one per arm, moderated over lineages.

Values come with sampling variances that are known. What is left is the variance between donors; arms may differ in it,
and so may lineages. All in the squared units of the values.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from compartments.compare.moderated import TAU2_FLOOR, fit_f_dist, told

Array = npt.NDArray[np.float64]
TAU2_TOP = 8.0
BISECTIONS = 18
WINSORISED_AT = 0.9  # point of chi2 / df at which a lineage's mean square is cut
UNUSUAL = 0.3  # upper tail of a lineage's variance from which the prior gives way
LEAST_SHARE = 1e-3  # of donors in a lineage's variance, from which an excess over it is told


class Fit(NamedTuple):
    """Weighted least squares of every column.

    Attributes
    ----------
    beta : array, shape (features, coefficients)
    inverse : array, shape (features, coefficients, coefficients)
        Of the weighted cross products.
    residual, leverage : array, shape (observations, features)
    """

    beta: Array
    inverse: Array
    residual: Array
    leverage: Array


def weighted_fit(z: Array, design: Array, weights: Array) -> Fit:
    """Weighted least squares of every column of ``z`` (observations, features) on ``design``."""
    n, p = design.shape
    products = (design[:, :, None] * design[:, None, :]).reshape(n, p * p)
    inverse = np.linalg.inv((weights.T @ products).reshape(-1, p, p))
    beta = (inverse @ ((weights * z).T @ design)[:, :, None])[:, :, 0]
    leverage = weights * (products @ inverse.reshape(-1, p * p).T)
    return Fit(beta, inverse, z - design @ beta.T, leverage)


def unweighted(z: Array, design: Array, vector: Array) -> tuple[Array, Array, Array]:
    """Ordinary least squares of every column: estimate of the contrast, its standard error, residual mean square."""
    fit = weighted_fit(z, design, np.ones_like(z))
    square = (fit.residual**2).sum(0) / (design.shape[0] - design.shape[1])
    return fit.beta @ vector, np.sqrt(told(square) * (fit.inverse @ vector @ vector)), square


def own_arms(design: Array, arms: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """``arms`` if each keeps half a residual degree of freedom of its own, else one arm for all."""
    left = 1 - (np.linalg.qr(design)[0] ** 2).sum(1)
    enough = all(left[arms == arm].sum() >= 0.5 for arm in np.unique(arms))
    return arms if enough else np.zeros_like(arms)


def donor_variance(z: Array, s: Array, design: Array, arms: npt.NDArray[np.intp]) -> Array:
    """Variance between donors, one for all lineages of an arm.

    Parameters
    ----------
    z, s : array, shape (units, lineages)
        Values and their sampling variances.
    design : array, shape (units, coefficients)
        With at least one residual degree of freedom.
    arms : array, shape (units,)

    Returns
    -------
    array, shape (units, 1), between ``TAU2_FLOOR`` and ``TAU2_TOP``
        Equal within arms; equal for all where an arm does not keep half a residual degree of freedom.

    Notes
    -----
    Paule and Mandel (1982): the value at which weighted residual mean squares have their expectation, here of mean
    squares winsorised at the 90 % point of chi2/df over that expectation, so that a few lineages that vary more than
    the others do not set it. Unbiased whatever the sampling variances are, which a median of mean squares minus a mean
    of variances is not.
    """
    arms = own_arms(design, arms)
    members = {arm: arms == arm for arm in np.unique(arms)}
    low, high = (np.full(arms.max() + 1, np.log(bound)) for bound in (TAU2_FLOOR, TAU2_TOP))
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        weights = 1 / (s + np.exp(middle)[arms][:, None])
        fit = weighted_fit(z, design, weights)
        squared = weights * fit.residual**2
        for arm, here in members.items():
            df = (1 - fit.leverage[here]).sum(0)
            squares = squared[here].sum(0) / np.maximum(df, 1e-9)
            too_low = _winsorised_mean(squares, df.mean()) > 1
            low[arm], high[arm] = (middle[arm], high[arm]) if too_low else (low[arm], middle[arm])
    return np.exp((low + high) / 2)[arms][:, None]


def _winsorised_mean(squares: Array, df: float) -> float:
    """Mean of mean squares, each cut at ``WINSORISED_AT`` of chi2_df / df, over its expectation under chi2_df / df."""
    cut = 2 * special.gammaincinv(df / 2, WINSORISED_AT)
    expectation = special.gammainc(df / 2 + 1, cut / 2) * df + cut * (1 - WINSORISED_AT)
    return float(np.minimum(squares, cut / df).mean() * df / expectation)


def moderate(s2: Array, df: float) -> tuple[Array, Array, float, float]:
    """Variances moderated over lineages, where those that vary more than the others borrow less.

    Parameters
    ----------
    s2 : array, shape (lineages,)
    df : float
        Their residual degrees of freedom.

    Returns
    -------
    posterior : array, shape (lineages,)
    prior_df : array, shape (lineages,)
    d0, s02 : float
        Prior df before that, prior variance; with fewer than two lineages ``(0, nan)`` and ``posterior = s2``, missing
        where nothing varies.

    Notes
    -----
    Smyth (2004) with the prior df of a lineage lowered to ``d0 min(1, p / .3)``, p the upper tail of its variance
    under F(df, d0): the robust prior of Phipson et al. (2016) Ann Appl Stat 10:946 in short. No cap on d0.
    """
    d0, s02 = fit_f_dist(s2, df)
    if d0 == 0:
        return told(s2), np.zeros_like(s2), d0, s02
    tail = stats.f.sf(s2 / s02, df, min(d0, 1e6))
    prior = np.minimum(d0 * np.minimum(1, tail / UNUSUAL), 1e9)
    return (prior * s02 + df * s2) / (prior + df), prior, d0, s02


def own_variance(s: Array, tau2: Array, posterior: Array) -> Array:
    """Variance between donors of each lineage, larger than that of all where its moderated variance says so.

    Parameters
    ----------
    s : array, shape (units, lineages)
        Sampling variances.
    tau2 : array, shape (units, 1)
        Variance between donors of all lineages.
    posterior : array, shape (lineages,)
        Moderated residual variance in units of ``s + tau2``.

    Returns
    -------
    array, shape (units, lineages), at least ``tau2``
        Such that ``s +`` it is ``posterior`` times ``s + tau2`` in the mean over units: what is more than expected is
        of donors, not of sampling, which is known.
    """
    share = np.maximum((tau2 / (s + tau2)).mean(0), LEAST_SHARE)
    return tau2 * (1 + np.maximum(posterior - 1, 0) / share)


def arms_df(fit: Fit, weights: Array, design: Array, vector: Array, arms: npt.NDArray[np.intp]) -> Array:
    """Satterthwaite df of a contrast whose arms have one variance each, estimated from all lineages.

    Parameters
    ----------
    fit : Fit
        With ``weights`` (units, lineages).
    vector : array, shape (coefficients,)

    Returns
    -------
    array, shape (lineages,)
    """
    arms = own_arms(design, arms)
    share = weights * (design @ (fit.inverse @ vector).T)
    total, below = np.zeros(weights.shape[1]), np.zeros(weights.shape[1])
    for arm in np.unique(arms):
        here = arms == arm
        part = (share[here] ** 2 / weights[here]).sum(0)
        df = (1 - fit.leverage[here]).sum()
        total, below = total + part, below + part**2 / max(df, 1e-6)
    return total**2 / below
