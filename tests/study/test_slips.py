"""Slips that a samplesheet shows by itself."""

import pytest

from compartments.core.errors import UserError
from compartments.study.samplesheet import parse_samplesheet
from compartments.study.slips import check_slips, notes_on_sex, questions
from tests.support.sheets import GOOD, sheet, study_of


def totals(blood, csf):
    rows = [(f"d{d}", "blood", "xy"[d % 2], value) for d, value in enumerate(blood)]
    rows += [(f"d{d}", "CSF", "xy"[d % 2], value) for d, value in enumerate(csf)]
    return questions(parse_samplesheet(sheet(rows, ["cells_per_ul"])), [])


@pytest.mark.parametrize(
    ("blood", "csf", "asked"),
    [
        ([6400, 5200, 4100, 800], [2, 1, 0.5, 400], []),  # lymphopenia and meningitis are no slips
        ([6.4, 5.2, 4.1, 0.8], [2, 1, 3, 1], ["cells_per_ul of blood is 4.65 in the median sample: 10^9 per litre?"]),
        (
            [6.4e6, 5.2e6, 4.1e6, 3e6],
            [2, 1, 3, 1],
            ["cells_per_ul of blood is 4.65e+06 in the median sample: cells per"],
        ),
        ([6400, 5200, 4100, 8000], [0.002, 0.001, 0.003, 0.001], ["cells_per_ul of CSF is 0.0015 in the median"]),
        ([6400, 5200, 4100, 6.4], [2, 1, 3, 1], ["cells_per_ul of d3_blood is 6.4, more than 300-fold below"]),
        (
            [6400, 5200, 4100, 8000],
            [2000, 1000, 900, 4000],
            ["cells_per_ul of CSF is 1500 in the median sample: cells"],
        ),
        ([6400, "", 4100, ""], ["", "", "", ""], []),
    ],
)
def test_cells_in_another_unit_are_asked_about(blood, csf, asked):
    found = totals(blood, csf)
    assert len(found) == len(asked) and all(one.startswith(start) for one, start in zip(found, asked, strict=True))


def test_too_few_cells_for_a_library_are_asked_about():
    rows = [(f"d{d}", "blood", "xy"[d % 2], value) for d, value in enumerate([5, 8000, "", 10])]
    (asked,) = questions(parse_samplesheet(sheet(rows, ["expected_cells"])), [])
    assert asked.startswith("row 2, column expected_cells: 5 cells, and as few in 1 more rows: thousands?")


def test_a_question_is_said_in_the_plan_and_refused_with_strict():
    text = GOOD.replace("P3_blood,P3,", "P3_blood,P-3,")
    (asked,) = (said for said in study_of(text).warnings if "nearly agree" in said)
    with pytest.raises(UserError) as error:
        check_slips(parse_samplesheet(text), [], "sheet.csv")
    assert str(error.value) == f"sheet.csv, {asked} (--strict)"
    check_slips(parse_samplesheet(GOOD), [], "sheet.csv")


@pytest.mark.parametrize(
    ("column", "words", "told"),
    [
        ("sex", ["F", "M"], ""),
        ("sex", ["female", "Male"], ""),
        ("sex", ["unknown", "f"], ""),
        ("sex", ["weiblich", "m"], "'weiblich' (row 2) is not compared"),
        ("sex", ["mujer", "hombre"], "'mujer' (row 2), 'hombre' (row 3) is not compared"),
        ("sex", ["1", "2"], "'1' (row 2), '2' (row 3)"),
        ("Gender", ["F", "M"], "column Gender is not looked at: name it sex"),
        ("ward", ["F", "M"], ""),
    ],
)
def test_words_for_sex_that_are_not_compared_are_told(column, words, told):
    rows = [(donor, "c", condition, word) for donor, condition, word in zip("AB", "xy", words, strict=True)]
    said = notes_on_sex(parse_samplesheet(sheet(rows, [column])))
    assert bool(said) == bool(told) and all(told in one for one in said)
