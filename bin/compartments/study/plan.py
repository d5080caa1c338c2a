"""What will be compared, said before anything is computed."""

from collections.abc import Sequence
from math import comb
from typing import Any

import numpy as np
import pandas as pd

from compartments.core.vocabulary import kind_of_compartment
from compartments.study.arms import arm_design, donors_per_arm, residual_df, telling, tier
from compartments.study.study import COMPARTMENTS, Study
from compartments.study.terms import Term, terms_of


def design_table(study: Study) -> pd.DataFrame:
    """What each contrast and term rests on, before any data are seen.

    Returns
    -------
    DataFrame
        ``contrast, kind, condition, reference, group, group_reference, term, compartment, reference_compartment,
        n_condition, n_reference, residual_df, tier, permutation_floor, donors_condition, donors_reference, note``.
    """
    rows = []
    for term in terms_of(study):
        contrast, units = term.contrast, term.units
        n_condition, n_reference = donors_per_arm(term, study.covariates)
        note: list[str] = []
        df = 0
        if term.absent():
            note = [f"no {term.noun} with condition '{term.absent()}'"]
            if term.one_arm:
                note = [f"no donor with all of {_samples_of(term)}"]
        else:
            design, _, note = arm_design(term, study.covariates)
            alone = units.loc[term.in_arms() & ~telling(term, study.covariates), "donor"]
            note += [f"{donor} is alone with a level of a covariate and tells nothing" for donor in alone]
            df = residual_df(term, design.shape[1])
            if term.whole:
                n = term.whole.units["donor"].nunique() - term.units["donor"].nunique()
                note = [*note, f"{_donors(n)} more lack a sample and count, but in hubs and groups of edges"]
        first, *second = (",".join(units.loc[term.has(arm), "donor"]) for arm in term.arms)
        rows.append(
            {
                "contrast": contrast.contrast,
                "kind": term.kind,
                "condition": contrast.condition,
                "reference": contrast.reference,
                "group": contrast.group,
                "group_reference": contrast.group_reference,
                "term": term.name,
                "compartment": term.compartment,
                "reference_compartment": study.reference_compartment if term.across else "",
                "n_condition": n_condition,
                "n_reference": n_reference,
                "residual_df": df,
                "tier": tier(n_condition, n_reference, df),
                "permutation_floor": permutation_floor(term),
                "donors_condition": first,
                "donors_reference": second[0] if second else "",
                "note": "; ".join(note),
            }
        )
    return pd.DataFrame(rows)


def permutation_floor(term: Term) -> float:
    """Smallest p that exchanging arms, or turning signs of differences, can give; missing where neither is right."""
    n_condition, n_reference = donors_per_arm(term)
    if not min(n_condition, n_reference) or term.repeated:
        return np.nan
    return smallest_p(n_condition, n_reference, term.one_arm)


def smallest_p(n_condition: int, n_reference: int, one_arm: bool) -> float:
    """:func:`permutation_floor` of so many donors."""
    if one_arm:
        return float(2 / 2**n_condition)
    return (2 if n_condition == n_reference else 1) / comb(n_condition + n_reference, n_condition)


def _samples_of(term: Term) -> str:
    """The samples that a unit needs, in words."""
    return " and ".join(f"{part.compartment} {part.condition}".strip() for part in term.parts)


WORDS = {
    "between": "donors differ",
    "within": "each donor its own control",
    "mixed": "donors with both conditions and donors with one, together",
    "change": "change within donors, group against group",
    "compartments": "compartments of the same donors",
    "trend": "slope within donors",
}


def plan(study: Study, table: pd.DataFrame) -> str:
    """What will be compared, as a few lines of text for the start of a run.

    Parameters
    ----------
    study : Study
    table : DataFrame
        From :func:`design_table`.
    """
    samples = study.samples
    donors = _donors(samples["donor"].nunique())
    whole = (
        f"{len(samples)} samples of {donors}; compartments {', '.join(study.compartments)} "
        f"(reference {study.reference_compartment}); conditions {', '.join(samples['condition'].unique())}"
    )
    lines = [whole, _kinds(study.compartments)]
    lines += [_line(row) for row in table.itertuples()]
    lines += _left_out(study)
    for compartment in study.compartments[1:]:
        pair = [study.reference_compartment, compartment]
        present = samples[samples["compartment"].isin(pair)].groupby("donor", sort=False)["compartment"].agg(list)
        alone = [f"{donor} ({names[0]})" for donor, names in present.items() if len(set(names)) == 1]
        if alone:
            one = (study.contrasts["kind"] == COMPARTMENTS).all()
            count = "in composition and expression by the sample that they have" if one else "within their compartment"
            lines.append(
                f"skipped in {pair[1]} against {pair[0]}, for lack of the other sample: {', '.join(alone)}; they count "
                f"{count}"
            )
    lines += [f"note: {warning}" for warning in study.warnings]
    return "\n".join(lines) + "\n"


def _kinds(compartments: Sequence[str]) -> str:
    """What each compartment is taken for, so that a wrong guess is seen before anything is labelled by it."""
    taken = "; ".join(f"{name} for {kind_of_compartment(name)}" for name in compartments)
    return (
        f"by their names, compartments are taken for blood, CSF or tissue, on which labels and checks depend: {taken} "
        "(if wrong, name it with the word blood or CSF, or without)"
    )


def _donors(n: int) -> str:
    return f"{n} donor" if n == 1 else f"{n} donors"


def _line(row: Any) -> str:
    """One term of the design table, in words."""
    across = f" against {row.reference_compartment}" if row.reference_compartment else ""
    note = f" ({row.note})" if row.note else ""
    trust = "will be skipped: not testable" if row.tier == "not_testable" else row.tier
    if row.kind in ("between", "mixed"):
        what = "donor pairs" if across else "donors"
        arms = f"{row.n_condition} {row.condition} against {row.n_reference} {row.reference} {what}"
    elif row.kind == "change":
        arms = f"{row.n_condition} {row.group} against {row.n_reference} {row.group_reference} donors"
    else:
        arms = _donors(row.n_condition)
    kind = "" if row.kind == "between" else f", {WORDS[row.kind]}"
    return f"{row.contrast}, {row.compartment}{across}: {arms}{kind}: {trust}{note}"


def _left_out(study: Study) -> list[str]:
    """Donors with one of the conditions where each has to be its own control."""
    lines = []
    for term in terms_of(study):
        if term.across or term.kind not in ("within", "change", "trend"):
            continue
        needed = [part.condition for part in term.parts]
        here = study.samples[study.samples["compartment"] == term.compartment]
        here = here[here["condition"].isin(needed)]
        if term.contrast.group and not term.contrast.group_reference:
            here = here[here["group"] == term.contrast.group]
        alone = here[~here["donor"].isin(term.units["donor"])]
        if len(alone):
            named = ", ".join(
                f"{donor} ({', '.join(of['condition'])})" for donor, of in alone.groupby("donor", sort=False)
            )
            skipped = "not in hubs and groups of edges" if term.whole else "skipped"
            lines.append(f"{skipped} in {term.contrast.contrast}, {term.compartment}, for lack of the other: {named}")
    return lines
