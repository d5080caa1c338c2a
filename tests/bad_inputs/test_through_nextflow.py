"""One input of every kind that is looked at before any compute, through the pipeline itself; long: `make test-long`."""

import re
import shutil
from pathlib import Path

import h5py
import pytest

from tests.bad_inputs import toy
from tests.bad_inputs.corpus import ROWS
from tests.bad_inputs.counted import files_of
from tests.bad_inputs.designed import LINES
from tests.support.models import make_model, write_model
from tests.support.runs import nextflow

pytestmark = pytest.mark.long

FIRST = ("inspect_input", "read_counts", "check_design", "check_labels")
ARMS = [("d1", "CSF", "sick"), ("d1", "blood", "sick"), ("d2", "CSF", "control"), ("d2", "blood", "control")]


def chosen():
    """Of every kind the first row that is refused before any compute, else the first that is looked at then."""
    found = {}
    for row in ROWS:
        if row.expect["stage"] in FIRST and row.kind not in ("control", "cells given twice"):
            refused = bool(row.expect.get("line")) and row.expect["stage"] != "read_counts"
            if row.kind not in found or (refused and not found[row.kind].expect.get("line")):
                found[row.kind] = row
    return list(found.values())


def library(path, number):
    """A sound file, another for each number."""
    made = toy.h5(path)
    with h5py.File(made, "r+") as file:
        file.attrs["number"] = number
    return made


def of_counts(row, folder):
    """Arguments of a run whose first sample has the file of ``row``."""
    (folder / "given").mkdir()
    given = {column: str(path) for column, path in files_of(row, row.make(folder / "given")).items()}
    lines = ["sample\tdonor\tcompartment\tcondition\traw\tfiltered\tcellbender"]
    for number, arm in enumerate(ARMS):
        files = given if number == 0 else {"raw": library(folder / f"good{number}.h5", number).name}
        lines.append(
            "\t".join([f"s{number}", *arm, *(files.get(one, "") for one in ("raw", "filtered", "cellbender"))])
        )
    (folder / "sheet.tsv").write_text("\n".join(lines) + "\n")
    genome = ["--genome", row.expect["genome"]] if "genome" in row.expect else []
    return ["--input", "sheet.tsv", *genome]


def of_sheet(row, folder):
    """Arguments of a run on the samplesheet of ``row``, its parameters and the files that it names."""
    name, value, *more = row.make(folder)[1:]
    for number, line in enumerate(LINES):
        library(folder / line.rsplit(",", 1)[1], number)
    return ["--input", name, "-params-file", more[0] if value == "--params" else "params.json", *more[1:]]


def of_labels(row, folder):
    """Arguments of a run with the models and tables of ``row``."""
    made = list(row.make(folder))
    models = [made[at + 1] for at, word in enumerate(made) if word == "--model"]
    overrides = [word for at, word in enumerate(made) if "--label_overrides" in (word, made[at - 1])]
    model = ["--celltypist_model", models[0]] if models and models != ["made_up.pkl"] else []
    (folder / "sheet.csv").write_text("\n".join(["sample,donor,compartment,condition,raw", *LINES]) + "\n")
    for number, line in enumerate(LINES):
        library(folder / line.rsplit(",", 1)[1], number)
    asked = [word for name, values in row.expect["study"].items() for word in (f"--{name}", ",".join(values))]
    return ["--input", "sheet.csv", *model, *overrides, *asked]


@pytest.mark.parametrize("row", chosen(), ids=lambda row: row.kind.replace(" ", "_"))
def test_the_pipeline_says_the_same(row, project, tmp_path):
    stage = row.expect["stage"]
    make = of_sheet if stage == "check_design" else of_labels if stage == "check_labels" else of_counts
    write_model(make_model(), tmp_path / "made_up.pkl")
    arguments = make(row, tmp_path)
    model = [] if "--celltypist_model" in arguments else ["--celltypist_model", "made_up.pkl"]
    more = ["-profile", "local", "--outdir", "out", "--validate_only", "--min_overlap", "0"]
    done = nextflow(project, tmp_path, *more, *model, *map(str, arguments))
    assert "Traceback" not in done.text, done.text[-3000:]
    assert not (Path(tmp_path) / "ran").exists()
    said = " ".join(done.text.split())
    if row.expect.get("line") and stage != "read_counts":
        assert done.code != 0, done.text[-3000:]
        errors = [line for line in done.text.splitlines() if "ERROR" in line]
        assert len(errors) == 1 and re.search(row.expect["line"], errors[0]), done.text[-3000:]
        assert not (tmp_path / "out" / "report.html").exists()
    else:
        assert done.code == 0 and "are fine" in said, done.text[-3000:]
    shutil.rmtree(tmp_path / "work", ignore_errors=True)
