"""What a task asks for follows the size of its inputs and its attempt, from the one table."""

import csv
import re
import subprocess

import pytest

from tests.support.runs import ROOT, tracked, variables

SCRIPT = """
include { memoryFor ; timeFor } from './lib/resources'

workflow {
    def small = file("${projectDir}/small")
    def large = file("${projectDir}/large")
    def folder = file("${projectDir}/folder")
    [[1, [small]], [1, [large]], [2, [large]], [1, [small, large, []]], [1, [folder]]].each { attempt, inputs ->
        def task = [process: 'CELLS:REMOVE_AMBIENT', attempt: attempt]
        log.info("asks ${memoryFor(task, inputs).toBytes()} ${timeFor(task, inputs).toSeconds()}")
    }
}
"""
MB = 1_000_000


@pytest.fixture(scope="module")
def table():
    with open(ROOT / "conf" / "resources.tsv", newline="") as handle:
        return {row["process"]: row for row in csv.DictReader(handle, delimiter="\t")}


def test_memory_and_time_grow_with_the_input_and_the_attempt(tmp_path, table):
    project = tracked(tmp_path / "project")
    (project / "asks.nf").write_text(SCRIPT)
    (project / "folder").mkdir()
    for name, size in (("small", 0), ("large", 40 * MB), ("folder/part", 40 * MB)):
        with open(project / name, "wb") as handle:
            handle.truncate(size)
    words = [str(project / "tools" / "nextflow"), "run", str(project / "asks.nf"), "-ansi-log", "false"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, env=variables())
    asked = [tuple(map(int, pair)) for pair in re.findall(r"asks (\d+) (\d+)", done.stdout)]
    row = {name: float(value) for name, value in table["REMOVE_AMBIENT"].items() if name != "process"}
    base = (int(row["memory_base_mb"]) << 20, int(row["minutes_base"] * 60))
    more = (int(row["memory_base_mb"] + 40 * row["memory_per_mb"]) << 20, base[1] + int(40 * row["seconds_per_mb"]))
    assert asked == [base, more, (2 * more[0], 2 * more[1]), more, more], done.stdout + done.stderr
    assert more[0] > base[0] and more[1] > base[1]


def test_every_row_is_a_process_that_uses_it(table):
    modules = "".join(path.read_text() for path in (ROOT / "modules").glob("*.nf"))
    asking = set()
    for part in re.split(r"(?m)^process ", modules)[1:]:
        if "memory { memoryFor(task" in part:
            asking.add(part.split()[0])
    # the last row is that of steps without one
    assert asking == set(table) - {"any"} and list(table)[-1] == "any"
    for row in table.values():
        assert (
            float(row["memory_base_mb"]) >= 512 and float(row["memory_per_mb"]) > 0 and float(row["minutes_base"]) > 0
        )
