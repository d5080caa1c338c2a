"""Many tests at once."""

import numpy as np
import numpy.typing as npt


def benjamini_hochberg(p: npt.ArrayLike, primary: npt.ArrayLike | None = None) -> npt.NDArray[np.float64]:
    """Benjamini-Hochberg adjusted p-values; missing p stay missing and do not count.

    Parameters
    ----------
    p : array, shape (tests,)
    primary : bool array, shape (tests,), optional
        Tests of hypotheses named before the data were seen: a family of their own, adjusted apart from the others.

    Returns
    -------
    array, shape (tests,)
    """
    from scipy import stats  # takes longer to import than a small step that tests nothing takes

    p = np.asarray(p, float)
    primary = np.zeros(p.shape, bool) if primary is None else np.asarray(primary, bool)
    q = np.full(p.shape, np.nan)
    for family in (primary, ~primary):
        usable = family & np.isfinite(p)
        if usable.any():
            q[usable] = stats.false_discovery_control(p[usable])
    return q
