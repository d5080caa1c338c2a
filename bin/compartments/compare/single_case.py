"""One donor against the donors of the other arm."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from compartments.compare.counted import Counted, summed
from compartments.compare.donor_variance import moderate, weighted_fit
from compartments.compare.expected_counts import Cells, expected
from compartments.compare.zero import Zero
from compartments.core.vocabulary import LN2
from compartments.study.terms import Term

Array = npt.NDArray[np.float64]


def single_case_rows(term: Term, counted: Counted) -> pd.DataFrame:
    """One donor against the reference donors, for each donor with the condition.

    Parameters
    ----------
    term : Term
        With at least two reference units.
    counted : Counted
        Counts of its units.

    Returns
    -------
    DataFrame
        Columns of ``composition/single_case.tsv`` without keys, log2.

    Notes
    -----
    Crawford and Howell (1998) with sampling variances: for the test the donor is compared with the reference donors'
    mean at the count that this mean leads to expect of him; the variance between donors is that of the reference arm,
    moderated over lineages. Sizes and intervals read him at the count that he himself leads to expect, half a cell at
    least: one step from a mean that expects next to none would make thousandfold changes of a few cells. He is outside
    the reference donors' range if he were so, too, with half a cell less or more in any sample. On the relative scale a
    donor's differences are taken against their own zero.
    """
    condition, reference = (term.has(arm) for arm in term.arms)
    means = _reference_means(counted, reference)
    tested = _Differences.of(*summed(term, counted.parts, means), reference, counted.zero)
    sized = _Differences.of(
        *summed(term, counted.parts, _own_means(counted, condition, means)), reference, counted.zero
    )
    lowest, highest = _within_half_a_cell(term, counted.parts)
    lowest, highest = lowest - sized.shift, highest - sized.shift
    rows = []
    for unit in map(int, np.flatnonzero(condition)):
        (against_mean, error, _), (difference, se, zero) = tested.of_unit(unit), sized.of_unit(unit)
        half, t = stats.t.ppf(0.975, sized.df) * se, against_mean / error
        below = highest[unit] - zero < lowest[reference].min(0)
        above = lowest[unit] - zero > highest[reference].max(0)
        table = {
            "lineage": counted.features,
            "donor": term.units["donor"].iloc[unit],
            "log2_value": (sized.mean + difference) / LN2,
            "reference_mean": sized.mean / LN2,
            "log2fc": difference / LN2,
            "ci_low": (difference - half) / LN2,
            "ci_high": (difference + half) / LN2,
            "t": t,
            "df": tested.df,
            "p_value": 2 * stats.t.sf(np.abs(t), tested.df),
            "outside_reference_range": below | above,
        }
        rows.append(pd.DataFrame(table))
    found = pd.concat(rows, ignore_index=True)
    return found.assign(k_outside=found.groupby("lineage")["outside_reference_range"].transform("sum").astype(int))


@dataclass(frozen=True)
class _Differences:
    """Values of single units against the mean of the reference ones; ln units.

    Attributes
    ----------
    values, sampling : array, shape (units, lineages)
        With their sampling variances.
    between, shift : array, shape (units, 1)
        Variance between donors; what was taken off a unit's log abundances.
    mean, df, scale, spread : array, shape (lineages,)
        Of the reference units: mean, degrees of freedom, moderated factor of variances, the mean's variance but for it.
    zero : Zero or None
    """

    values: Array
    sampling: Array
    between: Array
    shift: Array
    mean: Array
    df: Array
    scale: Array
    spread: Array
    zero: Zero | None

    @classmethod
    def of(cls, z: Array, s: Array, tau2: Array, reference: npt.NDArray[np.bool_], zero: Zero | None) -> "_Differences":
        """From values, sampling variances and variances between donors, of all units."""
        values, sampling = zero.values(z, s, tau2) if zero else (z, s)
        controls, df = values[reference], int(reference.sum()) - 1
        weights, design = 1 / (sampling[reference] + tau2[reference]), np.ones((len(controls), 1))
        fit = weighted_fit(controls, design, weights)
        scale, prior, _, _ = moderate((weights * fit.residual**2).sum(0) / df, df)
        freedom = np.minimum(prior + df, df * z.shape[1])
        shift = (z - values)[:, :1]
        return cls(values, sampling, tau2, shift, fit.beta[:, 0], freedom, scale, 1 / weights.sum(0), zero)

    def of_unit(self, unit: int) -> tuple[Array, Array, float]:
        """Differences of a unit, against their own zero, their standard errors, and that zero."""
        difference = self.values[unit] - self.mean
        se = np.sqrt(self.scale * (self.sampling[unit] + self.between[unit] + self.spread))
        zero = self.zero.of(difference, se) if self.zero else 0.0
        return difference - zero, se, zero


def _within_half_a_cell(term: Term, parts: Sequence[Cells]) -> tuple[Array, Array]:
    """Lowest and highest log abundances of the units, shape (units, lineages), with half a cell less or more."""
    ends = [[cells.seen(more) for cells in parts] for more in (-0.5, 0.5)]
    turned = [part.weight < 0 for part in term.parts]
    low, high = (term.weighted([ends[at != turn][k] for k, turn in enumerate(turned)]) for at in (False, True))
    return low, high


def _reference_means(counted: Counted, reference: npt.NDArray[np.bool_]) -> list[tuple[Array, Array]]:
    """Expected ln counts of all units as the reference arm leads to expect, and variances between donors, by part."""
    means = []
    for cells in counted.parts:
        of = cells.of(reference)
        eta, tau2 = expected(of, np.ones((len(of.counts), 1)), np.zeros(len(of.counts), int))
        # with one mean for the arm, what is left after the offset is the same for all of its units
        level = (eta - of.offset).max(0)
        means.append((level + cells.offset, np.full_like(cells.offset, tau2[0, 0])))
    return means


def _own_means(
    counted: Counted, condition: npt.NDArray[np.bool_], means: Sequence[tuple[Array, Array]]
) -> list[tuple[Array, Array]]:
    """The same with each unit of ``condition`` at the mean that it has alone."""
    found = []
    for cells, (eta, tau2) in zip(counted.parts, means, strict=True):
        of = cells.of(condition)
        own, _ = expected(of, np.eye(len(of.counts)), np.arange(len(of.counts)), tau2[condition])
        eta = eta.copy()
        eta[condition] = own
        found.append((eta, tau2))
    return found
