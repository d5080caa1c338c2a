"""The rows of findings.tsv, and which of them a summary quotes."""

import math

from compartments.core.contract import Contract
from compartments.findings.evidence import EQUIV_MARGIN, Limits, Verdict
from compartments.findings.rows import COLUMNS, Answer, Tables, comparisons, lead, named, overall, summary
from tests.support.effects import study, triple, triple_of

ASKED = comparisons(study(), Limits())[0]


def answers(*rows):
    """Answers with their lineage, estimate and q."""
    return [
        ASKED.answer(1, Verdict(answer, ""), "words", {"estimate": estimate, "q_value": q}, lineage=name)
        for name, answer, estimate, q in rows
    ]


def test_columns_are_those_of_the_dictionary():
    optional = ["headline", "leading", "estimate_of", "p_of"]  # older tables have none
    assert [*Contract.of("write_findings").names("findings.tsv"), *optional] == COLUMNS


def test_the_margin_is_that_of_the_compositions():
    assert Tables(composition_summary={"equiv_margin": 0.7}).margin == 0.7
    assert Tables().margin == EQUIV_MARGIN == 1


def test_every_contrast_and_compartment_is_compared_with_the_reference():
    found = comparisons(
        study(arms=(("a", 2), ("b", 3), ("untreated", 4)), compartments=("blood", "CSF", "node")), Limits()
    )
    assert [(c.asked.condition, c.compartment) for c in found] == [
        ("a", "CSF"),
        ("a", "node"),
        ("b", "CSF"),
        ("b", "node"),
    ]
    assert {(c.asked.reference, c.base) for c in found} == {("untreated", "blood")}
    assert [(c.pairs_condition, c.pairs_reference) for c in found] == [(2, 4), (2, 4), (3, 4), (3, 4)]


def test_without_numbers_a_row_has_the_donors_of_the_design():
    row = ASKED.answer(1, Verdict("cannot_tell", ""), "words").finding
    assert (row.n_condition, row.n_reference, row.tier) == (2, 4, "not_testable")
    assert math.isnan(row.estimate) and math.isnan(row.q_value)
    numbers = {"n_condition": 1.0, "n_reference": math.nan, "tier": "exploratory"}
    row = ASKED.answer(1, Verdict("cannot_tell", ""), "words", numbers).finding
    assert (row.n_condition, row.n_reference, row.tier) == (1, 4, "exploratory")


def test_overall():
    assert [
        overall([Answer(Verdict(x, ""), None) for x in given])
        for given in (("yes", "no"), ("no",), ("no", "cannot_tell"))
    ] == [
        "yes",
        "no",
        "cannot_tell",
    ]


def test_a_summary_quotes_the_smallest_q_of_a_yes_and_the_largest_estimate_of_the_rest():
    found = answers(("a", "yes", 1, 0.04), ("b", "yes", -3, 0.01), ("c", "yes", -9, math.nan), ("d", "no", 0.1, 0.9))
    assert lead(found, "yes").finding.lineage == "b" and named(found, "yes") == ["a", "b", "c"]
    found = answers(("a", "no", 1, 0.04), ("b", "no", -3, 0.9), ("c", "no", 2, 0.001), ("d", "no", math.nan, 0.001))
    assert lead(found, "no").finding.lineage == "b"
    assert lead(found, "no", sign=-1).finding.lineage == "b"
    assert lead(answers(("a", "no", 1, 1), ("b", "no", 3, 1)), "no", sign=-1).finding.lineage == "a"


def test_of_rises_the_nearest_is_quoted_and_no_fall():
    """The largest estimate is a fall, or a difference that a fall in the other compartment makes."""
    changes = {"fell": (-3, 0, -3), "rose": (0.3, 0, 0.3), "fell there": (0, -2, 2), "rose there": (-0.1, 0.2, -0.3)}
    found = [
        answered._replace(rows=triple_of(triple(*changes[answered.finding.lineage], q=0.2)))
        for answered in answers(*((name, "no", change[2], 0.2) for name, change in changes.items()))
    ]
    assert lead(found, "no", sign=1).finding.lineage == "rose"
    assert (
        lead([each for each in found if each.finding.lineage != "rose"], "no", sign=1).finding.lineage == "rose there"
    )
    assert lead(found, "no").finding.lineage == "fell"


def test_of_rises_the_smallest_p_of_both_tests_comes_first():
    clear, large = triple(0.3, 0, 0.3).assign(p_value=0.01), triple(0.9, 0, 0.9).assign(p_value=[0.01, 0.01, 0.4])
    assert triple_of(clear).rise == (0.005, -0.3) and triple_of(large).rise == (0.2, -0.9)
    assert triple_of(clear.assign(p_value=math.nan)).rise == (1.0, -0.3)
    assert triple_of(triple(-0.3, 0, -0.3).assign(p_value=0.01)).rise == (0.995, 0.0)


def test_a_summary_has_the_numbers_of_the_row_that_it_quotes():
    (quoted,) = answers(("a", "yes", 1, 0.04))
    row = summary(quoted, Verdict("cannot_tell", "open"), "all", "one line")
    assert (row.lineage, row.verdict, row.statement, row.estimate) == ("", "cannot_tell", "all", 1)
