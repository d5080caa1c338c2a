"""Fits of values with known sampling variances: estimates, moderated standard errors, p-values."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from compartments.compare.correlated import fit_units
from compartments.compare.donor_variance import donor_variance, moderate, own_variance, unweighted

Array = npt.NDArray[np.float64]
PLAIN = ("estimate_plain", "se_plain", "df_plain")


def fit_weighted(
    z: Array,
    s: Array,
    design: Array,
    vector: Array,
    arms: npt.NDArray[np.intp],
    donors: npt.NDArray[np.object_],
    tau2: Array | None = None,
    names: pd.Index | None = None,
) -> pd.DataFrame:
    """Fit every column of ``z`` with known sampling variances and test one contrast.

    Parameters
    ----------
    z, s : array, shape (units, lineages)
    design : array, shape (units, coefficients), full column rank, with at least one residual degree of freedom
    vector : array, shape (coefficients,)
        The contrast.
    arms, donors : array, shape (units,)
        A donor may have several units.
    tau2 : array, shape (units, 1), optional
        Variance between donors; :func:`compartments.compare.donor_variance.donor_variance` if not given.
    names : Index, optional
        Of the lineages.

    Returns
    -------
    DataFrame, shape (lineages, ...)
        ``estimate, se, df, se_plain, df_plain, estimate_plain`` as of
        :func:`compartments.compare.moderated.fit_moderated`, whose p-values :func:`with_p` adds; ``df_prior`` (at most
        that of all lineages together) and ``df_arms`` (of the variances that lineages share,
        :func:`compartments.compare.correlated.fit_units`), which limits ``df``. Attributes ``d0, s02, tau2`` (mean over
        units).

    Notes
    -----
    A lineage that varies more between donors than the others is fitted once more with a variance between donors of its
    own (:func:`compartments.compare.donor_variance.own_variance`). Under one variance for all, its deep samples would
    weigh as if their donors were hardly different: where depth is unlike, few donors then make its estimate, whose
    error looks too small. Its prior variance is that of all lineages in the new unit. Not where donors have several
    units, whose correlation is one of all lineages.
    """
    n, p = design.shape
    df = n - p
    if tau2 is None:
        tau2 = donor_variance(z, s, design, arms)
    fit, limit = fit_units(z, s, tau2, design, vector, arms, donors)
    posterior, prior, d0, s02 = moderate((fit.residual**2).sum(0) / df, df)
    if d0 > 0 and len(set(donors)) == n:
        unit = np.maximum(posterior, 1)
        fit, limit = fit_units(z, s, own_variance(s, tau2, posterior), design, vector, arms, donors)
        posterior = (prior * s02 / unit + df * (fit.residual**2).sum(0) / df) / (prior + df)
    prior = np.minimum(prior, df * (z.shape[1] - 1))
    unscaled = np.sqrt(fit.inverse @ vector @ vector)
    estimate, se, total = fit.beta @ vector, unscaled * np.sqrt(posterior), np.minimum(prior + df, limit)
    result = pd.DataFrame({"estimate": estimate, "se": se, "df": total}, index=names)
    result["estimate_plain"], result["se_plain"], _ = unweighted(z, design, vector)
    result["df_plain"] = float(df)
    result["df_prior"], result["df_arms"] = prior, limit
    result.attrs = {"d0": d0, "s02": s02, "tau2": float(tau2.mean()), "zero": 0.0}
    return result


def with_p(fit: pd.DataFrame) -> pd.DataFrame:
    """The fit with two-sided p-values of its estimates, moderated and plain."""
    return fit.assign(p_value=_two_sided(fit, "estimate", "se", "df"), p_plain=_two_sided(fit, *PLAIN))


def _two_sided(fit: pd.DataFrame, *names: str) -> Array:
    """p of an estimate over its standard error, under t; missing without degrees of freedom."""
    estimate, se, df = (fit[name].to_numpy(float) for name in names)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(2 * special.stdtr(df, -np.abs(estimate / se)))
