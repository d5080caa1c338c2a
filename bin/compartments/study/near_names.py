"""Names that nearly agree: two spellings of one level are a slip that nothing else would show."""

import re
from collections.abc import Sequence
from functools import cache
from itertools import combinations

import pandas as pd

from compartments.study.terms import of_numbers

LEAST_TYPO = 5  # letters of a name in which one wrong letter is taken for a slip
LEAST_SWAP = 3  # letters of a compartment's name in which two that changed places are


def questions_on_names(sheet: pd.DataFrame, covariates: Sequence[str]) -> list[str]:
    """A question on each two levels of a column that nearly agree.

    Parameters
    ----------
    sheet : DataFrame
        Of :func:`samplesheet.parse_samplesheet`.
    covariates : sequence of str
        Columns of names that count besides those of the design.
    """
    columns = ["donor", "compartment", "condition", "group", "fraction"]
    columns += [column for column in covariates if not of_numbers(sheet[column], column)]
    asked = []
    for column in dict.fromkeys(columns):
        rows = sheet.groupby(column, sort=False)["row"].first() if column in sheet else {}
        asked += [
            f"column {column}: '{first}' (row {rows[first]}) and '{second}' (row {rows[second]}) nearly agree: did you "
            "mean one of them? Then write it alike in all rows"
            for first, second in combinations([level for level in map(str, rows.keys()) if level], 2)
            if _alike(sheet, column, first, second)
        ]
    return asked


def _alike(sheet: pd.DataFrame, column: str, first: str, second: str) -> bool:
    """Whether two levels look like one; donors that differ by a letter only if no compartment has both."""
    if plain(first) == plain(second):
        return True
    if column == "donor":
        if not typo(first, second):
            return False
        one, other = (set(sheet.loc[sheet["donor"] == donor, "compartment"]) for donor in (first, second))
        return one.isdisjoint(other)
    return typo(first, second) or (column == "compartment" and _swapped(*map(str.lower, (first, second))))


@cache
def plain(name: str) -> str:
    """A name in lower case without separators and leading zeros.

    Separators between numbers stay (S1-1 is not S11), and so do zeros behind them (1.05 is not 1.5) and signs at the
    end (CD4+ is not CD4-).
    """
    body = re.sub(r"(?<=\d)[-_.]+(?=\d)", "~", name.lower())
    body = re.sub(r"[-_.]+(?=[^-+])", "", body)
    return re.sub(r"(?<![\d~])0+(?=\d)", "", body)


def typo(first: str, second: str) -> bool:
    """Whether two names differ by one letter inside, or are a word and its plural.

    Numbers tell names apart (P1 and P2, HC1 and HC10), and so do first and last letters (armA and armB, symptomatic and
    asymptomatic).
    """
    a, b = plain(first), plain(second)
    if re.findall(r"[^a-z]", a) != re.findall(r"[^a-z]", b):
        return False
    short, long = sorted((re.sub("[^a-z]", "", a), re.sub("[^a-z]", "", b)), key=len)
    if not short or short == long or len(long) < LEAST_TYPO or len(long) - len(short) > 1:
        return False
    if long == f"{short}s":
        return True
    if short[0] != long[0] or short[-1] != long[-1]:
        return False
    same = next(i for i, pair in enumerate(zip(short, long, strict=False)) if pair[0] != pair[1])
    rest = short[same:] if len(short) < len(long) else short[same + 1 :]
    return rest == long[same + 1 :] or _swapped(short, long)


def _swapped(first: str, second: str) -> bool:
    """Whether two neighbouring letters have changed places."""
    apart = [i for i, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]]
    if len(first) != len(second) or len(first) < LEAST_SWAP or len(apart) != 2 or apart[1] - apart[0] != 1:
        return False
    pair = slice(apart[0], apart[1] + 1)
    return first[pair] == second[pair][::-1] and first[pair].isalpha()
