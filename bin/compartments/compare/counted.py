"""Cells of lineages compared between two arms of donors: what :mod:`compartments.compare.engine` asks of counts.

Estimates and intervals come from the fitted means of the arms; p-values from means fitted under the hypothesis that is
tested (score tests), which keeps one-sided error rates right where an arm has few cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from compartments.compare.donor_variance import weighted_fit
from compartments.compare.engine import Fitted
from compartments.compare.expected_counts import START, Cells, expected, expected_in_arms, expected_under
from compartments.compare.weighted import fit_weighted, with_p
from compartments.compare.zero import Zero
from compartments.core.vocabulary import LN2
from compartments.study.arms import arm_design, arm_numbers, residual_df
from compartments.study.terms import Term

Array = npt.NDArray[np.float64]
MIN_EXPECTED = 3.0  # cells; below it type-I error reaches .36 in simulation


@dataclass(frozen=True)
class Counted:
    """Counts of the units of a term.

    Attributes
    ----------
    features : Index
        Lineages.
    parts : tuple of Cells
        Those of the samples of each part of the term; a row per unit.
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
    parts: tuple[Cells, ...]
    zero: Zero | None
    margin: float
    unit: float = LN2
    plain: bool = False

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """Every unit has a count of every lineage, be it zero."""
        return np.ones(self.parts[0].counts.shape, bool)

    def fit(
        self,
        term: Term,
        present: npt.NDArray[np.bool_],
        at: npt.NDArray[np.intp],
        covariates: Sequence[str],
    ) -> Fitted:
        """Compare the arms of a term (see :class:`compartments.compare.engine.Measure`)."""
        design, vector, dropped = arm_design(term, covariates)
        fit, z, s = fit_counts(self, term, design.to_numpy(), vector, at)
        arms = [term.has(arm) for arm in term.arms]
        columns = term.sample_columns
        fit["expected_cells"] = np.min(
            [expected_in_arms([self.parts[columns.index(p.column)] for p in alike], arms) for alike in term.strata],
            axis=0,
        )
        return Fitted(fit, dropped, z, s, fit["expected_cells"].to_numpy() >= MIN_EXPECTED)


def fit_counts(
    counted: Counted, term: Term, design: Array, vector: Array, names: npt.NDArray[np.intp] | pd.Index
) -> tuple[pd.DataFrame, Array, Array]:
    """Fit counts on a design and test one contrast of its coefficients.

    Parameters
    ----------
    counted : Counted
    term : Term
    design : array, shape (units, coefficients), with a column per arm
    vector : array, shape (coefficients,)
    names : array or Index
        Of the lineages, for the rows.

    Returns
    -------
    fit : DataFrame
        As :func:`compartments.compare.weighted.fit_weighted`, ``p_value`` by the score test at 0, and one-sided
        score p-values ``p_decrease, p_increase`` (of a change below, above 0), ``p_above_margin, p_below_margin`` (of a
        change above -margin, below the margin). Only estimates where no residual degree of freedom is left.
    z, s : array, shape (units, lineages)
        Log abundances, or weighted sums of those of the parts, and their sampling variances; ln units.
    """
    arms = arm_numbers(term)
    if len(design) <= design.shape[1] or residual_df(term, design.shape[1]) < 1:
        return _bare(counted, term, design, vector, arms, names)
    donors = term.units["donor"].to_numpy(object)
    means = [expected(cells, design, arms) for cells in counted.parts]
    z, s, tau2 = summed(term, counted.parts, means)
    shift = 0.0
    # read anew where values are differences or log contrasts
    own = None if counted.zero or len(means) > 1 else tau2
    if counted.zero:
        raw = weighted_fit(z, design, 1 / (s + tau2))
        unscaled = np.sqrt(raw.inverse @ vector @ vector)
        shift = counted.zero.of(raw.beta @ vector, unscaled)
        z, s = counted.zero.values(z, s, tau2)
    fit = _centred(fit_weighted(z, s, design, vector, arms, donors, own, pd.Index(names)), counted.zero)
    t = {}
    for null in (0.0, -counted.margin * LN2, counted.margin * LN2):
        under = _under(term, counted.parts, means, design, vector, null + shift)
        values, variances, _ = summed(term, counted.parts, under)
        if counted.zero:
            values, variances = counted.zero.values(values, variances, tau2)
        score = _centred(fit_weighted(values, variances, design, vector, arms, donors, own), counted.zero)
        t[null] = ((score["estimate"] - null) / score["se"]).to_numpy(), score["df"].to_numpy()
    (at_zero, df), low, high = t.values()
    fit = with_p(fit)
    fit["p_value"] = 2 * stats.t.sf(np.abs(at_zero), df)
    fit["p_decrease"], fit["p_increase"] = stats.t.cdf(at_zero, df), stats.t.sf(at_zero, df)
    fit["p_above_margin"], fit["p_below_margin"] = stats.t.sf(*low), stats.t.cdf(*high)
    return fit, z, s


def summed(term: Term, parts: Sequence[Cells], means: Sequence[tuple[Array, Array]]) -> tuple[Array, Array, Array]:
    """Values of the units, weighted sums over their parts, with sampling variances and variances between donors.

    Parameters
    ----------
    term : Term
    parts : sequence of Cells
    means : sequence of (eta, tau2)
        Of each part, from :func:`compartments.compare.expected_counts.expected`.

    Returns
    -------
    z, s, tau2 : arrays, shape (units, lineages), the last (units, 1)
    """
    read = [cells.log_abundance(eta, tau2) for cells, (eta, tau2) in zip(parts, means, strict=True)]
    z, s = zip(*read, strict=True)
    return term.weighted(z), term.weighted(s, power=2), term.weighted([tau2 for _, tau2 in means], power=2)


def _under(
    term: Term,
    parts: Sequence[Cells],
    means: Sequence[tuple[Array, Array]],
    design: Array,
    vector: Array,
    null: float,
) -> list[tuple[Array, Array]]:
    """Means fitted with the contrast held at ``null``: the weighted sum over the parts, which are fitted together."""
    n = len(parts)
    every = Cells(*(np.concatenate(arrays) for arrays in zip(*(vars(c).values() for c in parts), strict=True)))
    wide = np.asarray(np.kron(np.eye(n), design), float)
    tau2 = np.concatenate([tau2 for _, tau2 in means])
    held = np.concatenate([part.weight * vector for part in term.parts])
    eta = expected_under(every, wide, held, np.repeat(np.arange(n), len(design)), tau2, null)
    return list(zip(np.split(eta, n), np.split(tau2, n), strict=True))


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
    return fit


def _bare(
    counted: Counted,
    term: Term,
    design: Array,
    vector: Array,
    arms: npt.NDArray[np.intp],
    names: npt.NDArray[np.intp] | pd.Index,
) -> tuple[pd.DataFrame, Array, Array]:
    """Estimates without a test, where donors do not replicate."""
    between = np.full((len(arms), 1), START)
    means = [expected(cells, design, arms, between) for cells in counted.parts]
    z, s, tau2 = summed(term, counted.parts, means)
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
