"""Several rows of one donor, compartment and condition: what they are taken for, and what is refused."""

import numpy as np
import pytest

from compartments.core.errors import UserError
from compartments.study.captures import Capture, captures_notes, check_files, specimen_of, specimens
from compartments.study.samplesheet import parse_samplesheet


def sheet_of(*rows, columns="", header="sample,donor,compartment,condition,raw"):
    """Rows ``sample,donor,compartment,condition,raw`` and further columns, beside a blood sample of another arm."""
    further = columns.count(",") + 1 if columns else 0
    last = "Z_b,Z,blood,control,z.h5" + "," * further
    return parse_samplesheet("\n".join([f"{header},{columns}" if columns else header, *rows, last]) + "\n", "sheet.csv")


TWICE = ("A1,A,CSF,treated,a1.h5", "A2,A,CSF,treated,a2.h5")


def with_values(rows, *values):
    return [f"{row},{value}" for row, value in zip(rows, values, strict=True)]


def test_one_row_per_specimen_in_the_order_of_the_sheet():
    rows = with_values((TWICE[0], "B,B,CSF,treated,b.h5", TWICE[1]), "10,x,7,1", "40,y,3,1", "20,y,8,2")
    table = specimens(sheet_of(*rows, columns="cells_per_ul,batch,rin,ward"))
    assert table["sample"].tolist() == ["A1", "B", "Z_b"] and table["row"].tolist() == [2, 3, 5]
    # numbers are averaged, batches are names whatever they look like
    assert table["cells_per_ul"].tolist()[:2] == [15.0, 40.0]
    assert table["batch"].tolist() == ["x+y", "y", ""] and table["rin"].tolist() == ["7.5", "3", ""]
    assert table["ward"].tolist()[:2] == ["1.5", "1"]
    assert [[one.sample for one in captures] for captures in table["captures"]] == [["A1", "A2"], ["B"], ["Z_b"]]
    assert specimens(table) is table
    assert specimen_of(table) == {"A1": "A1", "A2": "A1", "B": "B", "Z_b": "Z_b"}


def test_numbers_with_a_nought_before_them_are_names():
    table = specimens(sheet_of(*with_values(TWICE, "01,1", "02,2"), "B,B,CSF,treated,b.h5,10,3", columns="plate,rin"))
    assert table["plate"].tolist()[:2] == ["01+02", "10"] and table["rin"].tolist()[:2] == ["1.5", "3"]


def test_a_study_without_captures_is_its_own_specimens():
    sheet = sheet_of("A1,A,CSF,treated,a1.h5", "A2,A,CSF,control,a2.h5")
    table = specimens(sheet)
    assert table["sample"].tolist() == ["A1", "A2", "Z_b"]  # before and after are two specimens
    assert table[list(sheet)].equals(sheet)


def test_fractions_and_shares_stay_with_their_captures():
    rows = with_values((*TWICE, "A3,A,CSF,treated,a3.h5"), "CD4,0.6", "rest,0.4", "rest,0.4")
    first = specimens(sheet_of(*rows, columns="fraction,fraction_share"))["captures"].iloc[0]
    assert first == (Capture("A1", "CD4", 0.6), Capture("A2", "rest", 0.4), Capture("A3", "rest", 0.4))
    whole = specimens(sheet_of("A1,A,CSF,treated,a1.h5"))["captures"].iloc[0][0]
    assert whole.fraction == "" and np.isnan(whole.share)


@pytest.mark.parametrize(
    ("columns", "values", "message"),
    [
        ("replicate", ("1", "1"), "row 3, column replicate: '1' is already in row 2 (donor 'A', CSF, treated)"),
        ("replicate", ("1", ""), "row 3, column replicate: empty, but row 2 of the same specimen"),
        ("group", ("old", "young"), "row 3, column group: donor 'A' has group 'young' and in row 2 'old'"),
        ("group", ("old", ""), "row 3, column group: donor 'A' has group '' and in row 2 'old'"),
        ("fraction,fraction_share", ("CD4,0.6", "rest,0.7"), "add up to 1.3 (0.6 in row 2, 0.7 in row 3)"),
        (
            "fraction,fraction_share",
            ("CD4,0.6", "CD4,0.7"),
            "row 3, column fraction_share: 0.7 for fraction 'CD4', but",
        ),
        ("fraction,fraction_share", ("CD4,0.6", ",0.4"), "row 3, column fraction_share: a share without a name"),
        ("fraction_share", ("0.6", "0.4"), "row 2, column fraction_share: a share without a name"),
    ],
)
def test_contradictions_are_one_line_with_rows(columns, values, message):
    with pytest.raises(UserError) as error:
        sheet_of(*with_values(TWICE, *values), columns=columns)
    assert message in str(error.value) and str(error.value).startswith("sheet.csv") and "\n" not in str(error.value)


def test_a_group_may_differ_between_donors_and_a_replicate_return_in_another_specimen():
    rows = with_values((*TWICE, "B1,B,CSF,treated,b1.h5"), "1,old", "2,old", "1,young")
    assert len(sheet_of(*rows, columns="replicate,group")) == 4
    # the sorter's count may be a little off
    assert len(sheet_of(*with_values(TWICE, "CD4,0.6", "rest,0.44"), columns="fraction,fraction_share")) == 3
    assert len(sheet_of(*with_values(TWICE, "CD4,1", "rest,1"), columns="fraction,replicate")) == 3


def refusal(sheet, **options):
    try:
        check_files(sheet, "sheet.csv", **options)
    except UserError as error:
        return str(error)
    return ""


def test_the_same_file_twice_is_refused_in_one_specimen_and_in_two():
    for row in ("A2,A,CSF,treated,a1.h5", "B1,B,CSF,control,./x/../a1.h5"):
        said = refusal(sheet_of("A1,A,CSF,treated,a1.h5", row))
        assert "row 3, column raw" in said and "already in row 2" in said and "'A1'" in said and row[:2] in said
    assert refusal(sheet_of(*TWICE)) == ""


@pytest.mark.parametrize(
    ("first", "second"),
    [("L1_{0}.fq.gz;L2_{0}.fq.gz", "L2_{0}.fq.gz"), ("L1_{0}.fq.gz;L2_{0}.fq.gz", "L2_{0}.fq.gz; ./L1_{0}.fq.gz")],
)
def test_a_lane_of_two_samples_is_refused_wherever_it_stands(first, second):
    pairs = [",".join(lanes.format(read) for read in ("R1", "R2")) for lanes in (first, second)]
    header = "sample,donor,compartment,condition,fastq_1,fastq_2"
    last = "Z,Z,CSF,control,z_R1.fq.gz,z_R2.fq.gz"
    rows = [header, f"A,A,CSF,treated,{pairs[0]}", f"B,B,CSF,control,{pairs[1]}", last]
    said = refusal(parse_samplesheet("\n".join(rows) + "\n", "sheet.csv"))
    assert "row 3, column fastq_1: 'L2_R1.fq.gz' is already in row 2 (samples 'A' and 'B')" in said
    assert refusal(parse_samplesheet("\n".join([rows[0], rows[1], last]) + "\n", "sheet.csv")) == ""


def test_droplets_of_a_pooled_capture_may_be_shared_if_cells_are_told_apart():
    pooled = ("A1,A,CSF,treated,pool.h5", "B1,B,CSF,control,pool.h5")
    assert refusal(sheet_of(*with_values(pooled, "a.h5", "b.h5"), columns="filtered")) == ""
    assert "column filtered: 'a.h5'" in refusal(sheet_of(*with_values(pooled, "a.h5", "a.h5"), columns="filtered"))
    assert "column raw: 'pool.h5'" in refusal(sheet_of(*pooled))


def test_strict_wants_replicates_by_name():
    said = refusal(sheet_of(*TWICE), strict=True)
    assert said.startswith("sheet.csv row 3: 'A2' is of the same specimen as 'A1' in row 2 (donor 'A', CSF, treated)")
    assert said.endswith("(--strict)") and "\n" not in said
    assert refusal(sheet_of(*with_values(TWICE, "1", "2"), columns="replicate"), strict=True) == ""
    assert refusal(sheet_of(*with_values(TWICE, "CD4", "rest"), columns="fraction"), strict=True) == ""
    assert refusal(sheet_of("A1,A,CSF,treated,a1.h5"), strict=True) == ""


def test_the_plan_names_captures_so_that_a_mistyped_donor_is_seen():
    assert captures_notes(sheet_of("A1,A,CSF,treated,a1.h5", "A2,A,CSF,control,a2.h5")) == []
    (unnamed,) = captures_notes(sheet_of(*TWICE))
    assert "A1, A2 (donor 'A', CSF, treated)" in unnamed and "no column replicate" in unnamed and "mend" in unnamed
    named, batches = captures_notes(sheet_of(*with_values(TWICE, "1,x", "2,y"), columns="replicate,batch"))
    assert named.startswith("replicates, summed") and named.endswith(
        "replicates.tsv): A1, A2 (donor 'A', CSF, treated)"
    )
    assert batches.endswith("donor 'A', CSF, treated: x+y")
    (apart,) = captures_notes(sheet_of(*with_values(TWICE, "CD4", "rest"), columns="fraction"))
    assert "A1, A2 (donor 'A', CSF, treated); without fraction_share they are not compared in composition" in apart
    (weighted,) = captures_notes(
        sheet_of(*with_values(TWICE, "CD4,0.6", "rest,0.4"), columns="fraction,fraction_share")
    )
    assert "composition weights them by fraction_share" in weighted
