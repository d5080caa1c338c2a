"""Abundances of lineages in samples: cells counted, rare lineages pooled, what turns counts into abundances."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from compartments.compare.expected_counts import Cells
from compartments.core.errors import UserError
from compartments.core.vocabulary import CV_TOTAL, OTHER, UNASSIGNED
from compartments.study.terms import Term

LEVELS = ["lineage", "lineage_broad", "lineage_marker"]
MIN_CELLS, MIN_SAMPLES = 10, 2


@dataclass(frozen=True)
class Abundances:
    """Cells of the lineages of one level in all samples.

    Attributes
    ----------
    cells : DataFrame, samples x lineages
        Without ``unassigned``.
    totals : Series, index samples
        All cells of the sample, the unassigned ones included.
    cells_per_ul : Series, index samples, or None
        Without it abundances are relative.
    cv_total : float
        Coefficient of variation of ``cells_per_ul``.
    """

    cells: pd.DataFrame
    totals: pd.Series
    cells_per_ul: pd.Series | None = None
    cv_total: float = CV_TOTAL

    @property
    def scale(self) -> str:
        """``abs`` (cells per microlitre) or ``rel``."""
        return "rel" if self.cells_per_ul is None else "abs"

    def of(self, samples: pd.Series, lineages: list[str], proportions: bool = False) -> Cells:
        """Counts of samples and lineages with what makes them abundances; of their proportions if so asked."""
        totals = self.totals[samples].to_numpy(float)[:, None]
        offset, extra = np.log(totals), np.zeros_like(totals)
        if proportions or self.cells_per_ul is not None:
            extra = extra - 1 / totals  # a lineage is part of the total
        if not proportions and self.cells_per_ul is not None:
            offset = offset - np.log(self.cells_per_ul[samples].to_numpy(float)[:, None])
            extra = extra + self.cv_total**2
        return Cells(self.cells.loc[samples, lineages].to_numpy(float), offset, extra)

    def parts(self, term: Term, lineages: list[str], proportions: bool = False) -> tuple[Cells, ...]:
        """Counts of the samples of each part of a term, a row per unit."""
        return tuple(self.of(term.units[column], lineages, proportions) for column in term.sample_columns)


def count_matrices(counts: pd.DataFrame, name: str = "counts.tsv") -> dict[str, pd.DataFrame]:
    """Cells per sample and lineage, one matrix per level.

    Parameters
    ----------
    counts : DataFrame
        Long table ``sample, level, lineage, n_cells``.
    name : str
        Named in messages.

    Returns
    -------
    dict level -> DataFrame (samples x lineages, int)
        In order of appearance; a missing combination is zero.

    Raises
    ------
    UserError
        Unknown level, negative or fractional count, a repeated row, broad lineages that do not sum to the lineages.
    """
    unknown = ~counts["level"].isin(LEVELS)
    if unknown.any():
        raise UserError(
            f"{name} row {unknown.argmax() + 2}, column level: '{counts['level'][unknown].iloc[0]}' is not one of "
            f"{', '.join(LEVELS)}"
        )
    cells = pd.to_numeric(counts["n_cells"], errors="coerce")
    bad = ~((cells >= 0) & (cells == np.floor(cells)))
    if bad.any():
        raise UserError(
            f"{name} row {bad.argmax() + 2}, column n_cells: '{counts['n_cells'][bad].iloc[0]}' is not a whole number "
            "of cells; give raw counts"
        )
    twice = counts.duplicated(["sample", "level", "lineage"])
    if twice.any():
        row = counts[twice].iloc[0]
        raise UserError(
            f"{name} row {twice.argmax() + 2}: {row['level']} '{row['lineage']}' of sample '{row['sample']}' is there "
            "twice; keep one row per sample, level and lineage"
        )
    matrices = {}
    for level, rows in counts.assign(n_cells=cells.astype(np.int64)).groupby("level", sort=False):
        wide = rows.pivot(index="sample", columns="lineage", values="n_cells").fillna(0).astype(np.int64)
        matrices[level] = wide.loc[rows["sample"].unique(), rows["lineage"].unique()].rename_axis(None, axis=1)
    fine, broad = (matrices[level].sum(axis=1) if level in matrices else None for level in LEVELS[:2])
    if fine is not None and broad is not None:
        broad = broad.reindex(fine.index).fillna(0)
        for sample in fine.index[fine != broad]:
            raise UserError(
                f"{name}: sample '{sample}' has {fine[sample]} cells in its lineages and {broad[sample]:.0f} in its "
                "broad lineages; every cell is in one of each, unassigned ones too"
            )
    return matrices


def all_cells(matrices: dict[str, pd.DataFrame]) -> pd.Series:
    """All cells per sample; a level that leaves some out (marker-confirmed lineages) has the same total."""
    if not matrices:
        return pd.Series(dtype=np.int64)
    return pd.concat([m.sum(axis=1) for m in matrices.values()], axis=1).max(axis=1).fillna(0).astype(np.int64)


def pool_rare(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Pool lineages with fewer than ``MIN_CELLS`` cells or seen in fewer than ``MIN_SAMPLES`` samples into ``other``.

    Returns
    -------
    DataFrame, samples x (lineages kept, ``other`` where anything was pooled); ``unassigned`` is left as it is.
    pooled : dict lineage -> reason
    """
    lineages = table.drop(columns=UNASSIGNED, errors="ignore")
    cells, seen = lineages.sum(), (lineages > 0).sum()
    pooled = {
        lineage: f"{cells[lineage]} cells in {seen[lineage]} samples (at least {MIN_CELLS} in {MIN_SAMPLES} are "
        f"needed): counted in '{OTHER}'"
        for lineage in lineages
        if lineage != OTHER and (cells[lineage] < MIN_CELLS or seen[lineage] < MIN_SAMPLES)
    }
    kept = table.drop(columns=list(pooled))
    if pooled:
        kept[OTHER] = table[list(pooled)].sum(axis=1) + table.get(OTHER, 0)
    return kept, pooled


def seen_lineages(term: Term, cells: pd.DataFrame) -> tuple[list[str], dict[str, str]]:
    """Lineages with cells in at least ``MIN_SAMPLES`` samples of each compartment that the term uses.

    Where compartments are compared of donors of one condition, in so many samples of them all: what one of two lacks
    differs between them all the more.

    Returns
    -------
    kept : list of str
    absent : dict lineage -> reason
    """
    absent: dict[str, str] = {}
    for alike in term.strata:
        samples = pd.concat([term.units[part.column] for part in alike])
        seen = (cells.loc[samples] > 0).sum()
        where = " and ".join(dict.fromkeys(part.compartment for part in alike))
        for lineage in cells.columns[(seen < min(MIN_SAMPLES, len(samples))).to_numpy()]:
            absent.setdefault(
                lineage, f"cells in {seen[lineage]} of {len(samples)} samples of {where}: nothing to compare"
            )
    return [lineage for lineage in cells if lineage not in absent], absent
