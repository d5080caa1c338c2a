"""The barcode rank curve: totals of barcodes from the largest to the smallest, and where it bends."""

import numpy as np
import numpy.typing as npt

LOWER = 100


def knee_point(totals: npt.NDArray[np.int64], lower: float = LOWER) -> tuple[float, float]:
    """Knee and inflection of the barcode rank curve above ``lower``.

    Parameters
    ----------
    totals : ndarray of int, shape (n_barcodes,)
    lower : int
        Totals up to this are left out.

    Returns
    -------
    knee, inflection : float
        The inflection is where log total falls fastest with log rank; the knee is the point farthest above the straight
        line from the largest barcode to the inflection. NaN with fewer than 3 distinct totals.
    """
    values, numbers = np.unique(totals[totals > lower], return_counts=True)
    if len(values) < 3:
        return np.nan, np.nan
    values, numbers = values[::-1], numbers[::-1]
    x = np.log10(np.cumsum(numbers) - (numbers - 1) / 2)
    y = np.log10(values)
    # even steps of the rank, so that single barcodes at the top do not look like cliffs
    grid = np.linspace(x[0], x[-1], 100)
    curve = np.interp(grid, x, y)
    inflection = int(np.argmin(np.gradient(np.convolve(np.pad(curve, 2, mode="edge"), np.ones(5) / 5, "valid"), grid)))
    if inflection < 2:
        return 10 ** curve[inflection], 10 ** curve[inflection]
    line = curve[0] + (curve[inflection] - curve[0]) * (grid - grid[0]) / (grid[inflection] - grid[0])
    knee = int(np.argmax((curve - line)[: inflection + 1]))
    return float(10 ** curve[knee]), float(10 ** curve[inflection])


def expected_limit(totals: npt.NDArray[np.int64], expected: int) -> float:
    """A tenth of the 99th percentile of the ``expected`` largest totals (Zheng 2017)."""
    top = np.sort(totals)[::-1][: max(1, int(expected))]
    return float(np.quantile(top, 0.99) / 10)


def rank_curve(totals: npt.NDArray[np.int64], n_points: int = 200) -> tuple[list[int], list[int]]:
    """Barcode rank curve thinned to ``n_points`` even steps of log rank: list of ranks, list of totals."""
    ordered = np.sort(totals)[::-1]
    ranks = np.unique(np.round(np.geomspace(1, len(ordered), n_points)).astype(int))
    return ranks.tolist(), ordered[ranks - 1].tolist()
