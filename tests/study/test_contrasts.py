"""References and the contrasts table."""

import pytest

from compartments.core.errors import UserError
from compartments.study.arms import arm_design
from compartments.study.plan import design_table
from tests.support.sheets import GOOD, sheet, study_of


def test_references_are_asked_for_where_not_obvious():
    text = GOOD.replace("blood", "lymph")
    with pytest.raises(UserError, match="choose one with --reference_compartment"):
        study_of(text)
    with pytest.raises(UserError, match="choose one with --reference_condition"):
        study_of(GOOD.replace("control", "drug"))
    assert study_of(text, reference_compartment="lymph").compartments == ["lymph", "CSF"]


def test_three_conditions_and_a_contrasts_table():
    rows = [(f"{c}{i}", p, c) for c in ("control", "low", "high") for i in range(3) for p in ("CSF", "blood")]
    study = study_of(sheet(rows))
    assert study.contrasts["contrast"].tolist() == ["low_vs_control", "high_vs_control"]
    named = study_of(sheet(rows), contrasts="contrast\tcondition\treference\ndose\thigh\tlow\n")
    contrast = next(named.contrasts.itertuples(index=False))
    matrix, vector, _ = arm_design(named.units("interaction", "CSF"), contrast)
    assert matrix.shape == (9, 3) and dict(zip(matrix, vector, strict=True)) == {
        "condition:control": 0, "condition:low": -1, "condition:high": 1,
    }  # fmt: skip
    assert set(design_table(named)["residual_df"]) == {6}
