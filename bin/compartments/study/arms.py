"""Two arms of donors: the design of a comparison, and how far it may be trusted."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.core.vocabulary import TIERS
from compartments.study.study import OTHER_SAMPLE, Contrast

MIN_DF_COVARIATE = 3


def arm_design(
    units: pd.DataFrame, contrast: Contrast, covariates: Sequence[str] = ()
) -> tuple[pd.DataFrame, npt.NDArray[np.float64], list[str]]:
    """Design matrix of a comparison of conditions: one column per condition, then the covariates that fit.

    Parameters
    ----------
    units : DataFrame
        Observations with column ``condition`` (from :meth:`Study.units`, possibly fewer rows).
    contrast : Contrast
    covariates : sequence of str
        Columns of ``units``. A covariate is left out, with its reason, if it is constant, collinear with the
        conditions, or leaves fewer than 3 residual degrees of freedom. In differences within donors it has a
        coefficient, too: what it does to one compartment more than to the other.

    Returns
    -------
    design : DataFrame, shape (units, coefficients), full column rank
    vector : array, shape (coefficients,)
        The contrast: condition minus reference.
    dropped : list of str
        Reasons, one per covariate left out.

    Raises
    ------
    ValueError
        If either arm has no unit: ``no donor with <condition>``.
    """
    levels = list(dict.fromkeys(units["condition"]))
    for level in (contrast.condition, contrast.reference):
        if level not in levels:
            raise ValueError(f"no donor with condition '{level}'")
    design = pd.DataFrame(
        {f"condition:{c}": (units["condition"] == c).astype(float) for c in levels}, index=units.index
    )
    dropped = []
    for covariate in covariates:
        columns = _covariate_columns(units, covariate)
        if columns.shape[1] == 0:
            continue
        wider = pd.concat([design, columns], axis=1)
        if np.linalg.matrix_rank(wider.to_numpy()) < wider.shape[1]:
            dropped.append(f"{covariate} is collinear with {', '.join(design.columns)}: not adjusted for")
        elif len(units) - wider.shape[1] < MIN_DF_COVARIATE:
            dropped.append(f"{covariate} would leave fewer than {MIN_DF_COVARIATE} residual df: not adjusted for")
        else:
            design = wider
    vector = np.zeros(design.shape[1])
    vector[design.columns.get_loc(f"condition:{contrast.condition}")] = 1
    vector[design.columns.get_loc(f"condition:{contrast.reference}")] = -1
    return design, vector, dropped


def _covariate_columns(units: pd.DataFrame, name: str) -> pd.DataFrame:
    """Columns of a covariate; of units that are pairs of samples also those of the other sample, where they differ."""
    columns, other = _coded(units[name], name), OTHER_SAMPLE + name
    if other not in units or (units[name].astype(str) == units[other].astype(str)).all():
        return columns
    return pd.concat([columns, _coded(units[other], other)], axis=1)


def _coded(values: pd.Series, name: str) -> pd.DataFrame:
    """Centred numeric column, or 0/1 columns of all levels but the first; none if constant."""
    if of_numbers(values, name.removeprefix(OTHER_SAMPLE)):
        numeric = pd.to_numeric(values)
        return (numeric - numeric.mean()).to_frame(name).astype(float)
    levels = list(dict.fromkeys(values))
    return pd.DataFrame({f"{name}:{x}": (values == x).astype(float) for x in levels[1:]}, index=values.index)


def of_numbers(values: pd.Series, name: str) -> bool:
    """True of a covariate of three or more different numbers; a batch is a name, also where it is a number."""
    numeric = pd.to_numeric(values, errors="coerce")
    return bool(name != "batch" and numeric.notna().all() and numeric.nunique() > 2)


def arm_numbers(units: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Number of each unit's condition, in order of appearance."""
    return pd.factorize(units["condition"])[0]


def donors_per_arm(units: pd.DataFrame, contrast: Contrast) -> tuple[int, int]:
    """Numbers of units with the condition and with the reference."""
    counts = units["condition"].value_counts()
    return int(counts.get(contrast.condition, 0)), int(counts.get(contrast.reference, 0))


def tier(n_condition: int, n_reference: int, df: float) -> str:
    """How far a comparison of donors may be trusted.

    Returns
    -------
    str
        ``inferential`` (at least 3 donors in each arm and 4 residual df), ``exploratory`` (at least 2),
        ``descriptive`` (at least 1) or ``not_testable``.
    """
    inferential, exploratory, descriptive, not_testable = TIERS
    smaller = min(n_condition, n_reference)
    if smaller >= 3 and df >= 4:
        return inferential
    if smaller >= 2 and df >= 1:
        return exploratory
    return descriptive if smaller >= 1 else not_testable
