"""References and the contrasts table."""

import re

import numpy as np
import pandas as pd
import pytest

from compartments.core.errors import UserError
from compartments.study.arms import arm_design
from compartments.study.plan import design_table, plan
from compartments.study.terms import terms_of
from tests.support.cohorts import asked
from tests.support.sheets import GOOD, before_after, sheet, study_of


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
    matrix, vector, _ = arm_design(asked(named, "interaction"))
    assert matrix.shape == (9, 3) and dict(zip(matrix, vector, strict=True)) == {
        "condition:control": 0, "condition:low": -1, "condition:high": 1,
    }  # fmt: skip
    assert set(design_table(named)["residual_df"]) == {6}


def rows_of(conditions, n=4, compartments=("CSF", "blood"), **groups):
    """Donors with all of the conditions, in turn in each of the groups."""
    return [
        (f"P{i}", place, condition, *(names[i % len(names)] for names in groups.values()))
        for i in range(n)
        for place in compartments
        for condition in conditions
    ]


def kinds(study):
    return dict(zip(study.contrasts["contrast"], study.contrasts["kind"], strict=True))


def test_the_donors_tell_the_kind_of_a_contrast():
    rows = rows_of(["before", "after"])
    assert kinds(study_of(before_after(rows))) == {"after_vs_before": "within"}
    fewer = rows[:-1]
    study = study_of(before_after(fewer))
    assert kinds(study) == {"after_vs_before": "mixed"}
    table = design_table(study).set_index(["term", "compartment"])
    # all donors of CSF have both, so it is each donor its own control there
    assert table["kind"].to_dict() == {
        ("within:blood", "blood"): "mixed", ("within:CSF", "CSF"): "within", ("interaction", "CSF"): "mixed",
    }  # fmt: skip
    assert table.loc[("within:CSF", "CSF"), ["n_condition", "n_reference", "residual_df"]].tolist() == [4, 4, 3]
    assert table.loc[("within:blood", "blood"), ["n_condition", "n_reference", "residual_df"]].tolist() == [3, 4, 3]
    assert table.loc[("within:CSF", "CSF"), "permutation_floor"] == 2 / 16
    forced = study_of(before_after(fewer), contrasts="condition,reference,kind\nafter,before,within\n")
    assert kinds(forced) == {"after_vs_before": "within"}
    assert "skipped in after_vs_before, blood, for lack of the other: P3 (before)" in plan(forced, design_table(forced))


def test_groups_give_the_change_in_each_and_the_change_of_change():
    study = study_of(before_after(rows_of(["before", "after"], 6, group=["drug", "placebo"]), ["group"]))
    assert kinds(study) == {
        "after_vs_before_in_drug": "within", "after_vs_before_in_placebo": "within",
        "drug_vs_placebo_of_after_vs_before": "change",
    }  # fmt: skip
    table = design_table(study).set_index(["contrast", "term"])
    row = table.loc[("drug_vs_placebo_of_after_vs_before", "interaction")]
    assert (row["n_condition"], row["n_reference"], row["residual_df"]) == (3, 3, 4)
    assert row["donors_condition"] == "P0,P2,P4" and row["group_reference"] == "placebo"
    assert table.loc[("after_vs_before_in_drug", "within:CSF"), "n_condition"] == 3


def test_one_condition_compares_compartments_and_one_compartment_conditions():
    study = study_of(before_after(rows_of(["treated"])))
    assert kinds(study) == {"CSF_vs_blood": "compartments"}
    assert [(term.name, len(term.units)) for term in terms_of(study)] == [("compartments", 4)]
    rows = [(f"P{i}", "blood", "drug" if i < 3 else "control") for i in range(6)]
    study = study_of(before_after(rows))
    assert kinds(study) == {"drug_vs_control": "between"}
    assert [term.name for term in terms_of(study)] == ["within:blood"] and study.compartments == ["blood"]


def test_ordered_conditions_and_their_trend():
    study = study_of(
        before_after(rows_of(["m6", "baseline", "m1"])), condition_order="baseline:0,m1:1,m6:6", trend=True
    )
    assert kinds(study) == {
        "m6_vs_baseline": "within", "m1_vs_baseline": "within", "trend_baseline_to_m6": "trend",
    }  # fmt: skip
    term = asked(study, "within:CSF", number=2)
    table = pd.DataFrame({"x": 0.0}, index=study.samples["sample"])
    score = study.samples.set_index("sample")["condition"].map({"baseline": 0, "m1": 1, "m6": 6})
    # a straight line comes back as what it gains from the first to the last
    np.testing.assert_allclose(term.values(table.assign(x=2 + 0.5 * score)), 3.0)
    # and a donor without one of them has no slope
    rows = rows_of(["m6", "baseline", "m1"])[1:]
    study = study_of(before_after(rows), condition_order="baseline,m1,m6", trend=True)
    assert len(asked(study, "within:CSF", number=2).units) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("condition,reference,group\nafter,before,drug\n", "column group: 'drug' is not a group of the samplesheet"),
        (
            "condition,reference,kind\nafter,before,mixed\n",
            "column kind: 'mixed' is not what these donors allow, which is within",
        ),
        ("condition,reference\nafter,later\n", "column reference: 'later' is not a condition of the samplesheet"),
        ("condition,reference\nafter,after\n", "condition and reference are both 'after'"),
        ("condition,reference\nafter,before\nafter,before\n", "row 3: contrast 'after_vs_before' is there twice"),
    ],
)
def test_a_contrast_that_cannot_be_is_one_line(text, message):
    with pytest.raises(UserError, match=re.escape(message)):
        study_of(before_after(rows_of(["before", "after"])), contrasts=text)


def test_a_change_of_change_needs_donors_of_both_groups_with_both_conditions():
    rows = [row for row in rows_of(["before", "after"], 6, group=["drug", "placebo"])
            if not (row[3] == "placebo" and row[2] == "after")]  # fmt: skip
    text = "condition,reference,group,group_reference\nafter,before,drug,placebo\n"
    with pytest.raises(UserError, match="needs donors of drug and of placebo with both after and before"):
        study_of(before_after(rows, ["group"]), contrasts=text)


def test_groups_that_describe_donors_of_one_condition_each_do_not_hide_the_comparison():
    """Patients and volunteers, sites, or responders among the treated: all donors are compared, too."""
    for groups in (["patients"] * 4 + ["volunteers"] * 4, ["A"] * 5 + ["B"] * 3, ["yes", "no"] * 2 + [""] * 4):
        rows = [(f"P{i}", "CSF", "treated" if i < 4 else "control", group) for i, group in enumerate(groups)]
        table = design_table(study_of(sheet(rows, ["group"]), reference_group=groups[1])).set_index("contrast")
        row = table.loc["treated_vs_control"]
        assert (row["n_condition"], row["n_reference"], row["tier"]) == (4, 4, "inferential")
    # groups of donors with both conditions are compared as ever, and who has no group is named
    groups = ["A", "A", "A", "A", "B", "B", "B", "B", "", ""]
    rows = [(f"P{i}", "CSF", ("treated", "control")[i % 2], group) for i, group in enumerate(groups)]
    study = study_of(sheet(rows, ["group"]), reference_group="A")
    assert set(study.contrasts["group"]) == {"A", "B"}
    (note,) = (warning for warning in study.warnings if "in no contrast" in warning)
    assert note.startswith("P8, P9: in no contrast, as every contrast is of groups and column group is empty (row 10)")
