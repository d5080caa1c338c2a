"""One input of every kind that is looked at before any compute, through the pipeline itself; long: `make test-long`."""

import re
import shutil

import h5py
import pytest

from tests.bad_inputs import toy
from tests.bad_inputs.corpus import ROWS
from tests.bad_inputs.counted import files_of
from tests.bad_inputs.designed import LINES
from tests.support.models import make_model, write_model
from tests.support.runs import nextflow

pytestmark = pytest.mark.long

COUNTS = ("inspect_input", "read_counts")
ARMS = [("CSF", "sick"), ("blood", "sick"), ("CSF", "control"), ("blood", "control")]
COLUMNS = ("raw", "filtered", "cellbender")


def chosen():
    """Of every kind the first row that is refused before any compute, else the first that is looked at then."""
    found = {}
    for row in ROWS:
        looked_at = row.expect["stage"] in (*COUNTS, "check_design", "check_labels")
        if looked_at and row.kind not in ("control", "cells given twice"):
            refused = bool(row.expect.get("line")) and row.expect["stage"] != "read_counts"
            if row.kind not in found or (refused and not found[row.kind].expect.get("line")):
                found[row.kind] = row
    return list(found.values())


CHOSEN = chosen()
FILES = [row for row in CHOSEN if row.expect["stage"] in COUNTS]
OTHERS = [row for row in CHOSEN if row not in FILES]
READ = [row for row in FILES if row.expect["stage"] == "read_counts"]
REFUSED = [row for row in FILES if row not in READ]


def library(path, number):
    """A sound file, another for each number."""
    made = toy.h5(path)
    with h5py.File(made, "r+") as file:
        file.attrs["number"] = number
    return made


def of_counts(rows, folder):
    """Arguments of a run of as many samples, each with the file of a row, and of sound ones to whole donors."""
    lines = ["\t".join(("sample", "donor", "compartment", "condition", *COLUMNS))]
    for number in range(len(rows) + -len(rows) % 4):
        given = folder / f"given{number}"
        given.mkdir()
        files = files_of(rows[number], rows[number].make(given)) if number < len(rows) else {}
        files = files or {"raw": library(given / "good.h5", number)}
        paths = [str(files.get(column, "")) for column in COLUMNS]
        lines.append("\t".join([f"s{number}", f"d{number // 2}", *ARMS[number % 4], *paths]))
    (folder / "sheet.tsv").write_text("\n".join(lines) + "\n")
    return ["--input", "sheet.tsv"]


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


def validated(project, folder, *arguments):
    """A run that only looks; it computes nothing, and its line shows nothing of the inside."""
    write_model(make_model(), folder / "made_up.pkl")
    model = [] if "--celltypist_model" in arguments else ["--celltypist_model", "made_up.pkl"]
    more = ["-profile", "local", "--outdir", "out", "--validate_only", "--min_overlap", "0"]
    done = nextflow(project, folder, *more, *model, *map(str, arguments))
    assert "Traceback" not in done.text, done.text[-3000:]
    assert not (folder / "ran").exists() and not (folder / "out" / "report.html").exists()
    shutil.rmtree(folder / "work", ignore_errors=True)
    return done


def complaint(done):
    """The one line of a run that ends for a mistake."""
    errors = [line for line in done.text.splitlines() if "ERROR" in line]
    assert done.code != 0 and len(errors) == 1, done.text[-3000:]
    return errors[0]


def is_fine(done):
    return done.code == 0 and "are fine" in " ".join(done.text.split())


@pytest.mark.parametrize("row", OTHERS, ids=lambda row: row.kind.replace(" ", "_"))
def test_the_pipeline_says_the_same(row, project, tmp_path):
    done = validated(
        project, tmp_path, *(of_sheet if row.expect["stage"] == "check_design" else of_labels)(row, tmp_path)
    )
    if row.expect.get("line"):
        assert re.search(row.expect["line"], complaint(done)), done.text[-3000:]
    else:
        assert is_fine(done), done.text[-3000:]


def test_every_file_that_cannot_be_used_is_named(project, tmp_path):
    """All that are wrong in one line, each with row, sample and column."""
    said = complaint(validated(project, tmp_path, *of_counts(REFUSED, tmp_path)))
    found = dict(re.findall(r"row \d+, sample 's(\d+)', column '\w+': (.*?)(?=; row \d+, sample '|$)", said))
    assert list(map(int, sorted(found, key=int))) == list(range(len(REFUSED))), said
    assert [row.name for n, row in enumerate(REFUSED) if not re.search(row.expect["line"], found[str(n)])] == [], said


def test_every_file_that_can_be_read_is_fine(project, tmp_path):
    done = validated(project, tmp_path, *of_counts(READ, tmp_path))
    assert is_fine(done) and f"{len(READ) + -len(READ) % 4} samples" in done.text, done.text[-3000:]
