"""Question 4, central role: the rule, and what is said."""

import pandas as pd
import pytest

from compartments.findings.central import claim, judge
from compartments.findings.evidence import Limits
from compartments.findings.rows import Tables
from tests.support.effects import answer, decided, triple, triple_of


def test_central_role():
    keys = {"network": "migration", "lineage": "pDC"}
    found = answer(Tables(centrality=triple(1.5, 0, 1.5, "hub_gained_in_CSF", **keys)), 4, "hub")
    assert found["verdict"] == "yes" and "CSF: pDC" in found["statement"]
    blood = answer(Tables(centrality=triple(0, 1.5, -1.5, "hub_gained_in_blood", **keys)), 4, "hub")
    assert blood["verdict"] == "yes" and "blood: pDC" in blood["statement"]
    late = answer(Tables(centrality=triple(1.5, 0, 1.5, "hub_gained_in_CSF", q=0.08, **keys)), 4, "hub")
    assert late["verdict"] == "cannot_tell" and "q = 0.08" in late["statement"]
    without_call = answer(Tables(centrality=triple(1.5, 0, 1.5, "inconclusive", **keys)), 4, "hub")
    assert without_call["verdict"] == "cannot_tell"
    assert answer(Tables(centrality=triple(0, 0, 0, se=0.1, **keys)), 4, "hub")["verdict"] == "no"


KEYS = {"network": "migration", "lineage": "pDC"}


@pytest.mark.parametrize(
    "changes, call, more, expected",
    [
        ((1.5, 0, 1.5), "hub_gained_in_CSF", {}, ("yes", "gained", "CSF")),
        ((0, 1.5, -1.5), "hub_gained_in_blood", {}, ("yes", "gained", "blood")),
        ((1.5, 0, 1.5), "hub_gained_in_CSF", {"q": 0.051}, ("cannot_tell", "not_over_lineages", "CSF")),
        ((1.5, 0, 1.5), "", {}, ("cannot_tell", "open", "")),
        ((0, 0, 0), "", {"se": 0.1}, ("no", "excluded", "")),
        ((0, 0, 0), "", {"se": 1.0}, ("cannot_tell", "open", "")),
        ((1.5, 0, 1.5), "hub_gained_in_CSF", {"tier": "descriptive"}, ("cannot_tell", "too_few", "")),
    ],
)
def test_judge(changes, call, more, expected):
    assert decided(judge(triple_of(triple(*changes, call, **more, **KEYS)), Limits())) == expected


def test_the_claim_is_the_rise_that_was_called():
    """In blood where the hub is gained in blood; with the worst tier of the three rows."""
    frame = triple(0.2, 1.5, -1.3, "hub_gained_in_blood", **KEYS)
    frame["tier"] = ["exploratory", "inferential", "descriptive"]
    found = claim(triple_of(frame))
    assert found["estimate"] == 1.5 and found["tier"] == "descriptive"
    assert claim(triple_of(triple(0.2, 1.5, -1.3, "", **KEYS)))["estimate"] == 0.2


@pytest.mark.parametrize("se", [0.1, 1.0])
def test_the_closest_to_a_gain_is_no_loss(se):
    """A lineage that loses most, one that gains a little: excluded for both, or open."""
    tables = [
        triple(-3 if name == "NK" else 0.3, 0, -3 if name == "NK" else 0.3, se=se, q=0.2, network="all", lineage=name)
        for name in ("NK", "B")
    ]
    found = answer(Tables(centrality=pd.concat(tables)), 4, "hub")
    assert found["verdict"] == ("no" if se < 1 else "cannot_tell")
    assert found["leading"] == "B" and "; closest: " in found["statement"]
    assert "; closest: B gains no central role" in found["statement"] or "; B (all pairs): " in found["statement"]


def test_q_on_either_side_of_the_limit_is_not_the_same_text():
    tables = [triple(1.5, 0, 1.5, "hub_gained_in_CSF", q=q, **KEYS) for q in (0.0497, 0.0503)]
    yes, unsure = (answer(Tables(centrality=table), 4, "hub") for table in tables)
    assert yes["verdict"] == "yes" and "q = 0.0497" in yes["statement"]
    assert unsure["verdict"] == "cannot_tell" and "q = 0.0503" in unsure["statement"]
