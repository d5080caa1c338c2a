"""Abundances of lineages in samples: cells counted, rare lineages pooled, log abundances with sampling variances."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from compartments.compare.terms import Term
from compartments.core.errors import UserError
from compartments.core.vocabulary import CV_TOTAL, OTHER, UNASSIGNED

LEVELS = ["lineage", "lineage_broad", "lineage_marker"]
MIN_CELLS, MIN_SAMPLES = 10, 2
PSEUDOCOUNT = 0.5


@dataclass(frozen=True)
class Abundances:
    """Lineages of one level in all samples.

    Attributes
    ----------
    cells, z, v : DataFrame, samples x lineages
        Cells, log abundances and their sampling variances (:func:`log_abundance`).
    totals : Series, index samples
        All cells of the sample, the unassigned ones included.
    scale : {"abs", "rel"}
    """

    cells: pd.DataFrame
    totals: pd.Series
    scale: str
    z: pd.DataFrame
    v: pd.DataFrame


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
        Unknown level, negative or fractional count, a repeated row.
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
    return matrices


def all_cells(matrices: dict[str, pd.DataFrame]) -> pd.Series:
    """All cells per sample; a level that leaves some out (marker-confirmed lineages) has the same total."""
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


def log_abundance(
    table: pd.DataFrame,
    totals: pd.Series,
    scale: str,
    cells_per_ul: pd.Series | None = None,
    cv_total: float = CV_TOTAL,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Log abundances and their sampling variances.

    Parameters
    ----------
    table : DataFrame, samples x lineages, int
        Without ``unassigned``.
    totals : Series, index samples
        All cells of the sample, the unassigned ones included.
    scale : {"abs", "rel"}
    cells_per_ul : Series, index samples
        For ``abs``.
    cv_total : float
        Coefficient of variation of ``cells_per_ul``.

    Returns
    -------
    z, v : DataFrame like ``table``
        ``abs``: ln of cells per microlitre. ``rel``: centred log-ratio. ``v`` in ln units squared.

    Notes
    -----
    The variance of the centred log-ratio is the delta method of crumblr (Hoffman and Roussos 2023), here in terms of
    counts y: (1 - 2/L)/y + sum(1/y)/L^2.
    """
    y = table + PSEUDOCOUNT
    n_lineages = table.shape[1]
    if scale == "rel" or cells_per_ul is None:
        logs, inverse = np.log(y), 1 / y
        z = logs.sub(logs.mean(axis=1), axis=0)
        return z, (inverse * (1 - 2 / n_lineages)).add(inverse.sum(axis=1) / n_lineages**2, axis=0)
    parts = n_lineages + bool((totals > table.sum(axis=1)).any())
    log_total = np.log(cells_per_ul) - np.log(totals + PSEUDOCOUNT * parts)
    return np.log(y).add(log_total, axis=0), (1 / y).sub(1 / totals - cv_total**2, axis=0).clip(lower=cv_total**2)


def log_proportion(table: pd.DataFrame, totals: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame]:
    """ln proportions with the pseudocount and their sampling variances, both DataFrame like ``table``."""
    ones = pd.Series(1.0, totals.index)
    return log_abundance(table, totals, "abs", ones, cv_total=0.0)


def seen_lineages(term: Term, cells: pd.DataFrame) -> tuple[list[str], dict[str, str]]:
    """Lineages with cells in at least ``MIN_SAMPLES`` samples of each compartment that the term uses.

    Returns
    -------
    kept : list of str
    absent : dict lineage -> reason
    """
    absent: dict[str, str] = {}
    n_units = len(term.units)
    for side, column in zip(("compartment", "reference compartment"), term.sample_columns, strict=False):
        seen = (cells.loc[term.units[column]] > 0).sum()
        for lineage in cells.columns[(seen < min(MIN_SAMPLES, n_units)).to_numpy()]:
            absent.setdefault(
                lineage, f"cells in {seen[lineage]} of {n_units} samples of the {side}: nothing to compare"
            )
    return [lineage for lineage in cells if lineage not in absent], absent
