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

from compartments.compare.donor_variance import weighted_fit
from compartments.compare.expected_counts import START, working
from compartments.compare.moderated import fit_f_dist
from compartments.compare.normalisation import tmm_factors
from compartments.core.vocabulary import ALPHA, LN2

Array = npt.NDArray[np.float64]
SPAN, KNOTS = 0.5, 40  # of the trend of variances: share of genes that a point of it rests on, and points
ROUNDS = 4  # of estimates that depend on each other
MAX_RATIO = 20.0  # of an arm's variance to that of the others
CAP = 0.99  # quantile of a sample's squared residuals: few genes do not decide on an arm
ROTATIONS, SEED = 4000, 0
LEAST_GENES, TESTED_GENES = 50, 1000  # that the test of equal spread needs, and looks at
LEAST_VARIANCE = 1e-3  # between donors, ln units: 3 %
LOWEST = -3.0  # ln of the least expected count
MIN_RATIO = 1.4  # variances: PyDESeq2 errs in up to 8 % of null tests there, and in more beyond
CHUNK = 4_000_000  # genes x coefficients^2 held at once


@dataclass(frozen=True)
class Spread:
    """How much the donors of the arms vary.

    Attributes
    ----------
    variance : dict of str to float
        Per arm, of geometric mean 1 over the arms with half a residual df or more; 1 for the others.
    p_value : float
        That the arms vary alike; NaN with fewer than two such arms, or where too few genes have counts enough to say.
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


@dataclass(frozen=True)
class Weighed:
    """Log2 expression of samples with what is known of its variance; arrays of the shape (samples, genes).

    Attributes
    ----------
    z : array
        Log2 counts per million.
    sampling : array
        Variance of ``z`` that comes of counting.
    between : array, shape (genes,)
        Variance between donors that genes of such expression have.
    """

    z: Array
    sampling: Array
    between: Array

    def weights(self, variance: Array) -> Array:
        """Precisions, with the variance between donors times that of each sample's arm, shape (samples,)."""
        return 1 / (self.sampling + variance[:, None] * self.between)

    def of(self, genes: npt.NDArray[np.intp]) -> "Weighed":
        """Fewer genes."""
        return Weighed(self.z[:, genes], self.sampling[:, genes], self.between[genes])


def weigh(counts: npt.NDArray[np.integer], design: Array, groups: npt.NDArray[Any]) -> Weighed:
    """Log2 counts per million, unbiased by how few the counts are, and their variances.

    Parameters
    ----------
    counts : int array, shape (samples, genes)
    design : array, shape (samples, coefficients)
        Full column rank, with a residual degree of freedom.
    groups : array, shape (samples,)
        Condition x compartment: where like counts are expected.

    Notes
    -----
    As voom (Law et al. 2014, Genome Biol 15:R29) a trend over the mean log count gives the variances, but of the part
    that counting does not explain: that part is exact at the expected count (:func:`working`), so that an arm of
    shallow samples has neither biased values nor too small variances. Library sizes by TMM.
    """
    library = np.log(counts.sum(1) * tmm_factors(counts))[:, None]
    eta = np.empty(counts.shape)
    members = [groups == group for group in dict.fromkeys(groups)]
    for rows in members:
        eta[rows] = np.log((counts[rows].sum(0) + 0.5) / np.exp(library[rows]).sum()) + library[rows]
    level = eta.mean(0)
    between = np.full(counts.shape[1], START)
    freedom = 1 - np.einsum("ij,ji->i", design, np.linalg.pinv(design))
    for _ in range(ROUNDS):
        z, sampling = working(counts.astype(float), eta, between[None])
        residual = z - library - design @ np.linalg.lstsq(design, z - library, rcond=None)[0]
        excess = ((residual**2).sum(0) - freedom @ sampling) / freedom.sum()
        excess = np.clip(excess, *np.quantile(excess, [1 - CAP, CAP]))
        between = np.maximum(np.interp(level, *_trend(level, excess)), LEAST_VARIANCE)
        precision = 1 / (sampling + between)
        for rows in members:
            mean = np.average((z - library)[rows], axis=0, weights=precision[rows])
            eta[rows] = np.maximum(mean + library[rows], LOWEST)
    return Weighed((z - library + np.log(1e6)) / LN2, sampling / LN2**2, between / LN2**2)


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


def spread_of_arms(data: Weighed, design: Array, arms: npt.NDArray[Any]) -> Spread:
    """Whether the donors of some arm vary more than those of another, over all genes.

    Parameters
    ----------
    data : Weighed
    design : array, shape (samples, coefficients)
    arms : array, shape (samples,)
        Condition of each sample.

    Notes
    -----
    The p-value is of a rotation test (Langsrud 2005, Stat Comput 15:53): if all donors vary alike, residuals turned at
    random are as likely as those seen. All genes are turned together, so that what they share in a donor stays shared
    and a donor who differs in all genes counts once, not a thousand times.
    """
    names = list(dict.fromkeys(arms))
    member = np.array([arms == name for name in names], float)
    # where counting explains most of the variance, donors cannot be compared, nor do they matter much
    counted = member @ data.sampling / member.sum(1, keepdims=True)
    data = data.of(np.flatnonzero((counted <= data.between).all(0)))
    if data.z.shape[1] < LEAST_GENES:
        return Spread(dict.fromkeys(names, 1.0), np.nan)
    variance, keeps = _variances(data, design, member)
    measured = dict(zip(names, variance, strict=True))
    return Spread(measured, _rotation_p(data, design, member[keeps]) if keeps.sum() > 1 else np.nan)


def _variances(data: Weighed, design: Array, member: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Variance between donors of each arm (rows of ``member``), and which arms keep half a residual df."""
    variance = np.ones(len(member))
    for _ in range(ROUNDS):
        weights = data.weights(variance @ member)
        residual, leverage = _least_squares(data.z, weights, design)[:2]
        keeps = member @ (1 - leverage.mean(1)) >= 0.5
        if keeps.sum() < 2:
            break
        squares = weights * residual**2 / np.maximum(1 - leverage, 0.02)
        squares = np.minimum(squares, np.quantile(squares, CAP, axis=1)[:, None]) / weights
        seen = (weights**2 * (squares - data.sampling)).sum(1) @ member[keeps].T
        seen /= (weights**2 * data.between).sum(1) @ member[keeps].T
        seen = np.maximum(seen, 1e-12)
        variance[keeps] = np.clip(seen / np.exp(np.log(seen).mean()), 1 / MAX_RATIO, MAX_RATIO)
    return variance, keeps


def _least_squares(
    z: Array, weights: Array, design: Array, vectors: Array | None = None
) -> tuple[Array, Array, Array, Array]:
    """Weighted fit, of a part of the genes at a time: residuals, leverages, contrasts, their unscaled variances."""
    genes, p = z.shape[1], design.shape[1]
    vectors = np.zeros((0, p)) if vectors is None else vectors
    residual, leverage = np.empty_like(z), np.empty_like(z)
    estimate, unscaled = np.empty((2, len(vectors), genes))
    size = max(1, CHUNK // p**2)
    for part in (slice(start, start + size) for start in range(0, genes, size)):
        fit = weighted_fit(z[:, part], design, weights[:, part])
        residual[:, part], leverage[:, part], estimate[:, part] = fit.residual, fit.leverage, vectors @ fit.beta.T
        unscaled[:, part] = np.einsum("kp,gpq,kq->kg", vectors, fit.inverse, vectors, optimize=True)
    return residual, leverage, estimate, unscaled


def _rotation_p(data: Weighed, design: Array, member: Array) -> float:
    """P of the range of log mean squares of arms under random rotations of the residuals, the same for all genes."""
    genes = data.z.shape[1]
    data = data.of(np.argsort(data.z.mean(0), kind="stable")[:: -(-genes // TESTED_GENES)])
    root = np.sqrt(data.weights(np.ones(len(design))))
    residual = root * _least_squares(data.z, root**2, design)[0]
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
    data: Weighed, design: Array, vectors: dict[str, Array], variance: Array
) -> dict[str, pd.DataFrame]:
    """Moderated t tests of several contrasts with a variance between donors per sample.

    Parameters
    ----------
    data : Weighed
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
    Smyth (2004) Stat Appl Genet Mol Biol 3:3, on weighted least squares.
    """
    df = len(design) - design.shape[1]
    weights = data.weights(variance)
    residual, _, estimates, unscaled = _least_squares(data.z, weights, design, np.array(list(vectors.values())))
    tested = moderate_tests(estimates, unscaled, (weights * residual**2).sum(0) / df, df)
    return dict(zip(vectors, tested, strict=True))


def moderate_tests(estimates: Array, unscaled: Array, s2: Array, df: int) -> list[pd.DataFrame]:
    """Moderated t tests of fitted contrasts.

    Parameters
    ----------
    estimates, unscaled : array, shape (contrasts, genes)
        And their variances over those of the genes.
    s2 : array, shape (genes,)
        Residual mean squares.
    df : int
        Theirs.

    Returns
    -------
    list of DataFrame
        As of :func:`moderated_tests`, per contrast.
    """
    genes = len(s2)
    d0, s02 = fit_f_dist(s2, df)
    posterior = (d0 * s02 + df * s2) / (d0 + df) if 0 < d0 < np.inf else s2 if d0 == 0 else np.full(genes, s02)
    total = min(d0 + df, df * genes)
    tables = []
    for estimate, factor in zip(estimates, unscaled, strict=True):
        se = np.sqrt(posterior * factor)
        t = estimate / se
        interval = se * stats.t.ppf(1 - ALPHA / 2, total) / stats.norm.ppf(1 - ALPHA / 2)
        p = 2 * stats.t.sf(np.abs(t), total)
        tables.append(pd.DataFrame({"log2fc": estimate, "se": interval, "stat": t, "p_value": p}))
    return tables
