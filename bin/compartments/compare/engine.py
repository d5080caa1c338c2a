"""The one way to compare two arms of donors: estimates, intervals, tests where donors replicate, and what they rest on.

Composition, gene sets, edges, groups of edges and hubs say what they measured (:class:`Measured`) and add their own
columns; tiers, intervals, p-values and detectable effects mean the same in all of them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.compare.expected_counts import LEAST_VARIANCE
from compartments.compare.moderated import fit_moderated, interval, minimum_detectable_effect
from compartments.compare.weighted import fit_weighted, with_p
from compartments.core.vocabulary import CLAIMABLE, TIERS
from compartments.study.arms import arm_design, arm_numbers, donors_per_arm, residual_df, tier
from compartments.study.terms import Term

Array = npt.NDArray[np.float64]
TESTS = ["estimate", "se", "df", "ci_low", "ci_high", "p_value", "p_plain", "mde80"]
OTHER_TEST = ["se_moderated", "df_moderated", "p_moderated"]
ONE_SIDED = ["p_decrease", "p_increase", "p_above_margin", "p_below_margin"]
OF_COUNTS = [*ONE_SIDED, "expected_cells", "df_prior", "df_arms"]  # what only counts of cells have
TESTED = [*TESTS[1:], *OTHER_TEST, *ONE_SIDED]  # empty where a feature cannot be tested
ARMS = ["n_condition", "n_reference", "tier"]
# column of the effects -> of the fit
OF_THE_FIT = {"df_residual": "df_plain", "tau2": "tau2", "prior_df": "d0", "prior_variance": "s02", "zero": "zero"}
# what donors that lack a sample have a say in; the others are of those who lack none
OF_EVERY = [*TESTS, *OTHER_TEST, *OF_COUNTS, *OF_THE_FIT]
OF_COMPLETE = ["p_plain", "df_residual", "expected_cells"]


class Fitted(NamedTuple):
    """Features of the same units, fitted.

    Attributes
    ----------
    table : DataFrame, shape (features, ...)
        As :func:`compartments.compare.moderated.fit_moderated`, in the units of the values.
    dropped : list of str
        Covariates left out of the design, with reasons.
    values : array, shape (units, features)
        What the estimates rest on.
    variances : array like ``values``, or None
    testable : bool array, shape (features,)
        The others keep their estimate only.
    """

    table: pd.DataFrame
    dropped: list[str]
    values: Array
    variances: Array | None
    testable: npt.NDArray[np.bool_]


class Measure(Protocol):
    """What can be compared: features of units, and how arms of them are fitted."""

    @property
    def features(self) -> pd.Index:
        """A name each."""

    @property
    def unit(self) -> float:
        """Estimates are divided by it: log 2 turns natural logs into log2."""

    @property
    def plain(self) -> bool:
        """Standard error, interval and p are those of one feature alone; else of variances moderated over features."""

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """Which units (rows) have which features."""

    def fit(
        self,
        term: Term,
        present: npt.NDArray[np.bool_],
        at: npt.NDArray[np.intp],
        covariates: Sequence[str],
    ) -> Fitted:
        """Compare the arms of a term, of which only the units that are ``present`` are left, in features ``at``."""


@dataclass(frozen=True)
class Measured:
    """A value of every unit (row) and feature (column).

    Attributes
    ----------
    features : Index
    values : array, shape (units, features)
        Rows as in ``Term.units``; missing where a unit does not have the feature.
    variances : array, shape (units, features), optional
        Sampling variances, for weights.
    unit : float
        Estimates are divided by it: log 2 turns natural logs into log2.
    plain : bool
        Standard error, interval and p are those of one feature alone; else of variances moderated over features.
    """

    features: pd.Index
    values: Array
    variances: Array | None = None
    unit: float = 1.0
    plain: bool = False

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """Which units have which features: those whose value is not missing."""
        return np.isfinite(self.values)

    def fit(
        self,
        term: Term,
        present: npt.NDArray[np.bool_],
        at: npt.NDArray[np.intp],
        covariates: Sequence[str],
    ) -> Fitted:
        """Fit by :func:`fit_arms`."""
        z = _part(self.values, present, at)
        v = None if self.variances is None else _part(self.variances, present, at)
        fit, dropped = fit_arms(term, z, v, covariates, pd.Index(at))
        return Fitted(fit, dropped, z, v, np.ones(len(at), bool))


@dataclass(frozen=True)
class Group:
    """Features that the same units have, compared in one fit.

    Attributes
    ----------
    features : Index
    absent : str
        Condition that none of the units has: nothing was compared.
    dropped : list of str
        Covariates left out of the design, with reasons.
    """

    features: pd.Index
    absent: str
    dropped: list[str]


@dataclass(frozen=True)
class Compared:
    """One term compared.

    Attributes
    ----------
    term : Term
    effects : DataFrame, shape (features compared, ...)
        In the order of the features: ``estimate, se, df, ci_low, ci_high, p_value, p_plain, mde80``, ``se_moderated,
        df_moderated, p_moderated``, ``n_condition, n_reference, tier``, and of the fit ``df_residual, tau2, prior_df,
        prior_variance`` (the two variances in squared units of the values) and ``zero`` (what was subtracted as no
        change); of counts also ``OF_COUNTS``.
    values : DataFrame, shape (units of the two arms, features compared)
        What the estimates rest on, in their unit; missing where a unit does not count.
    variances : array like ``values``, optional
    groups : list of Group
        In the order of their first features.
    """

    term: Term
    effects: pd.DataFrame
    values: pd.DataFrame
    variances: Array | None
    groups: list[Group]

    def donors(self) -> pd.DataFrame:
        """The values that the estimates rest on, a row each: the feature, ``donor, condition, value, variance``."""
        n, features = self.values.shape
        units = self.term.units.loc[self.values.index]
        table = self.values.columns.to_frame(index=False)
        table = table.iloc[np.tile(np.arange(features), n)].reset_index(drop=True)
        table["donor"] = np.repeat(units["donor"].to_numpy(), features)
        table["condition"] = np.repeat(units["arm"].to_numpy(), features)
        table["value"] = self.values.to_numpy(float).ravel()
        table["variance"] = np.nan if self.variances is None else self.variances.ravel()
        return table[table["value"].notna()].assign(**self.term.keys).reset_index(drop=True)


class Comparison(NamedTuple):
    """Effects of all terms, and what they rest on."""

    effects: pd.DataFrame
    compared: list[Compared]

    def donors(self) -> pd.DataFrame:
        """:meth:`Compared.donors` of all terms; without ``variance`` where none is known."""
        tables = [one.donors() for one in self.compared if len(one.effects)]
        if not tables:
            return pd.DataFrame()
        rows = pd.concat(tables, ignore_index=True)
        return rows if rows["variance"].notna().any() else rows.drop(columns="variance")


def compare(term: Term, measured: Measure, covariates: Sequence[str] = ()) -> Compared:
    """Compare the two conditions of a term, feature by feature.

    Parameters
    ----------
    term : Term
    measured : Measure
    covariates : sequence of str
        Adjusted for where the design allows; in differences within donors, too, for what a covariate does in one
        compartment more than in the other.

    Returns
    -------
    Compared
        Without residual degrees of freedom only the estimates; p-values only where both arms have two donors.

    Notes
    -----
    Features with the same units share one fit, with variances moderated over them. Conditions beside the two compared
    keep their own mean and share the variance.
    """
    features, whole = measured.features, measured.present
    values, variances = np.full(whole.shape, np.nan), np.full(whole.shape, np.nan)
    tables, groups = [], []
    for present, at in _shared_units(whole):
        part = term.of(present)
        n_condition, n_reference = donors_per_arm(part, covariates)
        absent = part.absent()
        dropped: list[str] = []
        if not absent:
            fitted = measured.fit(part, present, at, covariates)
            dropped, here = fitted.dropped, np.ix_(present, at)
            values[here] = fitted.values
            variances[here] = np.nan if fitted.variances is None else fitted.variances
            used = len(part.units) - int(fitted.table["df_plain"].iloc[0])
            trust = tier(n_condition, n_reference, residual_df(part, used))
            table = _tested(fitted, measured, replicated=trust in CLAIMABLE)
            trusted = np.where(fitted.testable, trust, TIERS[-1])
            tables.append(table.assign(n_condition=n_condition, n_reference=n_reference, tier=trusted))
        groups.append(Group(features[at], absent, dropped))
    empty = pd.DataFrame(columns=[*TESTS, *OTHER_TEST, *ARMS, *OF_THE_FIT], dtype=float).astype({"tier": object})
    effects = pd.concat(tables).sort_index() if tables else empty
    at, arms = effects.index.to_numpy(int), term.in_arms()
    rests_on = pd.DataFrame(values[arms][:, at] / measured.unit, term.units.index[arms], features[at])
    known = None if np.isnan(variances).all() else variances[arms][:, at] / measured.unit**2
    return Compared(term, effects.set_axis(features[at]), rests_on, known, groups)


def compare_every(term: Term, measure: Callable[[Term], Measure], covariates: Sequence[str] = ()) -> Compared:
    """:func:`compare`, with a say for donors that lack a sample of the term's units (``Term.whole``).

    Parameters
    ----------
    term : Term
    measure : callable
        The same features of the units of the term, and of ``Term.whole``.
    covariates : sequence of str

    Returns
    -------
    Compared
        Estimates, intervals and p-values of all donors, where those that lack no sample replicate; tier, numbers of
        donors, ``p_plain``, ``df_residual`` and values of the latter.
    """
    compared = compare(term, measure(term), covariates)
    if term.whole is None:
        return compared
    more = compare(term.whole, measure(term.whole), covariates)
    effects, whole = compared.effects.copy(), more.effects
    known = whole.index[whole["df_residual"].gt(0) & whole["tier"].isin(CLAIMABLE)]
    at = effects.index[effects["df_residual"].gt(0) & effects["tier"].isin(CLAIMABLE)].intersection(known, sort=False)
    columns = effects.columns.intersection(OF_EVERY).difference(OF_COMPLETE)
    effects.loc[at, columns] = whole.loc[at, columns]
    if "df_prior" in effects:  # what donors that lack a sample add
        effects.loc[at, "df_prior"] += whole.loc[at, "df_residual"] - effects.loc[at, "df_residual"]
    dropped = {feature: group.dropped for group in more.groups for feature in group.features.intersection(at)}
    groups = []
    for group in compared.groups:
        fitted = [dropped[feature] for feature in group.features if feature in dropped]
        groups.append(replace(group, dropped=fitted[0]) if fitted else group)
    return replace(compared, effects=effects, groups=groups)


def _shared_units(
    present: npt.NDArray[np.bool_],
) -> Iterable[tuple[npt.NDArray[np.bool_], npt.NDArray[np.intp]]]:
    """Which units have them, and positions, of features that the same units have; in the order of the first ones."""
    found: dict[bytes, list[int]] = {}
    for position, column in enumerate(np.ascontiguousarray(present.T)):
        found.setdefault(column.tobytes(), []).append(position)
    for pattern, positions in found.items():
        yield np.frombuffer(pattern, bool), np.array(positions)


def _part(array: Array, present: npt.NDArray[np.bool_], at: npt.NDArray[np.intp]) -> Array:
    """Rows and columns of an array, itself where that is all of it."""
    if present.all() and len(at) == array.shape[1]:
        return array
    return array[present][:, at]


def fit_arms(
    term: Term,
    z: Array,
    v: Array | None = None,
    covariates: Sequence[str] = (),
    names: pd.Index | Sequence[str] | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """Fit the contrast of a term; with no residual df, the bare difference without an interval.

    Parameters
    ----------
    term : Term
    z, v : array, shape (units, features)
        No missing values.
    covariates : see :func:`compartments.study.arms.arm_design`
    names : sequence, optional
        Of the features.

    Returns
    -------
    fit : DataFrame
        As :func:`compartments.compare.moderated.fit_moderated`; where donors have several units as
        :func:`compartments.compare.weighted.fit_weighted`.
    dropped : list of str
        Covariates left out.

    Raises
    ------
    ValueError
        An arm is empty.
    """
    design, vector, dropped = arm_design(term, covariates)
    x = design.to_numpy()
    if term.repeated and residual_df(term, x.shape[1]) > 0:
        s = np.full_like(z, LEAST_VARIANCE) if v is None else v
        donors = term.units["donor"].to_numpy(object)
        fit = with_p(fit_weighted(z, s, x, vector, arm_numbers(term), donors))
        return fit if names is None else fit.set_axis(names), dropped
    if len(x) > x.shape[1]:
        return fit_moderated(z, design, v, vector, names), dropped
    estimate = vector @ np.linalg.lstsq(x, z, rcond=None)[0]
    fit = pd.DataFrame({"estimate": estimate}, index=names)
    fit[["se", "df", "p_value", "se_plain", "p_plain"]] = np.nan
    fit["df_plain"] = 0.0
    fit.attrs = {"d0": np.nan, "s02": np.nan, "tau2": np.nan, "zero": 0.0}
    return fit, dropped


def _tested(fitted: Fitted, measured: Measure, replicated: bool) -> pd.DataFrame:
    """Estimates of a fit in their unit with interval and p-values; the latter only where donors replicate."""
    fit = fitted.table
    se, df, p = ("se_plain", "df_plain", "p_plain") if measured.plain else ("se", "df", "p_value")
    columns = {name: fit[name].to_numpy(float) for name in fit}
    estimate, error = columns["estimate"] / measured.unit, columns[se] / measured.unit
    freedom = columns[df] if columns["df_plain"][0] > 0 else np.full(len(fit), np.nan)
    low, high = interval(estimate, error, freedom)
    shown = 1.0 if replicated else np.nan
    table = {
        "estimate": estimate,
        "se": error,
        "df": freedom,
        "ci_low": low,
        "ci_high": high,
        "p_value": columns[p] * shown,
        "p_plain": columns["p_plain"] * shown,
        "mde80": minimum_detectable_effect(error, freedom),
        "se_moderated": columns["se"] / measured.unit,
        "df_moderated": columns["df"],
        "p_moderated": columns["p_value"] * shown,
    }
    given = columns | fit.attrs | {"zero": fit.attrs["zero"] / measured.unit}
    effects = pd.DataFrame(table | {column: given[name] for column, name in OF_THE_FIT.items()}, index=fit.index)
    effects = effects.join(fit[fit.columns.intersection(OF_COUNTS)])
    effects.loc[:, effects.columns.intersection(ONE_SIDED)] *= shown
    effects.loc[~fitted.testable, effects.columns.intersection(TESTED)] = np.nan
    return effects
