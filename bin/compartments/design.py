"""The samplesheet and what may be asked of it: donors, compartments, conditions, pairs, contrasts, tiers."""

import csv
import difflib
import io
import itertools
import re
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from .cli import UserError
from .moderated import tier
from .tables import read_json, write_json

REQUIRED = ["sample", "donor", "compartment", "condition"]
INPUTS = ["raw", "filtered", "cellbender", "fastq_1", "fastq_2"]
# columns of numbers, and what they may be
NUMBERS = {
    "expected_cells": "a positive whole number",
    "loaded_cells": "a positive whole number",
    "cells_per_ul": "a positive number",
    "rbc_per_ul": "a number of at least 0",
}
SYNONYMS = {
    "patient": "donor",
    "subject": "donor",
    "individual": "donor",
    "tissue": "compartment",
    "treatment": "condition",
    "group": "condition",
    "arm": "condition",
    "sample_id": "sample",
    "id": "sample",
    "total_cells_per_ul": "cells_per_ul",
}
OBVIOUS_COMPARTMENTS = {"blood", "pb", "pbmc", "pbmcs", "peripheral_blood", "whole_blood"}
OBVIOUS_CONDITIONS = {"control", "controls", "ctrl", "untreated", "healthy", "hc", "placebo", "vehicle", "baseline"}
MIN_DF_COVARIATE = 3


def parse_samplesheet(text, name="samplesheet"):
    """Read and check a samplesheet, row by row.

    Parameters
    ----------
    text : str
        CSV or TSV; the delimiter is taken from the header line.
    name : str
        Named in messages.

    Returns
    -------
    DataFrame, one row per sample, all columns as strings except those of ``NUMBERS`` (Int64 where whole,
    else float); input columns always present, empty string where not given.

    Raises
    ------
    UserError
        Naming row (the header is row 1), column and fix.
    """
    text = text.lstrip("\ufeff")
    header_line = text.split("\n", 1)[0]
    delimiter = max(",\t;", key=header_line.count)
    # Nextflow users comment out a sample by '#': such lines and blank ones do not count, row numbers stay true
    rows = [
        (number, [cell.strip() for cell in row])
        for number, row in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter), start=1)
        if any(cell.strip() for cell in row) and not row[0].lstrip().startswith("#")
    ]
    if not rows:
        raise UserError(f"{name} is empty: it needs a header with {', '.join(REQUIRED)} and one row per sample")
    header = rows[0][1]
    while header and header[-1] == "":
        header.pop()
    _check_header(header, name)
    if len(rows) == 1:
        raise UserError(f"{name} has a header but no sample: add one row per sample")

    records, seen, places = [], {}, {}
    for number, cells in rows[1:]:
        if any(cells[len(header) :]):
            raise UserError(
                f"{name} row {number}: {len(cells)} fields but the header has {len(header)}; "
                "quote a value that contains the delimiter"
            )
        record = dict(zip(header, cells + [""] * (len(header) - len(cells)), strict=False))
        _check_record(record, name, number)
        sample, place = record["sample"], (record["donor"], record["compartment"])
        if sample in seen:
            raise UserError(
                f"{name} row {number}, column sample: '{sample}' is already in row {seen[sample]}; names are unique"
            )
        if place in places:
            raise UserError(
                f"{name} row {number}: donor '{place[0]}' already has a sample of compartment '{place[1]}' in row "
                f"{places[place]}; one sample per donor and compartment, so merge the two first"
            )
        seen[sample], places[place] = number, number
        records.append(record | {"row": number})
    frame = pd.DataFrame(records)
    for column in INPUTS:
        if column not in frame:
            frame[column] = ""
    for column in NUMBERS.keys() & frame.columns:
        kind = "Int64" if "whole" in NUMBERS[column] else float
        frame[column] = pd.to_numeric(frame[column]).astype(kind)
    _check_donors(frame, name)
    return frame


def _check_header(header, name):
    for column in header:
        if column == "":
            raise UserError(f"{name} row 1: an unnamed column between named ones; name it or remove it")
        if header.count(column) > 1:
            raise UserError(f"{name} row 1: column '{column}' is there twice; remove one")
        if column == "row":
            raise UserError(f"{name} row 1: the column name 'row' is reserved; rename it")
    for column in REQUIRED:
        if column not in header:
            meant = [
                c for c in header if SYNONYMS.get(c.lower()) == column or c.lower() == column
            ] or difflib.get_close_matches(column, header, 1, 0.75)
            fix = f"rename '{meant[0]}' to '{column}'" if meant else f"add it; the header has {', '.join(header)}"
            raise UserError(f"{name} row 1: column '{column}' is missing; {fix}")
    for column in header:
        known = [*REQUIRED, *INPUTS, *NUMBERS, "batch", "chemistry"]
        if column not in known:
            close = difflib.get_close_matches(column.lower(), known, 1, 0.85)
            if close and close[0] not in header:
                raise UserError(f"{name} row 1: column '{column}' looks like '{close[0]}'; rename it")


def _check_record(record, name, number):
    for column in REQUIRED:
        value = record[column]
        if not value:
            raise UserError(f"{name} row {number}, column {column}: empty; every sample needs a {column}")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", value):
            raise UserError(
                f"{name} row {number}, column {column}: '{value}' may hold letters, digits, '.', '_', '-' and '+' only "
                "(it becomes part of file names)"
            )
    for column, kind in NUMBERS.items():
        value = record.get(column, "")
        if value and not _is_number(value, kind):
            raise UserError(f"{name} row {number}, column {column}: '{value}' is not {kind}; mend or empty it")
    if not any(record.get(column) for column in ("raw", "filtered", "cellbender")):
        if record.get("fastq_1") or record.get("fastq_2"):
            raise UserError(
                f"{name} row {number}, column fastq_1: this version starts from counts; count the reads first "
                "(Cell Ranger, STARsolo, alevin-fry, kb) and give the matrix as 'raw'"
            )
        raise UserError(
            f"{name} row {number} (sample '{record['sample']}'): no input; give 'raw', 'filtered' or 'cellbender'"
        )


def _is_number(text, kind):
    try:
        value = float(text)
    except ValueError:
        return False
    if not np.isfinite(value) or value < 0 or ("positive" in kind and value == 0):
        return False
    return "whole" not in kind or value == int(value)


def _check_donors(frame, name):
    for donor, rows in frame.groupby("donor", sort=False):
        if rows["condition"].nunique() > 1:
            named = ", ".join(f"row {r.row} '{r.condition}'" for r in rows.itertuples())
            raise UserError(
                f"{name}, column condition: donor '{donor}' has two conditions ({named}); the condition is a property "
                "of the donor, so mend it or name the donor per time point"
            )
    for column in ("compartment", "condition"):
        values = list(frame[column].unique())
        for a, b in itertools.combinations(values, 2):
            if a.lower() == b.lower():
                row = frame.loc[frame[column] == b, "row"].iloc[0]
                raise UserError(f"{name} row {row}, column {column}: '{b}' and '{a}' differ only in case; use one")
        if len(values) < 2:
            raise UserError(
                f"{name}, column {column}: all samples have '{values[0]}'; at least two are needed, "
                f"else there is nothing to compare"
            )


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


def arm_design(units, contrast, covariates=(), adjust=True):
    """Design matrix of a comparison of conditions: one column per condition, then the covariates that fit.

    Parameters
    ----------
    units : DataFrame
        Observations with column ``condition`` (from :meth:`Study.units`, possibly fewer rows).
    contrast : named tuple ``contrast, condition, reference``
    covariates : sequence of str
        Columns of ``units``. A covariate is left out, with its reason, if it is constant, collinear with the
        conditions, or leaves fewer than 3 residual degrees of freedom.
    adjust : bool
        False leaves out all covariates without a reason (used for within-donor differences).

    Returns
    -------
    design : DataFrame, shape (units, coefficients), full column rank
    vector : array, shape (coefficients,)
        The contrast: condition minus reference.
    dropped : list of str
        Reasons, one per covariate left out.

    Raises
    ------
    ValueError
        If either arm has no unit: ``no donor with <condition>``.
    """
    levels = [c for c in dict.fromkeys(units["condition"])]
    for level in (contrast.condition, contrast.reference):
        if level not in levels:
            raise ValueError(f"no donor with condition '{level}'")
    design = pd.DataFrame(
        {f"condition:{c}": (units["condition"] == c).astype(float) for c in levels}, index=units.index
    )
    dropped = []
    for covariate in covariates if adjust else ():
        columns = _covariate_columns(units[covariate], covariate)
        if columns.shape[1] == 0:
            continue
        wider = pd.concat([design, columns], axis=1)
        if np.linalg.matrix_rank(wider.to_numpy()) < wider.shape[1]:
            dropped.append(f"{covariate} is collinear with {', '.join(design.columns)}: not adjusted for")
        elif len(units) - wider.shape[1] < MIN_DF_COVARIATE:
            dropped.append(f"{covariate} would leave fewer than {MIN_DF_COVARIATE} residual df: not adjusted for")
        else:
            design = wider
    vector = np.zeros(design.shape[1])
    vector[design.columns.get_loc(f"condition:{contrast.condition}")] = 1
    vector[design.columns.get_loc(f"condition:{contrast.reference}")] = -1
    return design, vector, dropped


def _covariate_columns(values, name):
    """Centred numeric column, or 0/1 columns of all levels but the first; none if constant."""
    numeric = pd.to_numeric(values, errors="coerce")
    if numeric.notna().all() and numeric.nunique() > 2:
        return (numeric - numeric.mean()).to_frame(name).astype(float)
    levels = list(dict.fromkeys(values))
    return pd.DataFrame({f"{name}:{x}": (values == x).astype(float) for x in levels[1:]}, index=values.index)


def donors_per_arm(units, contrast):
    """Numbers of units with the condition and with the reference."""
    counts = units["condition"].value_counts()
    return int(counts.get(contrast.condition, 0)), int(counts.get(contrast.reference, 0))


def design_table(study):
    """What each contrast and term rests on, before any data are seen.

    Returns
    -------
    DataFrame
        ``contrast, condition, reference, term, compartment, reference_compartment, n_condition, n_reference,
        residual_df, tier, permutation_floor, donors_condition, donors_reference, note``.
    """
    from math import comb

    rows = []
    for contrast, term, compartment in study.terms():
        units = study.units(term, compartment)
        n_condition, n_reference = donors_per_arm(units, contrast)
        note, df = [], 0
        if n_condition and n_reference:
            design, _, note = arm_design(units, contrast, study.covariates, adjust=term != "interaction")
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


def plan(study, table):
    """What will be compared, as a few lines of text for the start of a run.

    Parameters
    ----------
    study : Study
    table : DataFrame
        From :func:`design_table`.
    """
    samples = study.samples
    lines = [
        f"{len(samples)} samples of {samples['donor'].nunique()} donors; compartments {', '.join(study.compartments)} "
        f"(reference {study.reference_compartment}); conditions {', '.join(samples['condition'].unique())}"
    ]
    for row in table.itertuples():
        arms = f"{row.n_condition} {row.condition} against {row.n_reference} {row.reference}"
        what = "donor pairs" if row.term == "interaction" else "donors"
        place = (
            f"{row.compartment} against {row.reference_compartment}" if row.term == "interaction" else row.compartment
        )
        note = f" ({row.note})" if row.note else ""
        word = "will be skipped: not testable" if row.tier == "not_testable" else row.tier
        lines.append(f"{row.contrast}, {place}: {arms} {what}: {word}{note}")
    for compartment in study.compartments[1:]:
        pair = [study.reference_compartment, compartment]
        own = samples[samples["compartment"].isin(pair)].groupby("donor", sort=False)["compartment"].agg(list)
        alone = [f"{donor} ({places[0]})" for donor, places in own.items() if len(places) == 1]
        if alone:
            lines.append(
                f"skipped in {pair[1]} against {pair[0]}, for lack of the other sample: {', '.join(alone)}; they count "
                "within their compartment"
            )
    lines += [f"note: {warning}" for warning in study.warnings]
    return "\n".join(lines) + "\n"
