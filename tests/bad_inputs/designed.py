"""Samplesheets, parameters and small tables through CHECK_DESIGN: a study with the right samples, or one line."""

import json
from pathlib import Path

from compartments.core.files import read_tsv
from compartments.study.study import Study
from tests.bad_inputs.record import Row, call, one_line, read_text
from tests.bad_inputs.toy import ROOT

HEADER = "sample,donor,compartment,condition,raw"
LINES = [
    f"{donor}_{place.lower()},{donor},{place},{condition},{donor}/{place.lower()}.h5"
    for donor, condition in (("a", "treated"), ("b", "control"), ("c", "control"), ("d", "treated"))
    for place in ("CSF", "blood")
]
GOOD = "\n".join([HEADER, *LINES]) + "\n"


def with_column(name, value):
    """The good sheet with one more column; ``value`` is a text or makes one of the number of the row."""
    made = [value(i) if callable(value) else value for i in range(len(LINES))]
    return "\n".join([f"{HEADER},{name}", *(f"{line},{one}" for line, one in zip(LINES, made, strict=True))]) + "\n"


def sheet_of(content, name="sheet.csv", **given):
    """A maker of a samplesheet; ``given``: params (dict), and files beside it (option -> name, content)."""

    def make(folder):
        data = content() if callable(content) else content
        (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
        (folder / "params.json").write_text(json.dumps(given.get("params", {})))
        more = []
        for option, (file, inside) in given.get("files", {}).items():
            (folder / file).write_bytes(inside if isinstance(inside, bytes) else inside.encode())
            more += [f"--{option}", file]
        return ("--samplesheet", name, "--params", "params.json", *more)

    return make


N = len(LINES)


def fine(name, kind, content, note="", n=N, **given):
    """A sheet that is read as it is meant: ``n`` samples; ``note`` is said in the plan, ``column`` is kept."""
    expect = {"note": note, "n": n, "exit": 0, "stage": "check_design", "kept": given.pop("kept", {})}
    expect["levels"] = given.pop("levels", None)
    return Row(name, kind, sheet_of(content, **given), check_fine, expect)


def wrong(name, kind, content, line, **given):
    """A sheet, a parameter or a table that is refused in one line."""
    return Row(name, kind, sheet_of(content, **given), check_wrong, {"line": line, "exit": 2, "stage": "check_design"})


def design(made, folder, *more):
    schema = ROOT / "nextflow_schema.json"
    done = call("check_design", *made, "--schema", schema, *more, folder=folder)
    assert not done.fell, done.fell
    return done


def check_fine(row: Row, made: tuple, folder: Path) -> None:
    done = design(made, folder)
    assert done.code == 0 and not done.said, done.said
    study, samples = Study.load(folder / "study.json"), read_tsv(folder / "samples.tsv")
    # no table is parsed a second time by other rules: text of any kind keeps the rows apart
    assert len(study.samples) == len(samples) == row.expect["n"]
    assert list(study.samples["sample"]) == list(samples["sample"])
    for column, values in row.expect["kept"].items():
        assert [str(value) for value in study.samples[column]] == values
    if row.expect["levels"]:
        assert study.contrasts[["condition", "reference"]].to_numpy().tolist() == row.expect["levels"]
    plan = " ".join(read_text(folder / "plan.txt").split())
    if row.expect["note"].startswith("!"):  # said by mistake before
        assert row.expect["note"][1:] not in plan, plan
    else:
        one_line(plan, row.expect["note"], "plan")


def check_wrong(row: Row, made: tuple, folder: Path) -> None:
    done = design(made, folder)
    assert done.code == row.expect["exit"], done.said
    one_line(done.said, "^ERROR: ", "check_design")
    one_line(done.said, row.expect["line"], "check_design")
    left = {path.name for path in folder.iterdir()} & {"study.json", "samples.tsv", "design.tsv", "plan.txt"}
    assert not left, f"half-written: {left}"
    # the workflow has the same line from a file
    again = design(made, folder, "--problems", "problems.txt")
    assert again.code == 0 and f"ERROR: {read_text(folder / 'problems.txt')}" == done.said
