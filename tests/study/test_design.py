"""Samplesheet, contrasts, designs: properties, and every refusal with its row, column and fix."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compartments.core.errors import UserError
from compartments.study.arms import arm_design
from compartments.study.plan import design_table, plan
from compartments.study.samplesheet import parse_samplesheet
from compartments.study.study import Study, make_study

HEADER = "sample,donor,compartment,condition,raw\n"
GOOD = HEADER + "".join(
    f"{p}_{c},{p},{c},{'treated' if p in ('P1', 'P2') else 'control'},{p}_{c}.h5\n"
    for p in ("P1", "P2", "P3", "P4", "P5", "P6")
    for c in ("CSF", "blood")
)


def study_of(text=GOOD, **options):
    return make_study(parse_samplesheet(text), **options)


def sheet(rows, extra=()):
    """Samplesheet text from (donor, compartment, condition, *extra) tuples."""
    header = ",".join(["sample", "donor", "compartment", "condition", "raw", *extra])
    lines = [",".join([f"{r[0]}_{r[1]}", *r[:3], "x.h5", *map(str, r[3:])]) for r in rows]
    return "\n".join([header, *lines]) + "\n"


# ------------------------------------------------------------------------------------------- what is read


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_delimiters_bom_comments_and_blank_lines(delimiter):
    text = "\ufeff" + GOOD.replace(",", delimiter).replace("P2_CSF", "# off\n\nP2_CSF", 1)
    frame = parse_samplesheet(text)
    assert len(frame) == 12 and frame["sample"].iloc[0] == "P1_CSF"
    # row numbers are those of the file, comments counted
    assert frame.set_index("sample")["row"].loc[["P1_CSF", "P2_CSF"]].tolist() == [2, 6]


def test_quotes_spaces_and_unknown_columns_are_kept():
    header = "sample, donor ,compartment,condition,raw,site name\n"
    text = header + 'A_c,A,c,x,"a,b.h5", Ward 3\nA_b,A,b,x,y.h5,\nB_b,B,b,y,z.h5,1\n'
    frame = parse_samplesheet(text)
    assert frame["raw"].iloc[0] == "a,b.h5" and frame["site name"].tolist() == ["Ward 3", "", "1"]
    assert frame["filtered"].tolist() == ["", "", ""]


def test_identifiers_stay_text():
    text = sheet([("01", "CSF", "1"), ("01", "blood", "1"), ("02", "CSF", "0"), ("02", "blood", "0")])
    frame = parse_samplesheet(text)
    assert frame["donor"].tolist() == ["01", "01", "02", "02"] and frame["condition"].tolist() == ["1", "1", "0", "0"]


def test_optional_numbers():
    frame = parse_samplesheet(
        sheet(
            [("A", "c", "x", 500, 2.5), ("A", "b", "x", "", ""), ("B", "b", "y", "5e3", 6000)],
            ("expected_cells", "cells_per_ul"),
        )
    )
    assert frame["expected_cells"].tolist()[0] == 500 and frame["expected_cells"].isna().tolist() == [
        False,
        True,
        False,
    ]
    assert frame["cells_per_ul"].tolist()[::2] == [2.5, 6000.0]


def test_cells_loaded_and_erythrocytes_are_numbers():
    rows = [("A", "c", "x", "5e3", 0), ("A", "b", "x", "", ""), ("B", "b", "y", "8000.0", 12.5)]
    study = study_of(sheet(rows, ("loaded_cells", "rbc_per_ul")), reference_compartment="b", reference_condition="y")
    assert study.samples["loaded_cells"].astype(str).tolist() == ["5000", "<NA>", "8000"]
    assert study.samples["rbc_per_ul"].tolist()[::2] == [0.0, 12.5]


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_round_trip_through_json(tmp_path_factory, data):
    name = st.text("abcXYZ019._+-", min_size=1, max_size=6).map(lambda x: "n" + x)
    donors = data.draw(st.lists(name, min_size=2, max_size=5, unique=True))
    rows = []
    for i, donor in enumerate(donors):
        for compartment in ("csf", "blood"):
            rows.append((donor, compartment, "treated" if i == 0 else "control", data.draw(st.floats(0.1, 1e4))))
    study = study_of(sheet(rows, ["cells_per_ul"]))
    path = tmp_path_factory.mktemp("s") / "study.json"
    study.save(path)
    again = Study.load(path)
    pd.testing.assert_frame_equal(again.samples, study.samples, check_dtype=False)
    pd.testing.assert_frame_equal(again.contrasts, study.contrasts, check_dtype=False)
    assert again.absolute and again.reference_compartment == "blood" and again.warnings == study.warnings
    again.save(path.with_name("two.json"))
    assert path.read_bytes() == path.with_name("two.json").read_bytes()


# ------------------------------------------------------------------------------------------- what is refused

A, B, C = "A_c,A,c,x,a.h5\n", "A_b,A,b,x,a.h5\n", "B_b,B,b,y,a.h5\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty: it needs a header with sample, donor"),
        (HEADER, "has a header but no sample"),
        ("sample,donor,compartment,raw\n" + A, "row 1: column 'condition' is missing; add it"),
        ("sample,patient,compartment,condition,raw\n" + A, "column 'donor' is missing; rename 'patient' to 'donor'"),
        ("sample,Donor,compartment,condition,raw\n" + A, "rename 'Donor' to 'donor'"),
        ("sample,donor,compartmnt,condition,raw\n" + A, "rename 'compartmnt' to 'compartment'"),
        ("sample,donor,donor,condition,raw\n" + A, "row 1: column 'donor' is there twice"),
        ("sample,donor,compartment,condition,,raw\n" + A, "row 1: an unnamed column"),
        ("sample,donor,compartment,condition,row\n" + A, "'row' is reserved"),
        ("sample,donor,compartment,condition,filterd\n" + A, "column 'filterd' looks like 'filtered'"),
        ("sample,donor,compartment,condition,raw,cell_per_ul\n" + A, "looks like 'cells_per_ul'"),
        (HEADER + A + "B_c,,c,y,a.h5\n", "row 3, column donor: empty"),
        (HEADER + A + "B c,B,c,y,a.h5\n", "row 3, column sample: 'B c' may hold letters"),
        (HEADER + A + "../B,B,c,y,a.h5\n", "row 3, column sample: '../B'"),
        (HEADER + A + A, "row 3, column sample: 'A_c' is already in row 2"),
        (HEADER + A + "A_d,A,c,x,a.h5\n", "row 3: donor 'A' already has a sample of compartment 'c' in row 2"),
        (HEADER + A + "A_b,A,b,y,a.h5\n", "donor 'A' has two conditions (row 2 'x', row 3 'y')"),
        (HEADER + A + "B_c,B,c,y,\n", "row 3 (sample 'B_c'): no input; give 'raw', 'filtered' or 'cellbender'"),
        (HEADER + A + "B_c,B,c,y,a.h5,extra\n", "row 3: 6 fields but the header has 5"),
        (HEADER + A + "B_C,B,C,y,a.h5\n", "column compartment: 'C' and 'c' differ only in case"),
        (HEADER + A + "B_c,B,c,y,a.h5\n", "column compartment: all samples have 'c'"),
        (HEADER + A + B, "column condition: all samples have 'x'"),
        (sheet([("A", "c", "x", -1)], ["cells_per_ul"]), "row 2, column cells_per_ul: '-1' is not a positive number"),
        (sheet([("A", "c", "x", "many")], ["cells_per_ul"]), "'many' is not a positive number"),
        (sheet([("A", "c", "x", "inf")], ["cells_per_ul"]), "'inf' is not a positive number"),
        (sheet([("A", "c", "x", 10.5)], ["expected_cells"]), "'10.5' is not a positive whole number"),
        (
            sheet([("A", "c", "x", "abc")], ["loaded_cells"]),
            "row 2, column loaded_cells: 'abc' is not a positive whole",
        ),
        (sheet([("A", "c", "x", 0)], ["loaded_cells"]), "'0' is not a positive whole number"),
        (sheet([("A", "c", "x", -1)], ["rbc_per_ul"]), "column rbc_per_ul: '-1' is not a number of at least 0"),
        ("sample,donor,compartment,condition,fastq_1\n" + A, "column fastq_1: this version starts from counts"),
    ],
)
def test_bad_samplesheets(text, message):
    with pytest.raises(UserError) as error:
        parse_samplesheet(text, "sheet.csv")
    assert message in str(error.value) and "sheet.csv" in str(error.value)
    assert "\n" not in str(error.value)


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


def test_references_are_asked_for_where_not_obvious():
    text = GOOD.replace("blood", "lymph")
    with pytest.raises(UserError, match="choose one with --reference_compartment"):
        study_of(text)
    with pytest.raises(UserError, match="choose one with --reference_condition"):
        study_of(GOOD.replace("control", "drug"))
    assert study_of(text, reference_compartment="lymph").compartments == ["lymph", "CSF"]


def test_nothing_to_compare_is_refused():
    rows = [("A", "c", "x"), ("B", "b", "y")]
    with pytest.raises(UserError, match="nothing to compare"):
        study_of(sheet(rows), reference_compartment="b", reference_condition="y")


def test_an_empty_covariate_is_named_by_row():
    text = sheet([("A", "c", "x", 1), ("A", "b", "x", 1), ("B", "c", "y", ""), ("B", "b", "y", 2)], ["age"])
    with pytest.raises(UserError, match="row 4, column age: empty, but it is a covariate"):
        study_of(text, reference_compartment="b", reference_condition="y", covariates=["age"])


# ------------------------------------------------------------------------------------------- what is asked


def test_terms_and_units_of_a_paired_study():
    study = study_of()
    assert [(t, c) for _, t, c in study.terms()] == [
        ("within:blood", "blood"), ("within:CSF", "CSF"), ("interaction", "CSF"),
    ]  # fmt: skip
    units = study.units("interaction", "CSF")
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
    assert study.units("interaction", "CSF").index.tolist() == ["P2", "P3", "P5", "P6"]
    assert len(study.units("within:CSF", "CSF")) == 5
    assert design_table(study).set_index("term").loc["interaction", "tier"] == "descriptive"


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


def test_an_arm_absent_from_a_compartment_is_not_testable():
    text = "".join(line for line in GOOD.splitlines(True) if not line.startswith(("P1_CSF", "P2_CSF")))
    table = design_table(study_of(text)).set_index("term")
    assert table.loc["within:CSF", "tier"] == "not_testable"
    assert table.loc["within:CSF", "note"] == "no sample with condition 'treated'"
    assert table.loc["interaction", "note"] == "no pair with condition 'treated'"
    assert table.loc["within:blood", "tier"] == "exploratory"


ROWS = [(f"P{i}", c, "treated" if i < 4 else "control") for i in range(9) for c in ("CSF", "blood")]


def with_column(values, name="batch"):
    return sheet([(*row, values(int(row[0][1:]))) for row in ROWS], [name])


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


def test_a_numeric_covariate_is_one_centred_column():
    study = study_of(with_column(lambda i: 20 + i * i, "age"), covariates=["age"])
    contrast = next(study.contrasts.itertuples(index=False))
    matrix, vector, dropped = arm_design(study.units("within:CSF", "CSF"), contrast, study.covariates)
    assert list(matrix) == ["condition:treated", "condition:control", "age"] and not dropped
    assert matrix["age"].mean() == pytest.approx(0) and vector.tolist() == [1, -1, 0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("pqr")), min_size=3, max_size=14), st.booleans())
def test_designs_have_full_rank_and_estimate_the_contrast(rows, adjust):
    units = pd.DataFrame(rows, columns=["condition", "batch"])
    contrast = pd.DataFrame([{"contrast": "c", "condition": "x", "reference": "y"}]).itertuples(index=False)
    contrast = next(contrast)
    if not {"x", "y"} <= set(units["condition"]):
        with pytest.raises(ValueError, match="no donor with condition"):
            arm_design(units, contrast)
        return
    matrix, vector, dropped = arm_design(units, contrast, ["batch"], adjust)
    assert np.linalg.matrix_rank(matrix) == matrix.shape[1]
    assert bool(dropped) <= adjust
    # effects of condition planted without noise come back whatever else is in the model
    truth = units["condition"].map({"x": 3.0, "y": 1.0, "z": -7.0})
    beta = np.linalg.lstsq(matrix.to_numpy(), truth, rcond=None)[0]
    assert vector @ beta == pytest.approx(2.0)


def test_partial_cells_per_ul_falls_back_with_a_warning():
    rows = [(*row, "" if row[0] == "P3" else 5) for row in ROWS]
    study = study_of(sheet(rows, ["cells_per_ul"]))
    assert not study.absolute
    assert any("cells_per_ul is missing for P3_CSF, P3_blood" in w for w in study.warnings)


def test_subset_keeps_order_and_question():
    study = study_of()
    few = study.subset(["P3_blood", "P1_CSF", "P1_blood"])
    assert few.samples["sample"].tolist() == ["P1_CSF", "P1_blood", "P3_blood"]
    assert few.contrasts is study.contrasts and few.units("interaction", "CSF").index.tolist() == ["P1"]


def test_plan_says_what_will_be_compared_and_what_skipped():
    rows = ["a,d1,CSF,sick,x", "b,d1,blood,sick,x", "c,d2,blood,sick,x", "d,d3,blood,control,x", "e,d4,CSF,other,x"]
    sheet = parse_samplesheet("sample,donor,compartment,condition,raw\n" + "\n".join(rows) + "\n")
    study = make_study(sheet)
    text = plan(study, design_table(study))
    assert "5 samples of 4 donors; compartments blood, CSF (reference blood)" in text
    assert "sick_vs_control, blood: 2 sick against 1 control donors: descriptive" in text
    assert "sick_vs_control, CSF: 1 sick against 0 control donors: will be skipped: not testable" in text
    assert "skipped in CSF against blood, for lack of the other sample: d2 (blood), d3 (blood), d4 (CSF); they" in text
