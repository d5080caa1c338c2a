"""The soup, the RNA that floats in every droplet: its profile and amount, measured in the empty droplets."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from compartments.core.matrix import totals

MIN_SOUP_UMI = 1000  # fewer UMIs in empty droplets do not make a profile


@dataclass
class Soup:
    """The soup of one sample.

    Attributes
    ----------
    profile : ndarray, shape (genes,)
        Share of each gene in the soup; sums to 1.
    umi : float
        UMIs of soup in a droplet: the UMI-weighted median of the empties' totals, which very many barcodes of a few
        UMIs (sequencing errors) do not move.
    spread : float
        Squared coefficient of variation of the soup's amount between droplets, beyond that of counting.
    n_droplets, total : int
        Empty droplets used and their UMIs.
    level : float or None
        UMIs of soup in a cell's droplet, where the method estimates them.
    """

    profile: npt.NDArray[np.float64]
    umi: float
    spread: float
    n_droplets: int
    total: int
    level: float | None = None


def measure_soup(empties: sp.csr_matrix) -> Soup:
    """Profile and amount of the soup from the empty droplets.

    Barcodes of more than three times the typical total are left out: they are damaged or missed cells.

    Parameters
    ----------
    empties : csr_matrix, shape (droplets, genes)

    Returns
    -------
    Soup

    Raises
    ------
    ValueError
        If fewer than ``MIN_SOUP_UMI`` UMIs are there; the message is the reason.
    """
    umis = totals(empties).astype(np.int64)
    typical = _weighted_median(umis)
    used = (umis > 0) & (umis <= 3 * typical)
    profile = totals(empties[used], axis=0).astype(float)
    total = int(profile.sum())
    if total < MIN_SOUP_UMI:
        raise ValueError(f"the empty droplets hold {total} UMIs; {MIN_SOUP_UMI} are needed for the soup's profile")
    umi = _weighted_median(umis[used])
    plateau = umis[used & (umis > umi / 3)]
    spread = max((plateau.var() - plateau.mean()) / plateau.mean() ** 2, 0.0)
    return Soup(profile / total, float(umi), float(spread), int(used.sum()), total)


def _weighted_median(umis: npt.NDArray[np.int64]) -> int:
    """The total of the barcode that holds the middle one of all UMIs."""
    ordered = np.sort(umis)
    if not ordered.size or ordered[-1] == 0:
        return 0
    cumulative = np.cumsum(ordered)
    return ordered[np.searchsorted(cumulative, cumulative[-1] / 2)]


def soup_or_reason(empties: sp.csr_matrix | None) -> tuple[Soup | None, str | None]:
    """The soup, or why it cannot be measured."""
    if empties is None:
        return None, "no empty droplets, in which the soup is measured"
    try:
        return measure_soup(empties), None
    except ValueError as error:
        return None, str(error)
