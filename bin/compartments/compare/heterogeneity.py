"""Do estimates differ by more than their errors? Spread (tau), Cochran's Q, concordance, p-values taken together."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, stats

Array = npt.NDArray[np.float64]


def dersimonian_laird(estimate: Array, se: Array) -> tuple[float, float]:
    """Spread of true effects beyond their standard errors.

    Parameters
    ----------
    estimate, se : array, shape (lineages,)

    Returns
    -------
    tau : float
        Standard deviation, same units, at least 0.
    q : float
        Cochran's Q, sum of w (estimate - weighted mean)^2 with w = 1/se^2.

    Notes
    -----
    DerSimonian and Laird (1986) Control Clin Trials 7:177.
    """
    w = 1 / np.asarray(se, float) ** 2
    q = cochran_q(estimate, se, 0.0)
    return float(np.sqrt(max(0.0, (q - (len(w) - 1)) / (w.sum() - (w**2).sum() / w.sum())))), q


def cochran_q(estimate: Array, se: Array, tau: float) -> float:
    """Cochran's Q with weights ``1 / (se^2 + tau^2)``."""
    w = 1 / (np.asarray(se, float) ** 2 + tau**2)
    return float((w * (estimate - (w * estimate).sum() / w.sum()) ** 2).sum())


def q_reference(se: Array, df: Array, tau: float = 0.0, common: float = np.inf) -> tuple[float, float]:
    """What Q is compared with when the standard errors are estimated: ``factor * F(n - 1, df2)``.

    Parameters
    ----------
    se, df : array, shape (lineages,)
    tau : float
    common : float
        Degrees of freedom of the part of the standard errors that all lineages share (the arms' own variances).

    Returns
    -------
    factor, df2 : float

    Notes
    -----
    Welch (1951) Biometrika 38:330: each weight's own degrees of freedom enter by its share of the total weight.
    """
    w = 1 / (np.asarray(se, float) ** 2 + tau**2)
    n = len(w)
    # with tau > 0 only the estimated part of the variance is uncertain
    uncertain = (np.asarray(se, float) ** 2 * w) ** 2 / np.asarray(df, float)
    total = (uncertain * (1 - w / w.sum()) ** 2).sum()
    df2 = 1 / (3 * total / (n**2 - 1) + 1 / common)
    return (n - 1) * (1 + 2 * (n - 2) / (n**2 - 1) * total), df2


def q_test(q: float, se: Array, df: Array, common: float = np.inf) -> float:
    """p of no spread, from Q by :func:`q_reference`."""
    factor, df2 = q_reference(se, df, common=common)
    return float(stats.f.sf(q / factor, len(se) - 1, df2))


def tau_interval(
    estimate: Array, se: Array, df: Array, level: float = 0.95, common: float = np.inf
) -> tuple[float, float]:
    """Q-profile interval of tau: all values whose Q is neither too large nor too small.

    Parameters
    ----------
    estimate, se, df, common : as :func:`q_reference`

    Returns
    -------
    low, high : float
        NaN where estimates, errors or degrees of freedom are unknown.

    Notes
    -----
    Viechtbauer (2007) Stat Med 26:37, with :func:`q_reference` in place of chi-square.
    """
    estimate, se = np.asarray(estimate, float), np.asarray(se, float)
    if np.isnan([*estimate, *se, *np.ravel(df), common]).any():
        return np.nan, np.nan
    bounds = []
    for share in (0.5 + level / 2, 0.5 - level / 2):

        def excess(tau: float, share: float = share) -> float:
            factor, df2 = q_reference(se, df, tau, common)
            return cochran_q(estimate, se, tau) - factor * stats.f.ppf(share, len(se) - 1, df2)

        top = max(1.0, np.ptp(estimate), se.max())
        while excess(top) > 0:
            top *= 2
        bounds.append(optimize.brentq(excess, 0.0, top, xtol=1e-10) if excess(0.0) > 0 else 0.0)
    return bounds[0], bounds[1]


def concordance_correlation(x: npt.ArrayLike, y: npt.ArrayLike) -> Any:
    """Lin's concordance correlation coefficient (Lin 1989 Biometrics 45:255) along the last axis.

    NaN for fewer than 2 points.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    n = x.shape[-1]
    if n < 2:
        return np.nan
    dx, dy = x - x.mean(-1, keepdims=True), y - y.mean(-1, keepdims=True)
    spread = ((dx**2).sum(-1) + (dy**2).sum(-1)) / (n - 1) + (x.mean(-1) - y.mean(-1)) ** 2
    with np.errstate(invalid="ignore"):
        return (2 * (dx * dy).sum(-1) / (n - 1) / spread)[()]


def concordance_interval(
    within: pd.DataFrame, reference: pd.DataFrame, u: pd.DataFrame, seed: int = 0, draws: int = 2000
) -> tuple[float, float]:
    """Parametric bootstrap interval of the concordance of two compartments' changes.

    Parameters
    ----------
    within, reference, u : DataFrame, shape (lineages, ...)
        Columns ``log2fc, se``; effects in the compartment, in the reference, and their interaction.

    Returns
    -------
    low, high : float, within [-1, 1]

    Notes
    -----
    Normal interval on Fisher's z scale with the bootstrap's spread; the simulated values themselves lie too low, since
    they hold the sampling error twice. Both changes share the donors' own deviations: their covariance is
    (se_within^2 + se_reference^2 - se_u^2) / 2.
    """
    rng = np.random.default_rng(seed)
    a, b = within["se"].to_numpy(), reference["se"].to_numpy()
    rho = np.clip((a**2 + b**2 - u["se"].to_numpy() ** 2) / (2 * a * b), -0.99, 0.99)
    first, second = rng.normal(size=(2, draws, len(a)))
    x = within["log2fc"].to_numpy() + a * first
    y = reference["log2fc"].to_numpy() + b * (rho * first + np.sqrt(1 - rho**2) * second)
    simulated = concordance_correlation(x, y)
    centre = np.arctanh(concordance_correlation(within["log2fc"], reference["log2fc"]))
    half = stats.norm.ppf(0.975) * np.arctanh(simulated).std(ddof=1)
    return float(np.tanh(centre - half)), float(np.tanh(centre + half))


def simes(p: npt.ArrayLike) -> float:
    """One p-value from several that need not be independent: the smallest of ``n p_(i) / i``; NaN are left out.

    Simes (1986) Biometrika 73:751.
    """
    p = np.asarray(p, float)
    p = np.sort(p[~np.isnan(p)])
    return float((len(p) * p / np.arange(1, len(p) + 1)).min()) if len(p) else np.nan
