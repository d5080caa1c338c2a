"""How well batches mix in an embedding: local inverse Simpson's index."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.neighbors import NearestNeighbors

if TYPE_CHECKING:
    from anndata import AnnData

PERPLEXITY = 30
MAX_MIXING_CELLS = 10_000
Neighbourhoods = tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]


def neighbourhoods(points: npt.NDArray[np.floating]) -> Neighbourhoods:
    """The neighbours of every cell, and how much each of them counts.

    Parameters
    ----------
    points : array, shape (cells, dimensions)

    Returns
    -------
    neighbour : int array, shape (cells, neighbours)
    weight : array, shape (cells, neighbours)
        Each row sums to one.

    Notes
    -----
    Of the LISI of Korsunsky et al. (2019): 90 neighbours weighted by a Gaussian of perplexity 30, found by bisection.
    """
    n = len(points)
    k = min(3 * PERPLEXITY, n - 1)
    distance, neighbour = NearestNeighbors(n_neighbors=k + 1).fit(points).kneighbors(points)
    distance, neighbour = distance[:, 1:].astype(float) ** 2, neighbour[:, 1:]
    distance = distance - distance[:, :1]
    target = np.log(min(PERPLEXITY, max(2, k // 3)))
    low, high = np.zeros(n), np.full(n, np.inf)
    beta = 1 / np.maximum(distance.mean(axis=1), 1e-12)
    for _ in range(50):
        weight = np.exp(-distance * beta[:, None])
        total = weight.sum(axis=1)
        entropy = np.log(total) + beta * (distance * weight).sum(axis=1) / total
        flat = entropy > target
        low, high = np.where(flat, beta, low), np.where(flat, high, beta)
        beta = np.where(np.isinf(high), beta * 2, (low + high) / 2)
    return neighbour, weight / total[:, None]


def local_diversity(neighbours: Neighbourhoods, labels: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Local inverse Simpson's index of every cell.

    Parameters
    ----------
    neighbours : tuple
        Of :func:`neighbourhoods`.
    labels : sequence, shape (cells,)

    Returns
    -------
    array, shape (cells,)
        Effective number of labels among the neighbours: 1 (all of one) to the number of labels.
    """
    neighbour, weight = neighbours
    codes = pd.factorize(np.asarray(labels))[0]
    simpson = np.zeros(len(codes))
    for code in range(codes.max() + 1):
        simpson += np.where(codes[neighbour] == code, weight, 0).sum(axis=1) ** 2
    return 1 / simpson


def mixing_table(
    cohort: "AnnData", keys: Sequence[str] = ("donor", "compartment", "lineage"), compartment: str = "", seed: int = 0
) -> pd.DataFrame:
    """How well donors, compartments and lineages mix before and after Harmony.

    Parameters
    ----------
    cohort : AnnData
        Embedded: ``obsm`` has ``X_pca`` and ``X_pca_harmony``.
    keys : sequence of str
        Columns of ``obs``.
    compartment : str
        The one whose cells alone ``cohort`` has; empty for all.
    seed : int

    Returns
    -------
    DataFrame
        ``compartment, key, n_labels, n_cells, expected`` (inverse Simpson's index of the whole cohort: perfect mixing),
        ``before``, ``after`` (median local index), ``mixing_before``, ``mixing_after`` (0 = apart, 1 = as in the whole
        cohort), ``remark``. At most 10,000 seeded cells are used.
    """
    chosen = np.arange(cohort.n_obs)
    if cohort.n_obs > MAX_MIXING_CELLS:
        chosen = np.sort(np.random.default_rng(seed).choice(cohort.n_obs, MAX_MIXING_CELLS, replace=False))
    spaces = [cast(npt.NDArray[np.float32], cohort.obsm[name])[chosen] for name in ("X_pca", "X_pca_harmony")]
    both = [neighbourhoods(points) for points in spaces]
    rows = []
    for key in keys:
        labels = cohort.obs[key].astype(str).to_numpy()[chosen]
        shares = pd.Series(labels).value_counts(normalize=True)
        expected = float(1 / (shares**2).sum())
        medians = [float(np.median(local_diversity(neighbours, labels))) for neighbours in both]
        span = expected - 1
        before, after = ((m - 1) / span if span > 1e-9 else np.nan for m in medians)
        remark = ""
        if key == "compartment" and after > 0.8 and after > before + 0.2:
            remark = (
                "compartments are no longer apart after Harmony: the picture does not show what differs between them; "
                "another --integration_key may"
            )
        if key == "donor" and after < before - 0.05:
            remark = "donors are less mixed after Harmony than before"
        rows.append(
            {
                "compartment": compartment,
                "key": key,
                "n_labels": len(shares),
                "n_cells": len(chosen),
                "expected": expected,
                "before": medians[0],
                "after": medians[1],
                "mixing_before": before,
                "mixing_after": after,
                "remark": remark,
            }
        )
    return pd.DataFrame(rows)
