"""What will be compared, said before anything is computed."""

from math import comb

import numpy as np
import pandas as pd

from compartments.study.arms import arm_design, donors_per_arm, tier
from compartments.study.study import Study


def design_table(study: Study) -> pd.DataFrame:
    """What each contrast and term rests on, before any data are seen.

    Returns
    -------
    DataFrame
        ``contrast, condition, reference, term, compartment, reference_compartment, n_condition, n_reference,
        residual_df, tier, permutation_floor, donors_condition, donors_reference, note``.
    """
    rows = []
    for contrast, term, compartment in study.terms():
        units = study.units(term, compartment)
        n_condition, n_reference = donors_per_arm(units, contrast)
        note: list[str] = []
        df = 0
        if n_condition and n_reference:
            design, _, note = arm_design(units, contrast, study.covariates)
            df = len(units) - design.shape[1]
        else:
            absent = contrast.condition if not n_condition else contrast.reference
            note = [f"no {'pair' if term == 'interaction' else 'sample'} with condition '{absent}'"]
        floor = np.nan
        if n_condition and n_reference:
            floor = (2 if n_condition == n_reference else 1) / comb(n_condition + n_reference, n_condition)
        rows.append(
            {
                "contrast": contrast.contrast,
                "condition": contrast.condition,
                "reference": contrast.reference,
                "term": term,
                "compartment": compartment,
                "reference_compartment": study.reference_compartment if term == "interaction" else "",
                "n_condition": n_condition,
                "n_reference": n_reference,
                "residual_df": df,
                "tier": tier(n_condition, n_reference, df),
                "permutation_floor": floor,
                "donors_condition": ",".join(units.loc[units["condition"] == contrast.condition, "donor"]),
                "donors_reference": ",".join(units.loc[units["condition"] == contrast.reference, "donor"]),
                "note": "; ".join(note),
            }
        )
    return pd.DataFrame(rows)


def plan(study: Study, table: pd.DataFrame) -> str:
    """What will be compared, as a few lines of text for the start of a run.

    Parameters
    ----------
    study : Study
    table : DataFrame
        From :func:`design_table`.
    """
    samples = study.samples
    whole = (
        f"{len(samples)} samples of {samples['donor'].nunique()} donors; compartments {', '.join(study.compartments)} "
        f"(reference {study.reference_compartment}); conditions {', '.join(samples['condition'].unique())}"
    )
    lines = [whole]
    for row in table.itertuples():
        arms = f"{row.n_condition} {row.condition} against {row.n_reference} {row.reference}"
        what = "donor pairs" if row.term == "interaction" else "donors"
        against = f" against {row.reference_compartment}" if row.term == "interaction" else ""
        note = f" ({row.note})" if row.note else ""
        trust = "will be skipped: not testable" if row.tier == "not_testable" else row.tier
        lines.append(f"{row.contrast}, {row.compartment}{against}: {arms} {what}: {trust}{note}")
    for compartment in study.compartments[1:]:
        pair = [study.reference_compartment, compartment]
        present = samples[samples["compartment"].isin(pair)].groupby("donor", sort=False)["compartment"].agg(list)
        alone = [f"{donor} ({names[0]})" for donor, names in present.items() if len(names) == 1]
        if alone:
            lines.append(
                f"skipped in {pair[1]} against {pair[0]}, for lack of the other sample: {', '.join(alone)}; they count "
                "within their compartment"
            )
    lines += [f"note: {warning}" for warning in study.warnings]
    return "\n".join(lines) + "\n"
