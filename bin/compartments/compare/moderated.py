"""The statistical engine: weighted least squares per feature, variances moderated over features.

Everything that compares donors (composition, scores, interaction edges, centrality) is computed here, so that tiers,
intervals and multiplicity mean the same thing everywhere. Values are in natural-log or any other units; the caller
converts. Features are columns (lineages, edges, sets), observations are donors or samples.
"""

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special, stats
from scipy.optimize import elementwise

from compartments.core.vocabulary import ALPHA

MAX_RELABELLINGS = 20_000
MAX_NONCENTRALITY = 200.0
NO_VARIANCE = 1e-15  # a residual variance up to it is rounding: the units are copies of each other
TAU2_FLOOR = 0.02  # ln units squared: donors differ at least by 14 % whatever the data say


def trigamma_inverse(x: float) -> float:
    """Solve ``trigamma(y) = x`` for y > 0 by Newton steps on 1/trigamma (Smyth 2004, appendix)."""
    if x > 1e7:  # the asymptotes, where Newton steps lose all digits
        return 1 / math.sqrt(x)
    if x < 1e-6:
        return 1 / x
    y = 0.5 + 1 / x
    for _ in range(50):
        value = special.polygamma(1, y)
        step = value * (1 - value / x) / special.polygamma(2, y)
        y += step
        if -step / y < 1e-10:
            break
    return float(y)


def fit_f_dist(s2: npt.ArrayLike, df: npt.ArrayLike) -> tuple[float, float]:
    """Prior degrees of freedom and variance of an inverse-chi-square prior on variances.

    Parameters
    ----------
    s2 : array, shape (features,)
        Residual variances.
    df : array or float
        Their residual degrees of freedom.

    Returns
    -------
    d0, s02 : float
        Prior df (may be ``inf``) and prior variance. ``(0, nan)`` when fewer than two usable variances.

    Notes
    -----
    Moments of log s2, Smyth (2004) Stat Appl Genet Mol Biol 3:3, section 6.2, as limma's ``fitFDist``, but for
    variances of exactly 0: a feature that never varies says nothing on how much others do and is left out.
    """
    variance, n = np.broadcast_arrays(np.asarray(s2, float), np.asarray(df, float))
    usable = np.isfinite(variance) & (variance > NO_VARIANCE) & (n > 0)
    if usable.sum() < 2:
        return 0.0, math.nan
    variance, n = variance[usable], n[usable]
    variance = np.maximum(variance, 1e-5 * np.median(variance))
    e = np.log(variance) - special.digamma(n / 2) + np.log(n / 2)
    mean = e.mean()
    excess = ((e - mean) ** 2).sum() / (len(e) - 1) - special.polygamma(1, n / 2).mean()
    if excess <= 0:
        return math.inf, float(variance.mean())
    d0 = 2 * trigamma_inverse(excess)
    return d0, float(np.exp(mean + special.digamma(d0 / 2) - np.log(d0 / 2)))


def told(s2: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Residual variances that features have alone: missing, not 0, where the units are copies of each other."""
    return np.where(s2 > NO_VARIANCE, s2, np.nan)


def excess_variance(z: npt.NDArray[np.float64], design: npt.NDArray[np.float64], v: npt.NDArray[np.float64]) -> float:
    """Variance between donors beyond sampling: median over features of residual mean square minus mean ``v``.

    One value for all features, because a few donors cannot tell features apart; the moderated variance does that.

    Parameters
    ----------
    z, v : array, shape (observations, features)
        Values and their sampling variances.
    design : array, shape (observations, coefficients)

    Returns
    -------
    float, at least ``TAU2_FLOOR``.
    """
    df = design.shape[0] - design.shape[1]
    residual = z - design @ np.linalg.lstsq(design, z, rcond=None)[0]
    return max(TAU2_FLOOR, float(np.median((residual**2).sum(0) / df - v.mean(0))))


def fit_moderated(
    z: npt.ArrayLike,
    design: npt.ArrayLike,
    v: npt.ArrayLike | None = None,
    contrast: npt.ArrayLike | None = None,
    names: pd.Index | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Fit every column of ``z`` on ``design`` and test one contrast with moderated variances.

    Parameters
    ----------
    z : array, shape (observations, features)
        No missing values; give features with different observations in separate calls.
    design : array, shape (observations, coefficients)
        Full column rank, with at least one residual degree of freedom.
    v : array like ``z``, optional
        Sampling variances; weights are ``1 / (v + excess_variance)``. Without it, all weights are 1.
    contrast : array, shape (coefficients,), optional
        Default: the last coefficient.
    names : sequence, optional
        Index of the result.

    Returns
    -------
    DataFrame, shape (features, ...)
        ``estimate, se, df, t, p_value`` (weighted, moderated); ``estimate_plain, se_plain, df_plain, p_plain``
        (ordinary least squares of one feature alone). Attributes ``.attrs``: ``d0, s02, tau2``, and ``zero`` = 0.

    Raises
    ------
    ValueError
        Design without residual degrees of freedom or not of full rank.

    Notes
    -----
    Moderation after Smyth (2004); prior df capped at the residual df, which keeps features that vary more than others
    honest, total df at most the pooled df.
    """
    z, design = np.asarray(z, float), np.asarray(design, float)
    n, features = z.shape
    rank = np.linalg.matrix_rank(design)
    df = n - design.shape[1]
    if rank < design.shape[1]:
        raise ValueError(f"design has {design.shape[1]} columns but rank {rank}")
    if df < 1:
        raise ValueError(f"{n} observations leave no residual degree of freedom for {design.shape[1]} coefficients")
    c = np.zeros(design.shape[1]) if contrast is None else np.asarray(contrast, float)
    if contrast is None:
        c[-1] = 1
    tau2 = excess_variance(z, design, np.asarray(v, float)) if v is not None else math.nan
    weights = 1 / (np.asarray(v, float) + tau2) if v is not None else np.ones_like(z)

    estimate, unscaled, s2 = _least_squares(z, design, weights, c)
    plain, unscaled_plain, s2_plain = _least_squares(z, design, np.ones_like(z), c)
    d0, s02 = fit_f_dist(s2, df)
    d0 = min(d0, df)
    if d0 == 0:
        s2_post, total = told(s2), np.full(features, float(df))
    else:
        s2_post = (d0 * s02 + df * s2) / (d0 + df)
        total = np.full(features, float(min(d0 + df, features * df)))
    se, se_plain = unscaled * np.sqrt(s2_post), unscaled_plain * np.sqrt(told(s2_plain))
    with np.errstate(divide="ignore", invalid="ignore"):
        t, t_plain = estimate / se, plain / se_plain
    result = pd.DataFrame(
        {
            "estimate": estimate,
            "se": se,
            "df": total,
            "t": t,
            "p_value": 2 * stats.t.sf(np.abs(t), total),
            "estimate_plain": plain,
            "se_plain": se_plain,
            "df_plain": float(df),
            "p_plain": 2 * stats.t.sf(np.abs(t_plain), df),
        },
        index=names,
    )
    result.attrs = {"d0": d0, "s02": s02, "tau2": tau2, "zero": 0.0}
    return result


def _least_squares(
    z: npt.NDArray[np.float64],
    design: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    c: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Contrast estimates, their unscaled standard errors and residual variances, one per column of ``z``."""
    xtwx = np.einsum("nf,np,nq->fpq", weights, design, design, optimize=True)
    xtwz = np.einsum("nf,np,nf->fp", weights, design, z, optimize=True)
    beta = np.linalg.solve(xtwx, xtwz[..., None])[..., 0]
    unscaled = np.sqrt(np.linalg.solve(xtwx, np.broadcast_to(c, beta.shape)[..., None])[..., 0] @ c)
    s2 = (weights * (z - design @ beta.T) ** 2).sum(0) / (design.shape[0] - design.shape[1])
    return beta @ c, unscaled, s2


def interval[Numbers: (float, pd.Series, npt.NDArray[np.float64])](
    estimate: Numbers, se: Numbers, df: Any, level: float = 0.95
) -> tuple[Numbers, Numbers]:
    """Two-sided confidence interval of a t-distributed estimate: arrays ``low, high``."""
    half = stats.t.ppf(0.5 + level / 2, df) * se
    return estimate - half, estimate + half


def permutation_p(values: npt.ArrayLike, in_condition: npt.ArrayLike, seed: int = 0) -> tuple[Any, float]:
    """Exact two-sided permutation p of a difference of means between two groups of donors.

    Parameters
    ----------
    values : array, shape (donors,) or (donors, features)
    in_condition : bool array, shape (donors,)
    seed : int
        Of the sampled relabellings, where they are too many.

    Returns
    -------
    p : float, or array of shape (features,)
        Share of relabellings with a difference at least as large as the observed one.
    floor : float
        The smallest share possible.

    Notes
    -----
    Enumerated up to ``MAX_RELABELLINGS``; beyond, as many seeded draws with the identity counted.
    """
    values, in_condition = np.asarray(values, float), np.asarray(in_condition, bool)
    n, k = len(values), int(in_condition.sum())
    if k == 0 or k == n:
        return np.full(values.shape[1:], math.nan)[()], math.nan
    relabelled, floor = _relabellings(n, k, seed)
    inside, observed = relabelled @ values, values[in_condition].sum(0)
    if not _enumerable(n, k):
        inside = np.concatenate([observed[None], inside])
    total = values.sum(0)
    difference = np.abs(inside / k - (total - inside) / (n - k))
    observed = np.abs(observed / k - (total - observed) / (n - k))
    # sums in another order differ in the last digits: a tie must count as one
    tolerance = 1e-12 * np.maximum(1.0, np.abs(values).max(0))
    return (difference >= observed - tolerance).mean(0)[()], floor


def sign_flip_p(values: npt.ArrayLike, seed: int = 0) -> tuple[Any, float]:
    """Exact two-sided p of a mean of donors' differences by turning their signs.

    Parameters
    ----------
    values : array, shape (donors,) or (donors, features)
    seed : int
        Of the sampled signs, where they are too many.

    Returns
    -------
    p, floor : as :func:`permutation_p`
    """
    values = np.asarray(values, float)
    n = len(values)
    if 2**n <= MAX_RELABELLINGS:
        signs = np.array(list(itertools.product((1.0, -1.0), repeat=n)))
    else:
        signs = np.random.default_rng(seed).choice([1.0, -1.0], (MAX_RELABELLINGS, n))
        signs[0] = 1.0
    turned = np.abs(signs @ values)
    tolerance = 1e-12 * np.maximum(1.0, np.abs(values).max(0))
    return (turned >= turned[0] - tolerance).mean(0)[()], max(2 / 2**n, 1 / len(signs))


def _enumerable(n: int, k: int) -> bool:
    return math.comb(n, k) <= MAX_RELABELLINGS


@functools.lru_cache(maxsize=8)
def _relabellings(n: int, k: int, seed: int) -> tuple[npt.NDArray[np.float64], float]:
    """0/1 matrix (relabellings x donors) of who is called treated, and the smallest p that they allow."""
    if _enumerable(n, k):
        chosen = np.array(list(itertools.combinations(range(n), k)))
        floor = (2 if n == 2 * k else 1) / len(chosen)
    else:
        order = np.tile(np.arange(n, dtype=np.int16), (MAX_RELABELLINGS - 1, 1))
        chosen = np.random.default_rng(seed).permuted(order, axis=1)[:, :k]
        floor = 1 / MAX_RELABELLINGS
    relabelled = np.zeros((len(chosen), n))
    np.put_along_axis(relabelled, chosen.astype(np.intp), 1.0, axis=1)
    return relabelled, floor


def minimum_detectable_effect(se: npt.ArrayLike, df: npt.ArrayLike, power: float = 0.8, alpha: float = ALPHA) -> Any:
    """Smallest true effect found with ``power`` by a two-sided t test at ``alpha``, in the units of ``se``.

    Parameters
    ----------
    se, df : float or array

    Returns
    -------
    float, or array of their common shape
        NaN where there is no standard error or no degree of freedom.

    Notes
    -----
    Solves ``P(T_nc > t_crit) = power`` for the noncentrality (noncentral t, upper tail), at most ``MAX_NONCENTRALITY``.
    """
    freedom = np.round(np.asarray(df, float), 6)
    usable = np.isfinite(freedom) & (freedom > 0)
    noncentrality = np.full(freedom.shape, math.nan)
    noncentrality[usable] = _noncentralities(freedom[usable], power, alpha)
    error = np.asarray(se, float)
    return (noncentrality * np.where(np.isfinite(error), error, math.nan))[()]


def power_of(effect: float, se: npt.ArrayLike, df: npt.ArrayLike, alpha: float = ALPHA) -> npt.NDArray[np.float64]:
    """How often a two-sided t test at ``alpha`` finds a true ``effect``, in the units of ``se``.

    The upper tail of the noncentral t, as :func:`minimum_detectable_effect` inverts it; NaN where that is.
    """
    error, freedom = (np.asarray(one, float) for one in (se, df))
    usable = np.isfinite(error) & (error > 0) & np.isfinite(freedom) & (freedom > 0)
    power = np.full(error.shape, math.nan)
    limit = stats.t.ppf(1 - alpha / 2, freedom[usable])
    power[usable] = stats.nct.sf(limit, freedom[usable], effect / error[usable])
    return power


_known: dict[tuple[float, float, float], float] = {}  # of all calls: the same few degrees of freedom come again


def _noncentralities(df: npt.NDArray[np.float64], power: float, alpha: float) -> list[float]:
    """Noncentrality at which a test with each ``df`` has the power; new ones are found together (Chandrupatla 1997)."""
    new = np.array([x for x in np.unique(df) if (x, power, alpha) not in _known])
    if len(new):

        def excess(noncentrality: Any, df: Any, critical: Any) -> npt.NDArray[np.float64]:
            below = special.nctdtr(df, noncentrality, critical)
            # scipy gives NaN for large noncentrality, where power is 1
            return 1 - np.nan_to_num(below) - power

        critical, highest = stats.t.ppf(1 - alpha / 2, new), np.full(len(new), MAX_NONCENTRALITY)
        exact = {"xatol": 0.0, "xrtol": 1e-14, "fatol": 0.0}
        found = elementwise.find_root(excess, (np.zeros(len(new)), highest), args=(new, critical), tolerances=exact).x
        found = np.where(excess(highest, new, critical) < 0, highest, found)
        _known.update(((x, power, alpha), y) for x, y in zip(new.tolist(), found.tolist(), strict=True))
    return [_known[x, power, alpha] for x in df.tolist()]
