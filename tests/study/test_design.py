"""The study that is asked for: covariates, warnings, refusals."""

import pytest

from compartments.core.errors import UserError
from compartments.study.plan import design_table, plan
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
    with pytest.raises(UserError, match="nothing can be estimated"):
        study_of(sheet(rows), reference_compartment="b", reference_condition="y")


def test_a_covariate_without_any_value_is_refused():
    with pytest.raises(UserError, match="--covariates 'age': the column has no value"):
        study_of(with_column(lambda i: "NA", "age"), covariates=["age"])


@pytest.mark.parametrize("unknown", ["", "NA", "unknown", "?"])
def test_a_covariate_known_for_some_donors_is_left_out_and_costs_no_donor(unknown):
    study = study_of(with_column(lambda i: unknown if i in (2, 5) else 30 + i, "age"), covariates=["age"])
    assert study.covariates == [] and len(study.samples) == len(ROWS)
    (said,) = (w for w in study.warnings if w.startswith("age "))
    assert "age is not known for every sample of P2, P5 (2 of 9 donors): not adjusted for" in said
    assert f"note: {said}" in plan(study, design_table(study))


def test_donors_without_the_covariate_can_be_left_out_by_the_user():
    lines = with_column(lambda i: "" if i == 2 else 30 + i, "age").splitlines()
    study = study_of("\n".join("#" + line if line.startswith("P2_") else line for line in lines), covariates=["age"])
    assert study.covariates == ["age"] and "P2" not in set(study.samples["donor"])


def test_a_batch_known_for_some_samples_is_said():
    study = study_of(with_column(lambda i: "" if i == 2 else f"b{i % 2}"))
    assert study.covariates == [] and any(
        w.startswith("batch is not known for every sample of P2") for w in study.warnings
    )
    assert study_of(with_column(lambda i: "")).warnings == []


def test_a_slip_among_numbers_is_named_by_row():
    study = study_of(with_column(lambda i: "4O" if i == 3 else 30 + i, "age"), covariates=["age"])
    assert any(
        "age is taken for categories, one coefficient each, because of '4O' in row 8" in w for w in study.warnings
    )
    words = study_of(with_column(lambda i: "fm"[i % 2], "sex"), covariates=["sex"])
    assert not any("categories" in w for w in words.warnings)


def test_numbers_that_donors_share_may_be_codes():
    """One slope through sites 1, 2 and 3 is fitted as asked, and said; ages are no codes."""
    site = study_of(with_column(lambda i: 1 + i % 3, "site"), covariates=["site"])
    assert any(
        "site is taken for numbers (1, 2, 3), one coefficient in all: write a word before each, such as site1" in w
        for w in site.warnings
    )
    age = study_of(with_column(lambda i: 20 + i * i, "age"), covariates=["age"])
    assert not any("taken for numbers" in w for w in age.warnings)


def test_a_specimen_has_the_cells_per_ul_of_one_of_its_captures():
    """As composition takes them: one of two captures of the same tube need not repeat the measurement."""
    head = "sample,donor,compartment,condition,raw,replicate,cells_per_ul"
    rows = [f"s{i}r{n},D{i},blood,{'xy'[i % 2]},x.h5,r{n},{'' if n else 900 + i}" for i in range(4) for n in range(2)]
    known = study_of("\n".join([head, *rows]), reference_condition="x")
    assert known.absolute and not any("cells_per_ul is missing" in w for w in known.warnings)
    lacking = study_of("\n".join([head, rows[0].replace("900", ""), *rows[1:]]), reference_condition="x")
    assert not lacking.absolute
    assert any("cells_per_ul is missing for s0r0: composition uses the relative" in w for w in lacking.warnings)


def test_a_batch_that_fits_is_adjusted_for_within_and_between():
    study = study_of(with_column(lambda i: f"b{i % 2}"))
    assert study.covariates == ["batch"]
    assert any("batch is constant within every donor" in w for w in study.warnings)
    table = design_table(study).set_index("term")
    assert table.loc["within:CSF", "residual_df"] == 6 and table.loc["interaction", "residual_df"] == 6


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


def test_totals_in_another_unit_are_named():
    rows = [
        (*row, {("P3", "CSF"): 2500, ("P5", "blood"): 6}.get(row[:2], 2.5 if row[1] == "CSF" else 6000)) for row in ROWS
    ]
    said = [w for w in study_of(sheet(rows, ["cells_per_ul"])).warnings if "another unit" in w]
    assert [w.split(":")[0] for w in said] == [
        "cells_per_ul of P3_CSF is 2500, more than 300-fold above the median of CSF",
        "cells_per_ul of P5_blood is 6, more than 300-fold below the median of blood",
    ]


def test_samples_with_limits_of_their_own_are_named():
    study = study_of(with_column(lambda i: "30" if i == 1 else "", "max_mt"))
    names = [f"{name} (max_mt 30)" for name in study.samples.loc[study.samples["max_mt"].notna(), "sample"]]
    assert names and f"so do the cells that are kept: {', '.join(names)}\n" in plan(study, design_table(study))


def test_donors_of_one_condition_with_one_compartment_are_said_to_count_as_they_do():
    rows = [(f"P{i}", place, "control") for i in range(1, 5) for place in ("CSF", "blood") if (i, place) != (4, "CSF")]
    study = study_of(sheet(rows))
    said = [line for line in study.warnings if "1 of 4 donors lack CSF or blood (P4)" in line]
    how = "they count in composition and expression by the sample that they have"
    assert len(said) == 1 and how in said[0] and "interaction" not in said[0]
    lines = plan(study, design_table(study)).splitlines()
    assert sum(how in line for line in lines) == 2
    study = study_of(sheet([*rows, ("P5", "CSF", "treated"), ("P5", "blood", "treated")]))
    assert any("(P4): they count within a compartment, not for the interaction" in line for line in study.warnings)
