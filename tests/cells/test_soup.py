"""The soup as the empty droplets show it."""

import numpy as np
import pytest
import scipy.sparse as sp

from compartments.cells.soup import measure_soup
from compartments.cells.split import split_droplets
from tests.support.droplets import GENES


def test_soup_is_measured(sample):
    data, calls, _, _, truth = sample
    _, empties = split_droplets(data, calls)
    soup = measure_soup(empties)
    assert soup.profile.sum() == pytest.approx(1) and np.abs(soup.profile - truth).max() < 0.005
    assert soup.umi == pytest.approx(60 * truth.sum(), rel=0.1)
    tiny = sp.csr_matrix((np.ones(20000), (np.arange(20000), np.zeros(20000, int))), shape=(20000, len(GENES)))
    assert measure_soup(sp.vstack([empties, tiny]).tocsr()).umi == pytest.approx(soup.umi, rel=0.1)
    with pytest.raises(ValueError, match="hold 0 UMIs"):
        measure_soup(sp.csr_matrix((10, len(GENES)), dtype=np.int32))
