"""Fits of units of which some are of the same donor: a common correlation within donors, and generalised least squares.

Where some donors have both conditions and some one, both kinds say what the condition does: the first as their own
controls, the second as donors do between arms. A random donor effect weighs them; its share of the variance between
donors is one number for all features, as in limma's duplicateCorrelation (Smyth et al. 2005 Bioinformatics 21:2067).
"""

from itertools import combinations

import numpy as np
import numpy.typing as npt

from compartments.compare.donor_variance import Fit, arms_df, donor_variance, weighted_fit

Array = npt.NDArray[np.float64]
MOST = 0.99  # correlation


def pairs_of(donors: npt.NDArray[np.object_]) -> npt.NDArray[np.intp]:
    """Positions of every two units of one donor, shape (pairs, 2)."""
    of_donor = [np.flatnonzero(donors == donor) for donor in dict.fromkeys(donors)]
    return np.array([pair for units in of_donor for pair in combinations(units, 2)], np.intp).reshape(-1, 2)


def donor_correlation(z: Array, s: Array, design: Array, tau2: Array, donors: npt.NDArray[np.object_]) -> float:
    """Correlation of the units of a donor beyond sampling, one for all features.

    Parameters
    ----------
    z, s : array, shape (units, features)
        Values and their sampling variances.
    design : array, shape (units, coefficients)
    tau2 : array, shape (units, 1)
        Variance between donors.
    donors : array, shape (units,)

    Returns
    -------
    float, from 0 to ``MOST``
        From the variance of a donor's differences (Paule-Mandel), which is 2 (1 - r) of that between donors. Missing
        where too few donors have several units to tell.
    """
    pairs = pairs_of(donors)
    first, second = pairs[:, 0], pairs[:, 1]
    differing = design[first] - design[second]
    left, size, _ = np.linalg.svd(differing, full_matrices=False)
    of_rank = left[:, size > 1e-9]
    if len(pairs) - of_rank.shape[1] < 1:
        return np.nan
    # in units of the variance between donors, below a share of which donor_variance does not look
    unit, one_arm = tau2.mean(), np.zeros(len(pairs), np.intp)
    difference, sampling = (z[first] - z[second]) / np.sqrt(unit), (s[first] + s[second]) / unit
    of_difference = donor_variance(difference, sampling, of_rank, one_arm).mean() * unit
    total = (tau2[first] + tau2[second]).mean()
    return float(np.clip((total - of_difference) / (2 * np.sqrt(tau2[first] * tau2[second]).mean()), 0, MOST))


def fit_units(
    z: Array,
    s: Array,
    tau2: Array,
    design: Array,
    vector: Array,
    arms: npt.NDArray[np.intp],
    donors: npt.NDArray[np.object_],
) -> tuple[Fit, Array]:
    """Generalised least squares of every column of ``z`` with known variances.

    Parameters
    ----------
    z, s : array, shape (units, features)
        Values and their sampling variances.
    tau2 : array, shape (units, 1)
        Variance between donors.
    design : array, shape (units, coefficients)
    vector : array, shape (coefficients,)
        The contrast.
    arms, donors : array, shape (units,)

    Returns
    -------
    fit : Fit
        ``residual`` is whitened: of unit variance, and independent, where the variances are right.
    df : array, shape (features,)
        Satterthwaite (1946) of the variances that all features share.

    Notes
    -----
    Where nothing tells how alike the units of a donor are, they count as those of different donors: the estimate is as
    good, and its error not smaller than it is.
    """
    r = donor_correlation(z, s, design, tau2, donors) if len(set(donors)) < len(donors) else np.nan
    if np.isnan(r):
        weights = 1 / (s + tau2)
        fit = weighted_fit(z, design, weights)
        limit = arms_df(fit, weights, design, vector, arms)
        return fit._replace(residual=np.sqrt(weights) * fit.residual), limit
    fit = correlated_fit(z, s, tau2, design, donors, r)
    pairs = pairs_of(donors)
    first, second = pairs[:, 0], pairs[:, 1]
    of_difference = s[first] + s[second] + tau2[first] + tau2[second] - 2 * r * np.sqrt(tau2[first] * tau2[second])
    own = np.minimum((1 / of_difference).sum(0) * (fit.inverse @ vector @ vector), 1)
    df_between = max(len(set(donors)) - design.shape[1], 1)
    return fit, z.shape[1] / (own**2 / (len(pairs) - 1) + (1 - own) ** 2 / df_between)


def correlated_fit(z: Array, s: Array, tau2: Array, design: Array, donors: npt.NDArray[np.object_], r: float) -> Fit:
    """Least squares after whitening by the Cholesky factor of each donor's covariance.

    Parameters
    ----------
    z, s, tau2, design, donors
        As of :func:`donor_correlation`.
    r : float
        Correlation of the units of a donor beyond sampling.
    """
    white_z = z.T[:, :, None].copy()
    white_x = np.broadcast_to(design, (z.shape[1], *design.shape)).copy()
    between = np.sqrt(np.broadcast_to(tau2, z.shape)).T
    for donor in dict.fromkeys(donors):
        at = np.flatnonzero(donors == donor)
        covariance = r * between[:, at, None] * between[:, None, at]
        covariance[:, range(len(at)), range(len(at))] = (s + tau2)[at].T
        root = np.linalg.cholesky(covariance)
        white_z[:, at] = np.linalg.solve(root, white_z[:, at])
        white_x[:, at] = np.linalg.solve(root, white_x[:, at])
    across = white_x.transpose(0, 2, 1)
    inverse = np.linalg.inv(across @ white_x)
    beta = inverse @ across @ white_z
    leverage = np.einsum("fnp,fpq,fnq->nf", white_x, inverse, white_x)
    return Fit(beta[:, :, 0], inverse, (white_z - white_x @ beta)[:, :, 0].T, leverage)
