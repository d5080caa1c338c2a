"""The barcode rank curve."""

import numpy as np

from compartments.cells import ranks


def test_knee_of_two_plateaus():
    totals = np.r_[np.full(500, 5000), np.full(20_000, 80), np.linspace(4999, 81, 50).astype(int)]
    knee, inflection = ranks.knee_point(totals, 100)
    assert 3000 < knee <= 5000 and 100 < inflection < 5000
    assert np.isnan(ranks.knee_point(np.array([500, 500]))).all()
