"""Question 4, signalling: the rule, and what is said."""

import pandas as pd
import pytest

from compartments.findings.evidence import Limits
from compartments.findings.rows import Tables, comparisons
from compartments.findings.signalling import groups_of, judge
from tests.support.effects import answer, decided, study, triple, triple_of


def test_signalling():
    keys = {"group": "chemokine", "source": "all", "target": "all"}
    assert answer(Tables(groups=triple(1.5, 0, 1.5, **keys)), 4, "signalling")["verdict"] == "yes"
    assert answer(Tables(groups=triple(1.5, 0, 1.5, q=0.2, **keys)), 4, "signalling")["verdict"] == "cannot_tell"
    assert answer(Tables(groups=triple(0, 0, 0, se=0.1, **keys)), 4, "signalling")["verdict"] == "no"
    falling = answer(Tables(groups=triple(-0.5, -2, 1.5, **keys)), 4, "signalling")
    assert falling["verdict"] != "yes"


KEYS = {"group": "chemokine", "source": "all", "target": "all"}


@pytest.mark.parametrize(
    "changes, more, expected",
    [
        ((1.5, 0, 1.5), {}, ("yes", "stronger", "CSF")),
        ((0, 1.5, -1.5), {}, ("yes", "stronger", "blood")),
        ((-0.5, -2, 1.5), {}, ("no", "neither", "")),  # it falls in both: less in CSF
        ((1.5, 0, 1.5), {"q": 0.051}, ("cannot_tell", "open", "")),
        ((0, 0, 0), {"se": 0.1}, ("no", "neither", "")),
        ((1.5, 0, 1.5), {"tier": "descriptive"}, ("cannot_tell", "too_few", "")),
    ],
)
def test_judge(changes, more, expected):
    assert decided(judge(triple_of(triple(*changes, **more, **KEYS)), Limits())) == expected


def test_both_the_rise_and_the_difference_need_their_q():
    for late in range(3):
        frame = triple(1.5, 0, 1.5, **KEYS)
        frame.loc[late, "q_value"] = 0.2
        assert judge(triple_of(frame), Limits()).answer == (
            "yes" if frame["term"][late] == "within:blood" else "cannot_tell"
        )


def test_groups_of_migration_come_first_where_there_are_any():
    asked = comparisons(study(), Limits())[0]
    mine = triple(1, 0, 1, group="mine", source="all", target="all")
    assert [each.difference["group"] for each in groups_of(mine, asked)] == ["mine"]
    both = pd.concat([mine, triple(1, 0, 1, **KEYS), triple(1, 0, 1, **KEYS | {"source": "pDC", "target": "B"})])
    assert [each.difference["group"] for each in groups_of(both, asked)] == ["chemokine"]
