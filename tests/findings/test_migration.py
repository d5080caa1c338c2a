"""Question 3: the rule, and what is said."""

import math

import pandas as pd
import pytest

from compartments.findings.evidence import Limits, Verdict
from compartments.findings.migration import agreement, carriers, claim, judge
from compartments.findings.rows import Tables, comparisons
from tests.support.effects import answer, decided, study, triple, triple_of

ASKED = comparisons(study(), Limits())[0]


def test_migration_in_one_compartment():
    keys = {"gene_set": "CORE", "primary": True, "lineage": "all"}
    found = answer(Tables(migration=triple(1.5, 0, 1.5, "CSF_only", **keys)), 3)
    assert found["verdict"] == "yes" and "in CSF only" in found["statement"]
    higher = answer(Tables(migration=triple(1.5, 0.6, 0.9, "CSF_higher", **keys)), 3)
    assert higher["verdict"] == "yes" and "that blood does not rise at all is not shown" in higher["statement"]
    late = answer(Tables(migration=triple(1.5, 0, 1.5, "CSF_only", q=0.2, **keys)), 3)
    assert late["verdict"] == "cannot_tell"
    flat = answer(Tables(migration=triple(0, 0, 0, se=0.1, **keys)), 3)
    assert flat["verdict"] == "no"
    secondary = answer(Tables(migration=triple(1.5, 0, 1.5, "CSF_only", **keys | {"primary": False})), 3)
    assert secondary["verdict"] == "cannot_tell"


KEYS = {"gene_set": "CORE", "primary": True, "lineage": "all"}


@pytest.mark.parametrize(
    "changes, call, more, expected",
    [
        ((1.5, 0, 1.5), "CSF_only", {}, ("yes", "only", "CSF")),
        ((0, 1.5, -1.5), "blood_only", {}, ("yes", "only", "blood")),
        ((1.5, 0.6, 0.9), "CSF_higher", {}, ("yes", "higher", "CSF")),
        ((1.5, 0, 1.5), "CSF_higher;CSF_only", {}, ("yes", "only", "CSF")),
        ((1.5, 0, 1.5), "CSF_only", {"q": 0.051}, ("cannot_tell", "open", "")),
        ((1.5, 0, 1.5), "", {}, ("cannot_tell", "open", "")),
        ((0, 0, 0), "", {"se": 0.1}, ("no", "neither", "")),
        ((0, 0, 0), "", {"se": 1.0}, ("cannot_tell", "open", "")),
        ((1.5, 0, 1.5), "CSF_only", {"tier": "descriptive"}, ("cannot_tell", "too_few", "")),
    ],
)
def test_judge(changes, call, more, expected):
    assert decided(judge(triple_of(triple(*changes, call, **more, **KEYS)), Limits())) == expected


def test_claim_has_p_and_q_of_its_call_where_there_is_one():
    each = triple_of(triple(1.5, 0, 1.5, "CSF_only", q=0.04, **KEYS))
    other = triple_of(triple(1.5, 0, 1.5, "", q=0.04, **KEYS).assign(call_p=math.nan, call_q=math.nan, q_value=0.3))
    assert claim(each)["q_value"] == 0.04 and claim(each)["estimate"] == 1.5
    assert claim(other)["q_value"] == 0.3


def test_what_is_not_called_says_the_p_and_q_of_the_difference():
    """A set raised in blood whose call comes too late: p and q of the sentence are two-sided, of the difference."""
    table = triple(0, 1.5, -1.5, "", q=0.08, se=0.5, **KEYS).assign(call_p=0.06, call_q=0.12)
    found = answer(Tables(migration=table), 3)
    assert found["verdict"] == "cannot_tell" and (found["p_value"], found["q_value"]) == (0.04, 0.08)
    assert "is shown taken by itself (p = 0.04), but not over all that were tested (q = 0.08)" in found["statement"]
    assert found["p_of"] == "this difference, two-sided"
    called = answer(Tables(migration=triple(0, 1.5, -1.5, "blood_only", q=0.04, **KEYS)), 3)
    assert called["q_value"] == 0.04 and called["p_of"].startswith(
        "a rise in blood and a larger one than in CSF at once"
    )
    assert "doubled" in called["p_of"] and "CORE is raised in blood only" in called["statement"]


def row_of(verdict, side, lineage="all", gene_set="CORE"):
    return ASKED.answer(3, Verdict(verdict, "only", side), "words", lineage=lineage, aspect=gene_set)


def test_agreement_counts_the_other_sets_on_the_same_side():
    answers = [row_of(*row) for row in (("yes", "CSF"), ("yes", "CSF"), ("yes", "blood"), ("no", ""))]
    assert agreement(answers[0], answers) == (1, 3)
    assert agreement(answers[0], [*answers, row_of("yes", "CSF", "NK")]) == (1, 3)


def test_carriers_are_raised_in_the_same_set_on_the_same_side():
    """A set raised in CSF is not carried by a lineage in which it is raised in blood, nor by those of other sets."""
    leading = row_of("yes", "CSF")
    single = [row_of("yes", "blood", "pDC"), row_of("yes", "CSF", "NK"), row_of("yes", "CSF", "B", "EGRESS")]
    assert carriers(leading, [leading, *single, row_of("no", "", "CD4 T")]) == ["NK"]
    assert carriers(single[1], single) == []


def test_the_summary_names_the_carriers_of_its_set_and_side():
    """Of two sets and two lineages each raised somewhere, one carries what is said of all cells."""
    rows = [("CORE", "all", 1.5, 0), ("CORE", "pDC", 0, 1.5), ("CORE", "NK", 1.5, 0), ("EGRESS", "B", 1.5, 0)]
    tables = [
        triple(own, base, own - base, f"{'CSF' if own else 'blood'}_only", gene_set=name, lineage=lineage, primary=True)
        for name, lineage, own, base in rows
    ]
    said = answer(Tables(migration=pd.concat(tables)), 3)["statement"]
    assert said.endswith("; carried by NK")
