"""Arms of donors: the design of a comparison, and how far it may be trusted."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.core.vocabulary import TIERS
from compartments.study.terms import Term, of_numbers

MIN_DF_COVARIATE = 3
ROUNDING = 1e-9  # of what a sum is made of, up to which it is nothing


def arm_design(term: Term, covariates: Sequence[str] = ()) -> tuple[pd.DataFrame, npt.NDArray[np.float64], list[str]]:
    """Design matrix of a comparison: one column per arm, then the covariates that fit.

    Parameters
    ----------
    term : Term
    covariates : sequence of str
        Of the samplesheet. A covariate is left out, with its reason, if the contrast cannot be told from it or if it
        leaves fewer than 3 residual degrees of freedom. What of it is in the design already, such as a batch that holds
        all donors of an arm that is not compared, adds no column. Units of several samples have its weighted sum over
        the samples of each compartment, a coefficient per compartment: what is constant within donors cancels where one
        compartment's conditions are compared, and acts on one compartment more than on the other between them.

    Returns
    -------
    design : DataFrame, shape (units, coefficients), full column rank
    vector : array, shape (coefficients,)
        The contrast: first arm minus second, or the mean of the only one; with ``Term.signs``, their weights.
    dropped : list of str
        Reasons, one per covariate left out.

    Raises
    ------
    ValueError
        If an arm has no unit: ``no donor with <arm>``.
    """
    units = term.units
    if term.absent():
        raise ValueError(f"no donor with condition '{term.absent()}'")
    levels = list(dict.fromkeys(units["arm"]))
    design = pd.DataFrame({f"condition:{arm}": (units["arm"] == arm).astype(float) for arm in levels}, units.index)
    signs = term.signs or dict(zip(term.arms, (1.0, -1.0), strict=False))
    contrast = pd.Series({f"condition:{arm}": sign for arm, sign in signs.items()})
    dropped = []
    for covariate in covariates:
        columns = _covariate_columns(term, covariate)
        fresh = _independent(design, columns)
        if not _estimable(pd.concat([design, columns], axis=1), contrast):
            others = [name for name in design if name in contrast or not name.startswith("condition:")]
            dropped.append(f"{covariate} is collinear with {', '.join(others)}: not adjusted for")
        elif residual_df(term, design.shape[1] + fresh.shape[1]) < MIN_DF_COVARIATE and not fresh.empty:
            dropped.append(f"{covariate} would leave fewer than {MIN_DF_COVARIATE} residual df: not adjusted for")
        elif arm := _alone(term, pd.concat([design, fresh], axis=1), contrast):
            dropped.append(
                f"{covariate} has levels of one donor and would leave one of {arm} to tell: not adjusted for"
            )
        else:
            design = pd.concat([design, fresh], axis=1)
    return design, contrast.reindex(design.columns, fill_value=0.0).to_numpy(), dropped


def _alone(term: Term, design: pd.DataFrame, contrast: pd.Series) -> str:
    """The first arm of several donors of which a design leaves one that tells of the contrast; empty if none."""
    told = _telling(design, contrast.reindex(design.columns, fill_value=0.0).to_numpy())
    donors = {arm: term.units["donor"][term.has(arm)].nunique() for arm in term.arms}
    left = {arm: term.units["donor"][term.has(arm) & told].nunique() for arm in term.arms}
    return next((arm for arm in term.arms if left[arm] < 2 <= donors[arm]), "")


def _estimable(design: pd.DataFrame, contrast: pd.Series) -> bool:
    """Whether units tell a contrast of the coefficients of a design of any rank: it is a sum of rows."""
    rows = contrast.reindex(design.columns, fill_value=0.0).to_numpy()
    return bool(np.linalg.matrix_rank(np.vstack([design, rows])) == np.linalg.matrix_rank(design))


def _independent(design: pd.DataFrame, columns: pd.DataFrame) -> pd.DataFrame:
    """The columns that are no weighted sum of those of a design of full rank and of the ones before."""
    kept: list[str] = []
    for name in columns:
        wider = np.column_stack([design, columns[[*kept, name]]])
        if np.linalg.matrix_rank(wider) == wider.shape[1]:
            kept.append(name)
    return columns[kept]


def of_rows(
    design: npt.NDArray[np.float64], vector: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]] | None:
    """Columns of full rank that say the same as a design of some of its rows, which may be of lower rank.

    Parameters
    ----------
    design : array, shape (rows, coefficients)
    vector : array, shape (coefficients,)
        A contrast.

    Returns
    -------
    columns : int array
    vector : array, shape (columns,)
        The contrast in their coefficients; ``None`` where the rows do not tell it.
    """
    from scipy.linalg import qr  # takes longer to import than the check of a design takes

    _, upper, order = qr(design, mode="economic", pivoting=True)
    size = np.abs(np.diag(upper))
    columns = np.sort(order[: int((size > ROUNDING * size.max(initial=0.0)).sum())])
    if len(columns) == design.shape[1]:
        return columns, vector
    told = np.linalg.lstsq(design.T, vector, rcond=None)[0]
    if np.abs(told @ design - vector).max() > ROUNDING * np.abs(vector).max():
        return None
    return columns, told @ design[:, columns]


def held_design(
    term: Term, covariates: Sequence[str], kept: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    """Design matrix and contrast of some units of a term, adjusted for what all of them are.

    A covariate that a donor less leaves too few degrees of freedom for stays: an estimate without it would be of
    another question. ``None`` where these units do not tell the contrast.
    """
    design, vector, _ = arm_design(term, covariates)
    rows = design.to_numpy()[kept]
    left = of_rows(rows, vector)
    return None if left is None else (rows[:, left[0]], left[1])


def residual_df(term: Term, n_coefficients: int) -> int:
    """Degrees of freedom that units leave; where donors have several, those of as many donors and their own means."""
    if term.repeated:
        return int(term.units["donor"].nunique()) - n_coefficients + 1
    return len(term.units) - n_coefficients


def _covariate_columns(term: Term, name: str) -> pd.DataFrame:
    """Columns of a covariate: its codes, weighted over the samples of each compartment; none without information."""
    given = {p.column: term.units[name if p is term.parts[0] else f"{p.column}:{name}"] for p in term.parts}
    values = pd.concat(given.values(), ignore_index=True)
    codes = _coded(values, name, name not in term.categories and of_numbers(values, name)).to_numpy()
    of = dict(zip(given, np.split(codes, len(given)), strict=True))
    found: dict[str, npt.NDArray[np.float64]] = {}
    for stratum in term.strata:
        addends = np.array([part.weight * of[part.column] for part in stratum])
        for k, (column, size) in enumerate(zip(addends.sum(0).T, np.abs(addends).sum(0).T, strict=True)):
            # what is constant in donors cancels, but for rounding, where a trend's weights are no round numbers
            if np.abs(column).max() > ROUNDING * size.max():
                found[f"{name}:{stratum[0].compartment}:{k}"] = column
    return pd.DataFrame(found, index=term.units.index)


def _coded(values: pd.Series, name: str, numbers: bool) -> pd.DataFrame:
    """Numbers in standard deviations from their mean, so that their unit decides nothing, or 0/1 columns of all levels
    but the first; none if constant."""
    if numbers:
        numeric = pd.to_numeric(values).astype(float)
        return ((numeric - numeric.mean()) / numeric.std()).to_frame(name)
    levels = list(dict.fromkeys(values))
    return pd.DataFrame({f"{name}:{x}": (values == x).astype(float) for x in levels[1:]}, index=values.index)


def arm_numbers(term: Term) -> npt.NDArray[np.intp]:
    """Number of each unit's arm, in order of appearance."""
    return pd.factorize(term.units["arm"])[0]


def telling(term: Term, covariates: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which units tell anything of the contrast, in the design that adjusts for these covariates."""
    return _telling(*arm_design(term, covariates)[:2])


def _telling(design: pd.DataFrame, vector: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """A unit that is alone with a level of a covariate tells nothing: that level's coefficient fits it anyhow."""
    x = design.to_numpy()
    inverse = np.linalg.inv(x.T @ x)
    fitted = np.einsum("ij,jk,ik->i", x, inverse, x) > 1 - ROUNDING
    return np.asarray(~(fitted & (np.abs(x @ inverse @ vector) < ROUNDING)))


def donors_per_arm(term: Term, covariates: Sequence[str] = ()) -> tuple[int, int]:
    """Numbers of units of the two arms that tell their contrast; of the only arm, whose units are their own controls,
    twice."""
    told = telling(term, covariates) if covariates and not term.absent() else np.ones(len(term.units), bool)
    first, *second = (int((term.has(arm) & told).sum()) for arm in term.arms)
    return first, second[0] if second else first


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
