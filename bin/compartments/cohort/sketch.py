"""A sketch of many cells: which cells are drawn, and how the others go with them."""

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

EXACT = 50_000**2  # pairs up to which an exact search takes less CPU time than compiling an approximate one
LEAST = 50  # cells of a lineage in a sample that all are drawn, so that no rare one is thinned
Rows = npt.NDArray[np.intp]
Points = npt.NDArray[np.float32]


def chosen(strata: pd.DataFrame, n_cells: int, seed: int = 0) -> Rows:
    """The cells of a sketch.

    Parameters
    ----------
    strata : DataFrame, shape (cells, ...)
        Columns whose combinations are all to be there, such as ``sample, lineage``.
    n_cells : int
        Of the sketch, about; ``LEAST`` of every stratum are drawn before.
    seed : int

    Returns
    -------
    int array, ascending
    """
    code = strata.groupby(list(strata), observed=True, sort=True).ngroup().to_numpy()
    order = np.random.default_rng(seed).permutation(len(code))
    rank = np.empty(len(code), np.intp)
    rank[order] = pd.Series(code[order]).groupby(code[order]).cumcount()
    size = np.bincount(code)
    least = np.minimum(size, LEAST)
    share = max(n_cells - least.sum(), 0) / max((size - least).sum(), 1)
    wanted = least + np.floor(share * (size - least)).astype(np.intp)
    return np.flatnonzero(rank < wanted[code])


def nearest(sketch: Points, cells: Points, k: int, seed: int = 0, threads: int = 1) -> tuple[Rows, Points]:
    """The ``k`` cells of the sketch that are nearest to each cell, and their weights (sum 1), shape (cells, k).

    Notes
    -----
    For many cells nearest neighbour descent (Dong et al. 2011 WWW:577); each cell is searched by itself, so threads
    change nothing. Weights fall with the distance over that of the farthest, as a tricube (Cleveland 1979 JASA 74:829).
    """
    if len(sketch) * len(cells) <= EXACT:
        from sklearn.neighbors import NearestNeighbors

        exact = NearestNeighbors(n_neighbors=k, algorithm="brute", n_jobs=threads).fit(sketch)
        distance, found = exact.kneighbors(cells)
    else:
        from pynndescent import NNDescent

        index = NNDescent(sketch, n_neighbors=2 * k, random_state=seed, n_jobs=threads, low_memory=True)
        found, distance = index.query(cells, k=k)
    far = np.maximum(distance[:, -1:], 1e-12) * 1.001
    weight = (1 - (distance / far) ** 3) ** 3
    return found.astype(np.intp), (weight / weight.sum(1, keepdims=True)).astype(np.float32)


def placed(values: Points, neighbours: tuple[Rows, Points], rows: Rows) -> Points:
    """Coordinates of all cells: means of their neighbours', and of those in the sketch their own.

    Parameters
    ----------
    values : array, shape (sketch, dimensions)
    neighbours : tuple
        Of :func:`nearest`.
    rows : int array, shape (sketch,)
        Which cells are in the sketch.
    """
    at, weight = neighbours
    found = np.einsum("ck,ckd->cd", weight, values[at]).astype(np.float32)
    found[rows] = values
    return found


def voted(labels: Any, neighbours: tuple[Rows, Points], rows: Rows) -> pd.Categorical:
    """Labels of all cells: that of most weight among their neighbours, and of those in the sketch their own.

    Parameters
    ----------
    labels : Categorical, shape (sketch,)
    neighbours, rows
        As in :func:`placed`.
    """
    at, weight = neighbours
    codes, names = np.asarray(labels.codes), labels.categories
    votes = np.zeros((len(at), len(names)), np.float32)
    for column in range(at.shape[1]):
        votes[np.arange(len(at)), codes[at[:, column]]] += weight[:, column]
    won = votes.argmax(1)
    won[rows] = codes
    return pd.Categorical.from_codes(won, names)


def widened(graph: sparse.csr_matrix, rows: Rows, n_cells: int) -> sparse.csr_matrix:
    """A graph of the sketch among all cells, the others without neighbours: CSR, shape (cells, cells)."""
    own = cast(Any, sparse.coo_matrix(graph))
    return sparse.csr_matrix((own.data, (rows[own.row], rows[own.col])), shape=(n_cells, n_cells))
