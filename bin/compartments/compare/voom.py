"""Expression where one arm of donors varies more: precision weights, one variance per arm, moderated t tests.

PyDESeq2 has one dispersion per gene for all donors. With few donors a treated arm that varies twice as much makes its
p-values several times too small. Here the arms' spread is looked at over all genes of a lineage, and where it differs
the tests rest on a fit that knows it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from compartments.compare.moderated import fit_f_dist
from compartments.compare.normalisation import tmm_factors
from compartments.core.vocabulary import ALPHA

Array = npt.NDArray[np.float64]
SPAN, KNOTS = 0.5, 40  # of the trend of variances: share of genes that a point of it rests on, and points
ROUNDS = 4  # of the arms' variances and the coefficients that depend on them
MAX_RATIO = 20.0  # of an arm's variance to that of the others
CAP = 0.99  # quantile of a sample's squared residuals: few genes do not decide on an arm
ROTATIONS, SEED = 4000, 0
TESTED_GENES = 1000  # that the test of equal spread looks at, of all levels of expression
MIN_RATIO = 1.5  # variances: PyDESeq2 keeps its error rate where the arms differ by less
CHUNK = 4_000_000  # genes x coefficients^2 held at once


@dataclass(frozen=True)
class Spread:
    """How much the donors of the arms vary.

    Attributes
    ----------
    variance : dict of str to float
        Per arm, of geometric mean 1 over the arms with half a residual df or more; 1 for the others.
    p_value : float
        That the arms vary alike; NaN with fewer than two such arms.
    """

    variance: dict[str, float]
    p_value: float

    def ratio(self, condition: str, reference: str) -> float:
        """Variance of one arm over that of another."""
        return self.variance[condition] / self.variance[reference]

    @property
    def differs(self) -> bool:
        """True if two arms differ by more than chance and by enough to spoil a fit of one variance."""
        between = max(self.variance.values()) / min(self.variance.values())
        return bool(self.p_value < ALPHA and between > MIN_RATIO)


def weigh(counts: npt.NDArray[np.integer], design: Array) -> tuple[Array, Array]:
    """Log2 counts per million and their precisions.

    Parameters
    ----------
    counts : int array, shape (samples, genes)
    design : array, shape (samples, coefficients)
        Full column rank, with a residual degree of freedom.

    Returns
    -------
    z, weights : array, shape (samples, genes)

    Notes
    -----
    voom (Law et al. 2014, Genome Biol 15:R29): the square root of a gene's residual standard deviation is smoothed over
    its mean log count, and read off at the fitted log count of every value; library sizes by TMM.
    """
    library = counts.sum(1) * tmm_factors(counts) + 1
    z = np.log2((counts + 0.5) / library[:, None] * 1e6)
    fitted = design @ np.linalg.lstsq(design, z, rcond=None)[0]
    deviation = ((z - fitted) ** 2).sum(0) / (len(design) - design.shape[1])
    to_counts = np.log2(library / 1e6)
    at, height = _trend(z.mean(0) + to_counts.mean(), deviation**0.25)
    return z, np.maximum(np.interp(fitted + to_counts[:, None], at, height), 1e-2) ** -4


def _trend(x: Array, y: Array) -> tuple[Array, Array]:
    """Local lines through ``y`` at quantiles of ``x``, tricube weights over the nearest ``SPAN`` of the genes."""
    at = np.unique(np.quantile(x, np.linspace(0, 1, KNOTS)))
    distance = np.abs(x - at[:, None])
    nearest = max(2, int(SPAN * len(x))) - 1
    reach = np.partition(distance, nearest, axis=1)[:, [nearest]]
    w = np.clip(1 - (distance / np.maximum(reach * (1 + 1e-6), 1e-12)) ** 3, 0, None) ** 3
    w /= w.sum(1, keepdims=True)
    centred = x - (w @ x)[:, None]
    slope = (w * centred) @ y / np.maximum((w * centred**2).sum(1), 1e-12)
    return at, w @ y + slope * (at - w @ x)


def spread_of_arms(z: Array, weights: Array, design: Array, arms: npt.NDArray[Any]) -> Spread:
    """Whether the donors of some arm vary more than those of another, over all genes.

    Parameters
    ----------
    z, weights : array, shape (samples, genes)
        From :func:`weigh`.
    design : array, shape (samples, coefficients)
    arms : array, shape (samples,)
        Condition of each sample.

    Returns
    -------
    Spread

    Notes
    -----
    The p-value is of a rotation test (Langsrud 2005, Stat Comput 15:53): if all donors vary alike, residuals turned at
    random are as likely as those seen. All genes are turned together, so that what they share in a donor stays shared
    and a donor who differs in all genes counts once, not a thousand times.
    """
    names = list(dict.fromkeys(arms))
    member = np.array([arms == name for name in names], float)
    variance, keeps = _variances(z, weights, design, member)
    measured = dict(zip(names, variance, strict=True))
    if keeps.sum() < 2:
        return Spread(measured, np.nan)
    return Spread(measured, _rotation_p(z, weights, design, member[keeps]))


def _variances(z: Array, weights: Array, design: Array, member: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Variance of each arm (rows of ``member``), and which arms keep half a residual df."""
    variance = np.ones(len(member))
    for _ in range(ROUNDS):
        weighted = weights / (variance @ member)[:, None]
        residual, leverage = _least_squares(z, weighted, design)[:2]
        keeps = member @ (1 - leverage.mean(1)) >= 0.5
        if keeps.sum() < 2:
            break
        squares = weighted * residual**2 / np.maximum(1 - leverage, 0.02)
        of_sample = np.minimum(squares, np.quantile(squares, CAP, axis=1)[:, None]).mean(1)
        seen = variance[keeps] * (member[keeps] @ of_sample / member[keeps].sum(1))
        seen = np.maximum(seen, 1e-12)
        variance[keeps] = np.clip(seen / np.exp(np.log(seen).mean()), 1 / MAX_RATIO, MAX_RATIO)
    return variance, keeps


def _least_squares(
    z: Array, weights: Array, design: Array, vectors: Array | None = None
) -> tuple[Array, Array, Array, Array]:
    """Weighted fit per gene: residuals and leverages (samples, genes), contrasts and their unscaled variances."""
    genes, p = z.shape[1], design.shape[1]
    vectors = np.zeros((0, p)) if vectors is None else vectors
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), p * p)
    beta, leverage = np.empty((genes, p)), np.empty_like(z)
    unscaled = np.empty((len(vectors), genes))
    size = max(1, CHUNK // p**2)
    for part in (slice(start, start + size) for start in range(0, genes, size)):
        w = weights[:, part]
        inverse = np.linalg.inv((w.T @ products).reshape(-1, p, p))
        beta[part] = np.einsum("gpq,gq->gp", inverse, (w * z[:, part]).T @ design)
        leverage[:, part] = w * (inverse.reshape(-1, p * p) @ products.T).T
        unscaled[:, part] = np.einsum("kp,gpq,kq->kg", vectors, inverse, vectors, optimize=True)
    return z - design @ beta.T, leverage, vectors @ beta.T, unscaled


def _rotation_p(z: Array, weights: Array, design: Array, member: Array) -> float:
    """P of the range of log mean squares of arms under random rotations of the residuals, the same for all genes."""
    chosen = np.argsort(z.mean(0), kind="stable")[:: -(-z.shape[1] // TESTED_GENES)]
    z, root = z[:, chosen], np.sqrt(weights[:, chosen])
    residual = root * _least_squares(z, root**2, design)[0]
    # orthonormal coordinates of each gene's weighted residuals, alike for all genes
    free = np.linalg.qr(design, mode="complete")[0][:, design.shape[1] :]
    scaled = root.T[:, :, None] * design
    inverse = np.linalg.inv(scaled.transpose(0, 2, 1) @ scaled)
    across = scaled.transpose(0, 2, 1) @ free
    inside = np.eye(free.shape[1]) - across.transpose(0, 2, 1) @ inverse @ across
    turned = np.linalg.solve(np.linalg.cholesky(inside), (residual.T @ free)[..., None])[..., 0]
    turned /= np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-12)
    size, axes = np.linalg.eigh(turned.T @ turned / len(turned))

    arms = np.einsum("nd,an,ne->ade", free, member, free)
    degrees = np.einsum("add->a", arms)

    def spread(directions: Array) -> Array:
        mean_square = np.einsum("rdj,ade,rej,j->ra", directions, arms, directions, size, optimize=True) / degrees
        return np.ptp(np.log(np.maximum(mean_square, 1e-12)), axis=1)

    random = np.random.default_rng(SEED).normal(size=(ROTATIONS, len(size), len(size)))
    rotated = spread(np.linalg.qr(random)[0])
    return float((1 + (rotated >= spread(axes[None])[0] * (1 - 1e-9)).sum()) / (1 + ROTATIONS))


def moderated_tests(
    z: Array, weights: Array, design: Array, vectors: dict[str, Array], variance: Array
) -> dict[str, pd.DataFrame]:
    """Moderated t tests of several contrasts with a variance per sample.

    Parameters
    ----------
    z, weights : array, shape (samples, genes)
        From :func:`weigh`.
    design : array, shape (samples, coefficients)
    vectors : dict
        Contrast name -> array, shape (coefficients,).
    variance : array, shape (samples,)
        That of the sample's arm.

    Returns
    -------
    dict of DataFrame
        Per contrast: ``log2fc, se, stat, p_value``. ``se`` is such that 1.96 of it are half the 95 % interval, as for
        a normal statistic; ``stat`` is the moderated t, ``p_value`` its two-sided p.

    Notes
    -----
    Smyth (2004) Stat Appl Genet Mol Biol 3:3, weighted least squares with weights over ``variance``.
    """
    df, genes = len(design) - design.shape[1], z.shape[1]
    weighted = weights / variance[:, None]
    residual, _, estimates, unscaled = _least_squares(z, weighted, design, np.array(list(vectors.values())))
    s2 = (weighted * residual**2).sum(0) / df
    d0, s02 = fit_f_dist(s2, df)
    posterior = (d0 * s02 + df * s2) / (d0 + df) if 0 < d0 < np.inf else s2 if d0 == 0 else np.full(genes, s02)
    total = min(d0 + df, df * genes)
    tables = {}
    for name, estimate, factor in zip(vectors, estimates, unscaled, strict=True):
        se = np.sqrt(posterior * factor)
        t = estimate / se
        interval = se * stats.t.ppf(1 - ALPHA / 2, total) / stats.norm.ppf(1 - ALPHA / 2)
        p = 2 * stats.t.sf(np.abs(t), total)
        tables[name] = pd.DataFrame({"log2fc": estimate, "se": interval, "stat": t, "p_value": p})
    return tables
