"""Samplesheets: what is read, and every refusal with its row, column and fix."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compartments.core.errors import UserError
from compartments.core.sheets import read_text
from compartments.study.captures import check_files
from compartments.study.samplesheet import parse_samplesheet
from compartments.study.slips import check_slips
from tests.support.sheets import GOOD, HEADER, sheet, study_of


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


def test_what_was_a_mistake_once_is_a_design():
    before_after = parse_samplesheet(HEADER + A + "A_later,A,c,y,b.h5\n")
    assert before_after["condition"].tolist() == ["x", "y"]  # one donor, one compartment, both conditions
    assert len(parse_samplesheet(HEADER + A + B)) == 2  # one condition, two compartments
    assert len(parse_samplesheet(HEADER + A + "A_c2,A,c,x,b.h5\n" + C)) == 3  # two captures of one specimen
    for name in ("group", "site", "replicate", "fraction", "timepoint"):  # columns of the user's, whatever they hold
        frame = parse_samplesheet(HEADER.replace("raw", f"raw,{name}") + A.strip() + ",one\n" + C.strip() + ",two\n")
        assert frame[name].tolist() == ["one", "two"]


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
        (HEADER.replace("raw", "raw,CD4/CD8") + A, "row 1: column 'CD4/CD8' holds '/'"),
        (HEADER.replace("raw", "raw,_index") + A, "row 1: column '_index' is kept by HDF5 files"),
        ("sample,donor,compartment,condition,filterd\n" + A, "column 'filterd' looks like 'filtered'"),
        ("sample,donor,compartment,condition,raw,cell_per_ul\n" + A, "looks like 'cells_per_ul'"),
        (HEADER + A + "B_c,,c,y,a.h5\n", "row 3, column donor: empty"),
        (HEADER + A + "B c,B,c,y,a.h5\n", "row 3, column sample: 'B c' may hold letters"),
        (HEADER + A + "../B,B,c,y,a.h5\n", "row 3, column sample: '../B'"),
        (
            HEADER + A + "a_C,B,c,y,a.h5\n",
            "row 3, column sample: 'a_C' and 'A_c' differ only in case; some file systems",
        ),
        (HEADER + A + "B_c,B,c,y,~ann/b.h5\n", "row 3, column raw: '~ann/b.h5' begins with '~', which only a shell"),
        (
            HEADER + A + "B_c,B,c,y,C:\\\\data\\\\b.h5\n",
            "row 3, column raw: 'C:\\\\data\\\\b.h5' is written as on Windows",
        ),
        (HEADER + A + "B_c,B,c,y,a\u200b/b.h5\n", "a\\u200b/b.h5' holds a character that cannot be seen (U+200B)"),
        (HEADER + A + "B_c,B\u200bx,c,y,b.h5\n", "row 3, column donor: 'B\\u200bx' may hold letters"),
        (HEADER + A + f"{'B' * 101},B,c,y,b.h5\n", "has 101 characters; give at most 100"),
        (HEADER + A + '"B_c,B,c,y,b.h5\nC_c,C,c,y,c.h5\n', "row 3: quotes that do not match"),
        (HEADER.replace("raw", "raw,Cells per uL") + A, "column 'Cells per uL' looks like 'cells_per_ul'; rename it"),
        (
            "sample|donor|compartment|condition|raw\n" + A,
            "put commas, tabs or semicolons between columns: the header is",
        ),
        ("# a\nsample,donor,compartment,raw\n" + A, "row 2: column 'condition' is missing"),
        (HEADER + A + A, "row 3, column sample: 'A_c' is already in row 2"),
        (HEADER + A + "a_b,a,b,y,a.h5\n", "row 3, column donor: 'a' and 'A' differ only in case"),
        (HEADER + A + "B_c,B,c,y,\n", "row 3 (sample 'B_c'): no input; give 'raw', 'filtered' or 'cellbender'"),
        (HEADER + A + "B_c,B,c,y,a.h5,extra\n", "row 3: 6 fields but the header has 5"),
        (HEADER + A + "B_C,B,C,y,a.h5\n", "column compartment: 'C' and 'c' differ only in case"),
        (HEADER + A + "B_c,B,c,x,a.h5\n", "all samples have compartment 'c' and condition 'x', so there is nothing to"),
        ("sample,donor,compartment,group,raw\n" + A, "row 1: column 'condition' is missing; add it"),
        ("sample,donor,compartment,timepoint,raw\n" + A, "rename 'timepoint' to 'condition'"),
        (HEADER.replace("raw", "raw,max_mito") + A, "column 'max_mito' looks like 'max_mt'; rename it"),
        (
            HEADER.replace("raw", "raw,ambient_method") + A.strip() + ",soup\n",
            "row 2, column ambient_method: 'soup' is not one of auto, cellbender, soupem, none",
        ),
        (HEADER.replace("raw", "raw,replicates") + A, "column 'replicates' looks like 'replicate'; rename it"),
        (HEADER.replace("raw", "raw,fraction_shares") + A, "looks like 'fraction_share'; rename it"),
        (sheet([("A", "c", "x", "a b")], ["group"]), "row 2, column group: 'a b' may hold letters"),
        (sheet([("A", "c", "x", 40)], ["fraction_share"]), "'40' is not a positive number of at most 1; mend or empty"),
        (
            sheet([("A", "c", "x", "half")], ["fraction_share"]),
            "row 2, column fraction_share: 'half' is not a positive",
        ),
        (sheet([("A", "c", "x", -1)], ["cells_per_ul"]), "row 2, column cells_per_ul: '-1' is not a positive number"),
        (sheet([("A", "c", "x", "many")], ["cells_per_ul"]), "'many' is not a positive number"),
        (sheet([("A", "c", "x", "inf")], ["cells_per_ul"]), "'inf' is not a positive number"),
        (sheet([("A", "c", "x", "1_000")], ["cells_per_ul"]), "'1_000' is not a positive number"),
        (sheet([("A", "c", "x", "\uff11\uff12")], ["cells_per_ul"]), "'\uff11\uff12' is not a positive number"),
        (sheet([("A", "c", "x", "5_000")], ["expected_cells"]), "'5_000' is not a positive whole number"),
        (sheet([("A", "c", "x", "1e20")], ["expected_cells"]), "'1e20' is more than 1,000,000,000,000; mend or empty"),
        (sheet([("A", "c", "x", "1_0")], ["max_mt"]), "'1_0' is not a number from 0 to 100"),
        (sheet([("A", "c", "x", 10.5)], ["expected_cells"]), "'10.5' is not a positive whole number"),
        (
            sheet([("A", "c", "x", "abc")], ["loaded_cells"]),
            "row 2, column loaded_cells: 'abc' is not a positive whole",
        ),
        (sheet([("A", "c", "x", 0)], ["loaded_cells"]), "'0' is not a positive whole number"),
        (sheet([("A", "c", "x", -1)], ["rbc_per_ul"]), "column rbc_per_ul: '-1' is not a number of at least 0"),
        ("sample,donor,compartment,condition,fastq_1\n" + A, "column fastq_2: 0 files for 1 in fastq_1"),
    ],
)
def test_bad_samplesheets(text, message):
    with pytest.raises(UserError) as error:
        parse_samplesheet(text, "sheet.csv")
    assert message in str(error.value) and "sheet.csv" in str(error.value)
    assert "\n" not in str(error.value)


READS = "sample,donor,compartment,condition,raw,fastq_1,fastq_2\n"
OTHER = "o,d2,CSF,b,o.h5,,\n"


def test_lanes_of_a_sample_are_in_one_cell_or_in_rows():
    rows = "s,d1,CSF,a,,a_R1.fastq.gz; b_R1.fastq.gz,a_R2.fastq.gz;b_R2.fastq.gz\ns,d1,CSF,a,,c_R1.fq,c_R2.fq\n"
    sheet = parse_samplesheet(READS + rows + OTHER)
    assert sheet["sample"].tolist() == ["s", "o"] and sheet["row"].tolist() == [2, 4]
    assert sheet.loc[0, "fastq_1"] == "a_R1.fastq.gz;b_R1.fastq.gz;c_R1.fq"
    assert sheet.loc[0, "fastq_2"] == "a_R2.fastq.gz;b_R2.fastq.gz;c_R2.fq"
    assert sheet.loc[0, "raw"] == sheet.loc[1, "fastq_1"] == ""


def test_blanks_between_lanes_of_a_single_row_are_no_part_of_their_names():
    row = "s,d1,CSF,a,,a_R1.fastq.gz; b_R1.fastq.gz;,a_R2.fastq.gz ;b_R2.fastq.gz\n"
    sheet = parse_samplesheet(READS + row + OTHER)
    assert sheet.loc[0, "fastq_1"] == "a_R1.fastq.gz;b_R1.fastq.gz"
    assert sheet.loc[0, "fastq_2"] == "a_R2.fastq.gz;b_R2.fastq.gz"


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ("s,d1,CSF,a,,a_R1.fq;b_R1.fq,a_R2.fq\n", "row 2, column fastq_2: 1 files for 2 in fastq_1"),
        ("s,d1,CSF,a,s.h5,a_R1.fq,a_R2.fq\n", "row 2, column fastq_1: the row has counts, too (column raw)"),
        ("s,d1,CSF,a,,a_R1.bam,a_R2.bam\n", "row 2, column fastq_1: 'a_R1.bam' does not end in .fastq"),
        ("s,d1,CSF,a,,a_R1.fq,a_R1.fq\n", "row 2, column fastq_1: 'a_R1.fq' is given twice"),
        ("s,d1,CSF,a,,~me/a_R1.fq,a_R2.fq\n", "row 2, column fastq_1: '~me/a_R1.fq' begins with '~'"),
        ("s,d1,CSF,a,,,\n", "row 2 (sample 's'): no input"),
        (
            "s,d1,CSF,a,,a_R1.fq,a_R2.fq\ns,d1,blood,a,,b_R1.fq,b_R2.fq\n",
            "row 3, column compartment: 'blood', but 'CSF' in row 2",
        ),
        ("s,d1,CSF,a,,a_R1.fq,a_R2.fq\ns,d1,CSF,a,,a_R1.fq,c_R2.fq\n", "row 3, column fastq_1: 'a_R1.fq' is in row 2"),
        ("s,d1,CSF,a,s.h5,,\ns,d1,CSF,a,,a_R1.fq,a_R2.fq\n", "row 3, column fastq_1: sample 's' has counts in row 2"),
    ],
)
def test_mistakes_with_reads_are_one_line(rows, line):
    with pytest.raises(UserError) as error:
        parse_samplesheet(READS + rows + OTHER)
    assert line in str(error.value)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.binary(max_size=3) | st.sampled_from([b'"', b",", b"\n", b"#", b"\t"])),
        max_size=4,
    )
)
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path_factory, changes):
    """A good samplesheet with random bytes in random places never ends in a traceback."""
    data = (HEADER.strip() + ",age,sex,cells_per_ul,batch\n").encode()
    data += b"".join(row.encode() + b",4%d,F,12.5,b1\n" % n for n, row in enumerate(GOOD.splitlines()[1:]))
    for place, inserted in changes:
        at = int(place * len(data))
        data = data[:at] + inserted + data[at + len(inserted) // 2 :]
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(data)
    try:
        frame = parse_samplesheet(read_text(path), "any.csv")
        check_files(frame, "any.csv", strict=True)
        study_of(read_text(path), covariates=["age", "sex"])
        check_slips(frame, ["age", "sex"], "any.csv")
    except UserError as error:
        assert len(str(error).splitlines()) == 1 and str(error).isprintable()


def test_a_measured_column_is_no_misspelt_limit():
    row = "a,p1,CSF,ms,a.h5,5000,900\nb,p2,CSF,hc,b.h5,4000,800\n"
    sheet = parse_samplesheet("sample,donor,compartment,condition,raw,n_counts,n_genes\n" + row)
    assert {"n_counts", "sheet_n_genes"} <= set(sheet) and not {"min_counts", "min_genes"} & set(sheet)


LIMITED = "sample,donor,compartment,condition,raw,min_genes,max_mt\n{}\nb,p2,CSF,ms,b.h5,,\n"


def test_limits_of_single_samples():
    sheet = parse_samplesheet(LIMITED.format("a,p1,CSF,hc,a.h5,0,12.5"))
    assert list(sheet["min_genes"].fillna(-1)) == [0, -1] and sheet["max_mt"][0] == 12.5


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ("a,p1,CSF,hc,a.h5,200.5,", "row 2, column min_genes: '200.5' is not a whole number of at least 0"),
        ("a,p1,CSF,hc,a.h5,,120", "row 2, column max_mt: '120' is not a number from 0 to 100"),
        ("a,p1,CSF,hc,a.h5,,-1", "row 2, column max_mt: '-1' is not a number from 0 to 100"),
    ],
)
def test_limits_that_are_none_are_one_line(row, line):
    with pytest.raises(UserError, match=line):
        parse_samplesheet(LIMITED.format(row))
