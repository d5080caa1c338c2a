"""Covariates that a study is asked to adjust for: what they may be, and what the design cannot tell from them."""

import difflib
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from compartments.core.errors import UserError
from compartments.core.vocabulary import CLASSES, INPUTS, UNKNOWN
from compartments.study.terms import of_numbers

DESIGN = ("sample", "donor", "compartment", "condition")
MOST_CODES = 9
COMMA = re.compile(r"[+-]?\d+,\d+")
# numbers as privacy rules want them (>89), and with units
DRESSED = re.compile(
    r"[<>≤≥~≈]=?\s*\d+([.,]\d+)?|[+-]?\d+([.,]\d+)?\s*(y|yo|yrs?|years?|months?|weeks?|days?|jahre|ans|kg|cm|%)", re.I
)


def unknown(values: pd.Series) -> "pd.Series[bool]":
    """Which values of a column are not known."""
    return values.isna() | values.astype(str).str.lower().isin(UNKNOWN)


def chosen_covariates(sheet: pd.DataFrame, asked: Sequence[str]) -> list[str]:
    """Columns that are asked for, and ``batch`` where the samplesheet has it.

    Parameters
    ----------
    sheet : DataFrame
        Of :func:`samplesheet.parse_samplesheet`.
    asked : sequence of str
        Of ``--covariates``; a column that is called otherwise now may be named as in the samplesheet.

    Raises
    ------
    UserError
        One that the sheet lacks, that is the design, that has no value, or whose numbers are none.
    """
    renamed = sheet.attrs.get("renamed", {})
    covariates = list(dict.fromkeys(renamed.get(covariate, covariate) for covariate in asked))
    if "batch" in sheet and not unknown(sheet["batch"]).all() and "batch" not in covariates:
        covariates.append("batch")
    for covariate in covariates:
        if covariate in DESIGN:
            raise UserError(f"--covariates '{covariate}' is part of the design already; remove it")
        usable = [column for column in sheet if column not in (*INPUTS, *DESIGN, "row")]
        if covariate not in usable:
            raise UserError(
                f"--covariates '{covariate}' is not a column of the samplesheet; {_meant(covariate, usable)}"
            )
        if unknown(sheet[covariate]).all():
            raise UserError(f"--covariates '{covariate}': the column has no value; fill it in or remove the covariate")
        _check_numbers(sheet, covariate)
    return covariates


def _meant(covariate: str, usable: list[str]) -> str:
    """Which column was meant, or all that there are."""
    parts = [part for part in re.split(r"[;\s]+", covariate) if part]
    if len(parts) > 1 and set(parts) <= set(usable):
        return f"put commas between columns: {','.join(parts)}"
    by_name = {column.lower(): column for column in usable}
    close = difflib.get_close_matches(covariate.lower(), by_name, 1, 0.6)
    if close:
        return f"did you mean '{by_name[close[0]]}'?"
    return f"it has {', '.join(usable)}" if usable else "it has none to adjust for"


def _check_numbers(sheet: pd.DataFrame, covariate: str) -> None:
    """Numbers that are not written as such make a column of categories, one coefficient each."""
    known = sheet.loc[~unknown(sheet[covariate]), covariate].astype(str)
    _check_finite(sheet, covariate, known)
    commas, dressed = (
        known[known.map(lambda text, form=form: bool(form.fullmatch(text)))] for form in (COMMA, DRESSED)
    )
    numbers = known[pd.to_numeric(known, errors="coerce").notna()]
    if covariate in CLASSES or known.nunique() < 3 or len(numbers) + len(commas) + len(dressed) < len(known):
        return
    # 0, 1, 2, >2 are classes of several donors each; numbers are of one donor or two
    if sheet.loc[known.index].groupby(covariate)["donor"].nunique().median() >= 2:
        dressed = dressed[:0]
    # <50, 50 and >70 are classes, too
    if not len(numbers) and dressed.map(lambda text: not text[0].isdigit()).all():
        dressed = dressed[:0]
    wrong = known.loc[commas.index.union(dressed.index)]
    if len(wrong):
        example = re.sub(r"[^\d.]", "", wrong.iloc[0].replace(",", "."))
        raise UserError(
            f"row {sheet.loc[wrong.index[0], 'row']}, column {covariate}: '{wrong.iloc[0]}' is not a number, for "
            f"--covariates {covariate} ({len(wrong)} of {len(known)} values are so); write {example}, or name classes "
            "with letters"
        )


def _check_finite(sheet: pd.DataFrame, covariate: str, known: pd.Series) -> None:
    """Refuse an infinite value among numbers; in a column of words ``inf`` is a level like others."""
    numbers = pd.to_numeric(known, errors="coerce")
    infinite = known[np.isinf(numbers)]
    if covariate not in CLASSES and len(infinite) and numbers.notna().all():
        raise UserError(
            f"row {sheet.loc[infinite.index[0], 'row']}, column {covariate}: '{infinite.iloc[0]}' is not a number, for "
            f"--covariates {covariate}; write the number, or empty it if it is not known"
        )


def usable_covariates(sheet: pd.DataFrame, covariates: Sequence[str]) -> tuple[list[str], list[str]]:
    """Covariates that every sample has, and sentences on the others and on numbers that are none."""
    usable, sentences = [], []
    for covariate in covariates:
        values = sheet[covariate]
        without = sheet[unknown(values)]
        if len(without):
            donors = without["donor"].unique()
            first = without[covariate].iloc[0]
            told = "empty" if pd.isna(first) or first == "" else f"'{first}'"
            sentences.append(
                f"{covariate} is not known for every sample of {', '.join(donors)} ({len(donors)} of "
                f"{sheet['donor'].nunique()} donors): not adjusted for, so that these donors count; to adjust for it, "
                f"fill it in ({told} in row {without['row'].iloc[0]}), or leave these donors out with # before their "
                "rows"
            )
            continue
        usable.append(covariate)
        words = values[pd.to_numeric(values, errors="coerce").isna()]
        if 0 < len(words) < len(values) / 2 and values.nunique() - words.nunique() > 2:
            sentences.append(
                f"{covariate} is taken for categories, one coefficient each, because of '{words.iloc[0]}' in row "
                f"{sheet['row'][words.index[0]]}: mend it if the column is of numbers"
            )
        sentences += _few_numbers(sheet, covariate)
    return usable, sentences


def _few_numbers(sheet: pd.DataFrame, covariate: str) -> list[str]:
    """What is said of a few whole numbers that donors share, which may be codes of categories."""
    levels = sorted(pd.to_numeric(sheet[covariate], errors="coerce").unique())
    few = len(levels) <= min(MOST_CODES, sheet["donor"].nunique() / 2)
    if not few or not of_numbers(sheet[covariate], covariate) or any(x % 1 for x in levels):
        return []
    listed = ", ".join(f"{x:g}" for x in levels)
    said = f"{covariate} is taken for numbers ({listed}), one coefficient in all: write a word before each, such as "
    return [f"{said}{covariate}{levels[0]:g}, if they are codes of categories"]


def notes_on_covariates(sheet: pd.DataFrame, covariates: Sequence[str]) -> list[str]:
    """What is constant within donors, and what cannot be told from a condition or a compartment.

    Of numbers that no two donors share nothing follows from each having one condition: a line through them is not the
    step between conditions.
    """
    sentences = []
    several = sheet["donor"].duplicated().any()
    for covariate in covariates:
        if several and (sheet.groupby("donor")[covariate].nunique() == 1).all():
            sentences.append(
                f"{covariate} is constant within every donor: within-donor differences are free of what it does to "
                "a donor's samples alike"
            )
        levels = sheet.groupby(covariate)
        if of_numbers(sheet[covariate], covariate) and levels["donor"].nunique().min() < 2:
            continue
        sentences += [
            f"{covariate} is confounded with {column} (every {covariate} has one {column} only): an effect of {column} "
            f"cannot be told from an effect of {covariate}"
            for column in ("condition", "compartment")
            if sheet[column].nunique() > 1 and levels[column].nunique().eq(1).all() and sheet[covariate].nunique() > 1
        ]
    return sentences
