"""Programs that reads are given to: what is missing, killed, of another processor or refuses its input is one line."""

import pytest

from compartments.core.errors import UserError, WorkerKilled
from compartments.reads.counting import COUNTERS
from compartments.reads.programs import Program, lacking, run, versions

LAST, FIRST = Program("count", "--counter count"), Program("count", at_end=False)


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Let the program be a line of the shell."""

    def write(text):
        (tmp_path / "count").write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "count").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")

    return write


def test_what_it_says_comes_back(stand_in):
    stand_in('echo "$1 $HERE"')
    assert run(LAST, ["a"], {"HERE": "b"}) == "a b\n"


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("echo 'EXITING now' >&2; echo no >&2; echo index >&2; exit 104", "104: no index", "104: no index"),
        ("for n in 1 2 3 4 5; do echo $n; done; exit 1", "1: 1 2 3", "1: 4 5"),
        ("exit 3", "3: no word", "3: no word"),
        ("kill -ILL $$", "another processor than this one .it needs AVX2", "another processor"),
    ],
)
def test_what_it_refuses_is_one_line(stand_in, text, first, last):
    stand_in(text)
    for program, said in ((FIRST, first), (LAST, last)):
        with pytest.raises(UserError, match=said) as error:
            run(program, [])
        assert "\n" not in str(error.value)


NO_MEMORY = ["echo std::bad_alloc >&2; exit 1", "echo 'memory allocation of 9 bytes failed' >&2; exit 134"]


@pytest.mark.parametrize("text", ["kill -9 $$", "exit 137", *NO_MEMORY])
def test_too_little_memory_is_tried_again_with_more(stand_in, text):
    stand_in(text)
    with pytest.raises(WorkerKilled, match="count was killed or had too little memory"):
        run(LAST, [])


def test_all_that_is_missing_is_told(monkeypatch, stand_in):
    monkeypatch.setenv("PATH", "/nowhere")
    said = lacking([*COUNTERS["starsolo"].programs, *COUNTERS["alevin-fry"].programs])
    assert [line.split()[0] for line in said] == ["STAR", "salmon", "gffread", "alevin-fry"]
    assert all("is missing" in line and "with -profile local" in line for line in said)
    assert "make setup-counts" in said[0] and "which --counter alevin-fry asks for" in said[1]
    stand_in("echo count 1.2")
    assert lacking([LAST]) == [] and versions([LAST]) == ["count=1.2"]
    stand_in("exit 1")
    assert lacking([LAST]) == ["count ended with status 1: no word"]


def test_the_step_writes_what_is_missing(execute, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert execute("check_programs", "--read_quality").returncode == 0
    star, fastp = (tmp_path / "problems.txt").read_text().splitlines()
    assert star.startswith("STAR is missing") and fastp.startswith("fastp is missing, which --read_quality asks for")
