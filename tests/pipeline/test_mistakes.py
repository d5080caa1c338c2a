"""Mistakes as the engine tells them: one of each place that finds some, in the long form further ones."""

import re
import shutil

import h5py
import pandas as pd
import pytest

from tests.support.models import make_model, write_model
from tests.support.runs import nextflow

pytestmark = pytest.mark.pipeline

MISTAKES = {
    "unknown parameter": (
        ["--ambient_metod", "none"],
        {},
        r"unknown parameter --ambient_metod; did you mean --ambient_method\?",
    ),
    "value not allowed": (["--ambient_method", "magic"], {}, r"--ambient_method is 'magic'; choose auto"),
    "unknown path": ([], {"raw": "nowhere.h5"}, r"samplesheet row 2, column raw: there is no file 'nowhere.h5'"),
    "truncated h5": ([], {"raw": "truncated.h5"}, r"row 2, sample 's0', column 'raw': .*truncated\.h5"),
    "fractional counts": ([], {"raw": "fractional.h5"}, r"row 2, sample 's0', column 'raw': .*fractional values"),
    "two groups": ([], {"*group": ["x", "x", "x", "y"]}, r"row 5, column group: donor 'd2' has group 'y' and in row 4"),
    "one file, two names": (
        [],
        {"raw": "copy.h5"},
        r"samplesheet row 3, column raw: 's1' has the same content as 's0'",
    ),
    "no reference": ([], {"*condition": ["a", "a", "b", "b"]}, r"choose one with --reference_condition"),
    "unknown cluster": (
        ["--label_overrides", "o.tsv", "--label_clusters", "umap.tsv"],
        {},
        r"o\.tsv row 3, column cluster: '7' is not a cluster of .*umap\.tsv",
    ),
}


# found where another is found, too
FURTHER = {
    "value not allowed",
    "unknown path",
    "fractional counts",
    "two groups",
    "one file, two names",
    "no reference",
}


@pytest.mark.parametrize(
    "mistake", [pytest.param(name, marks=[pytest.mark.long] * (name in FURTHER)) for name in MISTAKES]
)
def test_a_mistake_stops_the_run_with_one_line(project, tmp_path, mistake, execute):
    arguments, changes, expected = MISTAKES[mistake]
    names = [f"good{n}.h5" for n in range(4)]
    execute("write_stub", *names, cwd=tmp_path)
    for n, name in enumerate(names):
        with h5py.File(tmp_path / name, "r+") as handle:
            handle.attrs["sample"] = n  # the same file twice is a mistake
    shutil.copy(tmp_path / "good1.h5", tmp_path / "copy.h5")
    shutil.copy(tmp_path / "good0.h5", tmp_path / "fractional.h5")
    with h5py.File(tmp_path / "fractional.h5", "r+") as handle:
        values = handle["matrix/data"][:] + 0.5
        del handle["matrix/data"]
        handle["matrix/data"] = values
    content = (tmp_path / "good0.h5").read_bytes()
    (tmp_path / "truncated.h5").write_bytes(content[: len(content) // 2])
    rows = [
        {"sample": f"s{n}", "donor": donor, "compartment": compartment, "condition": condition, "raw": names[n]}
        for n, (donor, compartment, condition) in enumerate(
            [("d1", "CSF", "sick"), ("d1", "blood", "sick"), ("d2", "CSF", "control"), ("d2", "blood", "control")]
        )
    ]
    for column, value in changes.items():
        if column.startswith("*"):
            for row, one in zip(rows, value, strict=True):
                row[column[1:]] = one
        else:
            rows[0][column] = value
    pd.DataFrame(rows).to_csv(tmp_path / "sheet.csv", index=False)
    write_model(make_model(), tmp_path / "model.pkl")
    (tmp_path / "o.tsv").write_text("sample\tbarcode\tcluster\tlineage\n\t\t3\tB\ns1\t\t7\tNK\n")
    (tmp_path / "umap.tsv").write_text("cell\tsample\tbarcode\tleiden\ns0:x\ts0\tx\t3\n")
    done = nextflow(
        project,
        tmp_path,
        *("-profile", "local", "--input", "sheet.csv", "--celltypist_model", "model.pkl", "--outdir", "out"),
        *arguments,
    )
    assert done.code != 0
    errors = [line for line in done.text.splitlines() if "ERROR" in line]
    assert len(errors) == 1 and re.search(expected, errors[0]), done.text
    assert "Traceback" not in done.text and "READ_COUNTS" not in done.text
    assert not re.search(r"^-- .* tables?\)", done.text, re.M), "a step that did not run is announced"
    assert not (tmp_path / "out" / "report.html").exists()
