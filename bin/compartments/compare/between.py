"""How each compartment differs from the reference compartment, whatever the condition."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from compartments.compare.abundance import MIN_SAMPLES, Abundances
from compartments.compare.counted import Counted, fit_counts
from compartments.compare.moderated import interval
from compartments.compare.weighted import with_p
from compartments.compare.zero import Zero, of_shares
from compartments.core.multiple_testing import benjamini_hochberg
from compartments.core.vocabulary import EQUIV_MARGIN, LN2
from compartments.study.arms import residual_df, tier
from compartments.study.study import Contrast, Study
from compartments.study.terms import term_of


def compartment_rows(
    study: Study, level: str, lineages: Abundances, zero: Callable[[str, Sequence[str]], Zero | None]
) -> pd.DataFrame:
    """Differences between compartments of all lineages of a level.

    Parameters
    ----------
    study : compartments.study.study.Study
    level : str
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
    samples = study.samples.groupby("compartment")["sample"]

    def mean_of(compartment: str, kept: list[str]) -> "pd.Series[float]":
        return proportions.loc[samples.get_group(compartment), kept].mean()

    parts = []
    for compartment in study.compartments[1:]:
        # every donor that has both, at each of its conditions
        term = term_of(study, Contrast("", "", ""), "interaction", compartment)
        units = term.units
        # a lineage that one of the two compartments lacks differs between them all the more
        both = lineages.cells.loc[[*units["sample"], *units["reference_sample"]]]
        both = both.drop(columns=list(term.named_by_one.get(level, {})), errors="ignore")
        kept = list(both.columns[((both > 0).sum() >= MIN_SAMPLES).to_numpy()])
        design = pd.get_dummies(units["arm"]).astype(float)
        df = residual_df(term, design.shape[1])
        if len(kept) < 2 or df < 1:
            continue
        vector = np.full(design.shape[1], 1 / design.shape[1])
        against = zero(lineages.scale, kept)
        if against and against.unknown:
            continue
        counted = Counted(pd.Index(kept), lineages.parts(term, kept, of_shares(against)), against, EQUIV_MARGIN)
        fit, _, _ = fit_counts(counted, term, design.to_numpy(), vector, counted.features)
        # differences of ten- and hundredfold are usual here: the p of the interval, not that under no difference
        fit = with_p(fit)
        n_donors = units["donor"].nunique()
        low, high = interval(fit["estimate"], fit["se"], fit["df"])
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
                "mean_proportion": mean_of(compartment, kept),
                "mean_proportion_reference": mean_of(study.reference_compartment, kept),
                "n_donors": n_donors,
                "tier": tier(n_donors, n_donors, df),
            }
        )
        parts.append(part.reset_index(drop=True))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
