"""What will be compared."""

from compartments.study.design import make_study
from compartments.study.plan import design_table, plan
from compartments.study.samplesheet import parse_samplesheet
from tests.support.sheets import GOOD, study_of


def test_an_arm_absent_from_a_compartment_is_not_testable():
    text = "".join(line for line in GOOD.splitlines(True) if not line.startswith(("P1_CSF", "P2_CSF")))
    table = design_table(study_of(text)).set_index("term")
    assert table.loc["within:CSF", "tier"] == "not_testable"
    assert table.loc["within:CSF", "note"] == "no sample with condition 'treated'"
    assert table.loc["interaction", "note"] == "no pair with condition 'treated'"
    assert table.loc["within:blood", "tier"] == "exploratory"


def test_plan_says_what_will_be_compared_and_what_skipped():
    rows = ["a,d1,CSF,sick,x", "b,d1,blood,sick,x", "c,d2,blood,sick,x", "d,d3,blood,control,x", "e,d4,CSF,other,x"]
    sheet = parse_samplesheet("sample,donor,compartment,condition,raw\n" + "\n".join(rows) + "\n")
    study = make_study(sheet)
    text = plan(study, design_table(study))
    assert "5 samples of 4 donors; compartments blood, CSF (reference blood)" in text
    assert "on which labels and checks depend: blood for blood; CSF for CSF (if wrong" in text
    assert "sick_vs_control, blood: 2 sick against 1 control donors: descriptive" in text
    assert "sick_vs_control, CSF: 1 sick against 0 control donors: will be skipped: not testable" in text
    assert "skipped in CSF against blood, for lack of the other sample: d2 (blood), d3 (blood), d4 (CSF); they" in text
