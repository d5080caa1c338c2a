"""What is taken as unchanged where only proportions are known: the zero of the relative scale."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compartments.core.vocabulary import ZERO_KINDS

Array = npt.NDArray[np.float64]
MODE, MEDIAN, LINEAGES, PROPORTIONS = ZERO_KINDS
KERNEL_WIDTH = 1.5  # standard errors
GRID = 201


@dataclass(frozen=True)
class Zero:
    """A choice of what did not change.

    Attributes
    ----------
    kind : {"mode", "median", "lineages", "proportions"}
        The change that most lineages share (highest point of the sum of their Gaussian kernels, LinDA's idea, Zhou et
        al. 2022 Genome Biol 23:95), the median change, the mean of ``members``, or the sum of all cells.
    members : bool array, shape (lineages,)
        For ``lineages``.
    """

    kind: str
    members: npt.NDArray[np.bool_]

    @property
    def unknown(self) -> bool:
        """None of the lineages that count as unchanged is among those compared."""
        return self.kind == LINEAGES and not self.members.any()

    def values(self, z: Array, s: Array, tau2: Array) -> tuple[Array, Array]:
        """Log abundances against a log contrast of the sample's lineages, with their sampling variances.

        Parameters
        ----------
        z, s : array, shape (units, lineages)
        tau2 : array, shape (units, 1)

        Notes
        -----
        For mode and median the contrast's weights are the precisions of the lineages, the same in all units, so that
        the noise of no rare lineage gets into the others, as with the plain centred log-ratio.
        """
        if self.kind == PROPORTIONS:
            return z, s
        weight = self.members.astype(float) if self.kind == LINEAGES else 1 / (s.mean(0) + tau2.mean())
        weight = weight / weight.sum()
        against = s * (1 - 2 * weight) + (weight**2 * s).sum(1, keepdims=True)
        return z - (z @ weight)[:, None], np.maximum(against, 1e-4)

    def of(self, estimate: Array, se: Array) -> float:
        """The change that counts as none, given the changes of all lineages."""
        if self.kind == MEDIAN:
            return float(np.median(estimate))
        if self.kind == LINEAGES:
            return float(estimate[self.members].mean())
        return kernel_mode(estimate, se) if self.kind == MODE else 0.0

    def error(self, se: Array) -> float:
        """Variance of that zero: of a median of normal estimates, beyond the mean that the values have lost."""
        if self.kind in (MODE, MEDIAN):
            return float((np.pi / 2 - 1) / len(se) * np.median(se**2))
        return 0.0


def of_shares(zero: Zero | None) -> bool:
    """Whether abundances are shares of all cells."""
    return zero is not None and zero.kind == PROPORTIONS


def kernel_mode(estimate: Array, se: Array) -> float:
    """Where most estimates lie: highest point of the sum of Gaussian kernels of ``KERNEL_WIDTH`` standard errors."""
    if not np.isfinite(se).all():
        return float(np.median(estimate))
    grid = np.linspace(estimate.min(), estimate.max(), GRID)
    width = KERNEL_WIDTH * np.maximum(se, 1e-9)
    height = (np.exp(-0.5 * ((grid[:, None] - estimate) / width) ** 2) / width).sum(1)
    return float(grid[height.argmax()])
