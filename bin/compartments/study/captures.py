"""Captures and specimens: several rows of a samplesheet for the same donor, compartment and condition.

A capture is a row, with its own files and quality. A specimen is what a donor gave of a compartment under a condition:
the statistics see one observation of it, whatever the number of its captures.
"""

import os
from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple

import pandas as pd

from compartments.core.errors import UserError
from compartments.core.vocabulary import CLASSES, NUMBERS, READS

SPECIMEN = ["donor", "compartment", "condition"]
MOST_SHARES = 1.05  # sum of the shares of a specimen's fractions: sorters count roughly
# columns that say which barcodes are cells, the first that is given
CELLS_FROM = ("filtered", "cellbender", "raw", "fastq_1")


class Capture(NamedTuple):
    """One row of the samplesheet as a part of its specimen.

    Attributes
    ----------
    sample : str
        Its name.
    fraction : str
        Which cells were sorted for it; empty for all cells.
    share : float
        Of the specimen's cells that are of this fraction; NaN if not known.
    """

    sample: str
    fraction: str
    share: float


def captures_of(rows: pd.DataFrame) -> tuple[Capture, ...]:
    """The captures in some rows of a samplesheet, in their order."""
    fractions = rows["fraction"].fillna("") if "fraction" in rows else [""] * len(rows)
    shares = rows["fraction_share"].astype(float) if "fraction_share" in rows else [float("nan")] * len(rows)
    return tuple(Capture(*one) for one in zip(rows["sample"], fractions, shares, strict=True))


def several(samples: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Specimens of more than one capture.

    Yields
    ------
    name : str
        As messages name it: ``donor 'p1', CSF, treated``.
    rows : DataFrame
    """
    for (donor, compartment, condition), rows in samples.groupby(SPECIMEN, sort=False):
        if len(rows) > 1:
            yield f"donor '{donor}', {compartment}, {condition}", rows


def specimens(samples: pd.DataFrame) -> pd.DataFrame:
    """One row per specimen: what is compared.

    Parameters
    ----------
    samples : DataFrame
        Rows of a samplesheet, from :func:`samplesheet.parse_samplesheet`; or what this function gives, which comes
        back as it is.

    Returns
    -------
    DataFrame
        In samplesheet order, index from 0. ``sample`` is the name under which a specimen is compared: that of its first
        capture. ``captures`` holds a tuple of :class:`Capture`. Where captures differ, columns of numbers hold their
        mean (batches are names, and so is what has a number as 01), other columns the values joined by ``+``.
    """
    if "captures" in samples:
        return samples
    columns = list(samples)
    if samples.duplicated(SPECIMEN).any():
        names = {column for column in columns if column in CLASSES or _of_names(samples[column])}
        table = pd.DataFrame([_specimen(rows, names) for _, rows in samples.groupby(SPECIMEN, sort=False)])
    else:
        table = samples.reset_index(drop=True).assign(captures=[(capture,) for capture in captures_of(samples)])
        table.attrs = {}
    for column in NUMBERS.keys() & set(columns):
        # a mean need not be whole
        table[column] = pd.to_numeric(table[column]).astype(float)
    return table


def _of_names(values: pd.Series) -> bool:
    """Whether numbers of a column are names, as those of plates 01 and 02 are."""
    return bool(values.astype(str).str.fullmatch(r"0\d+").any())


def _specimen(rows: pd.DataFrame, names: set[str]) -> dict[Hashable, Any]:
    """One row for the captures of a specimen; columns ``names`` are no numbers."""
    found: dict[Hashable, Any] = {column: rows[column].iloc[0] for column in rows}
    if len(rows) > 1:
        told = [column for column in rows if column not in ("sample", "row", *SPECIMEN)]
        found |= {column: _joined(rows[column], str(column), column in names) for column in told}
    return found | {"captures": captures_of(rows)}


def _joined(values: pd.Series, column: str, name: bool) -> Hashable:
    """One value for those of several captures."""
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    if column in NUMBERS:
        return numbers.mean()
    texts = [str(value) for value in values.dropna().unique() if str(value)]
    if len(texts) < 2:
        return texts[0] if texts else ""
    return str(numbers.mean()) if not name and numbers.notna().all() else "+".join(texts)


def specimen_of(samples: pd.DataFrame) -> dict[str, str]:
    """Capture -> specimen, both by name; ``samples`` as :func:`specimens` takes them."""
    table = specimens(samples)
    named = zip(table["sample"], table["captures"], strict=True)
    return {capture.sample: sample for sample, captures in named for capture in captures}


def check_captures(sheet: pd.DataFrame, name: str) -> None:
    """Raise :class:`UserError` where rows of one donor or specimen contradict each other.

    Parameters
    ----------
    sheet : DataFrame
        Of :func:`samplesheet.parse_samplesheet`.
    name : str
        Of the samplesheet, in messages.
    """
    if "group" in sheet:
        for donor, rows in sheet.groupby("donor", sort=False):
            if rows["group"].nunique() > 1:
                first, second = rows.drop_duplicates("group").iloc[:2].itertuples()
                raise UserError(
                    f"{name} row {second.row}, column group: donor '{donor}' has group '{second.group}' and in row "
                    f"{first.row} '{first.group}'; a group is of the donor, so give one; what changes within a donor "
                    "is its condition"
                )
    if "fraction_share" in sheet:
        shared = sheet["fraction_share"].notna()
        nameless = sheet[shared & sheet["fraction"].eq("")] if "fraction" in sheet else sheet[shared]
        if len(nameless):
            raise UserError(
                f"{name} row {nameless['row'].iloc[0]}, column fraction_share: a share without a name in column "
                "fraction; name the fraction, or empty the share"
            )
    for specimen, rows in several(sheet):
        _check_replicates(rows, specimen, name)
        if "fraction_share" in rows:
            _check_shares(rows, specimen, name)


def _by_fraction(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Captures of a specimen's fractions, one fraction after the other; all of them where nothing was sorted."""
    if "fraction" not in rows:
        yield rows
        return
    for _, of_fraction in rows.groupby("fraction", sort=False):
        yield of_fraction


def _check_replicates(rows: pd.DataFrame, specimen: str, name: str) -> None:
    if "replicate" not in rows:
        return
    for captures in _by_fraction(rows):
        unnamed = captures["replicate"] == ""
        twice = captures[captures["replicate"].duplicated() & ~unnamed]
        if len(twice):
            second = twice.iloc[0]
            first = captures.loc[captures["replicate"] == second["replicate"], "row"].iloc[0]
            raise UserError(
                f"{name} row {second['row']}, column replicate: '{second['replicate']}' is already in row {first} "
                f"({specimen}); name the captures of a specimen apart, or mend the donor, compartment or condition"
            )
        if 0 < unnamed.sum() < len(captures):
            lacking, other = (captures.loc[chosen, "row"].iloc[0] for chosen in (unnamed, ~unnamed))
            raise UserError(
                f"{name} row {lacking}, column replicate: empty, but row {other} of the same specimen ({specimen}) has "
                "one; name each of its captures, or mend the donor, compartment or condition"
            )


def _check_shares(rows: pd.DataFrame, specimen: str, name: str) -> None:
    shares = {}
    for captures in _by_fraction(rows):
        given = captures[captures["fraction_share"].notna()]
        if given["fraction_share"].nunique() > 1:
            first, second = given.drop_duplicates("fraction_share").iloc[:2].itertuples()
            raise UserError(
                f"{name} row {second.row}, column fraction_share: {second.fraction_share:g} for fraction "
                f"'{second.fraction}', but {first.fraction_share:g} in row {first.row} ({specimen}); a fraction has "
                "one share of its specimen"
            )
        if len(given):
            shares[given["row"].iloc[0]] = given["fraction_share"].iloc[0]
    if sum(shares.values()) > MOST_SHARES:
        listed = ", ".join(f"{share:g} in row {row}" for row, share in shares.items())
        raise UserError(
            f"{name}, column fraction_share: the fractions of {specimen} add up to {sum(shares.values()):g} ({listed})"
            "; shares are of all cells of the specimen and add up to at most 1"
        )


def check_files(sheet: pd.DataFrame, name: str, strict: bool = False) -> None:
    """Refuse cells that are given twice, and with ``strict`` captures of one specimen that no replicate names.

    Parameters
    ----------
    sheet : DataFrame
        Of :func:`samplesheet.parse_samplesheet`.
    name : str
        Of the samplesheet, in messages.
    strict : bool
        Parameter ``--strict``.

    Raises
    ------
    UserError
        Naming both rows. Raw droplets may be shared by samples that were pooled for capture, if the cells of each are
        told in another column.
    """
    seen: dict[str, pd.Series] = {}
    for _, row in sheet.iterrows():
        column = next(column for column in CELLS_FROM if row[column])
        # of reads lane by lane: a lane may be among others, in any order
        lanes = [lane.strip() for lane in row[column].split(";")] if column in READS else [row[column]]
        for lane in filter(None, lanes):
            place = os.path.normpath(lane) if "://" not in lane else lane
            if place in seen and seen[place] is not row:
                raise UserError(
                    f"{name} row {row['row']}, column {column}: '{lane}' is already in row {seen[place]['row']} "
                    f"(samples '{seen[place]['sample']}' and '{row['sample']}'): each cell would count twice; give "
                    "each sample its own file"
                )
            seen[place] = row
    if not strict:
        return
    for specimen, rows in several(sheet):
        for captures in _by_fraction(rows):
            if len(captures) > 1 and not _named(captures):
                first, second = captures.iloc[:2].itertuples()
                raise UserError(
                    f"{name} row {second.row}: '{second.sample}' is of the same specimen as '{first.sample}' in row "
                    f"{first.row} ({specimen}) and column replicate names neither; name both there, or mend the donor, "
                    "compartment or condition (--strict)"
                )


def captures_notes(samples: pd.DataFrame) -> list[str]:
    """What the plan says of specimens with several captures, by name, so that a mistyped donor is seen.

    Parameters
    ----------
    samples : DataFrame
        Rows of a samplesheet.

    Returns
    -------
    list of str
        A sentence per kind: replicates that the samplesheet names, captures that it does not name, fractions.
    """
    named: list[str] = []
    unnamed: list[str] = []
    sorted_: list[str] = []
    differing: list[str] = []
    for specimen, rows in several(samples):
        if "fraction" in rows and rows["fraction"].nunique() > 1:
            sorted_.append(f"{', '.join(rows['sample'])} ({specimen})")
        if "batch" in rows and rows["batch"].nunique() > 1:
            differing.append(f"{specimen}: {_joined(rows['batch'], 'batch', True)}")
        for captures in _by_fraction(rows):
            if len(captures) > 1:
                (named if _named(captures) else unnamed).append(f"{', '.join(captures['sample'])} ({specimen})")
    notes = []
    if named:
        notes.append(
            f"replicates, summed before the comparison (how well they agree: cohort/replicates.tsv): {'; '.join(named)}"
        )
    if unnamed:
        notes.append(
            f"taken for captures of one specimen and summed, though no column replicate names them: "
            f"{'; '.join(unnamed)}; if one of them is of another donor, mend its row"
        )
    if sorted_:
        notes.append(f"sorted fractions of one specimen: {'; '.join(sorted_)}; {_of_shares(samples)}")
    if differing:
        notes.append(f"captures of several batches, which count as a batch of its own: {'; '.join(differing)}")
    return notes


def _named(captures: pd.DataFrame) -> bool:
    """Whether column replicate names these captures of a specimen."""
    return "replicate" in captures and bool(captures["replicate"].ne("").all())


def _of_shares(samples: pd.DataFrame) -> str:
    """What is done with fractions, in words."""
    expression = "expression is compared within one fraction per lineage"
    if "fraction_share" in samples and samples["fraction_share"].notna().any():
        return f"composition weights them by fraction_share, {expression}"
    return f"without fraction_share they are not compared in composition, {expression}"
