"""Settings from a command line."""

import dataclasses

import pytest

from compartments.simulate.settings import Settings


def test_only_settings_are_taken_and_the_others_keep_their_defaults():
    given = {"n_condition": 5, "mean_umi": 900.0, "outdir": "cohort", "scale": 2.0}
    assert Settings.of(given) == dataclasses.replace(Settings(), n_condition=5, mean_umi=900.0)


def test_cells_are_not_shared_between_settings():
    one, other = Settings(), Settings()
    one.cells["CSF"] = 1
    assert other.cells["CSF"] == 500
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.seed = 2
