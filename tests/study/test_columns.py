"""The samplesheet's columns beside the pipeline's own."""

import pytest

from compartments.core.errors import UserError
from compartments.core.vocabulary import OWN_COLUMNS
from compartments.study.columns import apart, unusable
from compartments.study.design import make_study
from compartments.study.plan import design_table, plan
from compartments.study.samplesheet import parse_samplesheet
from tests.support.sheets import with_column


def test_names_that_are_taken_move_and_others_stay():
    assert apart(["sample", "age", "lineage", "index"]) == {"lineage": "sheet_lineage"}
    assert apart(["lineage", "sheet_lineage", "label:old"]) == {
        "lineage": "sheet_sheet_lineage",
        "label:old": "sheet_label:old",
    }
    assert apart(["sex", "sheet_sex"], {"sex"}.__contains__) == {"sex": "sheet_sheet_sex"}
    assert set(apart(sorted(OWN_COLUMNS))) == OWN_COLUMNS
    assert unusable("CD4/CD8") and unusable("_index") and not unusable("index") and not unusable("CD4:CD8")


@pytest.mark.parametrize(
    "name", ["lineage", "row", "captures", "arm", "reference_sample", "sample_3", "sample_6", "lineage:old"]
)
def test_a_column_named_like_the_pipelines_own_runs_and_is_said(name):
    """The study is that of the same sheet with another name for the column; the plan names the column."""
    text = with_column(lambda donor: f"v{donor}", name)
    study = make_study(parse_samplesheet(text))
    other = make_study(parse_samplesheet(with_column(lambda donor: f"v{donor}", "of_mine")))
    moved = study.samples.rename(columns={f"sheet_{name}": "of_mine"})
    assert moved.equals(other.samples) and f"sheet_{name}" in study.properties
    table = design_table(study)
    assert table.equals(design_table(other))
    assert f"note: column '{name}' of the samplesheet is called 'sheet_{name}'" in plan(study, table)


@pytest.mark.parametrize(
    "name", ["arm", "confidence", "row", "Intercept", "n_condition", "p_value", "reference_sample"]
)
def test_covariates_of_any_name_are_adjusted_for(name):
    """Same design, to the coefficient, as with a plain name."""
    designs = []
    for column in (name, "site"):
        text = with_column(lambda donor: "ab"[donor % 2], column)
        designs.append(design_table(make_study(parse_samplesheet(text), covariates=[column])))
    assert designs[0]["residual_df"].tolist() == designs[1]["residual_df"].tolist()
    assert (designs[0]["note"] == "").all()
    with pytest.raises(UserError, match="part of the design already"):
        make_study(parse_samplesheet(text), covariates=["donor"])
