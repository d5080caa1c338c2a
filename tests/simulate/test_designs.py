"""Designs: who is sampled when, and what each sample carries of the effects."""

import dataclasses

import pytest

from compartments.core.errors import UserError
from compartments.simulate.designs import DESIGNS, Arm, arms_of, sampled
from compartments.simulate.presets import DROPLET_BASE, PRESETS
from compartments.simulate.settings import Settings


def arms(preset, **changes):
    return arms_of(dataclasses.replace(Settings(), preset=preset, **(DESIGNS[preset].usual | changes)))


def test_arms_of_each_design():
    assert set(DESIGNS) < set(PRESETS)
    both = {"before": 0.0, "after": 1.0}
    assert arms("before_after", n_reference=2) == [Arm(4, both), Arm(2, {"before": 0.0})]
    assert arms("before_after_controlled") == [Arm(3, both, "treated"), Arm(3, dict.fromkeys(both, 0.0), "control")]
    assert arms("time_points")[0] == Arm(3, {"baseline": 0.0, "m1": 0.5, "m6": 1.0})
    assert arms("one_condition") == [Arm(4, {"untreated": 1.0})]
    assert arms("one_compartment") == [Arm(3, {"alemtuzumab": 1.0}), Arm(3, {"untreated": 0.0})]
    assert arms_of(Settings()) == [Arm(2, {"alemtuzumab": 1.0}), Arm(4, {"untreated": 0.0})]


@pytest.mark.parametrize(
    ("preset", "given", "compartments"),
    [
        ("alemtuzumab", [], ["CSF", "blood"]),
        ("before_after", ["blood"], ["blood"]),
        ("one_compartment", [], ["blood"]),
        ("one_compartment", ["CSF"], ["CSF"]),
        ("one_condition", ["blood", "CSF"], ["CSF", "blood"]),
    ],
)
def test_compartments_that_are_sampled(preset, given, compartments):
    assert list(sampled(DROPLET_BASE, given, preset)) == compartments


def test_compartments_that_are_not_there_or_too_few():
    with pytest.raises(UserError, match="--compartment 'lymph' is unknown; valid are CSF, blood"):
        sampled(DROPLET_BASE, ["lymph"], "before_after")
    with pytest.raises(UserError, match="one_condition compares compartments: sample two at least"):
        sampled(DROPLET_BASE, ["blood"], "one_condition")
    synovia = DROPLET_BASE[["CSF"]].rename(columns={"CSF": "synovia"})
    assert list(sampled(synovia, [], "one_compartment")) == ["synovia"]  # of a base without blood
