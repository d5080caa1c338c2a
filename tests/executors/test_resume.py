"""A run that is killed and resumed gives the same tables."""

import subprocess
import time

import pytest

from tests.support.runs import arguments_of, command, differing, nextflow, tables, trace, variables

pytestmark = pytest.mark.executors

POINTS = ["READ_COUNTS", "SCORE_DOUBLETS", "MERGE_SAMPLES", "COMPARE_EXPRESSION", "MAKE_REPORT"]


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
