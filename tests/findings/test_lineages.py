"""The three rows of a lineage and its calls."""

from dataclasses import replace

import pandas as pd
import pytest

from compartments.findings.evidence import Limits
from compartments.findings.lineages import lineages, outside_range, why_none
from compartments.findings.rows import Tables, comparisons
from tests.support.effects import CONTRAST, answer, composition, decided, lineage_of, study


def test_calls_table_shows_what_the_single_call_hides():
    """A lineage depleted in both and discordant has one call in effects.tsv; calls.tsv has both."""
    calls = pd.DataFrame(
        [
            {"level": "lineage", "lineage": "pDC", "contrast": CONTRAST, "compartment": "CSF"}
            | {"call": call, "p_value": 0.001, "q_value": 0.01, "holds": True, "tier": "exploratory"}
            for call in ("depleted_both", "discordant_CSF_retained")
        ]
    )
    tables = Tables(composition=composition(-1.5, -4, 2.5, "discordant_CSF_retained"), calls=calls)
    assert answer(tables, 1)["verdict"] == "yes" and answer(tables, 2)["verdict"] == "yes"
    tables = Tables(composition=composition(-1.5, -4, 2.5, "discordant_CSF_retained"))
    assert answer(tables, 1)["verdict"] == "cannot_tell"


def test_pools_are_no_lineages():
    tables = Tables(composition=composition(-3, -3, 0, "depleted_both", lineage="other"))
    assert answer(tables, 1)["verdict"] == "cannot_tell"


def test_an_arm_without_a_cell_is_said():
    effects = composition(-3, -3, 0, "depleted_both")
    blood, csf = (f"no cell of treated in {side}: the size of the change is extrapolated" for side in ("blood", "CSF"))
    effects["note"] = [f"{blood}.", f"{csf}.", f"{csf}. {blood}."]
    assert f"; {csf}; {blood} [" in answer(Tables(composition=effects), 1)["statement"]
    alone = answer(Tables(composition=effects[:1]), 1, compartments=("blood",))
    assert f"; {blood} [" in alone["statement"]


def test_calls_of_the_table_of_calls_replace_the_single_one():
    """Of those that hold, at the level and in the comparison that is asked."""
    keys = {"level": "lineage", "lineage": "pDC", "contrast": CONTRAST, "compartment": "CSF", "p_value": 0.1}
    calls = pd.DataFrame(
        [
            keys | {"call": "relatively_depleted_both", "q_value": 0.2, "holds": True},
            keys | {"call": "concordant", "q_value": 0.3, "holds": False},
            keys | {"call": "maintained_CSF", "q_value": 0.4, "holds": True, "level": "lineage_broad"},
        ]
    )
    asked = comparisons(study(), Limits())[0]
    (each,) = lineages(asked, Tables(composition=composition(0, 0, 0, "concordant"), calls=calls))
    assert each.calls == {"depleted_both": (0.1, 0.2)}
    (each,) = lineages(asked, Tables(composition=composition(0, 0, 0, "concordant", call_q=0.02)))
    assert each.calls == {"concordant": (0.01, 0.02)}


def test_the_absolute_scale_is_preferred():
    asked = comparisons(study(), Limits())[0]
    both = pd.concat([composition(1, 1, 0, scale="rel"), composition(2, 2, 0)])
    (each,) = lineages(asked, Tables(composition=both))
    assert each.scale == "abs" and each.own["log2fc"] == 2


@pytest.mark.parametrize(
    "gone, expected",
    [
        ("within:CSF", ("cannot_tell", "untested_within", "CSF")),
        ("within:blood", ("cannot_tell", "untested_within", "blood")),
        ("interaction", ("cannot_tell", "untested_difference", "")),
    ],
)
def test_why_there_is_no_lineage(gone, expected):
    asked = comparisons(study(), Limits())[0]
    assert decided(why_none(asked, Tables())) == ("cannot_tell", "unfinished", "")
    table = composition(0, 0, 0)
    tables = Tables(composition=table[table["term"] != gone])
    assert lineages(asked, tables) == [] and decided(why_none(asked, tables)) == expected
    alone = replace(asked, absent="treated")
    assert decided(why_none(alone, tables)) == ("cannot_tell", "no_pairs", "treated")


def test_donors_outside_the_range_are_counted():
    each = lineage_of(composition(0, 0, 0))
    keys = {"level": "lineage", "lineage": "pDC", "contrast": CONTRAST, "term": "interaction", "compartment": "CSF"}
    table = pd.DataFrame([keys | {"outside_reference_range": x} for x in (True, False, True)])
    assert outside_range(table, each) == (2, 3)
    assert outside_range(table[:0], each) is None and outside_range(None, each) is None
