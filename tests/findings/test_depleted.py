"""Question 1: the rule, and what is said."""

import pytest

from compartments.findings.depleted import judge, judge_all, tipping_factor
from compartments.findings.evidence import Limits, Verdict
from compartments.findings.rows import Answer, Tables, comparisons
from tests.support.effects import CONTRAST, answer, composition, decided, lineage_of, study


def test_depleted_in_both_needs_its_call():
    tables = Tables(composition=composition(-3, -3, 0, "depleted_both"))
    found = answer(tables, 1)
    assert found["verdict"] == "yes" and "pDC" in found["statement"]
    assert found["q_value"] == 0.01 and found["tier"] == "exploratory"
    assert found["source"].startswith("composition/effects.tsv: level=lineage, lineage=pDC")
    assert "8-fold" in found["statement"] and "log2 -3.00" in found["statement"]
    tables = Tables(composition=composition(-3, -3, 0, "depleted_both", call_q=0.06))
    assert answer(tables, 1)["verdict"] == "cannot_tell"


def test_not_depleted_needs_an_interval_beyond_the_margin():
    assert answer(Tables(composition=composition(0, 0, 0)), 1)["verdict"] == "no"
    wide = Tables(composition=composition(0, 0, 0, se=2.0))
    assert answer(wide, 1)["verdict"] == "cannot_tell"
    assert "neither shown nor excluded" in answer(wide, 1)["statement"]


def test_estimate_of_question_1_is_the_weaker_fall():
    found = answer(Tables(composition=composition(-2, -4, 2, "depleted_both")), 1)
    assert found["estimate"] == -2


def test_relative_scale_speaks_relatively_and_states_the_tipping_point():
    terms = [
        {"level": "lineage", "contrast": CONTRAST, "term": f"within:{c}", "compartment": c, "tipping_factor": 0.25}
        for c in ("CSF", "blood")
    ]
    tables = Tables(
        composition=composition(-3, -3, 0, "relatively_depleted_both", scale="rel"),
        composition_summary={"terms": terms},
    )
    found = answer(tables, 1, absolute=False)
    assert found["verdict"] == "cannot_tell"
    assert "not identifiable" in found["statement"] and "more than 4-fold" in found["statement"]
    assert "relative to what is taken as unchanged, pDC" in found["statement"]
    kept = Tables(composition=composition(0, -3, 3, "relatively_maintained_CSF", scale="rel"))
    found = answer(kept, 2, absolute=False)
    assert found["verdict"] == "yes"
    assert "relatively decreased" in found["statement"]
    assert "relative to what is taken as unchanged" in found["statement"]
    assert "that it is unchanged in CSF is not shown" in found["statement"]


@pytest.mark.parametrize(
    "changes, more, calls, expected",
    [
        ((-3, -3, 0), {}, {"depleted_both": 0.05}, ("yes", "both", "")),
        ((-3, -3, 0), {}, {"depleted_both": 0.051}, ("cannot_tell", "open", "")),
        ((-3, -3, 0), {}, {}, ("cannot_tell", "open", "")),
        ((-3, 0, -3), {}, {}, ("no", "spared", "blood")),
        ((0, -3, 3), {}, {}, ("no", "spared", "CSF")),
        ((0, 0.5, 0), {}, {}, ("no", "spared", "blood")),
        ((-3, 0, -3), {"se": 2.0}, {}, ("cannot_tell", "open", "")),
        ((-3, -3, 0), {"tier": "descriptive"}, {"depleted_both": 0.01}, ("cannot_tell", "too_few", "")),
        ((-3, 0, -3), {"tier": "not_testable"}, {}, ("cannot_tell", "too_few", "")),
        ((-3, -3, 0), {"scale": "rel"}, {"depleted_both": 0.01}, ("cannot_tell", "relatively_both", "")),
        ((-3, 0, -3), {"scale": "rel"}, {}, ("cannot_tell", "relatively_open", "")),
    ],
)
def test_judge(changes, more, calls, expected):
    assert decided(judge(lineage_of(composition(*changes, **more), **calls), Limits())) == expected


def test_open_names_the_compartments_that_may_not_fall():
    verdict = judge(lineage_of(composition(-3, -1, 0, se=0.6)), Limits())
    assert verdict.numbers == {"unsure": ["blood"]}
    assert judge(lineage_of(composition(-3, -3, 0)), Limits()).numbers == {"unsure": []}


def test_without_an_interval_a_fall_is_neither_shown_nor_excluded():
    for k, side in ((0, "blood"), (1, "CSF")):
        table = composition(-3, -3, 0)
        table.loc[k, ["ci_low", "ci_high"]] = float("nan")
        assert judge(lineage_of(table), Limits()).numbers == {"unsure": [side]}
        spared = composition(0, 0, 0)
        spared.loc[k, ["ci_low", "ci_high"]] = float("nan")
        assert decided(judge(lineage_of(spared), Limits())) == ("no", "spared", "CSF" if side == "blood" else "blood")


def test_judge_all():
    def verdict(*kinds):
        return decided(judge_all([Answer(Verdict(*kind), None) for kind in kinds]))

    yes, no, open_ = ("yes", "both"), ("no", "spared", "CSF"), ("cannot_tell", "open")
    assert verdict(no, yes, open_) == ("yes", "some", "")
    assert verdict(no, no) == ("no", "none", "")
    assert verdict(no, open_) == ("cannot_tell", "open", "")
    assert verdict(("cannot_tell", "relatively_both")) == ("cannot_tell", "relative", "")


def test_tipping_factor_is_that_of_its_term():
    asked = comparisons(study(), Limits())[0]
    term = {"level": "lineage", "contrast": CONTRAST, "term": "within:CSF", "compartment": "CSF"}
    assert tipping_factor(asked, {"terms": [term | {"tipping_factor": 0.25}]}, "CSF") == 0.25
    assert tipping_factor(asked, {"terms": [term | {"tipping_factor": 0.25}]}, "blood") is None
    assert tipping_factor(asked, {"terms": [term | {"tipping_factor": None}]}, "CSF") is None
    assert tipping_factor(asked, {}, "CSF") is None


@pytest.mark.parametrize(
    "factor, said",
    [
        (0.25, "if total cells fell more than 4-fold there"),
        (1.25, "unless total cells rose 1.2-fold or more there"),
        (1.0, "if total cells fell there at all"),
    ],
)
def test_a_tipping_point_above_one_is_a_rise_that_is_needed(factor, said):
    summary = {"level": "lineage", "contrast": CONTRAST, "term": "within:CSF", "compartment": "CSF"}
    tables = Tables(
        composition=composition(-3, -3, 0, "relatively_depleted_both", scale="rel"),
        composition_summary={"terms": [summary | {"tipping_factor": factor}]},
    )
    assert f"; every lineage would be down in CSF {said}; " in answer(tables, 1)["statement"]
