"""Designs of two arms: properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compartments.study.arms import arm_design, tier
from tests.support.cohorts import asked, made_term
from tests.support.sheets import before_after, study_of, with_column


def test_a_numeric_covariate_is_one_centred_column():
    study = study_of(with_column(lambda i: 20 + i * i, "age"), covariates=["age"])
    matrix, vector, dropped = arm_design(asked(study, "within:CSF"), study.covariates)
    assert list(matrix)[:2] == ["condition:treated", "condition:control"] and not dropped and matrix.shape[1] == 3
    assert matrix.iloc[:, 2].mean() == pytest.approx(0) and vector.tolist() == [1, -1, 0]


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
