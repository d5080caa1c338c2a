"""The study that is asked for: covariates, warnings, refusals."""

import pytest

from compartments.core.errors import UserError
from compartments.study.plan import design_table
from tests.support.sheets import ROWS, sheet, study_of, with_column


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reference_compartment": "blod"}, "--reference_compartment 'blod' is not in column compartment"),
        ({"reference_compartment": "blod"}, "did you mean 'blood'?"),
        ({"reference_condition": "placebo"}, "--reference_condition 'placebo'"),
        ({"covariates": ["age"]}, "--covariates 'age' is not a column"),
        ({"covariates": ["donor"]}, "--covariates 'donor' is part of the design already"),
        ({"contrasts": "condition\ntreated\n"}, "contrasts row 1: column 'reference' is missing"),
        ({"contrasts": "condition,reference\ntreatd,control\n"}, "contrasts row 2, column condition: 'treatd'"),
        ({"contrasts": "condition,reference\ncontrol,control\n"}, "row 2: condition and reference are both 'control'"),
        ({"contrasts": "condition,reference\n"}, "contrasts has no contrast"),
        ({"contrasts": "contrast,condition,reference\na b,treated,control\n"}, "column contrast: 'a b'"),
        (
            {"contrasts": "condition,reference\n" + "treated,control\n" * 2},
            "row 3: contrast 'treated_vs_control' is there twice",
        ),
    ],
)
def test_bad_choices(options, message):
    with pytest.raises(UserError) as error:
        study_of(**options)
    assert message in str(error.value)


def test_nothing_to_compare_is_refused():
    rows = [("A", "c", "x"), ("B", "b", "y")]
    with pytest.raises(UserError, match="nothing to compare"):
        study_of(sheet(rows), reference_compartment="b", reference_condition="y")


def test_an_empty_covariate_is_named_by_row():
    text = sheet([("A", "c", "x", 1), ("A", "b", "x", 1), ("B", "c", "y", ""), ("B", "b", "y", 2)], ["age"])
    with pytest.raises(UserError, match="row 4, column age: empty, but it is a covariate"):
        study_of(text, reference_compartment="b", reference_condition="y", covariates=["age"])


def test_a_batch_that_fits_is_adjusted_for_within_only():
    study = study_of(with_column(lambda i: f"b{i % 2}"))
    assert study.covariates == ["batch"]
    assert any("batch is constant within every donor" in w for w in study.warnings)
    table = design_table(study).set_index("term")
    assert table.loc["within:CSF", "residual_df"] == 6 and table.loc["interaction", "residual_df"] == 7


def test_a_confounded_batch_is_named_with_its_collinear_columns():
    study = study_of(with_column(lambda i: "old" if i < 4 else "new"))
    assert any("batch is confounded with condition" in w for w in study.warnings)
    note = design_table(study).set_index("term").loc["within:blood", "note"]
    assert "batch is collinear with condition:treated, condition:control" in note


def test_a_covariate_that_costs_too_many_df_is_left_out():
    study = study_of(with_column(lambda i: f"b{i % 6}"))
    assert (
        "batch would leave fewer than 3 residual df" in design_table(study).set_index("term").loc["within:CSF", "note"]
    )


def test_partial_cells_per_ul_falls_back_with_a_warning():
    rows = [(*row, "" if row[0] == "P3" else 5) for row in ROWS]
    study = study_of(sheet(rows, ["cells_per_ul"]))
    assert not study.absolute
    assert any("cells_per_ul is missing for P3_CSF, P3_blood" in w for w in study.warnings)
