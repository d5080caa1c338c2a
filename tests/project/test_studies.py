"""A queue of studies: each in its own folder, whatever becomes of the others; what is done is not done again."""

import os
import subprocess

import pandas as pd
import pytest

from tests.support.models import make_model, write_model
from tests.support.runs import ROOT, step, variables

STAND_IN = """#!/bin/bash
echo "$PWD $*" >> "$CALLS"
for word in "$@"; do case $word in *.yml|*.json) cp "$word" given ;; esac; done
mkdir -p .nextflow && touch .nextflow/history
grep -q wrong given && { echo "ERROR: sheet.csv: wrong"; exit 1; }
echo "Report: results/report.html"
"""


def queue(folder, *options, **more):
    words = [str(ROOT / "tools" / "run_studies.sh"), str(folder), *options]
    return subprocess.run(words, capture_output=True, text=True, env=os.environ | more)


def rows(folder):
    return pd.read_csv(folder / "studies.tsv", sep="\t")


@pytest.fixture
def stand_in(tmp_path):
    """Variables by which a program that notes its calls stands for Nextflow."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "nextflow").write_text(STAND_IN)
    (tmp_path / "bin" / "nextflow").chmod(0o755)
    (tmp_path / "q").mkdir()
    return {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "CALLS": str(tmp_path / "calls")}


def test_every_study_is_run_and_what_is_done_not_again(tmp_path, stand_in):
    folder = tmp_path / "q"
    (folder / "a.yml").write_text("input: wrong\n")
    (folder / "b.json").write_text('{"input": "right"}\n')
    done = queue(folder, "-profile", "local", **stand_in)
    assert done.returncode == 1 and "1 of 2 studies failed" in done.stderr
    assert list(rows(folder)["status"]) == ["failed", "done"]
    assert list(rows(folder)["last"]) == ["ERROR: sheet.csv: wrong", "Report: results/report.html"]
    (folder / "a.yml").write_text("input: mended\n")
    assert queue(folder, "-profile", "local", **stand_in).returncode == 0
    assert list(rows(folder)["study"]) == ["a", "b", "a"] and list(rows(folder)["status"])[-1] == "done"
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [line.split()[0] for line in calls] == [str(folder / name) for name in "aba"]
    assert ["-resume" in line for line in calls] == [False, False, True]
    assert all(line.endswith("-profile local") and "-params-file" in line for line in calls)


def test_what_cannot_be_a_queue_is_one_line(tmp_path, stand_in):
    for name, words in (("nowhere", "usage: tools/run_studies.sh FOLDER"), ("q", "has no params file")):
        done = queue(tmp_path / name, **stand_in)
        assert done.returncode == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1
    (tmp_path / "q" / "a.yml").touch()
    (tmp_path / "q" / "a.json").touch()
    assert "a has two params files" in queue(tmp_path / "q", **stand_in).stderr


@pytest.mark.long
@pytest.mark.pipeline
def test_two_studies_through_nextflow(tmp_path):
    """Stub runs, one of a sheet that is not there."""
    names = [f"{n}.h5" for n in range(4)]
    subprocess.run(step("write_stub", *names), cwd=tmp_path, check=True)
    for n, name in enumerate(names):
        with open(tmp_path / name, "ab") as file:
            file.write(bytes([n]))
    write_model(make_model(), tmp_path / "model.pkl")
    donors = ("d1,CSF,sick", "d1,blood,sick", "d2,CSF,control", "d2,blood,control")
    sheet = [f"s{n},{donor},{tmp_path}/{n}.h5" for n, donor in enumerate(donors)]
    (tmp_path / "sheet.csv").write_text("\n".join(["sample,donor,compartment,condition,raw", *sheet]) + "\n")
    (tmp_path / "q").mkdir()
    for name, given in (("good", "sheet.csv"), ("lost", "nowhere.csv")):
        text = f"input: {tmp_path}/{given}\ncelltypist_model: {tmp_path}/model.pkl\n"
        (tmp_path / "q" / f"{name}.yml").write_text(text)
    done = queue(tmp_path / "q", "-profile", "local", "-stub", **variables())
    assert done.returncode == 1, done.stdout + done.stderr
    assert list(rows(tmp_path / "q")["status"]) == ["done", "failed"], done.stdout
    assert (tmp_path / "q" / "good" / "results" / "report.html").exists()
    assert "there is no file" in rows(tmp_path / "q")["last"].iloc[1]
