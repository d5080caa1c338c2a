"""Shares of a network's signal."""

import numpy as np

from compartments.compare.shares import shares


def test_shares_of_a_chain():
    """A sends 3 to B, B sends 1 to C: each of the four signals counts once for its sender, once for its receiver."""
    s = np.array([[0, 3.0, 0], [0, 0, 1.0], [0, 0, 0]])
    np.testing.assert_allclose(shares(s), [3 / 8, 4 / 8, 1 / 8])
    np.testing.assert_allclose(shares(np.stack([s, s.T])), [[3 / 8, 4 / 8, 1 / 8]] * 2)
    assert np.isnan(shares(np.zeros((2, 3, 3)))).all()
