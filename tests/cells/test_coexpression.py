"""Genes that exclude each other."""

import math

import numpy as np
import scipy.sparse as sp

from compartments.cells import coexpression


def test_coexpression_by_hand():
    """Two genes that exclude each other, one that goes with both: only the cell with both stands out."""
    counts = np.array([[1, 0, 1], [2, 0, 1], [1, 0, 0], [0, 3, 1], [0, 1, 1], [0, 1, 0], [1, 1, 1]])
    score = coexpression.coexpression(sp.csr_matrix(counts))
    # share of cells 4/7 and 4/7, so exactly one of the two in 24/49 of cells if independent; seen in 6 of 7
    apart = -np.log(sum(math.comb(7, k) * (24 / 49) ** k * (25 / 49) ** (7 - k) for k in (6, 7)))
    alone = -np.log(1 - sum(math.comb(7, k) * (23 / 49) ** k * (26 / 49) ** (7 - k) for k in range(3)))
    assert score[2] == score[5] == 0
    np.testing.assert_allclose(score[:2], alone)
    np.testing.assert_allclose(score[6], apart + 2 * alone)
