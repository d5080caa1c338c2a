"""The study that a samplesheet and the parameters ask for, and what its design cannot separate."""

from collections.abc import Sequence

import pandas as pd

from compartments.core.errors import UserError
from compartments.core.vocabulary import LIMITS, kind_of_compartment
from compartments.study.captures import captures_notes, specimens
from compartments.study.columns import note
from compartments.study.contrasts import (
    OBVIOUS_CONDITIONS,
    choose_reference,
    default_contrasts,
    of_compartments,
    parse_contrasts,
    parse_order,
    trend_of,
)
from compartments.study.covariates import chosen_covariates, notes_on_covariates, usable_covariates
from compartments.study.plan import design_table
from compartments.study.slips import notes_on_sex, questions
from compartments.study.study import Contrast, Study


def make_study(
    sheet: pd.DataFrame,
    reference_compartment: str = "",
    reference_condition: str = "",
    contrasts: str | None = None,
    covariates: Sequence[str] = (),
    primary_lineages: Sequence[str] = (),
    reference_group: str = "",
    condition_order: str = "",
    trend: bool = False,
) -> Study:
    """Build and check the :class:`Study` of a parsed samplesheet.

    Parameters
    ----------
    sheet : DataFrame
        From :func:`samplesheet.parse_samplesheet`.
    reference_compartment, reference_condition, reference_group : str
        Empty: the obvious one, else asked for.
    contrasts : str, optional
        Text of a contrasts table; default: every other condition against the reference, with groups within each and
        the change of change, and of one condition the compartments.
    covariates : sequence of str
        Columns to adjust for; ``batch`` is added when the samplesheet has it. One that some samples lack is left out
        of the study with a warning: without it every donor still counts, with it those donors would not.
    primary_lineages : sequence of str
        See :class:`Study`.
    condition_order : str
        Conditions in their order (:func:`compartments.study.contrasts.parse_order`), the first the reference.
    trend : bool
        Ask for the slope over them, too.

    Raises
    ------
    UserError
        Unknown reference, a covariate that the samplesheet lacks or that has no value, no donor in both arms anywhere.
    """
    compartments, conditions = (list(sheet[column].unique()) for column in ("compartment", "condition"))
    base = compartments[0]
    if len(compartments) > 1 or reference_compartment:
        blood = {name.lower() for name in compartments if kind_of_compartment(name) == "blood"}
        base = choose_reference(compartments, reference_compartment, blood, "compartment")
    order = parse_order(condition_order, conditions)
    covariates = chosen_covariates(sheet, covariates)
    covariates, warnings = usable_covariates(sheet, covariates)
    warnings += [*_warnings(sheet, base, covariates), *captures_notes(sheet), *_limits_notes(sheet)]
    warnings += [note(given, column) for given, column in sheet.attrs.get("renamed", {}).items()]
    if len(conditions) == 1:
        given = {"reference_condition": reference_condition, "contrasts": contrasts, "trend": trend}
        asked = _of_one_condition(sheet, base, [name for name, value in given.items() if value])
    elif contrasts is not None:
        asked = parse_contrasts(contrasts, sheet)
    else:
        first = choose_reference(
            conditions, reference_condition or next(iter(order), ""), OBVIOUS_CONDITIONS, "condition"
        )
        asked = default_contrasts(sheet, first, _reference_group(sheet, reference_group))
    if trend:
        asked.append(trend_of(sheet, order))
    warnings += _without_group(sheet, asked)
    table = pd.DataFrame(asked, columns=Contrast._fields)
    study = Study(sheet, base, table, covariates, warnings, list(primary_lineages), order)
    if not (design_table(study)["tier"] != "not_testable").any():
        raise UserError(
            "no contrast has a donor in both arms within any compartment, so that nothing can be estimated: sample a "
            "compartment under both conditions, in different donors or before and after in the same ones"
        )
    return study


def _of_one_condition(sheet: pd.DataFrame, reference: str, given: list[str]) -> list[Contrast]:
    """The compartments of the same donors; options that need two conditions are refused."""
    if given:
        condition = sheet["condition"].iloc[0]
        raise UserError(f"--{given[0]} is given, but all samples have condition '{condition}'; leave it out")
    return of_compartments(sheet["compartment"].unique(), reference)


def _without_group(sheet: pd.DataFrame, asked: Sequence[Contrast]) -> list[str]:
    """Donors that no contrast is of, because all are of groups and they have none."""
    if not all(contrast.group for contrast in asked):
        return []
    rows = sheet[sheet["group"] == ""]
    if rows.empty:
        return []
    named, row = ", ".join(rows["donor"].unique()), rows["row"].iloc[0]
    why = f"as every contrast is of groups and column group is empty (row {row})"
    return [f"{named}: in no contrast, {why}: fill it in, or name the contrasts that you mean with --contrasts"]


def _reference_group(sheet: pd.DataFrame, given: str) -> str:
    """The group that others are compared with; empty where donors are of one group."""
    groups = [group for group in sheet["group"].unique() if group] if "group" in sheet else []
    return choose_reference(groups, given, OBVIOUS_CONDITIONS, "group") if len(groups) > 1 else ""


def _limits_notes(sheet: pd.DataFrame) -> list[str]:
    """Which samples have quality limits of their own, so that nobody takes those of the run for theirs."""
    own = []
    for row in sheet.to_dict("records"):
        given = [f"{name} {row[name]:g}" for name in LIMITS if name in row and pd.notna(row[name])]
        own += [f"{row['sample']} ({', '.join(given)})"] if given else []
    said = "quality limits of their own, in place of the parameters; where these differ between compartments, so do the"
    return [f"{said} cells that are kept: {', '.join(own)}"] if own else []


def _warnings(sheet: pd.DataFrame, reference_compartment: str, covariates: Sequence[str]) -> list[str]:
    """Plain sentences on what the design cannot separate."""
    sentences = []
    has = sheet.groupby("donor", sort=False)["compartment"].agg(set)
    count = "within a compartment, not for the interaction"
    if sheet["condition"].nunique() == 1:  # as the plan says it
        count = "in composition and expression by the sample that they have, not in hubs and groups of edges"
    for compartment in [c for c in sheet["compartment"].unique() if c != reference_compartment]:
        alone = [d for d, c in has.items() if (compartment in c) != (reference_compartment in c)]
        if alone:
            sentences.append(
                f"{len(alone)} of {len(has)} donors lack {compartment} or {reference_compartment} "
                f"({', '.join(alone)}): they count {count}"
            )
    if sheet["condition"].nunique() == 1 and "group" in sheet and sheet["group"].nunique() > 1:
        sentences.append(
            "all samples have one condition, so compartments are compared and column group is not used; to compare "
            "groups of donors, name that column condition"
        )
    of = sheet.groupby(["donor", "condition"], sort=False)["compartment"].nunique().groupby("donor", sort=False)
    apart = [donor for donor, n in of if len(n) > 1 and n.max() == 1 and len(has[donor]) > 1]
    if apart:
        sentences.append(
            f"{', '.join(apart)}: each compartment has another condition, so they count within compartments only; mend "
            "the condition if it is a slip"
        )
    sentences += notes_on_covariates(sheet, covariates)
    of_specimens = specimens(sheet)
    measured = of_specimens.get("cells_per_ul", pd.Series(dtype=float))
    if measured.isna().any() and measured.notna().any():
        lacking = ", ".join(of_specimens.loc[measured.isna(), "sample"])
        sentences.append(f"cells_per_ul is missing for {lacking}: composition uses the relative scale for all samples")
    return [*sentences, *questions(sheet, covariates), *notes_on_sex(sheet)]
