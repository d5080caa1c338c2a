"""Cells told by a share of their UMIs, as red cells: by what is their own, not what the soup leaves in every cell."""

import numpy as np
import numpy.typing as npt

from compartments.core.vocabulary import ERYTHROID_SHARE

SURELY_RED = 0.5  # of the UMIs: so much haemoglobin is of no soup
SOUP_FOLD = 4.0  # times the sample's median, up to which transcripts may be the soup's, which varies between droplets
MIN_CELLS = 10  # of a sample, whose median says what its soup holds


def have_own(umis: npt.ArrayLike, total: npt.ArrayLike, least: float, sure: float) -> npt.NDArray[np.bool_]:
    """Which of the cells of one sample have a share of some genes, and not from the soup.

    Parameters
    ----------
    umis, total : arrays, shape (cells,)
        Transcripts of the genes, and all.
    least, sure : float
        The share; and that which no soup has.

    Returns
    -------
    bool array, shape (cells,)
        The genes have ``least`` of the UMIs, and either ``sure`` or, as a number and as a share, more than
        ``SOUP_FOLD`` times that of the median cell. Where burst cells leave so much in every droplet that all others
        have the share, it says nothing of a cell, and its other transcripts name it.
    """
    own, whole = np.asarray(umis, float), np.asarray(total, float)
    share = np.divide(own, whole, out=np.zeros(len(own)), where=whole > 0)
    enough = (share >= least) & (whole > 0)
    others = share < sure
    if others.sum() < MIN_CELLS:
        return enough
    beyond = (own > SOUP_FOLD * np.median(own[others])) & (share > SOUP_FOLD * np.median(share[others]))
    return enough & (beyond | ~others)


def red_cells(haemoglobin: npt.ArrayLike, total: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which of the cells of one sample are red, by their UMIs of haemoglobin and all (:func:`have_own`)."""
    return have_own(haemoglobin, total, ERYTHROID_SHARE, SURELY_RED)
