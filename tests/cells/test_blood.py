"""How much blood is in a sample."""

import pytest

from compartments.cells.blood import red_cells
from compartments.cells.removal import remove_ambient
from compartments.cells.split import split_droplets


def test_blood_in_the_sample(sample):
    data, calls, *_ = sample
    cells, empties = split_droplets(data, calls)
    soup, _ = remove_ambient(cells, empties, "none", 1)
    assert red_cells(cells, soup)["red_cell_index"] == pytest.approx(0.3 / 1.3, abs=0.01)
    clean = red_cells(cells, soup, rbc_per_ul=50, cells_per_ul=3)
    bloody = red_cells(cells, soup, rbc_per_ul=5000, cells_per_ul=3)
    assert (clean["traumatic_tap"], bloody["traumatic_tap"]) == (False, True) and bloody["blood_basis"] == "counted"
    assert red_cells(cells, None)["traumatic_tap"] is None
    for blood in ("blood", "PBMC", "whole_blood"):
        assert red_cells(cells, soup, 4_700_000, 6700, blood)["traumatic_tap"] is None
    assert red_cells(cells, soup, 5000, 3, "synovial fluid")["traumatic_tap"] is True
