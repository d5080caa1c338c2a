"""What may be asked of a samplesheet: compartments, conditions, pairs, contrasts."""

import csv
import difflib
import io
import re
from dataclasses import dataclass, field, replace

import pandas as pd

from compartments.core.errors import UserError
from compartments.core.files import read_json, write_json
from compartments.study.plan import design_table
from compartments.study.samplesheet import NUMBERS

OBVIOUS_COMPARTMENTS = {"blood", "pb", "pbmc", "pbmcs", "peripheral_blood", "whole_blood"}
OBVIOUS_CONDITIONS = {"control", "controls", "ctrl", "untreated", "healthy", "hc", "placebo", "vehicle", "baseline"}


def choose_reference(values, given, obvious, column):
    """The reference level: the given one, else the only obvious one.

    Raises
    ------
    UserError
        Unknown level, or none that is obvious: the choice is asked for by parameter name.
    """
    values = list(dict.fromkeys(values))
    if given:
        if given not in values:
            close = difflib.get_close_matches(given, values, 1, 0.5)
            hint = f"did you mean '{close[0]}'?" if close else f"the samplesheet has {', '.join(values)}"
            raise UserError(f"--reference_{column} '{given}' is not in column {column} of the samplesheet; {hint}")
        return given
    found = [value for value in values if value.lower() in obvious]
    if len(found) == 1:
        return found[0]
    raise UserError(
        f"column {column} has {', '.join(values)} and no obvious reference: choose one with --reference_{column}"
    )


def parse_contrasts(text, conditions, name="contrasts"):
    """Read a contrasts table: columns ``condition, reference`` and optionally ``contrast`` (its name).

    Raises
    ------
    UserError
        Missing column, unknown level, the same level twice, a repeated name.
    """
    text = text.lstrip("\ufeff")
    delimiter = max(",\t;", key=text.split("\n", 1)[0].count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    for column in ("condition", "reference"):
        if column not in (reader.fieldnames or []):
            raise UserError(f"{name} row 1: column '{column}' is missing; a contrasts table has condition, reference")
    rows = []
    for number, row in enumerate(reader, start=2):
        row = {key: (value or "").strip() for key, value in row.items() if key}
        for column in ("condition", "reference"):
            if row[column] not in conditions:
                raise UserError(
                    f"{name} row {number}, column {column}: '{row[column]}' is not a condition of the samplesheet; "
                    f"it has {', '.join(conditions)}"
                )
        if row["condition"] == row["reference"]:
            raise UserError(f"{name} row {number}: condition and reference are both '{row['reference']}'")
        label = row.get("contrast") or f"{row['condition']}_vs_{row['reference']}"
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", label):
            raise UserError(
                f"{name} row {number}, column contrast: '{label}' may hold letters, digits, '.', '_' and '-'"
            )
        if label in [r["contrast"] for r in rows]:
            raise UserError(f"{name} row {number}: contrast '{label}' is there twice; name them apart")
        rows.append({"contrast": label, "condition": row["condition"], "reference": row["reference"]})
    if not rows:
        raise UserError(f"{name} has no contrast: add a row with condition and reference")
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Study:
    """Samples and the questions asked of them; written once as ``study.json`` and read by every cohort step.

    Attributes
    ----------
    samples : DataFrame
        One row per sample in samplesheet order, columns as :func:`parse_samplesheet` gives them.
    reference_compartment : str
    contrasts : DataFrame
        ``contrast, condition, reference``.
    covariates : list of str
        Samplesheet columns to adjust for where the design allows (``batch`` among them if given).
    warnings : list of str
    primary_lineages : list of str
        Lineages that the study asks about by name; their tests are a family of their own.
    """

    samples: pd.DataFrame
    reference_compartment: str
    contrasts: pd.DataFrame
    covariates: list
    warnings: list
    primary_lineages: list = field(default_factory=list)

    @property
    def compartments(self):
        """All compartments, the reference first, the others in samplesheet order."""
        others = [c for c in self.samples["compartment"].unique() if c != self.reference_compartment]
        return [self.reference_compartment, *others]

    @property
    def absolute(self):
        """True if every sample has ``cells_per_ul``."""
        return "cells_per_ul" in self.samples and bool(self.samples["cells_per_ul"].notna().all())

    def terms(self):
        """Every (contrast row, term, compartment): ``within:<compartment>`` for all, then ``interaction`` for each
        compartment but the reference.

        Yields
        ------
        contrast : named tuple ``contrast, condition, reference``
        term, compartment : str
        """
        for contrast in self.contrasts.itertuples(index=False):
            for compartment in self.compartments:
                yield contrast, f"within:{compartment}", compartment
            for compartment in self.compartments[1:]:
                yield contrast, "interaction", compartment

    def subset(self, samples):
        """The same study with only the named samples (a collection), in samplesheet order."""
        kept = self.samples[self.samples["sample"].isin(set(samples))]
        return replace(self, samples=kept)

    def units(self, term, compartment):
        """The observations of a term.

        Returns
        -------
        DataFrame
            For ``within:*``: one row per sample of the compartment, index ``sample``. For ``interaction``: one row
            per donor that has both compartments, index ``donor``, with ``sample`` (of the compartment) and
            ``reference_sample``. Both carry ``donor``, ``condition`` and all samplesheet columns of ``sample``.
        """
        own = self.samples[self.samples["compartment"] == compartment]
        if term != "interaction":
            return own.set_index("sample", drop=False).rename_axis(None)
        base = self.samples[self.samples["compartment"] == self.reference_compartment].set_index("donor")["sample"]
        paired = own[own["donor"].isin(base.index)]
        paired = paired.assign(reference_sample=paired["donor"].map(base))
        return paired.set_index("donor", drop=False).rename_axis(None)

    def save(self, path):
        """Write as JSON."""
        samples = self.samples.astype(object).where(self.samples.notna(), None)
        write_json(
            {
                "samples": samples.to_dict("records"),
                "reference_compartment": self.reference_compartment,
                "contrasts": self.contrasts.to_dict("records"),
                "covariates": self.covariates,
                "warnings": self.warnings,
                "primary_lineages": self.primary_lineages,
            },
            path,
        )

    @classmethod
    def load(cls, path):
        """Read what :meth:`save` wrote."""
        value = read_json(path)
        samples = pd.DataFrame(value["samples"])
        for column in NUMBERS:
            if column in samples:
                samples[column] = pd.to_numeric(samples[column])
        return cls(
            samples,
            value["reference_compartment"],
            pd.DataFrame(value["contrasts"]),
            value["covariates"],
            value["warnings"],
            value["primary_lineages"],
        )


def make_study(
    sheet, reference_compartment="", reference_condition="", contrasts=None, covariates=(), primary_lineages=()
):
    """Build and check the :class:`Study` of a parsed samplesheet.

    Parameters
    ----------
    sheet : DataFrame
        From :func:`parse_samplesheet`.
    reference_compartment, reference_condition : str
        Empty: the obvious one, else asked for.
    contrasts : str, optional
        Text of a contrasts table; default: every other condition against the reference.
    covariates : sequence of str
        Columns to adjust for; ``batch`` is added when the samplesheet has it.
    primary_lineages : sequence of str
        See :class:`Study`.

    Raises
    ------
    UserError
        Unknown reference or covariate, no donor in both arms anywhere.
    """
    reference_compartment = choose_reference(
        sheet["compartment"], reference_compartment, OBVIOUS_COMPARTMENTS, "compartment"
    )
    conditions = list(sheet["condition"].unique())
    if contrasts is not None:
        table = parse_contrasts(contrasts, conditions)
    else:
        base = choose_reference(conditions, reference_condition, OBVIOUS_CONDITIONS, "condition")
        table = pd.DataFrame(
            {"contrast": f"{c}_vs_{base}", "condition": c, "reference": base} for c in conditions if c != base
        )
    covariates = list(dict.fromkeys(covariates))
    if "batch" in sheet and sheet["batch"].ne("").all() and "batch" not in covariates:
        covariates.append("batch")
    for covariate in covariates:
        if covariate not in sheet:
            raise UserError(f"--covariates '{covariate}' is not a column of the samplesheet; it has {', '.join(sheet)}")
        if covariate in ("sample", "donor", "compartment", "condition"):
            raise UserError(f"--covariates '{covariate}' is part of the design already; remove it")
        empty = sheet[covariate].isna() | (sheet[covariate].astype(str) == "")
        if empty.any():
            raise UserError(
                f"samplesheet row {sheet['row'][empty].iloc[0]}, column {covariate}: empty, but it is a covariate"
            )
    warnings = _warnings(sheet, reference_compartment, covariates)
    study = Study(sheet, reference_compartment, table, covariates, warnings, list(primary_lineages))
    if not (design_table(study)["tier"] != "not_testable").any():
        raise UserError("no contrast has a donor in both arms within any compartment: there is nothing to compare")
    return study


def _warnings(sheet, reference_compartment, covariates):
    """Plain sentences on what the design cannot separate."""
    found = []
    has = sheet.groupby("donor", sort=False)["compartment"].agg(set)
    for compartment in [c for c in sheet["compartment"].unique() if c != reference_compartment]:
        alone = [d for d, c in has.items() if (compartment in c) != (reference_compartment in c)]
        if alone:
            found.append(
                f"{len(alone)} of {len(has)} donors lack {compartment} or {reference_compartment} "
                f"({', '.join(alone)}): they count within a compartment, not for the interaction"
            )
    for covariate in covariates:
        if (sheet.groupby("donor")[covariate].nunique() == 1).all():
            found.append(f"{covariate} is constant within every donor: within-donor differences are free of it")
        for column in ("condition", "compartment"):
            if sheet.groupby(covariate)[column].nunique().eq(1).all() and sheet[covariate].nunique() > 1:
                found.append(
                    f"{covariate} is confounded with {column} (every {covariate} has one {column} only): "
                    f"an effect of {column} cannot be told from an effect of {covariate}"
                )
    if "cells_per_ul" in sheet and sheet["cells_per_ul"].isna().any() and sheet["cells_per_ul"].notna().any():
        lacking = ", ".join(sheet.loc[sheet["cells_per_ul"].isna(), "sample"])
        found.append(f"cells_per_ul is missing for {lacking}: composition uses the relative scale for all samples")
    return found
