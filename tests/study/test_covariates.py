"""Covariates: numbers that are none are named, and nothing is called confounded that is not."""

import pytest

from compartments.core.errors import UserError
from compartments.study.covariates import chosen_covariates
from compartments.study.plan import design_table
from compartments.study.samplesheet import parse_samplesheet
from tests.support.sheets import sheet, study_of


def text_of(values, name="age"):
    rows = [
        (f"d{d}", c, ("control", "treated")[d % 2], f'"{value}"')
        for d, value in enumerate(values)
        for c in ("CSF", "blood")
    ]
    return sheet(rows, [name])


AGES = [str(20 + 3 * i) for i in range(12)]


def test_numbers_that_all_differ_are_adjusted_for_and_not_called_confounded():
    study = study_of(text_of(AGES), covariates=["age"])
    assert study.covariates == ["age"] and not any("confounded" in said for said in study.warnings)
    table = design_table(study)
    assert set(table["residual_df"]) == {9} and not table["note"].any()


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (["31", "47"] * 6, "age"),  # two numbers are two names
        (["10", "50", "30", "60"] * 3, "dose"),  # numbers that donors share go with the condition
        (["b1", "b2"] * 6, "batch"),
        ([f"{y}-03-11" for y in range(2012, 2024)], "visit"),
    ],
)
def test_what_goes_with_the_condition_is_called_confounded(values, name):
    study = study_of(text_of(values, name), covariates=[name])
    assert any(said.startswith(f"{name} is confounded with condition") for said in study.warnings)


@pytest.mark.parametrize(
    ("values", "row", "write"),
    [
        ([*AGES[:11], ">89"], 24, "write 89"),
        (["<18", *AGES[1:]], 2, "write 18"),
        ([AGES[0], "34,5", *AGES[2:]], 4, "write 34.5"),
        ([f"{age},5" for age in AGES], 2, "write 20.5"),
        ([f"{age} y" for age in AGES], 2, "write 20"),
        ([*AGES[:6], "61 years", "> 89", *AGES[8:]], 14, "write 61"),
    ],
)
def test_a_value_that_is_no_number_is_named_with_its_row(values, row, write):
    with pytest.raises(UserError) as error:
        chosen_covariates(parse_samplesheet(text_of(values)), ["age"])
    value = values[(row - 2) // 2]
    assert f"row {row}, column age: '{value}' is not a number" in str(
        error.value
    ) and f"; {write}, or name classes" in str(error.value)


def test_an_infinite_value_among_numbers_is_refused():
    for values in (["inf", *AGES[1:]], ["Infinity", *[AGES[0], AGES[1]] * 6][:12]):
        with pytest.raises(UserError, match=f"row 2, column age: '{values[0]}' is not a number.*; write the number"):
            chosen_covariates(parse_samplesheet(text_of(values)), ["age"])
    assert chosen_covariates(parse_samplesheet(text_of(["inf", "sup"] * 6)), ["age"]) == ["age"]


@pytest.mark.parametrize(
    "values",
    [
        ["1", "2", "3", "3b"] * 3,  # stages
        ["0", "1", "2", ">2"] * 3,
        ["3 months", "6 months", "12 months"] * 4,
        ["<30", ">30", ">50", "<10", ">70", ">80"],
        ["<50", "50-70", ">70"] * 4,  # classes
        ["<50", "≥50"] * 6,
        ["1a", "2b", "3c"] * 4,
        ["10x", "5'", "Flex"] * 4,
        ["0", "1"] * 6,
    ],
)
def test_classes_stay_classes(values):
    chosen_covariates(parse_samplesheet(text_of(values, "class")), ["class"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Age", "did you mean 'age'?"),
        ("agee", "did you mean 'age'?"),
        ("weight", "it has age$"),
        ("raw", "'raw' is not a column of the samplesheet; it has age"),
        ("row", "it has age"),
        ("donor", "is part of the design already"),
    ],
)
def test_a_covariate_that_is_no_column_is_answered_with_those_that_are(name, message):
    with pytest.raises(UserError, match=message):
        chosen_covariates(parse_samplesheet(text_of(AGES)), [name])


def test_commas_are_asked_for():
    header = "sample,donor,compartment,condition,raw,age,sex\n"
    frame = parse_samplesheet(header + "a,A,c,x,a.h5,1,F\nb,B,c,y,b.h5,2,M\n")
    with pytest.raises(UserError, match="put commas between columns: age,sex"):
        chosen_covariates(frame, ["age;sex"])


def test_what_is_not_known_is_named_with_its_row():
    study = study_of(text_of([*AGES[:3], "n/a", *AGES[4:]]), covariates=["age"])
    assert study.covariates == [] and any("fill it in ('n/a' in row 8)" in said for said in study.warnings)
