"""How each compartment differs from the reference compartment, whatever the condition."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from compartments.compare.abundance import MIN_SAMPLES, Abundances
from compartments.compare.counted import Counted, fit_counts
from compartments.compare.donor_variance import with_p
from compartments.compare.moderated import interval
from compartments.compare.zero import Zero, of_shares
from compartments.core.multiple_testing import benjamini_hochberg
from compartments.core.vocabulary import EQUIV_MARGIN, LN2
from compartments.study.arms import tier
from compartments.study.study import Study


def compartment_rows(
    study: Study, lineages: Abundances, zero: Callable[[str, Sequence[str]], Zero | None]
) -> pd.DataFrame:
    """Differences between compartments of all lineages of a level.

    Parameters
    ----------
    study : compartments.study.study.Study
    lineages : Abundances
    zero : callable
        ``zero(scale, lineages)``: what counts as unchanged.

    Returns
    -------
    DataFrame without ``level``
        Within-donor differences, averaged over conditions of equal weight; on the relative scale against what counts
        as unchanged. ``mean_proportion`` is over all samples of the compartment, paired or not.
    """
    proportions = lineages.cells.div(lineages.totals, axis=0)
    reference = study.units(f"within:{study.reference_compartment}", study.reference_compartment)
    parts = []
    for compartment in study.compartments[1:]:
        units = study.units("interaction", compartment)
        # a lineage that one of the two compartments lacks differs between them all the more
        both = lineages.cells.loc[[*units["sample"], *units["reference_sample"]]]
        kept = list(lineages.cells.columns[((both > 0).sum() >= MIN_SAMPLES).to_numpy()])
        design = pd.get_dummies(units["condition"]).astype(float)
        df = len(units) - design.shape[1]
        if len(kept) < 2 or df < 1:
            continue
        vector = np.full(design.shape[1], 1 / design.shape[1])
        against = zero(lineages.scale, kept)
        sides = tuple(lineages.of(units[column], kept, of_shares(against)) for column in ("sample", "reference_sample"))
        counted = Counted(pd.Index(kept), sides, against, EQUIV_MARGIN)
        fit, _, _ = fit_counts(counted, units, design.to_numpy(), vector, counted.features)
        # differences of ten- and hundredfold are usual here: the p of the interval, not that under no difference
        fit = with_p(fit)
        low, high = interval(fit["estimate"], fit["se"], fit["df"])
        own = study.units(f"within:{compartment}", compartment)
        part = pd.DataFrame(
            {
                "lineage": kept,
                "compartment": compartment,
                "reference_compartment": study.reference_compartment,
                "scale": lineages.scale,
                "log2fc": fit["estimate"] / LN2,
                "se": fit["se"] / LN2,
                "df": fit["df"],
                "ci_low": low / LN2,
                "ci_high": high / LN2,
                "p_value": fit["p_value"],
                "q_value": benjamini_hochberg(fit["p_value"]),
                "mean_proportion": proportions.loc[own["sample"], kept].mean(),
                "mean_proportion_reference": proportions.loc[reference["sample"], kept].mean(),
                "n_donors": len(units),
                "tier": tier(len(units), len(units), df),
            }
        )
        parts.append(part.reset_index(drop=True))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
