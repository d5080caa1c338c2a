"""The target gene: its relation to depletion."""

import pandas as pd
import pytest

from compartments.compare.target import target_relation


def test_target_relation():
    target = pd.DataFrame(
        {
            "gene": "CD52",
            "lineage": ["T", "B", "pDC"],
            "compartment": "blood",
            "condition": "untreated",
            "mean_log2_cpm": [9.0, 8, 4],
            "percent_expressing": [90.0, 95, 10],
        }
    )
    effects = pd.DataFrame({"level": "lineage", "lineage": ["T", "B", "pDC"], "log2fc": [-3.0, -2, -0.5]})
    effects = effects.assign(contrast="c", term="within:blood", compartment="blood", scale="abs")
    contrasts = pd.DataFrame({"contrast": ["c"], "condition": ["treated"], "reference": ["untreated"]})
    found = target_relation(target, effects, contrasts).set_index("measure")
    assert found.loc["mean_log2_cpm", "rho"] == pytest.approx(-1)
    assert found.loc["percent_expressing", "rho"] == pytest.approx(-0.5)
    assert (found["n_lineages"] == 3).all()


def test_no_effect_within_a_compartment_gives_no_relation():
    target = pd.DataFrame({"gene": ["CD52"], "lineage": "T", "compartment": "blood", "condition": "untreated"})
    effects = pd.DataFrame({"level": ["lineage"], "lineage": "T", "term": "interaction", "contrast": "c"})
    contrasts = pd.DataFrame({"contrast": ["c"], "condition": ["treated"], "reference": ["untreated"]})
    assert target_relation(target, effects.assign(compartment="CSF", scale="abs", log2fc=-1.0), contrasts).empty
