"""One donor against the donors of the other arm."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from compartments.compare.moderated import single_case_t
from compartments.compare.terms import Term
from compartments.core.vocabulary import LN2


def single_case_rows(term: Term, values: npt.NDArray[np.float64], lineages: list[str], centre: bool) -> pd.DataFrame:
    """One donor against the reference donors (Crawford and Howell 1998), for each donor with the condition.

    On the relative scale (``centre``) a donor's difference from the reference mean is taken against the median
    lineage. ``values`` are those of the term's units and the lineages, natural log.
    """
    condition, reference = term.has(term.contrast.condition), values[term.has(term.contrast.reference)]
    mean = reference.mean(0)
    difference = values[condition] - mean
    if centre:
        difference = difference - np.median(difference, axis=1, keepdims=True)
    case = mean + difference
    outside = (case < reference.min(0)) | (case > reference.max(0))
    rows = []
    for i, donor in enumerate(term.units["donor"][condition]):
        for j, lineage in enumerate(lineages):
            t, df, p = single_case_t(case[i, j], reference[:, j])
            half = stats.t.ppf(0.975, df) * abs(difference[i, j] / t) if t else np.nan
            rows.append(
                {
                    "lineage": lineage,
                    "donor": donor,
                    "log2_value": case[i, j] / LN2,
                    "reference_mean": mean[j] / LN2,
                    "log2fc": difference[i, j] / LN2,
                    "ci_low": (difference[i, j] - half) / LN2,
                    "ci_high": (difference[i, j] + half) / LN2,
                    "t": t,
                    "df": df,
                    "p_value": p,
                    "outside_reference_range": bool(outside[i, j]),
                    "k_outside": int(outside[:, j].sum()),
                }
            )
    return pd.DataFrame(rows)
