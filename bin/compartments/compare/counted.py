"""Cells of lineages compared between two arms of donors: what :mod:`compartments.compare.engine` asks of counts.

Estimates and intervals come from the fitted means of the arms; p-values from means fitted under the hypothesis that is
tested (score tests), which keeps one-sided error rates right where an arm has few cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from compartments.compare.donor_variance import fit_weighted, weighted_fit, with_p
from compartments.compare.engine import Fitted
from compartments.compare.expected_counts import START, Cells, expected, expected_in_arms, expected_under
from compartments.compare.zero import Zero
from compartments.core.vocabulary import LN2
from compartments.study.arms import arm_design, arm_numbers
from compartments.study.study import Contrast

Array = npt.NDArray[np.float64]
MIN_EXPECTED = 3.0  # cells; below it type-I error reaches .36 in simulation


@dataclass(frozen=True)
class Counted:
    """Counts of the units of a term.

    Attributes
    ----------
    features : Index
        Lineages.
    compartments : tuple of Cells
        The compartment's, and for differences within donors the reference compartment's; a row per unit.
    zero : Zero or None
        None on the absolute scale.
    margin : float
        Margin of equivalence, log2.
    unit : float
        Estimates are divided by it.
    plain : bool
        Standard errors are moderated over lineages.
    """

    features: pd.Index
    compartments: tuple[Cells, ...]
    zero: Zero | None
    margin: float
    unit: float = LN2
    plain: bool = False

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """Every unit has a count of every lineage, be it zero."""
        return np.ones(self.compartments[0].counts.shape, bool)

    def fit(
        self,
        units: pd.DataFrame,
        present: npt.NDArray[np.bool_],
        at: npt.NDArray[np.intp],
        contrast: Contrast,
        covariates: Sequence[str],
    ) -> Fitted:
        """Compare the arms of a contrast (see :class:`compartments.compare.engine.Measure`)."""
        design, vector, dropped = arm_design(units, contrast, covariates)
        fit, z, s = fit_counts(self, units, design.to_numpy(), vector, at)
        arms = [(units["condition"] == name).to_numpy() for name in (contrast.condition, contrast.reference)]
        fit["expected_cells"] = expected_in_arms(self.compartments, arms)
        return Fitted(fit, dropped, z, s, fit["expected_cells"].to_numpy() >= MIN_EXPECTED)


def fit_counts(
    counted: Counted, units: pd.DataFrame, design: Array, vector: Array, names: npt.NDArray[np.intp] | pd.Index
) -> tuple[pd.DataFrame, Array, Array]:
    """Fit counts on a design and test one contrast of its coefficients.

    Parameters
    ----------
    counted : Counted
    units : DataFrame
        With ``condition``.
    design : array, shape (units, coefficients), with a column per condition
    vector : array, shape (coefficients,)
    names : array or Index
        Of the lineages, for the rows.

    Returns
    -------
    fit : DataFrame
        As :func:`compartments.compare.donor_variance.fit_weighted`, ``p_value`` by the score test at 0, and one-sided
        score p-values ``p_decrease, p_increase`` (of a change below, above 0), ``p_above_margin, p_below_margin`` (of a
        change above -margin, below the margin). Only estimates where no residual degree of freedom is left.
    z, s : array, shape (units, lineages)
        Log abundances, or differences within donors, and their sampling variances; ln units.
    """
    arms = arm_numbers(units)
    if len(units) <= design.shape[1]:
        return _bare(counted, design, vector, arms, names)
    means = [expected(cells, design, arms) for cells in counted.compartments]
    z, s, tau2 = _values(counted.compartments, means)
    shift = 0.0
    # read anew where values are differences or log contrasts
    own = None if counted.zero or len(means) == 2 else tau2
    if counted.zero:
        raw = weighted_fit(z, design, 1 / (s + tau2))
        unscaled = np.sqrt(raw.inverse @ vector @ vector)
        shift = counted.zero.of(raw.beta @ vector, unscaled)
        z, s = counted.zero.values(z, s, tau2)
    fit = _centred(fit_weighted(z, s, design, vector, arms, own, pd.Index(names)), counted.zero)
    t = {}
    for null in (0.0, -counted.margin * LN2, counted.margin * LN2):
        under = _under(counted.compartments, means, design, vector, null + shift)
        values, variances, _ = _values(counted.compartments, under)
        if counted.zero:
            values, variances = counted.zero.values(values, variances, tau2)
        score = _centred(fit_weighted(values, variances, design, vector, arms, own), counted.zero)
        t[null] = ((score["estimate"] - null) / score["se"]).to_numpy(), score["df"].to_numpy()
    (at_zero, df), low, high = t.values()
    fit["p_value"] = 2 * stats.t.sf(np.abs(at_zero), df)
    fit["p_decrease"], fit["p_increase"] = stats.t.cdf(at_zero, df), stats.t.sf(at_zero, df)
    fit["p_above_margin"], fit["p_below_margin"] = stats.t.sf(*low), stats.t.cdf(*high)
    return fit, z, s


def _values(compartments: Sequence[Cells], means: Sequence[tuple[Array, Array]]) -> tuple[Array, Array, Array]:
    """Values of the units (of one compartment, or first minus second), sampling variances, variance between donors."""
    read = [cells.log_abundance(eta, tau2) for cells, (eta, tau2) in zip(compartments, means, strict=True)]
    z, s = zip(*read, strict=True)
    return reduce(np.subtract, z), reduce(np.add, s), reduce(np.add, [tau2 for _, tau2 in means])


def _under(
    compartments: Sequence[Cells],
    means: Sequence[tuple[Array, Array]],
    design: Array,
    vector: Array,
    null: float,
) -> list[tuple[Array, Array]]:
    """Means fitted with the contrast held at ``null``; of two compartments together, with its difference held there."""
    if len(compartments) == 1:
        of_one = np.zeros(len(design), int)
        return [(expected_under(compartments[0], design, vector, of_one, means[0][1], null), means[0][1])]
    both = Cells(*(np.concatenate(parts) for parts in zip(*(vars(c).values() for c in compartments), strict=True)))
    nothing = np.zeros_like(design)
    wide = np.block([[design, nothing], [nothing, design]])
    tau2 = np.concatenate([tau2 for _, tau2 in means])
    eta = expected_under(both, wide, np.concatenate([vector, -vector]), np.repeat([0, 1], len(design)), tau2, null)
    return list(zip(np.split(eta, 2), np.split(tau2, 2), strict=True))


def _centred(fit: pd.DataFrame, zero: Zero | None) -> pd.DataFrame:
    """Estimates against the zero of the relative scale, its error in the standard errors."""
    if zero is None:
        return fit
    at, se = zero.of(fit["estimate"].to_numpy(), fit["se"].to_numpy()), fit["se"].to_numpy()
    plain = zero.of(fit["estimate_plain"].to_numpy(), fit["se_plain"].to_numpy())
    fit = fit.assign(
        estimate=fit["estimate"] - at,
        estimate_plain=fit["estimate_plain"] - plain,
        se=np.sqrt(se**2 + zero.error(se)),
        se_plain=np.sqrt(fit["se_plain"] ** 2 + zero.error(fit["se_plain"].to_numpy())),
    )
    fit.attrs["zero"] = at
    return with_p(fit)


def _bare(
    counted: Counted,
    design: Array,
    vector: Array,
    arms: npt.NDArray[np.intp],
    names: npt.NDArray[np.intp] | pd.Index,
) -> tuple[pd.DataFrame, Array, Array]:
    """Estimates without a test, where donors do not replicate."""
    between = np.full((len(arms), 1), START)
    means = [expected(cells, design, arms, between) for cells in counted.compartments]
    z, s, tau2 = _values(counted.compartments, means)
    if counted.zero:
        z, s = counted.zero.values(z, s, tau2)
    estimate = vector @ np.linalg.lstsq(design, z, rcond=None)[0]
    zero = counted.zero.of(estimate, np.full(len(estimate), np.nan)) if counted.zero else 0.0
    fit = pd.DataFrame({"estimate": estimate - zero}, index=pd.Index(names))
    empty = ["se", "df", "p_value", "se_plain", "p_plain", "df_prior", "df_arms"]
    empty += ["p_decrease", "p_increase", "p_above_margin", "p_below_margin"]
    fit[empty] = np.nan
    fit["df_plain"] = 0.0
    fit.attrs = {"d0": np.nan, "s02": np.nan, "tau2": np.nan, "zero": zero}
    return fit, z, s
