"""Cells and empty droplets."""

import pandas as pd
import pytest

from compartments.cells.split import split_droplets
from compartments.core.errors import SampleSkipped, UserError


def test_split_keeps_every_count(sample):
    data, calls, own, noise, _ = sample
    cells, empties = split_droplets(data, calls)
    assert (cells.layers["counts"].toarray() == own + noise).all()
    assert cells.layers["counts"].sum() + empties.sum() == data.X.sum() and cells.X is None


def test_split_refuses_foreign_calls_and_skips_without_cells(sample):
    data, calls, *_ = sample
    with pytest.raises(UserError, match="'X' first"):
        split_droplets(data, pd.DataFrame({"barcode": ["X"], "is_cell": [True]}))
    with pytest.raises(SampleSkipped, match="no cell"):
        split_droplets(data, calls.assign(is_cell=False))
