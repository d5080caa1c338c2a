"""Doublets by Scrublet, called only where the data give a threshold that makes sense; a second opinion if asked for.

Wolock, Lopez & Klein 2019, Cell Systems 8:281 (Scrublet); Bais & Kostka 2020, Bioinformatics 36:1150 (genes that single
cells do not express together).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from compartments.cells.coexpression import coexpression
from compartments.cells.scrublet import scrublet
from compartments.core.kits import kit_named

LEAST_CELLS = 50  # fewer carry no 30 components
CALL_FROM = 500
RATE_PER_1000 = 0.008
RATE_PER_1000_LOWER = 0.004  # GEM-X and HT, by 10x
PERCENTILE = 95
MOST_FOLD = 3
CALLERS = ("scrublet", "coexpression")

Floats = npt.NDArray[np.float64]


def expected_rate(
    n_cells: int, chemistry: str = "", per_1000: float | None = None, loaded_cells: int | None = None
) -> float:
    """Expected share of doublets among the recovered cells.

    Parameters
    ----------
    n_cells : int
        Cells recovered.
    chemistry : str
        As given in the samplesheet or by Cell Ranger; GEM-X (3' v4, 5' v3) and HT make half as many doublets.
    per_1000 : float, optional
        Share per 1,000 recovered cells; default .008 (10x Genomics, 3' v3.1), .004 for GEM-X and HT.
    loaded_cells : int, optional
        Cells loaded, of which 10x recovers about 60 per cent; takes the place of ``n_cells``.

    Returns
    -------
    float
        At most .3.
    """
    if per_1000 is None:
        kit = kit_named(chemistry)
        per_1000 = RATE_PER_1000_LOWER if kit.gemx or kit.high else RATE_PER_1000
    recovered = n_cells if loaded_cells is None else 0.6 * loaded_cells
    return min(per_1000 * recovered / 1000, 0.3)


def judge_threshold(threshold: float | None, observed: Floats, rate: float) -> str:
    """Whether an automatic threshold can be used to call.

    Parameters
    ----------
    threshold : float or None
    observed : ndarray of float, shape (n_cells,)
    rate : float
        Expected share of doublets.

    Returns
    -------
    str
        ``auto``, or ``rejected: ...`` with the reason.
    """
    if not np.isfinite(observed).any():
        return "rejected: too few genes differ between the cells"
    if threshold is None:
        return "rejected: simulated scores have no two modes"
    finite = observed[np.isfinite(observed)]
    lowest = np.percentile(finite, PERCENTILE)
    if threshold <= lowest:
        return (
            f"rejected: threshold {threshold:.3f} is not above the {PERCENTILE}th percentile of scores ({lowest:.3f})"
        )
    called, expected = int((finite > threshold).sum()), rate * len(finite)
    if called > MOST_FOLD * expected:
        return f"rejected: {called} calls, more than {MOST_FOLD} times the {expected:.1f} expected"
    return "auto"


@dataclass
class Doublets:
    """Doublets of one sample.

    Attributes
    ----------
    score : ndarray of float, shape (n_cells,)
        NaN where the sample or cell could not be scored.
    is_doublet : ndarray of bool, shape (n_cells,)
    simulated : ndarray of float
        Scores of the simulated doublets.
    threshold : float or None
        Where the simulated scores part, used or not.
    threshold_source : str
        ``auto`` (used), ``rejected: ...``, ``too_few_cells`` or ``left_out`` (nothing is called).
    n_scrublet : int
        Calls of Scrublet alone.
    coexpression : ndarray of float, shape (n_cells,), or None
        Score of the second caller, if it was asked for.
    """

    score: Floats
    is_doublet: npt.NDArray[np.bool_]
    simulated: Floats
    threshold: float | None
    threshold_source: str
    n_scrublet: int = 0
    coexpression: Floats | None = None

    @property
    def detectable(self) -> float | None:
        """Share of simulated doublets above the threshold, None without one."""
        if self.threshold is None:
            return None
        return float((self.simulated > self.threshold).mean())

    def histograms(self) -> dict[str, Any]:
        """Numbers of observed and simulated scores in 50 equal bins from 0 to ``histogram_end``, for plots."""
        observed = self.score[np.isfinite(self.score)]
        end = float(max(observed.max(initial=0), self.simulated.max(initial=0)))
        edges = np.linspace(0, end or 1, 51)
        names = {"histogram_observed": observed, "histogram_simulated": self.simulated}
        return {"histogram_end": end} | {name: np.histogram(v, edges)[0].tolist() for name, v in names.items()}

    def table(self, barcodes: pd.Index) -> pd.DataFrame:
        """Scores and calls of every cell: ``barcode, doublet_score, predicted_doublet``, ``coexpression_score``."""
        columns = {"barcode": barcodes, "doublet_score": self.score, "predicted_doublet": self.is_doublet}
        if self.coexpression is not None:
            columns["coexpression_score"] = self.coexpression
        return pd.DataFrame(columns)

    def summary(self, sample: str, callers: Sequence[str], rate: float) -> dict[str, Any]:
        """The flat JSON summary of one sample, called at the expected ``rate``."""
        finite = self.score[np.isfinite(self.score)]
        return {
            "sample": sample,
            "n_cells": len(self.score),
            "callers": ", ".join(callers),
            "n_doublets": int(self.is_doublet.sum()),
            "n_scrublet": self.n_scrublet,
            "n_expected": rate * len(self.score),
            "expected_rate": rate,
            "threshold": self.threshold,
            "threshold_source": self.threshold_source,
            "detectable_fraction": self.detectable,
            "score_95": float(np.percentile(finite, 95)) if len(finite) else None,
            **self.histograms(),
        }


def call_doublets(
    counts: sp.csr_matrix,
    rate: float,
    call_from: int = CALL_FROM,
    seed: int = 0,
    callers: Sequence[str] = CALLERS[:1],
) -> Doublets:
    """Score every cell; call doublets where the threshold can be trusted, never by expected number.

    Parameters
    ----------
    counts : csr_matrix of int, shape (n_cells, n_genes)
        Raw counts of cells.
    rate : float
        Expected share of doublets.
    call_from : int
        With fewer cells there are scores but no calls.
    callers : sequence of str
        ``scrublet``, or both of ``CALLERS``: then only calls whose co-expression score also lies above the 95th
        percentile of the sample stand.

    Returns
    -------
    Doublets
    """
    n = counts.shape[0]
    if n < LEAST_CELLS:
        return unscored(n, "too_few_cells")
    second = coexpression(counts) if CALLERS[1] in callers else None
    nobody = np.zeros(n, dtype=bool)
    score, simulated, threshold = scrublet(counts, rate, seed)
    source = "too_few_cells" if n < call_from else judge_threshold(threshold, score, rate)
    called = np.nan_to_num(score) > threshold if source == "auto" and threshold is not None else nobody
    agreed = called if second is None else called & (second > np.percentile(second, PERCENTILE))
    return Doublets(score, agreed, simulated, threshold, source, int(called.sum()), second)


def unscored(n_cells: int, why: str) -> Doublets:
    """Cells without a score, none of them called; ``why`` as ``threshold_source``."""
    return Doublets(np.full(n_cells, np.nan), np.zeros(n_cells, dtype=bool), np.array([]), None, why)
