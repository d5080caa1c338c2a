"""The target gene: its relation to depletion."""

import pandas as pd
import pytest

from compartments.compare.target import target_relation, target_tables
from compartments.core.left_out import LeftOut
from tests.support.signalling import make_cohort


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


def test_without_a_target_gene_that_was_measured_there_are_no_tables():
    _, data = make_cohort()
    contrasts, left_out = pd.DataFrame({"contrast": []}), LeftOut("compare_expression")
    assert [made.shape for made in target_tables(data, [], None, None, contrasts, left_out)] == [(0, 0)] * 2
    assert not left_out.rows
    assert [made.shape for made in target_tables(data, [], "G399", None, contrasts, left_out)] == [(0, 0)] * 2
    assert "target gene 'G399' is not among the 45 genes measured; similar: G39" in left_out.rows[0]["reason"]
