"""Variable genes from sums over cells: no matrix is needed to choose them."""

import numpy as np
import numpy.typing as npt
import pandas as pd

N_GENES = 2000
N_BINS = 20
FEW_CELLS = 50  # of a batch: with fewer, genes are chosen from all cells together
COLUMNS = ["means", "dispersions", "dispersions_norm"]
Floats = npt.NDArray[np.float64]


def variable_genes(
    total: Floats, squares: Floats, n_cells: npt.NDArray[np.integer], batch: npt.ArrayLike, n_top: int = N_GENES
) -> pd.DataFrame:
    """The genes that vary most within batches.

    Parameters
    ----------
    total, squares : array, shape (genes, samples)
        Sums over cells of counts per 10,000 and of their squares (:func:`compartments.cohort.sums.moments`).
    n_cells : int array, shape (samples,)
    batch : array of str, shape (samples,)
        One name for all: no batches.
    n_top : int

    Returns
    -------
    DataFrame, shape (genes, ...)
        ``highly_variable``, ``means, dispersions, dispersions_norm`` (means over batches).

    Notes
    -----
    Seurat's dispersions (Satija et al. 2015 Nat Biotechnol 33:495), as ``scanpy.pp.highly_variable_genes`` has them:
    log of variance over mean, standardised within 20 bins of log mean; genes that are variable in most batches first.
    """
    codes, names = pd.factorize(np.asarray(batch, object))
    sizes = np.bincount(codes, n_cells)
    if len(names) == 1 or sizes.min() < FEW_CELLS:
        table = _of_batch(total.sum(1), squares.sum(1), float(sizes.sum()))
        return table.assign(highly_variable=_highest(table["dispersions_norm"], n_top))[["highly_variable", *COLUMNS]]
    added = np.zeros((len(total), len(COLUMNS)))
    known = np.zeros_like(added)
    times = np.zeros(len(total), int)
    for code, size in enumerate(sizes):
        sums, of_squares = (matrix[:, codes == code].sum(1) for matrix in (total, squares))
        seen = sums > 0
        table = pd.DataFrame(0.0, range(len(total)), COLUMNS)
        found = _of_batch(sums[seen], of_squares[seen], float(size))
        times[seen] += _highest(found["dispersions_norm"], n_top)
        table.loc[seen] = found.to_numpy()
        values = table.to_numpy()
        known += np.isfinite(values)
        added += np.nan_to_num(values)
    mean = pd.DataFrame(np.divide(added, known, out=np.full_like(added, np.nan), where=known > 0), columns=COLUMNS)
    order = np.lexsort((-mean["dispersions_norm"].fillna(-np.inf), -times))
    chosen = np.zeros(len(total), bool)
    chosen[order[:n_top]] = True
    return mean.assign(highly_variable=chosen)[["highly_variable", *COLUMNS]]


def _of_batch(total: Floats, squares: Floats, n: float) -> pd.DataFrame:
    """Mean, dispersion and standardised dispersion of each gene over ``n`` cells."""
    mean = total / n
    variance = (squares - n * mean**2) / max(n - 1, 1)
    mean = np.where(mean == 0, 1e-12, mean)
    dispersion = variance / mean
    dispersion = np.log(np.where(dispersion > 0, dispersion, np.nan))
    table = pd.DataFrame({"means": np.log1p(mean), "dispersions": dispersion})
    of_bin = table.groupby(pd.cut(table["means"], N_BINS), observed=True)["dispersions"]
    centre, spread = of_bin.transform("mean"), of_bin.transform("std")
    alone = spread.isna()  # in its bin: taken as one spread above what is usual
    table["dispersions_norm"] = (dispersion - centre.mask(alone, 0)) / spread.mask(alone, centre)
    return table


def _highest(values: pd.Series, n_top: int) -> npt.NDArray[np.bool_]:
    """Which of the values are among the ``n_top`` highest; of equal ones all."""
    finite = np.sort(values.dropna().to_numpy())[::-1]
    if not len(finite):
        return np.zeros(len(values), bool)
    return values.fillna(-np.inf).to_numpy() >= finite[min(n_top, len(finite)) - 1]
