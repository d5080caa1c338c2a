"""The share of a network's signal that a lineage takes part in."""

import numpy as np
import numpy.typing as npt


def shares(s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Share of all signal that a lineage sends or receives: (out + in) / (2 sum S).

    Parameters
    ----------
    s : array, shape (..., lineages, lineages)
        Zero diagonal.

    Returns
    -------
    array, shape (..., lineages)
        Sums to one; NaN where the network is empty.
    """
    total = s.sum((-2, -1))[..., None]
    with np.errstate(invalid="ignore"):
        return (s.sum(-1) + s.sum(-2)) / (2 * np.where(total > 0, total, np.nan))
