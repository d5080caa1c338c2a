"""Sentences of studies of one compartment."""

import math

import pytest

from compartments.findings import words_alone
from compartments.findings.evidence import SCORE_MARGIN, Limits, Triple, Verdict
from compartments.findings.rows import comparisons, lead
from tests.support.effects import row, study

ASKED = comparisons(study(compartments=("blood",)), Limits())[0]


@pytest.mark.parametrize(
    "room, margin, said",
    [
        ("composition", 1.0, "none of 6 lineages is depleted by 2-fold or more"),
        ("migration", SCORE_MARGIN, "none of 6 primary sets is raised by 0.58 points or more"),
        ("central", math.log(2), "none of 6 lineages and networks gains a central role by 2-fold odds or more"),
    ],
)
def test_what_is_excluded_has_the_margin_of_its_question(room, margin, said):
    assert words_alone.none_of(6, room, margin) == said


@pytest.mark.parametrize("answer", ["no", "cannot_tell"])
def test_the_closest_to_a_rise_is_no_fall(answer):
    rows = [
        row("within:blood", "blood", value, 0.2, column="estimate", q=0.2, network="all", lineage=name)
        for name, value in (("NK", -3.0), ("B", 0.3))
    ]
    answers = [
        ASKED.answer(4, Verdict(answer, "open"), f"that of {each['lineage']}", each, lineage=each["lineage"])._replace(
            rows=Triple(each, each, each)
        )
        for each in rows
    ]
    said = words_alone.alone_at_all(lead(answers, answer, sign=1), answers, ASKED, "central", math.log(2))
    assert said.endswith("; closest: that of B")
