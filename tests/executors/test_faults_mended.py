"""A file that vanished after the checks, a disk that fills during the merge: each one line, and -resume goes on."""

import csv
import shutil
import subprocess

import pytest

from tests.support.runs import nextflow, step, trace

pytestmark = pytest.mark.long

# put into the stub step: the reader opens what it was given, the merge fills its disk while the marker is there
FAULTS = """
    if any(name.endswith("read.json") for name in options.names):
        import h5py

        for path in Path().rglob("*.h5"):
            if path.is_symlink():
                h5py.File(path).close()
    if "merged.h5ad" in options.names and Path({full!r}).exists():
        from compartments.core.files import replacing

        with replacing("merged.h5ad") as temporary, open(temporary, "wb") as out:
            while True:
                out.write(bytes(1 << 20))
"""
SAMPLES = ("gone", "b", "c", "d")
# a file leaves when it has been looked at, as from a mount that is lost
VANISHES = """
process {{
    withName: INSPECT_INPUT {{ afterScript = '[ ! -e input/gone.h5 ] || [ ! -e {full} ] || mv {gone} {away}' }}
    withName: MERGE_SAMPLES {{ scratch = '{disk}' }}
}}
"""


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory):
    """A disk of 16 MB."""
    folder = tmp_path_factory.mktemp("small_disk")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", folder], capture_output=True).returncode:
        pytest.skip("no right to mount a tmpfs: a full disk was not tested")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="module")
def runs(project, small_disk, tmp_path_factory):
    """Two stub runs, with the faults and with -resume after their mend: folder, and what each said and left."""
    folder = tmp_path_factory.mktemp("mended")
    full, gone, away = (folder / name for name in ("full", "gone.h5", "away.h5"))
    stub = project / "bin" / "compartments" / "core" / "write_stub.py"
    before, parsed, after = stub.read_text().partition("    options = arguments()\n")
    assert parsed
    stub.write_text(before + parsed + FAULTS.format(full=str(full)) + after)
    subprocess.run(step("write_stub", *(f"{name}.h5" for name in SAMPLES)), cwd=folder, check=True)
    (folder / "model.pkl").write_text("stub\n")
    places = ["d1,CSF,sick", "d1,blood,sick", "d2,CSF,control", "d2,blood,control"]
    rows = [f"{name},{place},{name}.h5" for name, place in zip(SAMPLES, places, strict=True)]
    (folder / "sheet.csv").write_text("\n".join(["sample,donor,compartment,condition,raw", *rows]) + "\n")
    (folder / "site.config").write_text(VANISHES.format(full=full, gone=gone, away=away, disk=small_disk))
    words = ("-profile", "local", "-stub", "-c", "site.config", "--input", "sheet.csv", "--allow_mixed_ambient")
    words += ("--celltypist_model", "model.pkl", "--outdir", "out", "-resume")
    full.touch()
    faulty = nextflow(project, folder, *words)
    left = {path.name for place in (folder / "out", small_disk) for path in place.rglob("*")}
    with open(folder / "out" / "skipped.tsv", newline="") as handle:
        skipped = list(csv.DictReader(handle, delimiter="\t"))
    full.unlink()
    shutil.move(away, gone)
    return folder, faulty, left, skipped, nextflow(project, folder, *words)


def test_a_file_that_vanished_after_the_checks_costs_its_sample_in_one_line(runs):
    (row,) = [row for row in runs[3] if row["sample"] == "gone"]
    assert row["stage"] == "read_counts"
    assert row["reason"].endswith("gone.h5: there is no such file; check the path")


def test_a_disk_that_fills_during_the_merge_ends_the_run_in_one_line(runs):
    _folder, faulty, left, _skipped, _mended = runs
    assert faulty.code == 1
    (line,) = [line for line in faulty.text.splitlines() if line.startswith("ERROR")]
    assert "merge_samples: the task failed (exit status 2, attempt 1): No space left on device in " in line
    assert "then -resume goes on" in line
    assert "report.html" in left and not [name for name in left if "merged.h5ad" in name]


def test_the_run_goes_on_with_what_was_done(runs):
    folder, _faulty, _left, _skipped, mended = runs
    assert mended.code == 0, mended.text[-4000:]
    tasks = trace(folder / "out").set_index(["process", "tag"])["status"]
    others = [name for name in SAMPLES if name != "gone"]
    assert tasks.loc["READ_COUNTS"].to_dict() == dict.fromkeys(others, "CACHED") | {"gone": "COMPLETED"}
    assert set(tasks.loc["SUM_SAMPLE"][others]) == {"CACHED"} and tasks.loc["MERGE_SAMPLES"].tolist() == ["COMPLETED"]
    assert "gone" not in (folder / "out" / "skipped.tsv").read_text()
