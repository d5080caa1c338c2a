"""E-distance: how far two arms of a lineage lie apart as clouds of cells, per compartment. Descriptive only.

Cells of one donor are not independent, so no p-value is made of it; the distance between donors of the reference arm
stands beside it as its measure.
"""

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.core.left_out import LeftOut
from compartments.study.study import Study

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
        Columns as in ``coupling/edistance.tsv``. ``edistance_reference_donors`` is the median over pairs of reference
        donors with at least ``MIN_CELLS`` cells.
    """
    rows = []
    cells = cells.merge(study.samples[["sample", "donor", "compartment", "condition"]], on="sample", how="left")
    for contrast in study.contrasts.itertuples(index=False):
        arms = {"condition": contrast.condition, "reference": contrast.reference}
        for (compartment, lineage), group in cells.groupby(["compartment", "lineage"], observed=True):
            by_arm = {arm: group[group["condition"] == name] for arm, name in arms.items()}
            if min(len(one) for one in by_arm.values()) < MIN_CELLS:
                counts = ", ".join(f"{len(by_arm[arm])} cells of {name}" for arm, name in arms.items())
                reason = f"E-distance in {compartment}: {counts}; at least {MIN_CELLS} each are needed"
                left_out.add(reason, lineage=lineage, contrast=contrast.contrast)
                continue
            donors = [pca[d.index] for _, d in by_arm["reference"].groupby("donor") if len(d) >= MIN_CELLS]
            between = [e_distance(a, b) for a, b in combinations(donors, 2)]
            rows.append(
                {
                    "contrast": contrast.contrast,
                    "compartment": compartment,
                    "lineage": lineage,
                    **{f"n_cells_{arm}": len(one) for arm, one in by_arm.items()},
                    **{f"n_{arm}": one["donor"].nunique() for arm, one in by_arm.items()},
                    "edistance": e_distance(pca[by_arm["condition"].index], pca[by_arm["reference"].index]),
                    "edistance_reference_donors": np.median(between) if between else np.nan,
                    "tier": "descriptive",
                }
            )
    return pd.DataFrame(rows)
