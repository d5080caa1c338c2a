"""What a task asks for follows the size of its inputs and its attempt, from the one table; so does what is foreseen."""

import csv
import json
import os
import re
import subprocess

import pytest

from tests.support.runs import ROOT, tracked, variables

SCRIPT = """
include { foresight } from './lib/foresight'
include { settingsOf } from './lib/options'
include { indexTooLarge ; memoryFor ; timeFor } from './lib/resources'

process LARGE {
    cpus 64
    memory 900.GB
    time 9000.h

    output:
    stdout

    script:
    "echo asked ${task.memory.toBytes()} ${task.cpus} ${task.time.toHours()}"
}

workflow {
    def settings = settingsOf(params)
    def small = file("${projectDir}/small")
    def large = file("${projectDir}/large")
    def folder = file("${projectDir}/folder")
    [[1, [small]], [1, [large]], [2, [large]], [1, [small, large, []]], [1, [folder]]].each { attempt, inputs ->
        def task = [process: 'CELLS:REMOVE_AMBIENT', attempt: attempt]
        log.info("asks ${memoryFor(task, inputs).toBytes()} ${timeFor(task, inputs).toSeconds()}")
    }
    [2, 4000].each { n ->
        def said = foresight(settings, (1..n).collect { [cells: 5000, values: 4000000] })
        log.info("SAID ${groovy.json.JsonOutput.toJson(said + [text: said.text.toString()])}")
    }
    def asked = settings + [zoom: 'B', paper: false]
    def told = foresight(asked, [[cells: 5000, values: 4000000]]).text.toString()
    log.info("ASKED ${groovy.json.JsonOutput.toJson(told)}")
    def indexes = [[2, 3], [2, 3.5], [4, 0]].collect { gb, gbToBuild -> indexTooLarge(settings, gb, gbToBuild) }
    log.info("INDEX ${groovy.json.JsonOutput.toJson(indexes)}")
    LARGE().view()
}
"""
MB = 1_000_000


@pytest.fixture(scope="module")
def table():
    with open(ROOT / "conf" / "resources.tsv", newline="") as handle:
        return {row["process"]: row for row in csv.DictReader(handle, delimiter="\t")}


@pytest.fixture(scope="module", params=["v1", "v2"])
def said(request, tmp_path_factory):
    """What the script says on a machine whose site allows 4 GB, as text."""
    folder = tmp_path_factory.mktemp(request.param)
    project = tracked(folder / "project")
    (project / "asks.nf").write_text(SCRIPT)
    (project / "folder").mkdir()
    for name, size in (("small", 0), ("large", 40 * MB), ("folder/part", 40 * MB)):
        with open(project / name, "wb") as handle:
            handle.truncate(size)
    (folder / "site.config").write_text("executor.memory = '3 GB'\n")
    words = [str(project / "tools" / "nextflow"), "run", str(project / "asks.nf"), "-ansi-log", "false"]
    given = ["-c", "site.config", "--max_memory", "4.GB", "--max_time", "5.h", "--validate_only"]
    environment = variables(NXF_SYNTAX_PARSER=request.param)
    done = subprocess.run([*words, *given], cwd=folder, capture_output=True, text=True, env=environment)
    assert "asked" in done.stdout, done.stdout + done.stderr
    return done.stdout


def test_memory_and_time_grow_with_the_input_and_the_attempt(said, table):
    asked = [tuple(map(int, pair)) for pair in re.findall(r"asks (\d+) (\d+)", said)]
    row = {name: float(value) for name, value in table["REMOVE_AMBIENT"].items() if name not in ("process", "of")}
    needed = row["memory_mb"] + 40 * row["memory_per_mb"]
    base = (int(max(256, 1.5 * row["memory_mb"])) << 20, int(3600 + 10 * row["seconds"]))
    more = (int(max(256, 1.5 * needed)) << 20, int(3600 + 10 * (row["seconds"] + 40 * row["seconds_per_mb"])))
    assert asked == [base, more, (2 * more[0], 2 * more[1]), more, more]
    assert more[0] > base[0] and more[1] > base[1]


def test_a_task_asks_for_no_more_than_the_machine_and_the_site_have(said):
    memory, cpus, hours = map(int, re.search(r"asked (\d+) (\d+) (\d+)", said).groups())
    assert (memory, hours) == (3 << 30, 5) and cpus == min(16, os.cpu_count())


def shown_in(text):
    """Step -> its figures, of the table of what is foreseen."""
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.split()[0:1]}


def test_what_is_foreseen_is_what_the_requests_rest_on(said, table):
    small, large = (json.loads(line) for line in re.findall(r"SAID (.*)", said))
    assert small["problem"] == "" and "2 samples of about 10,000 cells" in small["text"]
    shown = shown_in(small["text"])
    for name, row in table.items():
        assert (name in shown) == (row["of"] != "-" and name != "ZOOM_LINEAGES"), "of what is asked for"
    asked = shown_in(json.loads(re.search(r"ASKED (.*)", said)[1]))
    assert set(asked) - set(shown) == {"ZOOM_LINEAGES"} and set(shown) - set(asked) == {"PRINT_REPORT"}
    row = {name: float(value) for name, value in table["SCORE_DOUBLETS"].items() if name not in ("process", "of")}
    inputs = row["input_mb"] + 4 * row["input_per_million"]
    tasks, memory, minutes, disk = (float(text) for text in shown["SCORE_DOUBLETS"])
    assert tasks == 2 and memory == pytest.approx((row["memory_mb"] + row["memory_per_mb"] * inputs) / 1000, abs=0.06)
    assert minutes == pytest.approx(2 * (row["seconds"] + row["seconds_per_mb"] * inputs) / 60, abs=0.06)
    assert disk == pytest.approx(2 * inputs * row["written_per_mb"] / 1000, abs=0.06)
    assert "4,000 samples of about 20,000,000 cells: " in large["problem"] and "\n" not in large["problem"]
    assert (
        "needs about " in large["problem"]
        and "a task may have 3 GB here; give a larger --max_memory" in large["problem"]
    )


def test_an_index_that_does_not_fit_is_told_with_the_choices(said):
    fits, build, large = json.loads(re.search(r"INDEX (.*)", said)[1])
    assert fits == ""
    assert build.startswith("building the index of this genome needs about 3.5 GB, and a task may have 3 GB here; give")
    assert (
        "one built elsewhere (--star_index or --index_store; mapping needs 2.0 GB)" in build and "--max_memory" in build
    )
    assert large.startswith("mapping reads to this genome needs about 4.0 GB, and a task may have 3 GB here; give a")


def test_every_row_is_a_process_that_uses_it(table):
    modules = "".join(path.read_text() for path in (ROOT / "modules").glob("*.nf"))
    asking = set()
    for part in re.split(r"(?m)^process ", modules)[1:]:
        if "memory { memoryFor(task" in part:
            asking.add(part.split()[0])
    # the last row is that of steps without one
    assert asking == set(table) - {"any"} and list(table)[-1] == "any"
    for row in table.values():
        assert row["of"] in ("sample", "cohort", "-")
        assert float(row["memory_mb"]) > 0 and float(row["seconds"]) > 0 and float(row["memory_per_mb"]) > 0
