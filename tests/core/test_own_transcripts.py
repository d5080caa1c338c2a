"""Which cells are red."""

import numpy as np

from compartments.core.own_transcripts import red_cells


def test_a_share_of_haemoglobin_makes_a_cell_red():
    umis = np.array([1000] * 20 + [1000, 1000, 1000, 0])
    haemoglobin = np.array([2] * 20 + [49, 50, 900, 0])
    assert red_cells(haemoglobin, umis).tolist() == [False] * 20 + [False, True, True, False]
    assert red_cells([49, 50, 0], [1000, 1000, 0]).tolist() == [False, True, False], "of few cells, too"


def test_what_all_cells_have_is_of_the_soup():
    """80 in every droplet: small cells reach the share, large ones by depth the number, and neither is red."""
    umis = np.array([1000] * 20 + [400, 8000, 1600, 300])
    haemoglobin = np.array([80] * 20 + [90, 450, 600, 270])
    assert red_cells(haemoglobin, umis).tolist() == [False] * 20 + [False, False, True, True]


def test_mostly_red_cells_are_red():
    assert red_cells([900] * 30 + [5] * 12, [1000] * 42).tolist() == [True] * 30 + [False] * 12
