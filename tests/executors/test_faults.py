"""What a run does about a task that is killed, out of memory, out of time, on a full disk, or that breaks."""

import csv
import gzip
import json
import re
import shutil
import subprocess

import pytest

from tests.support.runs import ROOT, nextflow, step

# stage -> the file whose writing fails there
STAGES = {
    "read_counts": "read.json",
    "call_cells": "calls.json",
    "remove_ambient": "ambient.json",
    "filter_cells": "qc.json",
    "score_doublets": "doublets.json",
    "annotate_cells": "labels.json",
    "run_liana": "liana.json",
    "score_centrality": "centrality.tsv",
}
# put into the stub step: what happens to the samples of these names
FAULTS = '''
    import os, signal, time

    class Broken(Exception):
        """A defect of a step."""

    for stage, output in {stages!r}.items():
        if options.sample == f"breaks_{{stage}}" and any(name.endswith(output) for name in options.names):
            raise Broken(f"planted in {{stage}}")
    if "coupling/coupling.tsv" in options.names:
        raise Broken("planted in compare_coupling")
    doublets = any("doublets.json" in name for name in options.names)
    if doublets and options.sample == "memory":
        os.kill(os.getppid(), signal.SIGKILL)
    if doublets and options.sample == "killed" and not Path({marker!r}).exists():
        Path({marker!r}).touch()
        os.kill(os.getppid(), signal.SIGKILL)
    if doublets and options.sample == "slow":
        time.sleep(600)
    if doublets and options.sample == "disk":
        from compartments.core.files import replacing

        with replacing("disk.doublets.tsv.gz") as temporary, open(temporary, "wb") as out:
            while True:
                out.write(bytes(1 << 20))
'''
DISK_MB = 48
SECRET = "planted-4f1c-secret"


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory):
    """A disk of a few megabytes (tmpfs) for one task to work on; a full one of its own would stop the engine, too."""
    folder = tmp_path_factory.mktemp("small_disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "none", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no right to mount a tmpfs: faults were not tested")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def faulty(project, small_disk, tmp_path_factory):
    """One stub run with a sample for every fault: folder, text of the run, rows of skipped.tsv by sample."""
    folder = tmp_path_factory.mktemp("faulty")
    stub = project / "bin" / "compartments" / "core" / "write_stub.py"
    planted = FAULTS.format(stages=STAGES, marker=str(folder / "killed_once"))
    text = stub.read_text().replace("    options = arguments()\n", "    options = arguments()\n" + planted)
    assert planted in text
    stub.write_text(text)
    names = ["sound", "killed", "memory", "slow", "disk", *(f"breaks_{stage}" for stage in STAGES)]
    subprocess.run(step("write_stub", *(f"{name}.h5" for name in names)), cwd=folder, check=True)
    rows = [
        f"{name},d{number},{compartment},{condition},{name}.h5"
        for number, name in enumerate(names)
        for compartment, condition in [("CSF" if number % 2 else "blood", "sick" if number % 3 else "control")]
    ]
    (folder / "sheet.csv").write_text("sample,donor,compartment,condition,raw\n" + "\n".join(rows) + "\n")
    (folder / "model.pkl").write_text("stub\n")
    limit = "time = { meta.sample == 'slow' ? 5.s : 1.h }"
    disk = f"scratch = {{ meta.sample == 'disk' ? '{small_disk}' : false }}"
    # what a site does before each task leaves the environments of the project alone
    site = "beforeScript = 'touch site_was_here'"
    (folder / "limit.config").write_text(f"process {{ {site}; withName: SCORE_DOUBLETS {{ {limit}; {disk} }} }}\n")
    done = nextflow(
        project,
        folder,
        *("-profile", "local", "-stub", "-c", "limit.config", "--outdir", "out"),
        *("--input", "sheet.csv", "--celltypist_model", "model.pkl", "--allow_mixed_ambient"),
        AWS_SECRET_ACCESS_KEY=SECRET,
    )
    assert done.code == 1, done.text[-4000:]
    with open(folder / "out" / "skipped.tsv", newline="") as handle:
        skipped = {row["sample"]: row for row in csv.DictReader(handle, delimiter="\t")}
    return folder, done.text, skipped


@pytest.mark.parametrize("stage", STAGES)
def test_a_sample_that_breaks_a_step_is_left_out_with_the_reason(faulty, stage):
    _folder, _text, skipped = faulty
    row = skipped[f"breaks_{stage}"]
    assert row["stage"] == stage
    assert row["reason"].endswith(f"Broken: planted in {stage}") and "exit status 1, attempt 1" in row["reason"]


def test_what_the_site_does_before_a_task_is_done(faulty):
    folder, _text, _skipped = faulty
    assert len(list(folder.glob("work/*/*/site_was_here"))) > 20


def test_a_killed_task_is_tried_again(faulty):
    folder, text, skipped = faulty
    assert "killed" not in skipped and (folder / "killed_once").exists()
    assert "terminated with an error exit status (137) -- Execution is retried (1)" in text
    assert (folder / "out" / "samples" / "killed" / "killed.doublets.json").exists()


def test_out_of_memory_is_tried_three_times_then_said(faulty):
    assert faulty[2]["memory"]["stage"] == "score_doublets"
    reason = faulty[2]["memory"]["reason"]
    said = re.search(r"\(exit status 137, attempt 3\): killed, most likely out of memory \(it had (.+)\); (.+)", reason)
    with open(ROOT / "conf" / "resources.tsv", newline="") as table:
        (row,) = [row for row in csv.DictReader(table, delimiter="\t") if row["process"] == "SCORE_DOUBLETS"]
    asked = 3 * max(256, 1.5 * float(row["memory_mb"])) / 1024
    assert float(said[1].removesuffix(" GB")) == pytest.approx(asked, abs=0.06)
    assert said[2] == "give more with --max_memory"


def test_out_of_time_is_tried_three_times_then_said(faulty):
    assert faulty[2]["slow"]["stage"] == "score_doublets" and "attempt 3" in faulty[2]["slow"]["reason"]
    assert "time" in faulty[2]["slow"]["reason"]


def test_a_full_disk_costs_one_sample(faulty):
    assert faulty[2]["disk"]["stage"] == "score_doublets"
    assert "No space left on device" in faulty[2]["disk"]["reason"]


def test_the_other_samples_finish_and_nothing_is_half_written(faulty):
    folder, _text, skipped = faulty
    assert "sound" not in skipped
    assert (folder / "out" / "report.html").exists()
    published = [path for path in (folder / "out").rglob("*") if path.is_file()]
    for path in published:
        assert not path.name.startswith("."), path
        if path.suffix == ".gz":
            gzip.decompress(path.read_bytes())
        elif path.suffix == ".json":
            json.loads(path.read_text())
    for sample in ("memory", "slow", "disk"):
        assert not list((folder / "out").rglob(f"{sample}.doublets*"))
    assert shutil.disk_usage(folder).free


def test_no_secret_of_the_environment_is_written_down(faulty, small_disk):
    folder, text, _skipped = faulty
    assert SECRET not in text
    files = [path for place in (folder, small_disk) for path in place.rglob("*") if path.is_file()]
    assert len(files) > 100 and any(path.name == ".nextflow.log" for path in files)
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []


def test_a_step_of_the_cohort_that_breaks_ends_the_run_after_its_report(faulty):
    """One clean line says it at the end; the other steps have finished and the report is there."""
    folder, text, _skipped = faulty
    said = [line for line in text.splitlines() if line.startswith("ERROR")]
    reason = "compare_coupling: the task failed (exit status 1, attempt 1): "
    reason += "compartments.core.write_stub.main.<locals>.Broken: planted in compare_coupling."
    assert said == [f"ERROR: The run is incomplete. {reason} The report of what finished: out/report.html"]
    assert (folder / "out" / "report.html").exists() and (folder / "out" / "expression").exists()
    assert not (folder / "out" / "coupling").exists()
    with open(folder / "out" / "skipped.tsv", newline="") as handle:
        (row,) = [row for row in csv.DictReader(handle, delimiter="\t") if row["stage"] == "compare_coupling"]
    assert row["sample"] == "" and row["reason"].endswith("planted in compare_coupling")
