"""The attempts that CellBender is given on one sample."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

EXTRA_DROPLETS = 15000  # beyond the expected cells, analysed by CellBender
EMPTY_PART = 0.8  # of the barcodes above the count threshold that may be analysed; the rest are surely empty
MIN_EMPTY = 500  # droplets analysed beyond the expected cells
LEARNING_RATE = 1e-4
LOW_COUNT = 5  # UMIs; CellBender looks at no barcode of fewer


@dataclass(frozen=True)
class Attempt:
    """Settings of one call. ``expected`` and ``total`` are both given or both None (CellBender's own estimates)."""

    name: str
    expected: int | None
    total: int | None
    learning_rate: float


def knee(totals: npt.NDArray[np.int64], low_count: int) -> int:
    """Number of cells from the steepest fall of the rank-total curve, both on log scales.

    Parameters
    ----------
    totals : ndarray of int, shape (barcodes,)
    low_count : int
        Barcodes of fewer UMIs are ignored.

    Returns
    -------
    int
        The rank in the middle of the steepest tenth of a decade, searched in the upper half of the barcodes.
    """
    ordered = np.sort(totals[totals >= low_count])[::-1].astype(float)
    if len(ordered) < 20:
        return len(ordered)
    log_rank, log_total = np.log10(np.arange(1, len(ordered) + 1)), np.log10(ordered)
    grid = np.arange(1.0, np.log10(len(ordered) / 2), 0.01)
    fall = np.interp(grid - 0.05, log_rank, log_total) - np.interp(grid + 0.05, log_rank, log_total)
    return int(round(10 ** grid[np.argmax(fall)])) if len(grid) else len(ordered) // 2


def total_droplets(totals: npt.NDArray[np.int64], expected: int, low_count: int) -> int | None:
    """Droplets to analyse for ``expected`` cells, or None if too few empty ones are there."""
    total = min(expected + EXTRA_DROPLETS, int(EMPTY_PART * (totals >= low_count).sum()))
    return total if total >= expected + MIN_EMPTY else None


def plan_attempts(
    totals: npt.NDArray[np.int64], expected_cells: int | None, low_count: int = LOW_COUNT
) -> list[Attempt]:
    """The ladder: as asked for; then with own estimates of both counts; then at half the learning rate.

    The expected number alone is never passed: CellBender then analyses 20,000 droplets more than that, whether they are
    there or not.

    Parameters
    ----------
    totals : ndarray of int, shape (barcodes,)
    expected_cells : int or None
        From the samplesheet.
    low_count : int

    Returns
    -------
    list of Attempt
        Without steps that have too few empty droplets; equal steps once.
    """
    first = Attempt("defaults", None, None, LEARNING_RATE)
    if expected_cells and (total := total_droplets(totals, expected_cells, low_count)):
        first = Attempt("expected cells", expected_cells, total, LEARNING_RATE)
    attempts = [first]
    n_cells = knee(totals, low_count)
    total = total_droplets(totals, n_cells, low_count)
    if total and (n_cells, total) != (first.expected, first.total):
        attempts.append(Attempt("own knee", n_cells, total, LEARNING_RATE))
    last = attempts[-1]
    return [*attempts, Attempt("half learning rate", last.expected, last.total, LEARNING_RATE / 2)]
