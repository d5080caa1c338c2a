"""Which called cells are fit for analysis: limits that follow each sample's own distribution.

Limits are medians plus or minus a number of median absolute deviations (McCarthy et al. 2017, Bioinformatics 33:1179;
Heumos et al. 2023, Nat Rev Genet 24:550), within bounds that keep a clean sample from losing good cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from compartments.core.errors import SampleSkipped
from compartments.core.own_transcripts import have_own, red_cells
from compartments.core.species import ANTIBODY, OF_MITOCHONDRIA, RIBOSOMAL, known_as
from compartments.core.vocabulary import HAEMOGLOBIN

MAD_TO_SD = 1.4826
LEAST_CELLS = 10  # a sample of fewer is left out
PLATELET_SHARE = 0.01, 0.1  # of UMIs from platelet genes, and what no soup has
PLATELET = ("PPBP", "PF4", "PF4V1", "GNG11", "TUBB1", "GP9", "ITGA2B")


@dataclass(frozen=True)
class Limits:
    """Parameters of :func:`find_limits`; ``nmads_*`` None switches an adaptive limit off.

    Attributes
    ----------
    nmads_counts, nmads_genes, nmads_mt, nmads_top20 : float or None
        Median absolute deviations (scaled to a standard deviation) allowed.
    min_counts, min_genes, max_counts, max_mt : float or None
        Hard limits: no cell passes beyond them, whatever the sample looks like.
    keep_fold : float
        Cells within this factor of the sample's median counts and genes are never cut by an adaptive limit, so that
        small cells of a homogeneous sample and rare large ones (plasma cells, pDC) stay.
    mt_floor, top20_floor : float
        Adaptive upper limits never fall below these (per cent).
    """

    nmads_counts: float | None = 5.0
    nmads_genes: float | None = 5.0
    nmads_mt: float | None = 3.0
    nmads_top20: float | None = 5.0
    min_counts: float = 300
    min_genes: float = 200
    max_counts: float | None = None
    max_mt: float = 20.0
    keep_fold: float = 5.0
    mt_floor: float = 5.0
    top20_floor: float = 50.0


def measure(counts: sp.csr_matrix, symbols: Sequence[str] | pd.Index) -> pd.DataFrame:
    """Quality of each cell.

    Parameters
    ----------
    counts : csr_matrix of int, shape (n_cells, n_genes)
        Raw counts.
    symbols : sequence of str, shape (n_genes,)

    Returns
    -------
    DataFrame, shape (n_cells, 7)
        ``total_counts`` and ``n_genes`` (int64); ``pct_mt``, ``pct_ribo``, ``pct_hb``, ``pct_platelet`` and
        ``pct_top20`` (share of the 20 most abundant genes of the cell; antibody genes do not count, or every plasma
        cell would look damaged), in per cent of the cell's UMIs.
    """
    symbols = pd.Index(symbols)
    total = np.asarray(counts.sum(1, dtype=np.int64)).ravel()
    safe = np.maximum(total, 1)

    def share(genes: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        return np.asarray(counts[:, np.flatnonzero(genes)].sum(1, dtype=np.int64)).ravel() / safe * 100

    others = counts[:, np.flatnonzero(~symbols.str.match(ANTIBODY))]
    others_total = np.maximum(np.asarray(others.sum(1, dtype=np.int64)).ravel(), 1)
    top = np.empty(len(total))
    for i, (start, end) in enumerate(zip(others.indptr[:-1], others.indptr[1:], strict=True)):
        values = others.data[start:end]
        top[i] = (np.partition(values, -20)[-20:] if end - start > 20 else values).sum()
    return pd.DataFrame(
        {
            "total_counts": total,
            "n_genes": np.diff(counts.indptr).astype(np.int64),
            "pct_mt": share(symbols.str.match(OF_MITOCHONDRIA.pattern)),
            "pct_ribo": share(symbols.str.match(RIBOSOMAL.pattern)),
            "pct_hb": share(symbols.isin(known_as(HAEMOGLOBIN, symbols))),
            "pct_platelet": share(symbols.isin(known_as(PLATELET, symbols))),
            "pct_top20": top / others_total * 100,
        }
    )


def find_limits(quality: pd.DataFrame, limits: Limits) -> dict[str, tuple[float, float]]:
    """Lower and upper limit of each metric for one sample.

    Parameters
    ----------
    quality : DataFrame
        Of :func:`measure`, erythroid and platelet cells left out.
    limits : Limits

    Returns
    -------
    dict of str to (float, float)
        ``total_counts``, ``n_genes``, ``pct_mt``, ``pct_top20``: lowest and highest value that passes; -inf or inf
        where there is no limit.

    Notes
    -----
    Counts and genes are limited on the log scale. With median M and scaled deviation S of the logs, the limits are
    ``exp(M -+ max(n S, log keep_fold))``, then cut to the hard ones. Mitochondrial and top-20 shares have an upper
    limit only, ``max(M + n S, floor)``.
    """

    def centre(values: npt.NDArray[np.float64]) -> tuple[float, float]:
        middle = np.median(values)
        return middle, MAD_TO_SD * np.median(np.abs(values - middle))

    out: dict[str, tuple[float, float]] = {}
    for metric, nmads in (("total_counts", limits.nmads_counts), ("n_genes", limits.nmads_genes)):
        low, high = -np.inf, np.inf
        if nmads is not None and len(quality):
            middle, spread = centre(np.log(np.maximum(quality[metric].to_numpy(), 1)))
            width = max(nmads * spread, np.log(limits.keep_fold))
            low, high = np.exp(middle - width), np.exp(middle + width)
        out[metric] = (low, high)
    hard_high = np.inf if limits.max_counts is None else limits.max_counts
    low, high = out["total_counts"]
    out["total_counts"] = (max(low, limits.min_counts), min(high, hard_high))
    low, high = out["n_genes"]
    out["n_genes"] = (max(low, limits.min_genes), high)
    for metric, nmads, floor, hard in (
        ("pct_mt", limits.nmads_mt, limits.mt_floor, limits.max_mt),
        ("pct_top20", limits.nmads_top20, limits.top20_floor, np.inf),
    ):
        high = np.inf
        if nmads is not None and len(quality):
            middle, spread = centre(quality[metric].to_numpy())
            high = max(middle + nmads * spread, floor)
        out[metric] = (-np.inf, min(high, hard))
    return out


def judge(quality: pd.DataFrame, limits: Limits) -> tuple[pd.DataFrame, pd.DataFrame, npt.NDArray[np.bool_]]:
    """Apply :func:`find_limits` to one sample.

    Erythroid cells (:func:`~compartments.core.own_transcripts.red_cells`) and platelets (``PLATELET_SHARE`` of
    platelet genes, by :func:`~compartments.core.own_transcripts.have_own`) hold few genes and are left for annotation
    to name: only the hard counts and the mitochondrial limit apply to them, and they do not enter the medians.

    Parameters
    ----------
    quality : DataFrame, shape (n_cells, n_metrics)
    limits : Limits

    Returns
    -------
    fails : DataFrame of bool, shape (n_cells, 4)
        One column per limited metric.
    table : DataFrame
        ``metric, lower, upper, n_removed, n_removed_only`` (cells that fail this metric; this one alone); last row
        ``any``.
    special : ndarray of bool, shape (n_cells,)
        Erythroid cells and platelets.
    """
    umis = quality["total_counts"].to_numpy()
    haemoglobin, of_platelets = (np.rint(quality[name] * umis / 100) for name in ("pct_hb", "pct_platelet"))
    special = red_cells(haemoglobin, umis) | have_own(of_platelets, umis, *PLATELET_SHARE)
    found = find_limits(quality[~special], limits)
    fails = pd.DataFrame(
        {m: (quality[m] < low) | (quality[m] > high) for m, (low, high) in found.items()}, index=quality.index
    )
    hard_high = np.inf if limits.max_counts is None else limits.max_counts
    counts = quality["total_counts"]
    fails.loc[special, "total_counts"] = (counts < limits.min_counts) | (counts > hard_high)
    fails.loc[special, ["n_genes", "pct_top20"]] = False
    number = fails.sum(axis=1)
    rows = [
        {
            "metric": metric,
            "lower": low if np.isfinite(low) else np.nan,
            "upper": high if np.isfinite(high) else np.nan,
            "n_removed": int(fails[metric].sum()),
            "n_removed_only": int((fails[metric] & (number == 1)).sum()),
        }
        for metric, (low, high) in found.items()
    ]
    rows.append({"metric": "any", "n_removed": int((number > 0).sum()), "n_removed_only": int((number > 0).sum())})
    return fails, pd.DataFrame(rows), special


@dataclass
class Judged:
    """Quality of the called cells of one sample.

    Attributes
    ----------
    keep : ndarray of bool, shape (n_cells,)
        Within all limits.
    measured : DataFrame, shape (n_cells, 7)
        Of :func:`measure`.
    fails, table, special
        Of :func:`judge`; ``table`` with the sample's name in front.
    summary : dict
        Flat.
    """

    sample: str
    keep: npt.NDArray[np.bool_]
    measured: pd.DataFrame
    fails: pd.DataFrame
    table: pd.DataFrame
    summary: dict[str, Any]

    def per_cell(self) -> pd.DataFrame:
        """Metrics of every called cell, whether it ``passes``, and what it ``fails``."""
        cells = self.measured.rename_axis("barcode").reset_index()
        cells["passes"] = self.keep
        names = self.fails.columns.to_numpy(object)
        cells["fails"] = [",".join(names[failed]) for failed in self.fails.to_numpy(bool)]
        return cells


def judge_sample(counts: sp.csr_matrix, symbols: pd.Index, barcodes: pd.Index, sample: str, limits: Limits) -> Judged:
    """Measure and judge the called cells of one sample.

    Raises
    ------
    SampleSkipped
        If fewer than ``LEAST_CELLS`` pass.
    """
    measured = measure(counts, symbols).set_index(barcodes)
    fails, table, special = judge(measured, limits)
    keep = ~fails.any(axis=1).to_numpy()
    table.insert(0, "sample", sample)
    if keep.sum() < LEAST_CELLS:
        worst = table.iloc[:-1].sort_values("n_removed", ascending=False, kind="stable").iloc[0]
        raise SampleSkipped(
            f"{int(keep.sum())} of {len(keep)} cells pass the quality limits, fewer than {LEAST_CELLS}; "
            f"most fail {worst['metric']} ({worst['n_removed']} cells)"
        )
    summary = {
        "sample": sample,
        "n_cells_called": len(keep),
        "n_cells": int(keep.sum()),
        "fraction_removed": float(1 - keep.mean()),
        "n_special_kept": int((special & keep).sum()),
    }
    for metric in ("total_counts", "n_genes", "pct_mt", "pct_ribo", "pct_hb", "pct_top20"):
        summary[f"median_{metric}"] = float(np.median(measured.loc[keep, metric]))
    summary["has_mt_genes"] = bool(symbols.str.match(OF_MITOCHONDRIA.pattern).any())
    return Judged(sample, keep, measured, fails, table, summary)
