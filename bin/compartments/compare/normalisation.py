"""Pseudobulk counts brought to one scale: trimmed means of M values, log CPM."""

import numpy as np
import numpy.typing as npt


def tmm_factors(counts: npt.ArrayLike, trim_ratio: float = 0.3, trim_sum: float = 0.05) -> npt.NDArray[np.float64]:
    """Normalisation factors by the trimmed mean of M values.

    Parameters
    ----------
    counts : array, shape (samples, genes)
    trim_ratio, trim_sum : float
        Share trimmed from each end of the log ratios (M) and of the mean log expression (A).

    Returns
    -------
    array, shape (samples,)
        Factors on the library size, with product 1.

    Notes
    -----
    Robinson and Oshlack (2010) Genome Biol 11:R25; the reference sample is the one whose upper quartile of counts per
    library size is closest to the mean, as in edgeR.
    """
    counts = np.asarray(counts, float)
    counts = counts[:, (counts > 0).any(0)]
    library = counts.sum(1)
    quartiles = np.quantile(counts, 0.75, axis=1) / library
    reference = int(np.argmin(np.abs(quartiles - quartiles.mean())))
    if np.median(quartiles) < 1e-20:
        reference = int(np.argmax(np.sqrt(counts).sum(1)))
    factors = np.array([_tmm_pair(row, counts[reference], trim_ratio, trim_sum) for row in counts])
    return factors / np.exp(np.log(factors).mean())


def _tmm_pair(
    counts: npt.NDArray[np.float64], reference: npt.NDArray[np.float64], trim_ratio: float, trim_sum: float
) -> float:
    n, n_reference = counts.sum(), reference.sum()
    both = (counts > 0) & (reference > 0)
    y, y_reference = counts[both], reference[both]
    ratio = np.log2((y / n) / (y_reference / n_reference))
    if len(ratio) == 0 or np.abs(ratio).max() < 1e-6:
        return 1.0
    mean = 0.5 * np.log2((y / n) * (y_reference / n_reference))
    variance = (n - y) / n / y + (n_reference - y_reference) / n_reference / y_reference
    genes = len(ratio)
    keep = _untrimmed(ratio, int(genes * trim_ratio) + 1) & _untrimmed(mean, int(genes * trim_sum) + 1)
    if not keep.any():
        return 1.0
    return float(2 ** (np.sum(ratio[keep] / variance[keep]) / np.sum(1 / variance[keep])))


def _untrimmed(values: npt.NDArray[np.float64], low: int) -> npt.NDArray[np.bool_]:
    """Whether the average rank of each value is from ``low`` to as far from the end; no sort, for speed."""
    high = len(values) + 1 - low
    bounds = np.partition(values, [low - 1, high - 1])[[low - 1, high - 1]]
    keep = (values > bounds[0]) & (values < bounds[1])
    for bound in bounds:
        tied = values == bound
        if low <= (values < bound).sum() + (tied.sum() + 1) / 2 <= high:
            keep |= tied
    return keep


def log_cpm(counts: npt.NDArray[np.int64], factors: npt.NDArray[np.float64] | None = None) -> npt.NDArray[np.float64]:
    """``log2(CPM + 0.5)``, library sizes times ``factors`` (default: TMM); array (samples, genes)."""
    factors = tmm_factors(counts) if factors is None else factors
    return np.log2(counts / (counts.sum(1) * factors)[:, None] * 1e6 + 0.5)
