"""The study: what is asked, and its file."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compartments.study.plan import design_table
from compartments.study.study import Study
from tests.support.cohorts import asked
from tests.support.sheets import GOOD, sheet, study_of


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_round_trip_through_json(tmp_path_factory, data):
    name = st.text("abcXYZ019._+-", min_size=1, max_size=6).map(lambda x: "n" + x)
    donors = data.draw(st.lists(name, min_size=2, max_size=5, unique=True))
    rows = [
        (donor, compartment, "treated" if i == 0 else "control", data.draw(st.floats(0.1, 1e4)))
        for i, donor in enumerate(donors)
        for compartment in ("csf", "blood")
    ]
    study = study_of(sheet(rows, ["cells_per_ul"]))
    path = tmp_path_factory.mktemp("s") / "study.json"
    study.save(path)
    again = Study.load(path)
    pd.testing.assert_frame_equal(again.samples, study.samples, check_dtype=False)
    pd.testing.assert_frame_equal(again.contrasts, study.contrasts, check_dtype=False)
    assert again.absolute and again.reference_compartment == "blood" and again.warnings == study.warnings
    again.save(path.with_name("two.json"))
    assert path.read_bytes() == path.with_name("two.json").read_bytes()


def test_terms_and_units_of_a_paired_study():
    study = study_of()
    assert [(t, c) for _, t, c in study.terms()] == [
        ("within:blood", "blood"), ("within:CSF", "CSF"), ("interaction", "CSF"),
    ]  # fmt: skip
    units = asked(study, "interaction").units
    assert units.index.tolist() == ["P1", "P2", "P3", "P4", "P5", "P6"]
    assert (units["reference_sample"] == units["donor"] + "_blood").all()
    table = design_table(study).set_index(["term", "compartment"])
    row = table.loc[("interaction", "CSF")]
    assert (row["n_condition"], row["n_reference"], row["residual_df"], row["tier"]) == (2, 4, 4, "exploratory")
    assert row["permutation_floor"] == pytest.approx(1 / 15) and row["donors_condition"] == "P1,P2"


def test_unpaired_donors_are_named_and_left_out_of_pairs():
    text = "".join(line for line in GOOD.splitlines(True) if not line.startswith(("P1_CSF", "P4_blood")))
    study = study_of(text)
    assert any("2 of 6 donors lack CSF or blood (P1, P4)" in w for w in study.warnings)
    assert asked(study, "interaction").units.index.tolist() == ["P2", "P3", "P5", "P6"]
    assert len(asked(study, "within:CSF").units) == 5
    assert design_table(study).set_index("term").loc["interaction", "tier"] == "descriptive"


def test_subset_keeps_order_and_question():
    study = study_of()
    few = study.subset(["P3_blood", "P1_CSF", "P1_blood"])
    assert few.samples["sample"].tolist() == ["P1_CSF", "P1_blood", "P3_blood"]
    assert few.contrasts is study.contrasts and asked(few, "interaction").units.index.tolist() == ["P1"]


def test_properties_are_columns_that_describe_a_sample():
    study = study_of(
        GOOD.replace(",raw\n", ",site,raw\n", 1)
        .replace(",P1_CSF.h5", ",ward,P1_CSF.h5")
        .replace("control,P", "control,,P")
        .replace("treated,P", "treated,,P")
    )
    assert study.properties == ["sample", "donor", "compartment", "condition", "site"]
