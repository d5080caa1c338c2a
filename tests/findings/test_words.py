"""How numbers are said; the sentences themselves are tested with their questions."""

import math

import pytest

from compartments.findings import words
from compartments.findings.evidence import Limits, Verdict
from compartments.findings.rows import comparisons
from tests.support.effects import study

ROW = {"log2fc": -3.0, "estimate": 1.5, "ci_low": -4.2, "ci_high": -2.0, "p_value": 0.0123, "q_value": math.nan}
ASKED = comparisons(study(), Limits())[0]
OPEN = ROW | {"ci_low": math.nan, "ci_high": math.nan}


def test_numbers():
    assert words.fold(1) == "2-fold" and words.fold(3.1) == "8.6-fold"
    assert words.change(ROW, "abs") == "down 8-fold (log2 -3.00, 95 % CI -4.20 to -2.00)"
    assert words.change(OPEN, "rel") == "relatively decreased 8-fold (log2 -3.00)"
    assert words.change(OPEN | {"log2fc": 1.0}, "abs") == "up 2-fold (log2 1.00)"
    assert words.estimate(OPEN) == "2.8-fold (log2 1.50)"
    assert words.points(ROW) == "+1.50 [-4.20, -2.00]" and words.points(OPEN) == "+1.50"
    assert words.odds(OPEN) == "4.5x" and words.odds(OPEN | {"ci_low": 0.0, "ci_high": 0.7}) == "4.5x [1, 2]"
    assert words.odds(OPEN | {"estimate": 5.0, "ci_low": 4.0, "ci_high": 8.0}) == "150x [55, 3000]"
    assert words.size(1234) == "1200" and words.size(1234, 3) == "1230" and words.size(9.96) == "10"
    assert words.ci(ROW) == "1.50 (-4.20 to -2.00)" and words.ci(OPEN) == "1.50"
    assert words.p(ROW) == "p = 0.012" and words.q(ROW, ASKED) == "no q"
    late = comparisons(study(), Limits(alpha=0.1))[0]
    assert (
        words.q(ROW | {"q_value": 0.0503}, ASKED) == "q = 0.0503"
        and words.q(ROW | {"q_value": 0.0997}, late) == "q = 0.0997"
    )


def test_behind_a_statement_are_donors_and_tier():
    numbers = {"n_condition": 2.0, "n_reference": 4, "tier": "exploratory"}
    asked = comparisons(study(), Limits())[0]
    assert words.behind(numbers, asked) == " [2 treated v 4 untreated donors, exploratory]"
    assert words.behind(numbers | {"n_condition": math.nan}, asked, True) == " [exploratory; named beforehand]"
    few = "2 treated against 4 untreated donors"
    assert words.too_few(numbers | {"tier": "descriptive"}, asked) == f"{few} allow a description, not a test"
    assert words.too_few(numbers | {"tier": "not_testable"}, asked) == f"{few} are too few"


@pytest.mark.parametrize("room", words.UNFINISHED)
@pytest.mark.parametrize("kind", ["unfinished", "untested", "no_pairs", "untested_within", "untested_difference"])
def test_every_question_says_why_it_has_no_row(room, kind):
    asked = comparisons(study(), Limits())[0]
    said = words.unanswered(room, Verdict("cannot_tell", kind, "treated"), asked)
    assert said.startswith("cannot be told: ") and words.tail(said)


def test_outside_range_is_said_of_donors():
    assert words.outside_range(None) == "" and "in 1 of 2 donors" in words.outside_range((1, 2))


def test_a_fold_of_a_size_that_no_study_has():
    """The difference that noise hides has no limit, and 2 to its power may be more than a number can be."""
    assert [words.fold(change) for change in (21, 5000.0)] == ["more than 1,048,576-fold"] * 2


def test_a_fold_is_no_power_of_ten():
    assert [words.fold(change) for change in (1, 3.1, 3.5, 8.02, 12)] == [
        "2-fold",
        "8.6-fold",
        "11-fold",
        "260-fold",
        "4100-fold",
    ]


def test_a_change_of_nothing_is_not_1_fold():
    small = {"log2fc": -0.003, "ci_low": -0.2, "ci_high": 0.004}
    assert words.change(small, "abs") == "about unchanged (log2 0.00, 95 % CI -0.20 to 0.00)"
    assert words.change(small, "rel") == "relatively about unchanged (log2 0.00, 95 % CI -0.20 to 0.00)"
    assert words.estimate(small) == "less than 1.05-fold (log2 0.00, 95 % CI -0.20 to 0.00)"
    assert words.apart(-0.0703) == "less than 1.05-fold" and words.apart(0.0705) == words.apart(-0.0705) == "1.1-fold"
    assert words.points({"estimate": -0.001, "ci_low": -0.2, "ci_high": -0.004}) == "+0.00 [-0.20, 0.00]"


def test_the_keys_of_a_source_may_have_commas():
    row = {"group": "Th1, Th17 = help", "source": "all", "target": "CD4 T, naive"}
    told = words.source("interactions/groups.tsv", row, list(row))
    assert words.keys_of(told) == row and words.keys_of("a/b.tsv") == words.keys_of(float("nan")) == {}
