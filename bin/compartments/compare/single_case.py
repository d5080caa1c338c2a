"""One donor against the donors of the other arm."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from compartments.compare.counted import Counted, summed
from compartments.compare.donor_variance import moderate, weighted_fit
from compartments.compare.expected_counts import expected
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
    Crawford and Howell (1998) with sampling variances: the donor is compared with the reference donors' mean at the
    count that this mean leads to expect of him; the variance between donors is that of the reference arm, moderated
    over lineages. On the relative scale a donor's differences are taken against their own zero.
    """
    condition, reference = (term.has(arm) for arm in term.arms)
    z, s, tau2 = _against_reference(term, counted, reference)
    if counted.zero:
        z, s = counted.zero.values(z, s, tau2)
    controls, df = z[reference], int(reference.sum()) - 1
    weights, design = 1 / (s[reference] + tau2[reference]), np.ones((len(controls), 1))
    fit = weighted_fit(controls, design, weights)
    mean = fit.beta[:, 0]
    variance, prior, _, _ = moderate((weights * fit.residual**2).sum(0) / df, df)
    freedom = np.minimum(prior + df, df * z.shape[1])
    rows = []
    for unit in np.flatnonzero(condition):
        difference = z[unit] - mean
        se = np.sqrt(variance * (s[unit] + tau2[unit] + 1 / weights.sum(0)))
        if counted.zero:
            difference = difference - counted.zero.of(difference, se)
        case, half = mean + difference, stats.t.ppf(0.975, freedom) * se
        table = {
            "lineage": counted.features,
            "donor": term.units["donor"].iloc[unit],
            "log2_value": case / LN2,
            "reference_mean": mean / LN2,
            "log2fc": difference / LN2,
            "ci_low": (difference - half) / LN2,
            "ci_high": (difference + half) / LN2,
            "t": difference / se,
            "df": freedom,
            "p_value": 2 * stats.t.sf(np.abs(difference / se), freedom),
            "outside_reference_range": (case < controls.min(0)) | (case > controls.max(0)),
        }
        rows.append(pd.DataFrame(table))
    found = pd.concat(rows, ignore_index=True)
    return found.assign(k_outside=found.groupby("lineage")["outside_reference_range"].transform("sum").astype(int))


def _against_reference(term: Term, counted: Counted, reference: npt.NDArray[np.bool_]) -> tuple[Array, Array, Array]:
    """Values of all units at what the reference arm leads to expect, sampling variances, variance between donors."""
    means = []
    for cells in counted.parts:
        of = cells.of(reference)
        eta, tau2 = expected(of, np.ones((len(of.counts), 1)), np.zeros(len(of.counts), int))
        # with one mean for the arm, what is left after the offset is the same for all of its units
        level = (eta - of.offset).max(0)
        means.append((level + cells.offset, np.full_like(cells.offset, tau2[0, 0])))
    return summed(term, counted.parts, means)
