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
    found = elevated.call_elevated(interaction, within, reference, "csf")
    assert list(found["call"]) == ["csf_only", "csf_higher", "", ""]
    assert found.loc["a", "call_p"] == pytest.approx(5e-10)
    assert list(elevated.call_elevated(interaction, within, None, "csf")["call"][:2]) == ["csf_higher"] * 2
    absent = elevated.call_elevated(interaction, within.drop("a"), reference.drop("b"), "csf")
    assert list(absent["call"][:2]) == ["", "csf_higher"]
