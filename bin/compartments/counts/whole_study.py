"""One h5ad of a whole study: which cells are of which sample, and what its obs says of the samples."""

import csv
import difflib
import io
import re
from collections.abc import Collection, Sequence
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.core.errors import UserError
from compartments.core.sheets import parse, read_sheet, read_text, shown
from compartments.core.vocabulary import INPUTS, OF_NO_ONE
from compartments.counts.conversions import as_h5ad
from compartments.counts.formats import describe
from compartments.counts.h5ad import describe_h5ad, expression_in, obs_column, obs_columns
from compartments.counts.opening import READ_ERRORS, not_hdf5, unreadable
from compartments.counts.source import Source, Texts

DESCRIBED = ("donor", "compartment", "condition")
BETWEEN = re.compile(r"\s*[/_+,&|;-]\s*")  # the two samples of a doublet: 0/1 of souporcell, HTO1_HTO2 of Seurat
FILES = "samples"  # folder of the files of single samples, beside the samplesheet


def columns_asked(text: str) -> dict[str, str]:
    """Column of the samplesheet -> column of obs, of ``donor=patient,age``; those that every sheet has by their names.

    Raises
    ------
    UserError
        Not of that form, or a column twice.
    """
    found: dict[str, str] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        column, _, name = (word.strip() for word in part.partition("="))
        if not column or (part.count("=") and not name) or column in ("sample", *INPUTS) or column in found:
            raise UserError(
                f"--obs_columns has '{shown(part)}'; name each column of the samplesheet once, with that of obs behind "
                "'=' where it has another name: donor=patient_id,condition=treatment,age"
            )
        found[column] = name or column
    return {name: name for name in DESCRIBED} | found


def open_study(path: Path) -> tuple[Source, h5py.Group | None, h5py.File]:
    """Where the counts of the file are, its obs or None of a 10x h5, and the file, which is open.

    Raises
    ------
    UserError
        No such file with counts.
    """
    path = as_h5ad(path)
    try:
        if not h5py.is_hdf5(path):
            raise UserError(f"{path}: {not_hdf5(path)}")
        file = h5py.File(path, "r")
        if "obs" not in file or "var" not in file:
            return describe(path), None, file
        return describe_h5ad(path, file), expression_in(path, file)["obs"], file
    except READ_ERRORS as error:
        raise unreadable(path, error) from None


class Cells:
    """Cells of a file by sample.

    Parameters
    ----------
    path : Path
    obs : h5py.Group or None
    key : str
        Column of obs that has the samples.
    given : tuple of str and ndarray of str, shape (n_cells,), optional
        In its place: what says the samples, and the sample of each cell.

    Attributes
    ----------
    names : ndarray of str
        Samples as obs has them, in the order of their names.
    code : ndarray of int, shape (n_cells,)
        Position in ``names``; -1 where obs has no sample.
    """

    def __init__(
        self,
        path: Path,
        obs: h5py.Group | None,
        key: str = "",
        given: tuple[str, Texts] | None = None,
    ) -> None:
        self.path, self.obs = path, obs
        self.said, values = given or (f"obs column '{key}' (--sample_key)", self.column(key, "--sample_key"))
        self.names, code = np.unique(values.astype(str), return_inverse=True)
        self.code = code.astype(np.int64)
        if self.names[:1] == [""]:
            self.names, self.code = self.names[1:], self.code - 1
        if not len(self.names):
            raise UserError(f"{path}: {self.said} is empty; name the one that has the samples")
        if len(self.names) > len(self.code) / 2 and len(self.names) > 1:
            raise UserError(
                f"{path}: {self.said} has {len(self.names)} values for {len(self.code)} cells; name the one that has "
                "the samples"
            )
        self._fit([one for one in self.names if one not in of_no_one(self.names)], "sample")

    def without_tags(self, named: Collection[str] = ()) -> list[str]:
        """Cells that hashtags or genotypes gave to no one sample (:func:`of_no_one`) are of none, unless a sample is
        ``named`` so; how many they are.

        Returns
        -------
        list of str
            ``123 cells are 'Doublet' ...``, a line each.

        Raises
        ------
        UserError
            No cell is left.
        """
        notes, no_one = [], of_no_one(self.names)
        for place, name in enumerate(self.names):
            if name in no_one and fitting(name) not in named:
                of_tag = self.code == place
                notes.append(f"{int(of_tag.sum()):,} of {len(self.code):,} cells are '{name}' and are left out")
                self.code[of_tag] = -1
        kept = pd.RangeIndex(len(self.names)).isin(self.code)
        if not kept.any():
            raise UserError(
                f"{self.path}: {self.said} names no sample (it has {', '.join(map(shown, self.names[:6]))}); name the "
                "one that has the samples"
            )
        self.code = np.where(self.code < 0, -1, np.cumsum(kept)[self.code] - 1)
        self.names = self.names[kept]
        return notes

    def column(self, name: str, option: str) -> Texts:
        """A column of obs as text; a UserError that names the option where there is none."""
        if self.obs is None:
            raise UserError(
                f"{self.path}: no h5ad, it has no obs for {option}; give --sample_table or --hashtags, and --input"
            )
        there = obs_columns(self.obs)
        if name not in there:
            close = difflib.get_close_matches(name.lower(), {one.lower(): one for one in there}, 1, 0.6)
            meant = f"; is it '{next(one for one in there if one.lower() == close[0])}'?" if close else ""
            raise UserError(
                f"{self.path}: obs has no column '{shown(name)}' ({option}){meant or ';'} it has "
                f"{', '.join(there[:20])}{' ...' if len(there) > 20 else ''}"
            )
        return obs_column(self.obs, name)

    def sheet_of_obs(self, asked: dict[str, str]) -> tuple[pd.DataFrame, list[str]]:
        """Rows of a samplesheet from obs, and what was changed in it, a line each.

        Raises
        ------
        UserError
            No such column, a sample whose cells say two things, or nothing, in one of them.
        """
        table = pd.DataFrame({"sample": self.names})
        for column, name in asked.items():
            table[column] = self._one_each(column, name)
            for sample, found in zip(self.names, table[column], strict=True):
                if found == "" and column in DESCRIBED:
                    raise UserError(
                        f"{self.path}: cells of sample '{shown(sample)}' have no value in obs column '{name}'; every "
                        f"sample needs a {column}"
                    )
        notes = []
        for column in ("sample", *DESCRIBED):
            fit = self._fit(list(table[column]), column)
            table[column] = table[column].map(fit)
            changed = [f"'{shown(old)}' is called '{new}'" for old, new in fit.items() if old != new]
            notes += [f"{column} {'; '.join(changed[:6])}{' ...' if len(changed) > 6 else ''}"] if changed else []
        return table, notes

    def check_obs(self, asked: dict[str, str]) -> None:
        """Refuse, beside a samplesheet, a sample whose cells say two things in a column of obs that is there."""
        there = obs_columns(self.obs) if self.obs is not None else []
        for column, name in asked.items():
            if name in there or name != column:
                self._one_each(column, name)

    def _one_each(self, column: str, name: str) -> list[str]:
        """What the cells of each sample say in a column of obs; a UserError where they say two things."""
        option = "--obs_columns" if column != name else f"--obs_columns {column}=..."
        values = pd.Series(self.column(name, option).astype(str))[self.code >= 0]
        said = values.groupby(self.code[self.code >= 0]).agg(lambda one: sorted(set(one)))
        for sample, found in zip(self.names, said, strict=True):
            if len(found) > 1:
                shorn = ", ".join(f"'{shown(one)}'" for one in found[:3])
                raise UserError(
                    f"{self.path}: cells of sample '{shown(sample)}' have {len(found)} values in obs column '{name}' "
                    f"({shorn}); a sample is of one {column}: name a --sample_key that tells them apart"
                )
        return [one[0] for one in said]

    def _fit(self, values: list[str], column: str) -> dict[str, str]:
        """Each value and the name that files can have of it; a UserError where two would be one."""
        seen: dict[str, str] = {}
        for one in dict.fromkeys(values):
            other = seen.setdefault(fitting(one).lower(), one)
            if other != one:
                raise UserError(
                    f"{self.path}: {column} '{shown(other)}' and '{shown(one)}' would both be '{fitting(one)}' in "
                    "names of files; name them apart by letters, digits, '.', '_', '-' or '+'"
                )
        return {one: fitting(one) for one in values}

    def unused(self, taken: npt.NDArray[np.bool_]) -> list[str]:
        """What is said of cells without a sample, and of samples that are not ``taken``."""
        notes = []
        if without := int((self.code < 0).sum()):
            notes.append(f"{without:,} of {len(self.code):,} cells are of no sample by {self.said} and are left out")
        if len(left := self.names[~taken]):
            notes.append(f"samples of the file that the samplesheet does not name are left out: {', '.join(left[:20])}")
        return notes


def of_no_one(names: Collection[str]) -> set[str]:
    """Those of ``names`` that are no sample: words for cells of none or several, and two other names put together."""
    known = {str(one) for one in names if one.lower() not in OF_NO_ONE}
    pairs = {name: {(name[: at.start()], name[at.end() :]) for at in BETWEEN.finditer(name)} for name in known}
    together = {name for name, parts in pairs.items() if any(a != b and {a, b} <= known for a, b in parts)}
    return {str(one) for one in names} - known | together


def of_pool(rows: pd.DataFrame, table: Path, pool: str) -> pd.DataFrame:
    """Rows of a user's table that are of a pool, by its column ``pool``; all of them where there is one pool, unnamed.

    Raises
    ------
    UserError
        No such column, or no row of the pool.
    """
    if not pool:
        return rows
    if "pool" not in rows:
        raise UserError(f"{table.name}: column 'pool' is missing; of several pools it says of which each row is")
    own = rows[rows["pool"] == pool]
    if own.empty:
        has = ", ".join(map(shown, sorted(set(rows["pool"].dropna()))[:20]))
        raise UserError(f"{table.name}, column pool: no row is of pool '{shown(pool)}'; it has {has or 'none'}")
    return own


def samples_of_table(path: Path, table: Path, barcodes: Texts, pool: str = "") -> Texts:
    """The sample of each barcode by a user's table; empty where it has none.

    Raises
    ------
    UserError
        As :func:`of_pool`; a barcode twice, or most of them not in the file.
    """
    rows = of_pool(read_sheet(table, ["barcode", "sample"]).dropna(subset=["barcode"]), table, pool)
    twice = rows["barcode"].duplicated()
    if twice.any():
        raise UserError(
            f"{table.name} row {twice.idxmax()}, column barcode: '{rows['barcode'][twice.idxmax()]}' is there twice"
        )
    lost = rows.loc[~rows["barcode"].isin(set(barcodes)), "barcode"]
    if len(lost) > len(rows) / 2 or not len(rows):
        first = f"first: '{lost.iloc[0]}'; the file has '{barcodes[0]}'" if len(lost) else "it is empty"
        raise UserError(
            f"{table.name}: {len(lost)} of {len(rows)} barcodes are not in {path.name} ({first}); write them as the "
            "file has them"
        )
    of_barcode = dict(zip(rows["barcode"], rows["sample"].fillna(""), strict=True))
    return np.array([of_barcode.get(one, "") for one in barcodes], dtype=object)


def fitting(name: str) -> str:
    """A name without what cannot be in the names of files."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", name).strip("_.-+") or "none"


Place = tuple[int, int]  # of a sample: number of its file, position in the names of that


def places(files: Sequence[Cells]) -> dict[str, Place]:
    """Samples of all files, by the names that files can have; a UserError where a sample is in two of them."""
    known: dict[str, Place] = {}
    for number, cells in enumerate(files):
        for position, name in enumerate(cells.names):
            first = known.setdefault(fitting(name), (number, position))
            if first[0] != number:
                raise UserError(
                    f"{cells.path}: sample '{shown(name)}' is in {files[first[0]].path}, too; cells of one pool in "
                    "several lanes are samples of their own: name them apart, with a column 'replicate'"
                )
    return known


def sheet_of_file(path: Path, files: Sequence[Cells]) -> tuple[str, dict[str, Place], list[str]]:
    """The user's samplesheet with a file for every sample, rows where they were; its samples in the study; notes.

    Raises
    ------
    UserError
        A row has files of its own, or a sample that the study lacks.
    """
    header, header_row, rows = parse(read_text(path), path.name, ["sample", *DESCRIBED])
    if "sample" not in header:
        raise UserError(f"{path.name} row {header_row}: column 'sample' is missing; name the samples as obs does")
    kept = [column for column in header if column not in INPUTS]
    given_rows = list(rows)
    named = {fitting(fields[header.index("sample")]) for _, fields in given_rows}
    notes = [note for cells in files for note in cells.without_tags(named)]
    known = places(files)
    lines, found = [""] * (header_row - 1) + [_line([*kept, "filtered"])], dict[str, Place]()
    for number, fields in given_rows:
        row = dict(zip(header, fields, strict=True))
        if given := next((column for column in INPUTS if row.get(column)), None):
            raise UserError(
                f"{path.name} row {number}, column {given}: counts come from --study_file; empty the column, or leave "
                "out --study_file"
            )
        name = row["sample"]
        if name and fitting(name) not in known:
            there = [shown(one) for cells in files for one in cells.names]
            raise UserError(
                f"{path.name} row {number}, column sample: '{shown(name)}' is no value of {files[0].said}; "
                f"it has {', '.join(there[:20])}"
            )
        lines += [""] * (number - 1 - len(lines))
        if name:
            found[fitting(name)] = known[fitting(name)]
        lines.append(_line([*(fitting(row[c]) if c == "sample" and name else row[c] for c in kept), file_of(name)]))
    return "\n".join(lines) + "\n", found, notes


def sheet_text(table: pd.DataFrame) -> str:
    """Rows of :meth:`Cells.sheet_of_obs` as CSV, with a file for every sample."""
    rows = [_line([*table.columns, "filtered"])]
    return "\n".join([*rows, *(_line([*row, file_of(row[0])]) for row in table.itertuples(index=False))]) + "\n"


def file_of(sample: str) -> str:
    """Place of a sample's file, from the samplesheet."""
    return f"{FILES}/{fitting(sample)}.h5ad" if sample else ""


def _line(fields: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(fields)
    return text.getvalue()
