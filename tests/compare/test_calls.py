"""Intersection-union calls of two compartments, and the tipping point."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from compartments.compare import calls, composition
from compartments.core import multiple_testing
from tests.support.cohorts import cohort, long_counts


def test_tipping_point_by_hand():
    every, most = calls.tipping_point([-1.0, 0.0, 0.5, 1.0, 3.0])
    assert every == pytest.approx(1 / 8) and most == pytest.approx(1 / 2)


def effects_of(own, base, u, se=0.2, df=20.0, scale="abs", tier="inferential", margin=1.0):
    parts = [("within:blood", "blood", base), ("within:CSF", "CSF", own), ("interaction", "CSF", u)]
    rows = [
        {
            "level": "lineage", "lineage": "x", "contrast": "t", "term": term, "compartment": compartment,
            "scale": scale, "tier": tier, "p_decrease": stats.t.cdf(value / se, df),
            "p_increase": stats.t.sf(value / se, df), "p_above_margin": stats.t.sf((value + margin) / se, df),
            "p_below_margin": stats.t.cdf((value - margin) / se, df),
        }
        for term, compartment, value in parts
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("own", "base", "u", "se", "call"),
    [
        (-2.0, -2.0, 0.0, 0.2, "depleted_both"),
        (-2.0, -2.0, 0.0, 0.7, "depleted_both"),
        (2.0, 2.0, 0.0, 0.7, "increased_both"),
        (0.0, 0.0, 0.0, 0.2, "concordant"),
        (0.0, -3.0, 3.0, 0.3, "maintained_CSF"),
        (-2.0, -4.0, 2.0, 0.3, "discordant_CSF_retained"),
        (-3.0, 0.0, -3.0, 0.3, "maintained_blood"),
        (-4.0, -2.0, -2.0, 0.3, "discordant_blood_retained"),
        (3.0, 0.0, 3.0, 0.3, "discordant_CSF_increased"),
        (0.0, 3.0, -3.0, 0.3, "discordant_blood_increased"),
        (-1.0, -1.0, 0.0, 1.0, "inconclusive"),
        # a difference that is there, but shown to be below the margin, is not called discordant
        (-2.0, -2.5, 0.5, 0.1, "depleted_both"),
    ],
)
def test_call(own, base, u, se, call):
    effects = effects_of(own, base, u, se)
    chosen = calls.chosen_calls(calls.call_table(effects, "blood")).iloc[0]
    assert chosen["call"] == call
    relative = calls.chosen_calls(calls.call_table(effects.assign(scale="rel"), "blood")).iloc[0]["call"]
    assert relative == (call if call == "inconclusive" else f"relatively_{call}")


def test_calls_are_intersection_union_tests():
    effects = effects_of(-0.3, -1.0, 0.7, se=0.4, df=7.0, margin=0.8)
    table = calls.call_table(effects, "blood").set_index("call")["p_value"]
    cdf = lambda x: stats.t.cdf(x / 0.4, 7)  # noqa: E731
    assert table["depleted_both"] == pytest.approx(max(cdf(-0.3), cdf(-1.0)))
    assert table["discordant_CSF_retained"] == pytest.approx(2 * max(cdf(-1.0), cdf(-0.7)))
    assert table["maintained_CSF"] == pytest.approx(2 * max(cdf(-1.0), cdf(-0.7), cdf(-(-0.3 + 0.8))))
    assert table["concordant"] == pytest.approx(max(cdf(-(0.7 + 0.8)), cdf(0.7 - 0.8)))
    # TOST at .05 is the 90 % interval inside the margin
    for u, se in itertools.product([0.0, 0.3, 0.6], [0.1, 0.3, 0.5]):
        holds = calls.call_table(effects_of(0, 0, u, se), "blood").set_index("call").loc["concordant", "holds"]
        assert holds == (abs(u) + stats.t.ppf(0.95, 20) * se < 1)


def test_the_word_needs_q_and_what_only_p_says_is_suggested():
    """As in a null cohort of real cells: one of ten lineages with p = .03 is no finding."""
    tables = [effects_of(-1.0, -1.0, 0.0, se=0.5).assign(lineage="x")]
    tables += [effects_of(0.0, 0.0, 0.0, se=0.9).assign(lineage=f"y{i}") for i in range(9)]
    effects = pd.concat(tables, ignore_index=True)
    row = calls.chosen_calls(calls.call_table(effects, "blood")).set_index("lineage").loc["x"]
    assert (row["call"], row["suggested"]) == ("inconclusive", "depleted_both")
    assert row["call_p"] < 0.05 < row["call_q"]
    alone = calls.chosen_calls(calls.call_table(effects, "blood", primary=["x"])).set_index("lineage").loc["x"]
    assert (alone["call"], alone["suggested"]) == ("depleted_both", "")


def test_calls_need_replicates_in_all_three_parts():
    effects = effects_of(-2, -2, 0)
    effects.loc[effects["term"] == "within:blood", "tier"] = "descriptive"
    assert calls.call_table(effects, "blood").empty


def test_a_compartment_of_other_donors_is_not_taken_for_the_reference():
    """Lung has no interaction where no donor gave it with blood, and may come first: its changes are in no call."""
    effects = effects_of(-2.0, -2.0, 0.0)
    lung = effects[effects["term"] == "within:CSF"].assign(term="within:lung", compartment="lung")
    earlier = lung.assign(contrast="another", p_decrease=0.9, p_increase=0.1)
    for others in ([earlier], [earlier, lung.assign(p_decrease=0.9, p_increase=0.1)]):
        found = calls.call_table(pd.concat([*others, effects], ignore_index=True), "blood")
        pd.testing.assert_frame_equal(found, calls.call_table(effects, "blood"))


def test_call_q_is_over_lineages_within_a_kind_of_call():
    study, counts, _ = cohort()
    found = composition.compare(study, long_counts(counts)).calls
    for _, rows in found.groupby("call"):
        assert len(rows) == counts.shape[1]
        np.testing.assert_allclose(rows["q_value"], multiple_testing.benjamini_hochberg(rows["p_value"]))
