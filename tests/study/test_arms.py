"""Designs of two arms: properties."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compartments.study.arms import arm_design, tier
from tests.support.sheets import study_of, with_column


def test_a_numeric_covariate_is_one_centred_column():
    study = study_of(with_column(lambda i: 20 + i * i, "age"), covariates=["age"])
    contrast = next(study.contrasts.itertuples(index=False))
    matrix, vector, dropped = arm_design(study.units("within:CSF", "CSF"), contrast, study.covariates)
    assert list(matrix) == ["condition:treated", "condition:control", "age"] and not dropped
    assert matrix["age"].mean() == pytest.approx(0) and vector.tolist() == [1, -1, 0]


def test_numbered_batches_are_names():
    study = study_of(with_column(lambda i: 1 + i % 3, "batch"))
    contrast = next(study.contrasts.itertuples(index=False))
    matrix, _, _ = arm_design(study.units("within:CSF", "CSF"), contrast, study.covariates)
    assert set(matrix.iloc[:, 2:].to_numpy().ravel()) <= {0.0, 1.0}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("pqr")), min_size=3, max_size=14))
def test_designs_have_full_rank_and_estimate_the_contrast(rows):
    units = pd.DataFrame(rows, columns=["condition", "batch"])
    contrast = pd.DataFrame([{"contrast": "c", "condition": "x", "reference": "y"}]).itertuples(index=False)
    contrast = next(contrast)
    if not {"x", "y"} <= set(units["condition"]):
        with pytest.raises(ValueError, match="no donor with condition"):
            arm_design(units, contrast)
        return
    matrix, vector, dropped = arm_design(units, contrast, ["batch"])
    assert np.linalg.matrix_rank(matrix) == matrix.shape[1]
    # effects of condition planted without noise come back whatever else is in the model
    truth = units["condition"].map({"x": 3.0, "y": 1.0, "z": -7.0})
    beta = np.linalg.lstsq(matrix.to_numpy(), truth, rcond=None)[0]
    assert vector @ beta == pytest.approx(2.0)


def test_a_pair_of_samples_has_the_covariate_of_both_where_they_differ():
    units = pd.DataFrame({"condition": list("xxxxyyyy"), "day": list("pqpqpqpq"), "other:day": list("pqpqpqpq")})
    contrast = next(pd.DataFrame([{"contrast": "c", "condition": "x", "reference": "y"}]).itertuples(index=False))
    assert list(arm_design(units, contrast, ["day"])[0]) == ["condition:x", "condition:y", "day:q"]
    units["other:day"] = list("ppqqppqq")
    assert list(arm_design(units, contrast, ["day"])[0])[2:] == ["day:q", "other:day:q"]


@pytest.mark.parametrize(
    ("arms", "df", "word"),
    [
        ((3, 3), 4, "inferential"), ((3, 3), 3, "exploratory"), ((2, 9), 9, "exploratory"), ((2, 2), 0, "descriptive"),
        ((1, 9), 8, "descriptive"), ((9, 1), 8, "descriptive"), ((0, 9), 8, "not_testable"),
    ],
)  # fmt: skip
def test_tier(arms, df, word):
    assert tier(*arms, df) == word
