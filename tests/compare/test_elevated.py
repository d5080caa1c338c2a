"""Genes raised in one compartment."""

import pandas as pd
import pytest

from compartments.compare import elevated


def test_calls():
    def frame(log2fc, p, se=0.1):
        return pd.DataFrame({"log2fc": log2fc, "p_value": p, "se": se}, index=list("abcd"))

    interaction = frame([2, 2, -2, 2], [1e-9, 1e-9, 1e-9, 0.5])
    within = frame([2, 2, 2, 2], [1e-9] * 4)
    reference = frame([0, 1, 0, 0], [0.9] * 4)
    found = elevated.call_elevated(interaction, within, reference, "csf", "blood")
    assert list(found["call"]) == ["csf_only", "csf_higher", "", ""]
    assert found.loc["a", "call_p"] == pytest.approx(1e-9)
    alone = elevated.call_elevated(interaction, within, None, "csf", "blood")
    assert list(alone["call"][:2]) == ["csf_higher"] * 2
    absent = elevated.call_elevated(interaction, within.drop("a"), reference.drop("b"), "csf", "blood")
    assert list(absent["call"][:2]) == ["", "csf_higher"]


def effects_of(values, p):
    return pd.DataFrame({"log2fc": values, "p_value": p, "se": 0.1}, index=list("abcd"))


def test_which_compartment_is_the_reference_changes_no_call():
    csf, blood = effects_of([2, 2, 0, 0], [1e-6, 1e-6, 0.9, 0.4]), effects_of([0, 1, 2, -2], [0.9, 1e-4, 1e-6, 1e-6])
    u = effects_of([2, 1, -2, 2], [1e-5, 1e-5, 1e-5, 1e-5])
    first = elevated.call_elevated(u, csf, blood, "csf", "blood")
    second = elevated.call_elevated(u.assign(log2fc=-u["log2fc"]), blood, csf, "blood", "csf")
    assert list(first["call"]) == ["csf_only", "csf_higher", "blood_only", ""]
    pd.testing.assert_frame_equal(first, second)


def test_the_p_of_a_call_is_twice_the_larger_one_sided_p():
    own, base = effects_of([1, 1, -1, 1], [0.02, 0.001, 0.02, 0.02]), effects_of([0, 0, 1, 0], [0.9, 0.9, 0.03, 0.9])
    here, p = elevated.raised_more(own, base, effects_of([1, 1, -2, 0], [0.001, 0.04, 0.001, 1.0]), "log2fc")
    assert list(here) == [True, True, False, False] and p == pytest.approx([0.02, 0.04, 0.03, 1.0])
    fallen, p = elevated.raised_more(-own, base, effects_of([1, 1, 2, 1], [0.001] * 4), "log2fc")
    assert fallen.all() and (p[[0, 1, 3]] == 1).all()
