"""Rows of the effects tables: which belong together, what they carry."""

import math

import pandas as pd
import pytest

from compartments.findings.evidence import Limits, calls, claimable, evidence, missing, significant, triples, true
from tests.support.effects import composition, triple, triple_of


def test_triples_need_an_estimate_in_all_three_terms():
    table = pd.concat([triple(1, 2, -1, gene_set=name) for name in "ab"], ignore_index=True)
    assert [each.difference["gene_set"] for each in triples(table, "CSF", "blood", ["gene_set"])] == ["a", "b"]
    table.loc[1, "estimate"] = math.nan
    (each,) = triples(table, "CSF", "blood", ["gene_set"])
    assert (each.own["estimate"], each.base["estimate"], each.difference["estimate"]) == (1, 2, -1)
    assert not list(triples(table[table["term"] != "interaction"], "CSF", "blood", ["gene_set"]))


def test_tier_of_a_triple_is_the_worst():
    frame = triple(1, 2, -1)
    frame["tier"] = ["inferential", "descriptive", "exploratory"]
    assert triple_of(frame).tier == "descriptive"
    assert [claimable(tier) for tier in ("inferential", "exploratory", "descriptive", "not_testable")] == [1, 1, 0, 0]


def test_a_triple_rests_on_its_fewest_donors():
    table = composition(-3, -3, 0).assign(n_condition=[8, 3, 4], n_reference=[8, 6, 2])
    least = {"n_condition": 3, "n_reference": 2, "tier": "exploratory", "term": "interaction"}
    assert triple_of(table).least == least
    table = table.assign(n_condition=[8, 3, 4], n_reference=[8, 2, 4])
    assert triple_of(table).least == least | {"term": "within:CSF"}
    assert triple_of(table.assign(n_reference=[float("nan")] * 3)).least["term"] == "interaction"


@pytest.mark.parametrize(
    "call, expected",
    [("", set()), (math.nan, set()), (None, set()), ("a", {"a"}), ("a;b, c", {"a", "b", "c"}), ("relatively_a", {"a"})],
)
def test_calls_of_a_row(call, expected):
    assert calls({"call": call}) == expected


def test_a_missing_q_is_never_significant():
    assert significant({"q_value": 0.05}, Limits()) and not significant({"q_value": 0.051}, Limits())
    assert not any(significant({"q_value": q}, Limits()) for q in (math.nan, None)) and not significant({}, Limits())
    assert missing(math.inf) and missing(pd.NA) and not missing(0)


def test_evidence_names_the_estimate_and_replaces_what_is_given():
    found = evidence({"log2fc": -2, "tier": "exploratory", "q_value": 0.3}, "log2fc", q_value=0.01)
    assert found["estimate"] == -2 and found["q_value"] == 0.01 and math.isnan(found["ci_low"])


def test_flags_may_be_text():
    assert true(pd.Series(["True", "true", "False", "1", ""])).tolist() == [True, True, False, True, False]
    assert true(pd.Series([True, False])).tolist() == [True, False]


@pytest.mark.parametrize("column, of", [("ci_high", "rises_less"), ("ci_low", "falls_less")])
def test_without_an_interval_nothing_is_excluded(column, of):
    frame = triple(0, 0, 0, se=0.1)
    assert getattr(triple_of(frame), of)(0.5) and not getattr(triple_of(frame), of)(0.2)
    for k in (0, 1):
        without = frame.copy()
        without.loc[k, column] = math.nan
        assert not getattr(triple_of(without), of)(0.5)
