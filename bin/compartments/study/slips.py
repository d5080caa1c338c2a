"""Slips that a samplesheet shows by itself: asked about in the plan, refused with ``--strict``."""

from collections.abc import Sequence

import pandas as pd

from compartments.core.errors import UserError
from compartments.core.vocabulary import kind_of_compartment, sex_of
from compartments.study.covariates import unknown
from compartments.study.near_names import questions_on_names

ODD_FOLD = 300  # of cells_per_ul: more than most diseases make of a compartment's cells, less than a slip of the unit
# cells per microlitre of blood in the median sample: in 10^9 per litre it would be 3 to 11, per millilitre millions
BLOOD_LEAST, BLOOD_MOST = 50, 500_000
CSF_MOST = 500  # of cerebrospinal fluid: 1 to 5 in health, tens where it is inflamed, hundreds in most meningitis
LEAST = 0.05  # of any compartment
FEW_CELLS = 50  # that a library is made of
OF_SEX = ("sex", "gender", "geschlecht", "sexe", "sexo", "sesso")  # names of a column


def check_slips(sheet: pd.DataFrame, covariates: Sequence[str], name: str) -> None:
    """Raise :class:`UserError` for the first question: what ``--strict`` does.

    Parameters
    ----------
    sheet : DataFrame
        Of :func:`samplesheet.parse_samplesheet`.
    covariates : sequence of str
    name : str
        Of the samplesheet, in the message.
    """
    for question in questions(sheet, covariates):
        raise UserError(f"{name}, {question} (--strict)")


def questions(sheet: pd.DataFrame, covariates: Sequence[str]) -> list[str]:
    """What looks like a slip and may be none: names that nearly agree, cells counted in another unit."""
    return [*questions_on_names(sheet, covariates), *_odd_totals(sheet), *_few_cells(sheet)]


def _few_cells(sheet: pd.DataFrame) -> list[str]:
    """Numbers of cells that are no library's."""
    return [
        f"row {sheet.loc[few[0], 'row']}, column {column}: {sheet.loc[few[0], column]:g} cells"
        f"{f', and as few in {len(few) - 1} more rows' if len(few) > 1 else ''}: thousands? Then write them out"
        for column in ("expected_cells", "loaded_cells")
        if column in sheet and len(few := sheet.index[sheet[column] < FEW_CELLS])
    ]


def _odd_totals(sheet: pd.DataFrame) -> list[str]:
    """Compartments and samples whose cells per microlitre look like another unit."""
    if "cells_per_ul" not in sheet:
        return []
    totals = sheet["cells_per_ul"]
    medians = totals.groupby(sheet["compartment"], sort=False).median()
    asked = []
    for compartment, median in medians.items():
        unit, limits = "", {"blood": (BLOOD_LEAST, BLOOD_MOST), "CSF": (LEAST, CSF_MOST), "tissue": (LEAST, None)}
        least, most = limits[kind_of_compartment(str(compartment))]
        if median < least:
            unit = "10^9 per litre? Then multiply by 1,000"
        elif most and median > most:
            unit = "cells per ml? Then divide by 1,000"
        if unit:
            asked.append(f"cells_per_ul of {compartment} is {median:g} in the median sample: {unit}")
    fold = totals / totals.groupby(sheet["compartment"]).transform("median")
    return asked + [
        f"cells_per_ul of {sheet.loc[i, 'sample']} is {totals[i]:g}, more than {ODD_FOLD:,}-fold {way} the median of "
        f"{sheet.loc[i, 'compartment']}: another unit, such as cells per ml?"
        for way, odd in (("above", fold > ODD_FOLD), ("below", fold < 1 / ODD_FOLD))
        for i in sheet.index[odd]
    ]


def notes_on_sex(sheet: pd.DataFrame) -> list[str]:
    """Words for sex that are not compared with what is expressed, and a column that is not looked at."""
    if "sex" not in sheet:
        named = [column for column in sheet if column.lower() in OF_SEX]
        return [
            f"column {one} is not looked at: name it sex to have it compared with XIST and Y genes" for one in named
        ]
    words = sheet.loc[~unknown(sheet["sex"]) & (sheet["sex"].map(sex_of) == ""), ["sex", "row"]].drop_duplicates("sex")
    if words.empty:
        return []
    told = ", ".join(f"'{word}' (row {row})" for word, row in words.head(3).itertuples(index=False))
    return [f"column sex: {told} is not compared with XIST and Y genes: write F or M, female or male"]
