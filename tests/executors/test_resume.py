"""A run that is killed and resumed gives the same tables; a sample more runs its own tasks and the cohort's."""

import subprocess
import time

import pytest

from tests.support.runs import arguments_of, command, differing, nextflow, step, tables, trace, variables

pytestmark = pytest.mark.executors

POINTS = ["READ_COUNTS", "SCORE_DOUBLETS", "MERGE_SAMPLES", "COMPARE_EXPRESSION", "MAKE_REPORT"]
STAGES_OF_A_SAMPLE = {
    *("INSPECT_INPUT", "READ_COUNTS", "CALL_CELLS", "REMOVE_AMBIENT", "FILTER_CELLS", "SCORE_DOUBLETS"),
    *("ANNOTATE_CELLS", "RUN_LIANA", "SCORE_CENTRALITY"),
}


def kill_when_submitted(process, words, folder):
    """Start a run, and kill -9 Nextflow as soon as a task of ``process`` is submitted; the text so far."""
    log = folder / f"{process}.log"
    with open(log, "w") as out:
        run = subprocess.Popen(words, cwd=folder, stdout=out, stderr=subprocess.STDOUT, env=variables())
        until = time.monotonic() + 900
        while run.poll() is None and time.monotonic() < until and f":{process}" not in log.read_text():
            time.sleep(0.1)
        alive = run.poll() is None
        run.kill()
        run.wait()
    assert alive, f"the run ended before {process}: {log.read_text()[-3000:]}"
    return log.read_text()


@pytest.mark.long
def test_a_run_killed_at_five_stages_gives_the_same_tables(project, cohort, local_run, tmp_path):
    arguments = ["-profile", "local", "--outdir", "out", *arguments_of(cohort)]
    for point in POINTS:
        text = kill_when_submitted(point, command(project, *arguments, "-resume"), tmp_path)
        assert point == POINTS[0] or "Cached process" in text or "cached" in text.lower(), text[-2000:]
        assert not (tmp_path / "out" / "report.html").exists()
    done = nextflow(project, tmp_path, *arguments, "-resume")
    assert done.code == 0, done.text[-4000:]
    assert differing(tables(tmp_path / "out"), tables(local_run)) == []
    assert (trace(tmp_path / "out")["status"] == "CACHED").mean() > 0.9


def test_a_sample_more_runs_its_own_tasks_and_the_cohort(project, tmp_path):
    """In stub mode: what is run again does not depend on what the tasks compute."""
    subprocess.run(step("write_stub", *(f"s{number}.h5" for number in range(1, 5))), cwd=tmp_path, check=True)
    (tmp_path / "model.pkl").write_text("stub\n")
    rows = ["s1,d1,CSF,sick,s1.h5", "s2,d2,CSF,control,s2.h5", "s3,d2,blood,control,s3.h5"]
    arguments = ["-profile", "local", "-stub", "--outdir", "out", "--input", "sheet.csv", "-resume"]
    arguments += ["--celltypist_model", "model.pkl", "--reference_condition", "control", "--allow_mixed_ambient"]
    for samples in (rows, [*rows, "s4,d1,blood,sick,s4.h5"]):
        (tmp_path / "sheet.csv").write_text("\n".join(["sample,donor,compartment,condition,raw", *samples]) + "\n")
        done = nextflow(project, tmp_path, *arguments)
        assert done.code == 0, done.text[-4000:]
    tasks = trace(tmp_path / "out")
    of_a_sample = tasks[tasks["process"].isin(STAGES_OF_A_SAMPLE)]
    again = of_a_sample[of_a_sample["status"] != "CACHED"]
    assert set(again["process"]) == STAGES_OF_A_SAMPLE
    assert again["tag"].str.startswith("s4").all(), again[["process", "tag"]]
    cached = of_a_sample[of_a_sample["status"] == "CACHED"]
    assert len(cached) == 3 * len(STAGES_OF_A_SAMPLE)
    assert "MERGE_SAMPLES" in set(tasks[tasks["status"] == "COMPLETED"]["process"])
