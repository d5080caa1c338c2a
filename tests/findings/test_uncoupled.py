"""Question 5: the rule, and what is said."""

import pandas as pd
import pytest

from compartments.findings.answers import answer_all
from compartments.findings.rows import Tables
from compartments.findings.uncoupled import judge, listed_names
from tests.support.effects import CONTRAST, answer, coupling, decided, study


@pytest.mark.parametrize(
    "word, verdict",
    [("partly_uncoupled", "yes"), ("uncoupled", "yes"), ("coupled", "no"), ("cannot_tell", "cannot_tell")],
)
def test_coupling(word, verdict):
    found = answer(Tables(coupling=coupling(word)), 5)
    assert found["verdict"] == verdict and found["estimate"] == 0.9
    assert ("cannot be told: why" in found["statement"]) == (verdict == "cannot_tell")


def test_drivers_are_named():
    drivers = pd.DataFrame(
        [
            {
                "contrast": CONTRAST,
                "compartment": "CSF",
                "level": "lineage",
                "left_out": "pDC",
                "kind": "lineage",
                "tau_u": 0.2,
            }
        ]
    )
    found = answer_all(study(), Tables(coupling=coupling("partly_uncoupled"), drivers=drivers))
    named = found[(found["question"] == 5) & (found["lineage"] == "pDC")]
    assert len(named) == 1 and named["estimate"].iloc[0] == 0.2


@pytest.mark.parametrize(
    "word, tier, expected",
    [
        ("partly_uncoupled", "exploratory", ("yes", "partly_uncoupled", "")),
        ("uncoupled", "inferential", ("yes", "uncoupled", "")),
        ("coupled", "exploratory", ("no", "coupled", "")),
        ("cannot_tell", "exploratory", ("cannot_tell", "open", "")),
        ("uncoupled", "descriptive", ("cannot_tell", "open", "")),
        ("coupled", "not_testable", ("cannot_tell", "open", "")),
    ],
)
def test_judge(word, tier, expected):
    assert decided(judge(coupling(word, tier).iloc[0].to_dict())) == expected


@pytest.mark.parametrize(
    "text, known, named",
    [
        ("B,CD4, naive,NK", ["NK", "B", "CD4, naive", "CD4"], ["B", "CD4, naive", "NK"]),
        ("CD4,naive", ["CD4", "naive"], ["CD4", "naive"]),
        ("gone,B", ["B"], ["B"]),
        ("B,gone", ["B", "C"], ["B"]),
        ("", ["B"], []),
    ],
)
def test_a_driver_with_a_comma_in_its_name_is_found(text, known, named):
    assert listed_names(text, known) == named


def test_a_driver_with_a_comma_in_its_name_is_said():
    keys = {"contrast": CONTRAST, "compartment": "CSF", "level": "lineage", "kind": "lineage"}
    drivers = pd.DataFrame([keys | {"left_out": name, "tau_u": 0.2} for name in ("B", "CD4, naive")])
    found = answer_all(study(), Tables(coupling=coupling("uncoupled", drivers="CD4, naive"), drivers=drivers))
    summary, single = found[found["question"] == 5].to_dict("records")
    assert single["lineage"] == "CD4, naive" and "; driven by CD4, naive" in summary["statement"]
