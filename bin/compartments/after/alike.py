"""Donors of two cohorts who look like one person though names, files and counts differ: they only warn."""

from collections.abc import Iterator
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from compartments.after.before import Before
from compartments.after.cohorts import LEAST_CELLS, cells_of
from compartments.cohort.suspects import (
    SWAP_MARGIN,
    correlations,
    peculiar_to_samples,
    sample_sums,
    sex_of_samples,
)
from compartments.core.left_out import LeftOut

if TYPE_CHECKING:
    from anndata import AnnData

BARCODES = 737_280  # of 10x v2, the shortest list: the most that two samples share by chance
BY_CHANCE = 1e-6
SAME_ORDER = 0.8  # correlation of the shared barcodes' counts
LEAST_PAIRS = 9  # of donors, among which one may be extreme
EXTREME = 8.0  # distance from the other pairs, in their spreads
ADVICE = "A donor counts once: leave it out of one of them"


class Looked:
    """A cohort, as far as its donors may be recognised.

    Parameters
    ----------
    cohort : Before
    name : str
    """

    def __init__(self, cohort: Before, name: str) -> None:
        self.cohort, self.name = cohort, name
        self.sheet = cohort.study.samples.set_index("sample")

    @cached_property
    def cells(self) -> pd.DataFrame:
        """As :func:`compartments.after.cohorts.cells_of`."""
        return cells_of(self.cohort)

    @cached_property
    def bulk(self) -> "AnnData | None":
        """Sums of samples and lineages, of the genes that the files of all list; ``None`` where they are missing."""
        import anndata

        path = self.cohort.root / "cohort/pseudobulk.h5ad"
        if not path.is_file():
            return None
        bulk = anndata.read_h5ad(path)
        return bulk[:, bulk.var["everywhere"].to_numpy(bool)].copy()

    @cached_property
    def peculiar(self) -> list[pd.DataFrame]:
        """What is peculiar to the samples of each compartment and condition: batch and condition cancel in it."""
        if self.bulk is None:
            return []
        there = self.sheet.loc[list(dict.fromkeys(self.bulk.obs["sample"].astype(str)))]
        groups = [list(rows.index) for _, rows in there.groupby(["compartment", "condition"]) if len(rows) > 1]
        return [peculiar_to_samples(self.bulk, names, there.loc[names, "condition"]) for names in groups]

    @cached_property
    def sexes(self) -> dict[str, str]:
        """``F`` or ``M`` of the donors who are one of them by expression."""
        if self.bulk is None:
            return {}
        sex = sex_of_samples(sample_sums(self.bulk))
        known = sex[sex.isin(["F", "M"])].groupby(self.sheet["donor"]).agg(["nunique", "first"])
        return dict(known.loc[known["nunique"] == 1, "first"])


def warnings_of(cohorts: list[Looked], left_out: LeftOut) -> list[str]:
    """A line on every two samples or donors who are alike."""
    found = []
    for one, other in combinations(cohorts, 2):
        for first, second, n, expected in recounted(one.cells, other.cells):
            found.append(
                f"sample '{first}' of {one.name} and '{second}' of {other.name} share {n:,} barcodes "
                f"({expected:.3g} expected by chance) with like counts: the same capture, counted twice? {ADVICE}"
            )
        likeness = likeness_of_donors(one, other)
        if likeness.size < LEAST_PAIRS:
            left_out.add(f"likeness of the donors of {one.name} and {other.name}: too few have lineages in common")
        for donor, again, r, following in extreme(likeness):
            if {one.sexes.get(donor), other.sexes.get(again)} == {"F", "M"}:
                continue
            found.append(
                f"donor '{donor}' of {one.name} and '{again}' of {other.name} have in common what is peculiar to a "
                f"donor's expression (correlation {r:.2f}; with others up to {following:.2f}): the same person? "
                f"{ADVICE}"
            )
    return found


def recounted(one: pd.DataFrame, other: pd.DataFrame) -> list[tuple[str, str, int, float]]:
    """Pairs of samples with more barcodes in common than chance gives, whose counts rise with each other.

    Parameters
    ----------
    one, other : DataFrame
        ``sample, barcode, total_counts``.

    Returns
    -------
    list of (sample, sample, barcodes in common, as expected by chance)
    """
    shared = one.merge(other, on="barcode", suffixes=("_one", "_other"))
    n_cells = one["sample"].value_counts(), other["sample"].value_counts()
    found = []
    for (first, second), rows in shared.groupby(["sample_one", "sample_other"]):
        expected = n_cells[0][first] * n_cells[1][second] / BARCODES
        if len(rows) < LEAST_CELLS or stats.poisson.sf(len(rows) - 1, expected) > BY_CHANCE:
            continue
        if rows["total_counts_one"].corr(rows["total_counts_other"], method="spearman") >= SAME_ORDER:
            found.append((str(first), str(second), len(rows), float(expected)))
    return found


def likeness_of_donors(one: Looked, other: Looked) -> pd.DataFrame:
    """Correlation of what is peculiar to donors, mean over their pairs of samples.

    Returns
    -------
    DataFrame, shape (donors of one, donors of other); without a value where no lineage is large enough in both.
    """
    tables = [correlations(mine, theirs) for mine in one.peculiar for theirs in other.peculiar]
    rows = [table.rename_axis(index="one", columns="other").stack() for table in tables if not table.empty]
    if not rows:
        return pd.DataFrame()
    pairs = pd.concat(rows).rename("r").reset_index()
    donors = [pairs[side].map(looked.sheet["donor"]) for side, looked in (("one", one), ("other", other))]
    return pairs["r"].groupby(donors, observed=True).mean().unstack()


def extreme(likeness: pd.DataFrame) -> Iterator[tuple[str, str, float, float]]:
    """Pairs that are like each other as no other pair is.

    Parameters
    ----------
    likeness : DataFrame, shape (donors, donors)

    Yields
    ------
    (donor, donor, likeness, largest other likeness of either)

    Notes
    -----
    Two donors who vary in one state (an interferon response, say) are alike, too; but so are then other pairs, and the
    spread of all (median absolute deviation) is wide.
    """
    values = likeness.to_numpy(float)
    if values.size < LEAST_PAIRS:
        return
    for i, j in np.argwhere(~np.isnan(values)):
        others = np.ones(values.shape, bool)
        others[i, j] = False
        rest = values[others & ~np.isnan(values)]
        of_either = np.r_[np.delete(values[i], j), np.delete(values[:, j], i)]
        following = np.nanmax(of_either) if not np.isnan(of_either).all() else np.inf
        spread = 1.4826 * np.median(np.abs(rest - np.median(rest)))
        far = values[i, j] - np.median(rest) > EXTREME * spread
        if far and values[i, j] - following > SWAP_MARGIN:
            yield str(likeness.index[i]), str(likeness.columns[j]), float(values[i, j]), float(following)
