"""Names that nearly agree: two spellings of one level are asked about, normal names are not."""

import pytest

from compartments.study.near_names import plain, questions_on_names, typo
from compartments.study.samplesheet import parse_samplesheet
from tests.support.sheets import GOOD, sheet

SLIPS = [
    ("un-treated", "untreated"),
    ("natalizumab", "natalizumb"),
    ("natalizumab", "natalizuamb"),
    ("natalizumab", "natalisumab"),
    ("control", "controls"),
    ("HC-01", "HC01"),
    ("ms01", "MS1"),
    ("01", "1"),
    ("P-1", "P_1"),
    ("S1-1", "S1_1"),
    ("anti_CD52", "antiCD52"),
    ("blood", "blod"),
]
APART = [
    *[("P1", "P2"), ("D01", "D02"), ("m1", "m6"), ("HC1", "HC10"), ("S1-1", "S11"), ("1.05", "1.5"), ("0.5", "5")],
    *[
        ("armA", "armB"),
        ("DonorA", "Donor"),
        ("treated", "untreated"),
        ("CD4+", "CD4-"),
        ("CD4", "CD4+"),
        ("CD4", "CD8"),
    ],
    *[
        ("symptomatic", "asymptomatic"),
        ("prednisone", "prednisolone"),
        ("infliximab", "rituximab"),
        ("week2", "week12"),
    ],
    *[
        ("IL2", "IL2R"),
        ("MS", "NMO"),
        ("pre", "post"),
        ("lesional", "nonlesional"),
        ("GroupA", "GroupB"),
        ("T1", "T1b"),
    ],
    *[("responder", "nonresponder"), ("IFNa", "IFNb"), ("HD", "HC"), ("day1", "day1b"), ("dose_1", "dose_10")],
]


@pytest.mark.parametrize(("first", "second"), SLIPS)
def test_two_spellings_look_like_one(first, second):
    assert plain(first) == plain(second) or typo(first, second)
    assert plain(second) == plain(first) or typo(second, first)


@pytest.mark.parametrize(("first", "second"), APART)
def test_normal_names_are_not_asked_about(first, second):
    assert plain(first) != plain(second) and not typo(first, second) and not typo(second, first)


def asked(text, covariates=()):
    return questions_on_names(parse_samplesheet(text), covariates)


@pytest.mark.parametrize("column", ["donor", "compartment", "condition"])
def test_a_good_sheet_has_no_question_and_a_slip_one(column):
    assert asked(GOOD) == []
    wrong = {"donor": ("P3_blood,P3,", "P3_blood,P-3,"), "compartment": ("P3,CSF,", "P3,CFS,")}
    text = GOOD.replace(*wrong.get(column, ("P3,CSF,control", "P3,CSF,contrl")))
    found = asked(text)
    assert len(found) == 1 and found[0].startswith(f"column {column}: '") and "did you mean one of them?" in found[0]
    assert all(f"(row {n})" in found[0] for n in {"donor": (6, 7), "compartment": (2, 6), "condition": (6, 7)}[column])


def test_donors_that_differ_by_a_letter_are_one_where_each_lacks_the_others_compartment():
    def donors(blood):
        rows = [("martina", "CSF", "x"), *[(blood, "blood", "x")], ("zoe", "CSF", "y"), ("zoe", "blood", "y")]
        return asked(sheet(rows))

    assert len(donors("martna")) == 1 and donors("marlena") == []
    both = [(d, c, "x") for d in ("martina", "martna") for c in ("CSF", "blood")]
    assert asked(sheet([*both, ("zoe", "CSF", "y")])) == []  # two donors, each complete


def test_levels_of_covariates_are_names_too_but_not_numbers():
    rows = [("A", "c", "x", "F", 34, "b-1"), ("B", "c", "y", "f", 3.4, "b1"), ("C", "c", "y", "M", 30, "b2")]
    text = sheet(rows, ("sex", "age", "batch"))
    assert [question.split(":")[0] for question in asked(text, ["sex", "age", "batch"])] == [
        "column sex",
        "column batch",
    ]
