"""Counts of cells read at the count that a sample ought to have: fitted means, log abundances, sampling variances.

A pseudocount pulls up what is rare in a shallow sample, and a variance of 1/count lets a sample count for less the less
it has. Here both come from the fitted mean of the arm: ``ln(y + 1/2)`` is compared with its own exact expectation for a
Poisson-lognormal count, so depth moves no estimate and absent lineages count in full. All in ln units.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage, special

from compartments.compare.donor_variance import donor_variance, weighted_fit

Array = npt.NDArray[np.float64]
ETA_STEP, SD_STEP = 0.1, 0.125
ETA, SD = np.arange(-8, 9.01, ETA_STEP), np.arange(0, 3.01, SD_STEP)
LARGE = 100.0  # expected cells from which the moments' expansions are exact to 1e-6
START = 0.25  # variance between donors in the first round
ROUNDS, STEP = 7, 2.0  # while the variance between donors is estimated with the means
MORE_ROUNDS, CONVERGED = 40, 1e-8  # where it is known
LEAST_VARIANCE = 1e-4


@dataclass(frozen=True)
class Cells:
    """Cells of the samples of one compartment.

    Attributes
    ----------
    counts : array, shape (samples, lineages)
    offset : array, shape (samples, 1)
        ln of all cells of the sample, minus ln cells per microlitre on the absolute scale.
    extra : array, shape (samples, 1)
        Further variance of the sample's log abundances: CV^2 of the measured total - 1 / all cells.
    """

    counts: Array
    offset: Array
    extra: Array

    def of(self, samples: npt.NDArray[np.bool_]) -> "Cells":
        """Fewer samples."""
        return replace(self, counts=self.counts[samples], offset=self.offset[samples], extra=self.extra[samples])

    def seen(self, more: float = 0.5) -> Array:
        """Log abundances as counted, with so many cells more; -inf where that leaves none."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.maximum(self.counts + more, 0)) - self.offset)

    def log_abundance(self, eta: Array, tau2: Array) -> tuple[Array, Array]:
        """Log abundances and their sampling variances at expected ln counts ``eta`` (:func:`working`)."""
        z, s = working(self.counts, eta, tau2)
        return z - self.offset, np.maximum(s + self.extra, LEAST_VARIANCE)


@functools.cache
def _tables() -> tuple[Array, Array, Array]:
    """Mean, slope and variance of ln(Y + 1/2) on the grid ``ETA`` x ``SD``, by Gauss-Hermite quadrature."""
    loglam = np.arange(-14, np.log(LARGE) + 1e-9, 0.02)
    lam, k = np.exp(loglam)[:, None], np.arange(0, 221)
    probability = np.exp(k * np.log(lam) - lam - special.gammaln(k + 1))
    z = np.log(k + 0.5)
    mean = probability @ z
    square = probability @ z**2
    slope = (probability @ np.log(k + 1.5) - mean) * lam[:, 0]
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    weights = weights / weights.sum()
    eta = ETA[:, None, None] + SD[None, :, None] * nodes
    with np.errstate(over="ignore"):
        inverse = np.exp(-eta)

    def expected(small: Array, large: Array) -> Array:
        return np.where(eta < np.log(LARGE), np.interp(eta, loglam, small), large) @ weights

    log_mean = eta - inverse**2 / 24
    first = expected(mean, log_mean)
    second = expected(square, log_mean**2 + inverse + inverse**2 / 2)
    return first, expected(slope, 1 + inverse**2 / 12), second - first**2


def moments(eta: npt.ArrayLike, sd: npt.ArrayLike) -> tuple[Array, Array, Array]:
    """Moments of ln(Y + 1/2) for Y ~ Poisson(exp(eta + b)), b ~ N(0, sd^2).

    Parameters
    ----------
    eta, sd : arrays that broadcast together

    Returns
    -------
    mean, slope, variance : arrays of the common shape
        ``slope`` is the derivative of the mean by ``eta``. Bilinear in a table, exact to about .002.
    """
    eta, sd = np.broadcast_arrays(np.asarray(eta, float), np.asarray(sd, float))
    rows = (np.clip(eta, ETA[0], ETA[-1]) - ETA[0]).ravel() / ETA_STEP
    at = np.stack([rows, np.clip(sd, 0, SD[-1]).ravel() / SD_STEP])
    mean, slope, variance = (
        ndimage.map_coordinates(table, at, order=1, mode="nearest").reshape(eta.shape) for table in _tables()
    )
    return mean + np.maximum(eta - ETA[-1], 0), slope, variance


def working(counts: Array, eta: Array, tau2: Array) -> tuple[Array, Array]:
    """Log counts and their sampling variances, both by the count that is expected.

    Parameters
    ----------
    counts, eta : array, shape (samples, lineages)
        Cells; ln expected cells.
    tau2 : array, shape (samples, 1)
        Variance between donors.

    Returns
    -------
    z, s : array like ``counts``
        ``z = eta + (ln(y + 1/2) - mean) / slope``, one Gauss-Newton step from ``eta``: its expectation is ``eta`` where
        that is right, whatever the depth; its variance is ``s + tau2``.
    """
    mean, slope, variance = moments(eta, np.sqrt(tau2))
    return eta + (np.log(counts + 0.5) - mean) / slope, np.maximum(variance / slope**2 - tau2, 1e-6)


def expected(
    cells: Cells,
    design: Array,
    arms: npt.NDArray[np.intp],
    tau2: Array | None = None,
    fixed: Array | float = 0.0,
) -> tuple[Array, Array]:
    """Fit the expected ln counts of every sample, and the variance between donors.

    Parameters
    ----------
    cells : Cells
    design : array, shape (samples, coefficients)
        May leave no residual degree of freedom if ``tau2`` is given.
    arms : array, shape (samples,)
        Number of each sample's arm, from whose mean it starts; of larger groups where the design has no column per arm.
    tau2 : array, shape (samples, 1), optional
        Estimated in turn with the means if not given.
    fixed : array, shape (samples, lineages)
        Part of the linear predictor that is not fitted.

    Returns
    -------
    eta : array, shape (samples, lineages)
        ln expected counts; all samples of an arm together expect at least half a cell.
    tau2 : array, shape (samples, 1)
    """
    total = np.exp(cells.offset)
    eta, lowest = np.empty(cells.counts.shape), np.empty_like(total)
    for arm in np.unique(arms):
        here = arms == arm
        rate = (cells.counts[here].sum(0) + 0.5) / total[here].sum()
        eta[here] = np.log(rate) + cells.offset[here]
        lowest[here] = np.log(0.5 * total[here] / total[here].sum())
    between = np.full_like(total, START) if tau2 is None else tau2
    shift = cells.offset + fixed
    for step in range(ROUNDS if tau2 is None else MORE_ROUNDS):
        z, s = working(cells.counts, eta, between)
        s = np.maximum(s + cells.extra, LEAST_VARIANCE)
        if tau2 is None and step > 0:
            between = donor_variance(z - shift, s, design, arms)
        beta = weighted_fit(z - shift, design, 1 / (s + between)).beta
        before, eta = eta, np.maximum(np.clip(design @ beta.T + shift, eta - STEP, eta + STEP), lowest)
        if tau2 is not None and np.abs(eta - before).max() < CONVERGED:
            break
    return eta, between


def expected_under(
    cells: Cells, design: Array, vector: Array, groups: npt.NDArray[np.intp], tau2: Array, null: Array | float
) -> Array:
    """Expected ln counts where the contrast is held at ``null`` (a number, or one per lineage).

    Parameters
    ----------
    cells, design, tau2 : as :func:`expected`
    vector : array, shape (coefficients,)
    groups : array, shape (samples,)
        Samples with the same number start from the same mean.
    null : float or array, shape (lineages,)

    Returns
    -------
    eta : array, shape (samples, lineages)
    """
    others = np.linalg.svd(vector[:, None])[0][:, 1:]
    fixed = np.outer(design @ (vector / (vector @ vector)), np.broadcast_to(null, cells.counts.shape[1:]))
    return expected(cells, design @ others, groups, tau2, fixed)[0]


def expected_in_arms(alike: Sequence[Cells], arms: Sequence[npt.NDArray[np.bool_]]) -> Array:
    """Cells that the smallest arm would have of a lineage if nothing differed.

    Parameters
    ----------
    alike : sequence of Cells
        Parts of the units that have the same abundances where nothing differs, such as those of one compartment.
    arms : sequence of bool array, shape (units,)

    Returns
    -------
    array, shape (lineages,)
        The smallest over arms and parts, at the rate pooled over them: what an arm *should* have, so that a lineage
        that the condition took away stays testable.
    """
    compared = np.logical_or.reduce(arms)
    totals = [np.exp(cells.offset) for cells in alike]
    every = sum(total[compared].sum() for total in totals)
    rate = sum(cells.counts[compared].sum(0) for cells in alike) / every
    return np.min([total[arm].sum() * rate for total in totals for arm in arms], axis=0)
