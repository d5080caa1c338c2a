"""Which cells are red: by the haemoglobin that is their own, not what the soup leaves in every cell."""

import numpy as np
import numpy.typing as npt

from compartments.core.vocabulary import ERYTHROID_SHARE

SURELY_RED = 0.5  # of the UMIs: so much is of no soup
SOUP_FOLD = 4.0  # times the sample's median, up to which haemoglobin may be the soup's, which varies between droplets
MIN_CELLS = 10  # of a sample, whose median says what its soup holds


def red_cells(haemoglobin: npt.ArrayLike, umis: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which of the cells of one sample are red.

    Parameters
    ----------
    haemoglobin, umis : arrays, shape (cells,)
        Transcripts of haemoglobin, and all.

    Returns
    -------
    bool array, shape (cells,)
        Haemoglobin is ``ERYTHROID_SHARE`` of the UMIs, and either half of them or, as a number and as a share, more
        than ``SOUP_FOLD`` times that of the median cell. Where burst red cells leave so much in every droplet that
        white cells have that share, it says nothing of a cell, and its other transcripts name it.
    """
    own, total = np.asarray(haemoglobin, float), np.asarray(umis, float)
    share = np.divide(own, total, out=np.zeros(len(own)), where=total > 0)
    red = (share >= ERYTHROID_SHARE) & (total > 0)
    white = share < SURELY_RED
    if white.sum() < MIN_CELLS:
        return red
    beyond = (own > SOUP_FOLD * np.median(own[white])) & (share > SOUP_FOLD * np.median(share[white]))
    return red & (beyond | ~white)
