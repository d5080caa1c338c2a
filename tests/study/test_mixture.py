"""Samples of several chemistries, and whether that goes with what is compared."""

import pandas as pd
import pytest

from compartments.study.mixture import chemistries, chemistry_name, listed, mixed
from compartments.study.samplesheet import parse_samplesheet


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Single Cell 3' v3", "3' v3"), ("SC3Pv3", "3' v3"), ("3p_v3.1", "3' v3"), ("10x 3' GEM-X", "3' v4"),
        ("Single Cell 3' v2", "3' v2"), ("Single Cell 5' PE", "5'"), ("SC5P-R2", "5'"),
        ("Flex Gene Expression", "Flex"),
        ("GEM-X 5'", "5' v3"), ("5' v3 (GEM-X)", "5' v3"), ("SC5P-R2-v3", "5' v3"), ("5' v1 or v2", "5'"),
        ("Fixed RNA Profiling", "Flex"), ("snRNA 3' v3", "nuclei v3"), ("Drop-seq", "Drop-seq"), ("", ""), ("v3", "v3"),
    ],
)  # fmt: skip
def test_one_name_for_each_chemistry(text, name):
    assert chemistry_name(text) == name


def test_names_that_say_less_are_not_against_others():
    given = [("A", "3' v3"), ("B", "GEM-X 5'"), ("C", "5' v2"), ("D", "5' v2"), ("E", "Drop-seq")]
    samples = sheet([(donor, "blood", "xy"[donor == "E"], text) for donor, text in given])
    files = ["v3", "Single Cell 5' R2-only v3", "Single Cell 5' PE", "Single Cell 5' R2-only v3", "Seq-Well"]
    known, said = chemistries(samples, dict(zip(samples["sample"], files, strict=True)))
    assert list(known) == ["3' v3", "5' v3", "5' v2", "5' v2", "Drop-seq"]
    assert [line.split(":")[0] for line in said] == [
        "chemistry of D_blood is 5' v2 by the samplesheet, 5' v3 by the file",
        "chemistry of E_blood is Drop-seq by the samplesheet, Seq-Well by the file",
    ]


def sheet(rows):
    header = "sample,donor,compartment,condition,raw,chemistry\n"
    return parse_samplesheet(header + "\n".join(f"{d}_{c},{d},{c},{a},{d}{c}.h5,{x}" for d, c, a, x in rows))


def said_of(kinds):
    """What is said of donors A, B (treated), C, D with these chemistries in blood; all CSF samples are v3."""
    arms = ["treated", "treated", "untreated", "untreated"]
    rows = [(d, "blood", a, k) for d, a, k in zip("ABCD", arms, kinds, strict=True)]
    samples = sheet(rows + [(d, "CSF", a, "SC3Pv3") for d, a in zip("ABCD", arms, strict=True)])
    known, _ = chemistries(samples, dict.fromkeys(samples["sample"], ""))
    return mixed(known, samples, "chemistry")


def test_a_mixture_is_said_and_where_it_goes_with_an_arm_or_a_compartment():
    assert said_of(["3' v3", "v3 3p", "SC3Pv3", "Single Cell 3' v3"]) == []
    alone, along = said_of(["5'", "5'", "3' v3", "3' v3"])[:2]
    assert alone.startswith("samples differ in chemistry: 5' in A_blood and B_blood; 3' v3 in C_blood, D_blood")
    words = said_of(["5'", "5'", "3' v3", "3' v3"])
    assert (
        "in blood chemistry goes with condition (treated: 5' (2); untreated: 3' v3 (2)): an effect of the condition "
        "cannot be told from one of chemistry"
    ) in words
    words = said_of(["5'"] * 4)
    assert words[1].startswith("chemistry goes with compartment (CSF: 3' v3 (4); blood: 5' (4))") and len(words) == 2
    words = said_of(["5'", "3' v3", "3' v3", "3' v3"])
    assert any("in blood chemistry is not balanced over condition" in line for line in words)


def test_the_samplesheet_goes_before_the_file_and_a_contradiction_is_said():
    samples = sheet([("A", "blood", "x", "3' v3"), ("B", "blood", "y", "")])
    known, said = chemistries(samples, {"A_blood": "Single Cell 5' PE", "B_blood": "Single Cell 3' v2"})
    assert known.to_dict() == {"A_blood": "3' v3", "B_blood": "3' v2"}
    assert said == ["chemistry of A_blood is 3' v3 by the samplesheet, 5' by the file: mend one of them"]
    lines = mixed(pd.Series({"A_blood": "3' v3", "B_blood": ""}), samples, "chemistry")
    assert lines == []


def test_long_lists_are_cut():
    assert listed(["a"]) == "a" and listed(["a", "b", "c"]) == "a, b and c"
    assert listed(list("abcdef")) == "a, b, c, d and 2 more"
