"""Designs of two arms: properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compartments.study.arms import arm_design, donors_per_arm, tier
from compartments.study.study import TREND
from tests.support.cohorts import asked, made_term
from tests.support.sheets import before_after, sheet, study_of, with_column


def test_a_numeric_covariate_is_one_centred_column():
    study = study_of(with_column(lambda i: 20 + i * i, "age"), covariates=["age"])
    matrix, vector, dropped = arm_design(asked(study, "within:CSF"), study.covariates)
    assert list(matrix)[:2] == ["condition:treated", "condition:control"] and not dropped and matrix.shape[1] == 3
    assert matrix.iloc[:, 2].mean() == pytest.approx(0) and vector.tolist() == [1, -1, 0]


@pytest.mark.parametrize("unit", [1e-9, 1e-3, 1e6])
def test_the_unit_of_a_covariate_changes_no_design(unit):
    """A bound on coefficients, as PyDESeq2's, would else leave out in silence what spreads little."""
    designs = [
        arm_design(made_term("aaaabbbb", age=[of * age for age in (31, 42, 55, 38, 47, 61, 29, 50)]), ["age"])[0]
        for of in (1.0, unit)
    ]
    np.testing.assert_allclose(*designs, rtol=1e-6)
    assert designs[0].shape[1] == 3 and designs[0].iloc[:, 2].std() == pytest.approx(1)


def test_an_arm_that_is_not_compared_costs_no_batch():
    """All of its donors are one batch: the two others are adjusted for theirs as if it were not there."""
    arms, batch = "aaaaabbbbbcccc", list("ppppqpqqqqrrrr")
    term = made_term(arms, batch=batch)
    matrix, vector, dropped = arm_design(term, ["batch"])
    assert not dropped and matrix.shape[1] == 4 and np.linalg.matrix_rank(matrix) == 4
    value = term.units["arm"].map({"a": 2.0, "b": 1.0, "c": 9.0}) + 5.0 * (term.units["batch"] == "q")
    assert vector @ np.linalg.lstsq(matrix.to_numpy(), value, rcond=None)[0] == pytest.approx(1)
    # where the compared arms are batches of their own it cannot be told, and only they are named
    confounded = made_term(arms, batch=list("pppppqqqqqrrrr"))
    _, _, (reason,) = arm_design(confounded, ["batch"])
    assert reason == "batch is collinear with condition:a, condition:b: not adjusted for"


def test_a_donor_alone_with_a_level_is_not_counted():
    """His level fits him, whatever he is; and where an arm would be left with one that tells, nothing is adjusted."""
    term = made_term("aaabbbb", batch=list("pqqqqrr"))
    matrix, vector, dropped = arm_design(term, ["batch"])
    assert not dropped and donors_per_arm(term, ["batch"]) == (2, 4) and donors_per_arm(term) == (3, 4)
    value = np.array([1e6, 2.0, 2.0, 1.0, 1.0, 4.0, 4.0])
    assert vector @ np.linalg.lstsq(matrix.to_numpy(), value, rcond=None)[0] == pytest.approx(1)
    few = made_term("aabbbbb", batch=list("pqqqqqq"))
    matrix, _, (reason,) = arm_design(few, ["batch"])
    assert reason == "batch has levels of one donor and would leave one of a to tell: not adjusted for"
    assert matrix.shape[1] == 2 and donors_per_arm(few, ["batch"]) == (2, 5)
    # one treated donor is alone in his arm, too, and tells all that is known of it
    assert donors_per_arm(made_term("abbbbbb", batch=list("ppqqqqq")), ["batch"]) == (1, 6)


def test_what_a_donor_keeps_is_nothing_in_a_trend():
    """Weights of unequal steps do not add up to 0 to the last digit."""
    rows = [(f"P{i}", c, when) for i in range(6) for c in ("CSF", "blood") for when in ("t0", "w10", "m6")]
    platelets = np.repeat([251_013, 190_377, 310_941, 222_222, 287_650, 175_001], 6)
    sheet = before_after([(*row, x) for row, x in zip(rows, platelets, strict=True)], ["platelets"])
    study = study_of(sheet, covariates=["platelets"], condition_order="t0:0,w10:1,m6:2.5", trend=True)
    (number,) = (n for n, contrast in enumerate(study.asked()) if contrast.kind == TREND)
    matrix, _, dropped = arm_design(asked(study, "within:CSF", number=number), study.covariates)
    assert matrix.shape == (6, 1) and not dropped


def test_numbered_batches_are_names():
    study = study_of(with_column(lambda i: 1 + i % 3, "batch"))
    matrix, _, _ = arm_design(asked(study, "within:CSF"), study.covariates)
    assert set(matrix.iloc[:, 2:].to_numpy().ravel()) <= {0.0, 1.0}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("pqr")), min_size=3, max_size=14))
def test_designs_have_full_rank_and_estimate_the_contrast(rows):
    arms, batch = (list(column) for column in zip(*rows, strict=True))
    term = made_term(arms, condition="x", reference="y", batch=batch)
    if not {"x", "y"} <= set(arms):
        with pytest.raises(ValueError, match="no donor with condition"):
            arm_design(term)
        return
    matrix, vector, dropped = arm_design(term, ["batch"])
    assert np.linalg.matrix_rank(matrix) == matrix.shape[1]
    # effects of condition planted without noise come back whatever else is in the model
    truth = term.units["arm"].map({"x": 3.0, "y": 1.0, "z": -7.0})
    beta = np.linalg.lstsq(matrix.to_numpy(), truth, rcond=None)[0]
    assert vector @ beta == pytest.approx(2.0)


def test_a_pair_of_samples_has_the_covariate_of_both_where_they_differ():
    days = {"day": list("pqpqpqpq"), "reference_sample:day": list("pqpqpqpq")}
    term = made_term("xxxxyyyy", paired=True, condition="x", reference="y", **days)
    assert arm_design(term, ["day"])[0].shape[1] == 3
    term.units["reference_sample:day"] = list("ppqqppqq")
    assert arm_design(term, ["day"])[0].shape[1] == 4


def test_covariates_of_donors_as_their_own_controls_are_differences():
    """What is constant in a donor cancels; what differs between its samples is adjusted for."""
    rng = np.random.default_rng(1)
    rows = [(f"P{i}", c, when) for i in range(8) for c in ("CSF", "blood") for when in ("before", "after")]
    days, ages = rng.integers(0, 30, len(rows)), np.repeat(rng.integers(20, 70, 8), 4)
    study = study_of(
        before_after([(*row, *x) for row, *x in zip(rows, days, ages, strict=True)], ["day", "age"]),
        covariates=["day", "age"],
    )
    for name, coefficients in (("within:CSF", 2), ("interaction", 3)):
        term = asked(study, name)
        matrix, vector, dropped = arm_design(term, study.covariates)
        assert not dropped and matrix.shape == (8, coefficients) and vector.tolist() == [1] + [0] * (coefficients - 1)
        value = 3 + matrix.iloc[:, 1:].sum(axis=1)
        assert vector @ np.linalg.lstsq(matrix.to_numpy(), value, rcond=None)[0] == pytest.approx(3)
    # all donors later by the same: the day cannot be told from the condition
    late = study_of(before_after([(*row, 9 if row[2] == "after" else 2) for row in rows], ["day"]), covariates=["day"])
    assert "collinear" in arm_design(asked(late, "within:CSF"), ["day"])[2][0]


@pytest.mark.parametrize(
    ("arms", "df", "word"),
    [
        ((3, 3), 4, "inferential"), ((3, 3), 3, "exploratory"), ((2, 9), 9, "exploratory"), ((2, 2), 0, "descriptive"),
        ((1, 9), 8, "descriptive"), ((9, 1), 8, "descriptive"), ((0, 9), 8, "not_testable"),
    ],
)  # fmt: skip
def test_tier(arms, df, word):
    assert tier(*arms, df) == word


def test_a_covariate_is_of_numbers_or_of_categories_in_the_whole_study():
    """Sites 1, 2, 3 and 'hospital', which only donors without CSF have: three categories in CSF, not a slope."""
    rows = [
        (f"P{i}", place, ("treated", "control")[i % 2], "hospital" if i < 2 else str(1 + i % 3))
        for i in range(14)
        for place in ("CSF", "blood")[i < 2 :]
    ]
    study = study_of(sheet(rows, ["site"]), covariates=["site"])
    assert arm_design(asked(study, "within:CSF"), study.covariates)[0].shape[1] == 4
    assert arm_design(asked(study, "within:blood", "blood"), study.covariates)[0].shape[1] == 5
