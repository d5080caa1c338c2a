"""The step that checks a samplesheet before any compute: its files, its one line for a mistake."""

import json

import pandas as pd
import pytest

from compartments.study.study import Study
from tests.support.sheets import GOOD


def with_further_columns(text):
    """Columns of the user's own: one before a known one, one at the end."""
    header, *rows = text.splitlines()
    rows = [f"room{i},{row},note {i}" for i, row in enumerate(rows)]
    return "\n".join([f"room,{header},remark", *rows]) + "\n"


def test_files_of_a_checked_design(tmp_path, execute, root):
    (tmp_path / "sheet.csv").write_text(with_further_columns(GOOD))
    (tmp_path / "params.json").write_text(json.dumps({"reference_condition": "control", "primary_lineages": "pDC, B"}))
    schema = root / "nextflow_schema.json"
    done = execute(
        *("check_design", "--samplesheet", "sheet.csv", "--params", "params.json", "--schema", schema),
        *("--lr_resource", "consensus", "--problems", "problems.txt"),
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert (tmp_path / "problems.txt").read_text() == ""
    samples = pd.read_csv(tmp_path / "samples.tsv", sep="\t")
    # the samplesheet as read: its own columns stay where they are
    assert list(samples)[:7] == ["room", "sample", "donor", "compartment", "condition", "raw", "remark"]
    assert samples["remark"].iloc[-1] == "note 11"
    study = Study.load(tmp_path / "study.json")
    assert study.primary_lineages == ["pDC", "B"] and study.properties[0] == "room"
    assert set(pd.read_csv(tmp_path / "design.tsv", sep="\t")["term"]) == {"within:blood", "within:CSF", "interaction"}
    assert (tmp_path / "plan.txt").read_text().startswith("12 samples of 6 donors")
    assert json.loads((tmp_path / "pipeline_info" / "params.json").read_text())["primary_lineages"] == "pDC, B"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"min_overlapp": 1}, "unknown parameter --min_overlapp; did you mean --min_overlap?"),
        ({"covariates": "age"}, "--covariates 'age' is not a column"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, execute, root, parameters, message):
    (tmp_path / "sheet.csv").write_text(GOOD)
    (tmp_path / "params.json").write_text(json.dumps(parameters))
    given = ("--samplesheet", "sheet.csv", "--params", "params.json", "--schema", root / "nextflow_schema.json")
    done = execute("check_design", *given, "--problems", "problems.txt")
    said = (tmp_path / "problems.txt").read_text()
    assert done.returncode == 0 and message in said and said.count("\n") == 1
    assert not (tmp_path / "study.json").exists()
    done = execute("check_design", *given)
    assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1


def test_a_question_of_the_plan_is_an_error_with_strict(tmp_path, execute):
    (tmp_path / "sheet.csv").write_text(GOOD.replace("P3_blood,P3,", "P3_blood,P-3,"))
    given = ("check_design", "--samplesheet", "sheet.csv", "--params", "params.json")
    (tmp_path / "params.json").write_text("{}")
    assert execute(*given).returncode == 0
    assert "note: column donor: 'P3' (row 6) and 'P-3' (row 7) nearly agree" in (tmp_path / "plan.txt").read_text()
    (tmp_path / "params.json").write_text('{"strict": true}')
    done = execute(*given)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("ERROR: sheet.csv, column donor: 'P3' (row 6) and 'P-3' (row 7) nearly agree")


def test_levels_that_nextflow_made_numbers_of_are_taken_as_written(tmp_path, execute):
    levels = {"treated": "01", "control": "00", "CSF": "1d", "blood": "FALSE"}
    text = GOOD.replace("P1", "001")
    for word, level in levels.items():
        text = text.replace(f",{word},", f",{level},")
    (tmp_path / "sheet.csv").write_text(text)
    (tmp_path / "params.json").write_text(json.dumps({"reference_condition": 0, "reference_compartment": False}))
    done = execute("check_design", "--samplesheet", "sheet.csv", "--params", "params.json")
    assert done.returncode == 0, done.stderr
    study = Study.load(tmp_path / "study.json")
    assert study.contrasts["contrast"].tolist() == ["01_vs_00"] and study.reference_compartment == "FALSE"


def test_free_text_neither_loses_nor_invents_a_sample(tmp_path, execute):
    header, *rows = GOOD.splitlines()
    notes = ['"late\nclotted\t3"', '"he said ""x"""', '"a,b"', "5' needle", '"#1"', ""] * 2
    text = "\n".join([f"{header},note", *(f"{row},{note}" for row, note in zip(rows, notes, strict=True))])
    (tmp_path / "sheet.csv").write_text(text)
    assert execute("check_design", "--samplesheet", "sheet.csv").returncode == 0
    expected = ["late clotted 3", 'he said "x"', "a,b", "5' needle", "#1", ""]
    assert Study.load(tmp_path / "study.json").samples["note"].tolist() == expected * 2
    plain = (tmp_path / "samples.tsv").read_text().splitlines()
    assert len(plain) == 13 and {line.count("\t") for line in plain} == {plain[0].count("\t")}


def test_a_samplesheet_that_is_no_text_is_named(tmp_path, execute):
    (tmp_path / "sheet.csv").write_bytes(b"sample,donor\xff\xfe")
    done = execute("check_design", "--samplesheet", "sheet.csv")
    assert done.returncode == 2 and "sheet.csv row 1: not text in UTF-8 (byte 12)" in done.stderr


COLUMNS = "sample,donor,compartment,condition,raw"
ROWS = [
    "d1_csf,d1,CSF,treated,a.h5",
    "d1_blood,d1,blood,treated,b.h5",
    "d2_csf,d2,CSF,control,c.h5",
    "d2_blood,d2,blood,control,d.h5",
]


def sheet_with(row=None, text=None, columns=COLUMNS, extra=()):
    rows = [*ROWS, *extra]
    if row is not None:
        rows[row] = text
    return "\n".join([columns, *rows]) + "\n"


MISTAKES = {
    "missing column": (
        sheet_with(columns="sample,patient,compartment,condition,raw"),
        {},
        "sheet.csv row 1: column 'donor' is missing; rename 'patient' to 'donor'",
    ),
    "duplicate sample": (
        sheet_with(2, "d1_csf,d2,CSF,control,c.h5"),
        {},
        "sheet.csv row 4, column sample: 'd1_csf' is already in row 2; names are unique",
    ),
    "conditions crossed with compartments": (
        "\n".join([COLUMNS, ROWS[0], ROWS[3]]) + "\n",
        {},
        "no contrast has a donor in both arms within any compartment",
    ),
    "one condition and one compartment": (
        "\n".join([COLUMNS, ROWS[0], ROWS[0].replace("d1", "d3").replace("a.h5", "e.h5")]) + "\n",
        {},
        "all samples have compartment 'CSF' and condition 'treated', so there is nothing to compare",
    ),
    "a reference of one condition": (
        "\n".join([COLUMNS, *(row.replace("control", "treated") for row in ROWS)]) + "\n",
        {"reference_condition": "control"},
        "--reference_condition is given, but all samples have condition 'treated'",
    ),
    "a trend without order": (
        sheet_with(),
        {"trend": "true"},
        "--trend needs the order of the conditions: give --condition_order, such as baseline,m1,m6",
    ),
    "a trend of two": (
        sheet_with(),
        {"trend": "true", "condition_order": "control,treated"},
        "--trend needs three conditions in --condition_order, which has control, treated",
    ),
    "an order of unknown conditions": (
        sheet_with(),
        {"condition_order": "control,treated,m6"},
        "--condition_order 'm6' is not a condition; the samplesheet has treated, control",
    ),
    "scores that fall": (
        sheet_with(),
        {"condition_order": "control:3,treated:1"},
        "--condition_order 'treated:1': scores rise from the first condition to the last",
    ),
    "a score without end": (
        sheet_with(),
        {"condition_order": "control:0,treated:inf"},
        "--condition_order 'treated:inf': 'inf' is not a number; write treated:6",
    ),
    "no reference condition": (
        sheet_with().replace("control", "placid"),
        {},
        "column condition has treated, placid and no obvious reference: choose one with --reference_condition",
    ),
    "unknown reference": (
        sheet_with(),
        {"reference_condition": "contrl"},
        "--reference_condition 'contrl' is not in column condition of the samplesheet; did you mean 'control'?",
    ),
    "unknown parameter": (
        sheet_with(),
        {"ambient_metod": "none"},
        "unknown parameter --ambient_metod; did you mean --ambient_method?",
    ),
    "value out of range": (sheet_with(), {"max_mt": 200}, "--max_mt is 200; it must be from 0 to 100"),
    "no input": (sheet_with(0, "d1_csf,d1,CSF,treated,"), {}, "row 2 (sample 'd1_csf'): no input; give 'raw'"),
    "bad name": (sheet_with(0, "d1/csf,d1,CSF,treated,a.h5"), {}, "row 2, column sample: 'd1/csf' may hold letters"),
    "unknown covariate": (sheet_with(), {"covariates": "age"}, "--covariates 'age' is not a column of the samplesheet"),
    "empty file": ("", {}, "sheet.csv is empty: it needs a header with sample, donor, compartment, condition"),
    "only a header": (COLUMNS + "\n", {}, "sheet.csv has a header but no sample"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_nothing_is_written(root, execute, tmp_path, mistake):
    text, parameters, words = MISTAKES[mistake]
    (tmp_path / "sheet.csv").write_text(text)
    (tmp_path / "params.json").write_text(json.dumps(parameters))
    arguments = ("--samplesheet", "sheet.csv", "--params", "params.json", "--schema", root / "nextflow_schema.json")
    done = execute("check_design", *arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and words in done.stderr, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["params.json", "sheet.csv"]


def test_the_pipeline_gets_the_problem_as_a_file(execute, tmp_path):
    text, _, words = MISTAKES["conditions crossed with compartments"]
    (tmp_path / "sheet.csv").write_text(text)
    done = execute("check_design", "--samplesheet", "sheet.csv", "--problems", "problems.txt")
    assert done.returncode == 0
    assert words in (tmp_path / "problems.txt").read_text() and not (tmp_path / "study.json").exists()


@pytest.mark.parametrize(
    ("resource", "groups", "words"),
    [
        (
            "consensuss",
            None,
            "--lr_resource 'consensuss' is no resource of LIANA and no file; did you mean 'consensus'?",
        ),
        ("ligand\tpartner\nA\tB\n", None, "pairs.tsv: column 'receptor' missing; it needs ligand, receptor"),
        ("ligand\treceptor\nA\tB\n", "group\tligand\nx\tA\n", "groups.tsv: column 'receptor' missing"),
        ("ligand\treceptor\nA\tB\n", "group\tligand\treceptor\nx\tA\tB\n", None),
    ],
)
def test_pairs_are_read_before_anything_is_computed(execute, tmp_path, resource, groups, words):
    (tmp_path / "sheet.csv").write_text(sheet_with())
    arguments = ["--samplesheet", "sheet.csv", "--lr_resource", resource]
    if "\t" in resource:
        (tmp_path / "pairs.tsv").write_text(resource)
        arguments[-1] = "pairs.tsv"
    if groups:
        (tmp_path / "groups.tsv").write_text(groups)
        arguments += ["--interaction_groups", "groups.tsv"]
    done = execute("check_design", *arguments)
    assert done.returncode == (2 if words else 0), done.stderr
    assert (tmp_path / "plan.txt").exists() == (words is None)
    if words:
        assert len(done.stderr.splitlines()) == 1 and words in done.stderr


def test_a_logo_is_looked_at_before_anything_is_computed(execute, tmp_path):
    (tmp_path / "sheet.csv").write_text(sheet_with())
    (tmp_path / "logo.png").write_text("a text")
    done = execute("check_design", "--samplesheet", "sheet.csv", "--logo", "logo.png")
    assert done.returncode == 2 and not (tmp_path / "study.json").exists()
    assert done.stderr == "ERROR: --logo logo.png: it is named as a PNG but is none; give a PNG, SVG or JPEG\n"


@pytest.mark.parametrize(
    ("option", "text", "words"),
    [
        ("gene_sets", "SET\n", "given.txt line 1: needs a set name"),
        ("pathways", "A\td\tB\nA\td\tC\n", "given.txt line 2: gene set 'A' is there twice"),
        ("pathways", "A\td\tB\n", None),
        ("regulators", "source\ttarget\tweight\nA\tB\tup\n", "given.txt row 2: the weight of A on B is 'up'"),
        ("regulators", "source\ttarget\tweight\nA\tB\t-1\n", None),
    ],
)
def test_sets_and_networks_are_read_before_anything_is_computed(execute, tmp_path, option, text, words):
    (tmp_path / "sheet.csv").write_text(sheet_with())
    (tmp_path / "given.txt").write_text(text)
    done = execute("check_design", "--samplesheet", "sheet.csv", f"--{option}", "given.txt")
    assert done.returncode == (2 if words else 0), done.stderr
    assert (tmp_path / "plan.txt").exists() == (words is None)
    if words:
        assert done.stderr.count("\n") == 1 and done.stderr.startswith(f"ERROR: {words}")


def test_a_palette_is_read_before_anything_is_computed(execute, tmp_path):
    (tmp_path / "sheet.csv").write_text(sheet_with())
    (tmp_path / "p.tsv").write_text("kind\tname\tcolour\nlineage\tB\tred\n")
    done = execute("check_design", "--samplesheet", "sheet.csv", "--palette", "p.tsv")
    assert done.returncode == 2 and not (tmp_path / "study.json").exists()
    assert done.stderr == "ERROR: --palette p.tsv row 2: colour is 'red'; give it as #RRGGBB, such as #0072B2\n"


def test_a_sound_samplesheet_writes_study_and_plan(root, execute, tmp_path):
    (tmp_path / "sheet.csv").write_text(sheet_with())
    (tmp_path / "params.json").write_text('{"seed": 3, "reference_compartment": null}')
    done = execute(
        "check_design",
        *("--samplesheet", "sheet.csv", "--params", "params.json"),
        *("--schema", root / "nextflow_schema.json", "--problems", "problems.txt"),
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "problems.txt").read_text() == ""
    assert pd.read_csv(tmp_path / "samples.tsv", sep="\t")["row"].tolist() == [2, 3, 4, 5]
    plan = (tmp_path / "plan.txt").read_text()
    assert "treated_vs_control, CSF against blood: 1 treated against 1 control donor pairs: descriptive" in plan


def test_a_note_is_no_part_of_what_is_compared(execute, tmp_path):
    """Nor is any other column but covariates and those that something is made of."""
    header, *rows = sheet_with().strip().splitlines()
    found = []
    for note in ("seen, twice", "once"):
        lines = [f"{header},age,batch,note", *(f'{row},{40 + n},b,"{note}"' for n, row in enumerate(rows))]
        (tmp_path / "sheet.csv").write_text("\n".join(lines) + "\n")
        (tmp_path / "params.json").write_text('{"covariates": "age"}')
        done = execute("check_design", "--samplesheet", "sheet.csv", "--params", "params.json")
        assert done.returncode == 0, done.stderr
        found.append([(tmp_path / name).read_bytes() for name in ("compared.json", "ordered.json")])
    (first, with_note), (second, with_another) = found
    assert first == second and with_note != with_another
    columns = set(Study.load(tmp_path / "compared.json").samples)
    assert columns >= {"sample", "donor", "compartment", "condition", "age", "batch"} and "note" not in columns


def test_steps_get_the_same_study_however_the_rows_stand_and_files_are_called(execute, tmp_path):
    text = sheet_with()
    header, *rows = text.strip().splitlines()
    moved = [header, "# a comment", *reversed(rows)]
    found = []
    for lines in (text.splitlines(), moved):
        (tmp_path / "sheet.csv").write_text("\n".join(lines).replace(".h5", f"_{len(lines)}.h5") + "\n")
        assert execute("check_design", "--samplesheet", "sheet.csv").returncode == 0
        found.append([(tmp_path / name).read_bytes() for name in ("ordered.json", "study.json")])
    (first, in_order), (second, as_listed) = found
    assert first == second and in_order != as_listed
