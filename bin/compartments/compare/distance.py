"""E-distance: how far two arms of a lineage lie apart as clouds of cells, per compartment. Descriptive only.

Cells of one donor are not independent, so no p-value is made of it; the distance between donors of the reference arm
stands beside it as its measure.
"""

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.core.left_out import LeftOut
from compartments.study.captures import specimen_of
from compartments.study.study import CHANGE, COMPARTMENTS, TREND, Study
from compartments.study.terms import Term, terms_of

MIN_CELLS = 10


def e_distance(x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> float:
    """Energy distance of two groups of cells with squared Euclidean distances.

    Parameters
    ----------
    x, y : array, shape (cells, dimensions)
        At least two cells each.

    Returns
    -------
    float
        Twice the mean squared distance between the groups' cells minus those within either group: an unbiased
        estimate of twice the squared distance of the groups' centres, which may fall below 0.

    Notes
    -----
    Peidli et al. (2024) Nat Methods 21:531. All pairs' distances sum to means and variances, hence linear cost.
    """
    centre = np.subtract(x.mean(0, dtype=float), y.mean(0, dtype=float))
    within = sum(group.var(0, ddof=1, dtype=float).sum() / len(group) for group in (x, y))
    return float(2 * (centre @ centre - within))


def read_cells(path: str) -> tuple[pd.DataFrame, npt.NDArray[np.floating]]:
    """Cells of ``cohort.h5ad``: ``sample, lineage`` of each, and principal components, shape (cells, components)."""
    import h5py
    from anndata.io import read_elem

    with h5py.File(path) as file:
        cells = pd.DataFrame({name: read_elem(file[f"obs/{name}"]) for name in ("sample", "lineage")})
        return cells, file["obsm/X_pca"][:]


def arm_distances(cells: pd.DataFrame, pca: npt.NDArray[np.floating], study: Study, left_out: LeftOut) -> pd.DataFrame:
    """Distance of the arms of every contrast, per compartment and lineage.

    Parameters
    ----------
    cells : DataFrame
        One row per cell: ``sample, lineage``.
    pca : array, shape (cells, components)
        Principal components before any integration, which would remove what is asked for.
    study : Study
    left_out : LeftOut
        Is given the lineages with fewer than ``MIN_CELLS`` cells in an arm.

    Returns
    -------
    DataFrame
        Columns as in ``coupling/edistance.tsv``. Where donors are their own controls, ``edistance`` is the median of
        the donors' own distances, and of one condition that of the two compartments of a donor. Changes of changes and
        slopes have none. ``edistance_reference_donors`` is the median over pairs of reference donors with at least
        ``MIN_CELLS`` cells.
    """
    rows = []
    cells = cells.assign(sample=cells["sample"].map(specimen_of(study.samples))).reset_index(drop=True)
    at = dict(list(cells.groupby("lineage", observed=True)["sample"]))
    for term in terms_of(study):
        contrast = term.contrast.contrast
        if term.kind in (CHANGE, TREND):
            if not term.across:
                reason = f"E-distance in {term.compartment}: of two conditions, not of changes and slopes"
                left_out.add(reason, contrast=contrast)
            continue
        if term.across and term.kind != COMPARTMENTS:
            continue
        for lineage, samples in at.items():
            if lineage in term.unnamed:
                left_out.add(f"E-distance: {term.unnamed[str(lineage)]}", lineage=str(lineage), contrast=contrast)
                continue
            arms = [_cells_of(side.units, parts[0].column, samples) for side, parts in term.sides().values()]
            if term.one_arm:
                own = [donor for donor in arms[0] if min(len(arm.get(donor, [])) for arm in arms) >= MIN_CELLS]
                arms = [{donor: arm[donor] for donor in own} for arm in arms]
            n_cells = [sum(map(len, arm.values())) for arm in arms]
            if min(n_cells) < MIN_CELLS:
                left_out.add(_too_few(term, n_cells), lineage=str(lineage), contrast=contrast)
                continue
            first, second = ([pca[index] for index in arm.values()] for arm in arms)
            apart = zip(first, second, strict=True) if term.one_arm else [(np.vstack(first), np.vstack(second))]
            between = [e_distance(a, b) for a, b in combinations([x for x in second if len(x) >= MIN_CELLS], 2)]
            rows.append(
                {
                    "contrast": contrast,
                    "compartment": term.compartment,
                    "lineage": lineage,
                    "n_cells_condition": n_cells[0],
                    "n_cells_reference": n_cells[1],
                    "n_condition": len(first),
                    "n_reference": len(second),
                    "edistance": np.median([e_distance(a, b) for a, b in apart]),
                    "edistance_reference_donors": np.median(between) if between else np.nan,
                    "tier": "descriptive",
                }
            )
    return pd.DataFrame(rows)


def _cells_of(units: pd.DataFrame, column: str, samples: pd.Series) -> dict[str, npt.NDArray[np.intp]]:
    """Positions of the cells of each donor that has any, those of the samples of a column; ``samples`` of the cells."""
    donors = samples.map(units.set_index(column)["donor"]).dropna()
    return {str(donor): group.index.to_numpy() for donor, group in donors.groupby(donors, sort=False, observed=True)}


def _too_few(term: Term, n_cells: list[int]) -> str:
    """Why a lineage has no distance."""
    if term.one_arm:
        return f"E-distance in {term.compartment}: no donor has {MIN_CELLS} cells of both {' and '.join(term.sides())}"
    counts = ", ".join(f"{n} cells of {name}" for n, name in zip(n_cells, term.sides(), strict=True))
    return f"E-distance in {term.compartment}: {counts}; at least {MIN_CELLS} each are needed"
