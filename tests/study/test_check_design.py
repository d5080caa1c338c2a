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


def test_a_samplesheet_that_is_no_text_is_named(tmp_path, execute):
    (tmp_path / "sheet.csv").write_bytes(b"sample,donor\xff\xfe")
    done = execute("check_design", "--samplesheet", "sheet.csv")
    assert done.returncode == 2 and "sheet.csv: not a text file in UTF-8 (byte 12)" in done.stderr
