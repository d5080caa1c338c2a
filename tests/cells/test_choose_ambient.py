"""The step that chooses the method of every sample."""

import json

import pytest

from tests.support.summaries import FILTERED, RAW, cohort


@pytest.fixture
def summaries(tmp_path):
    def write(*kinds):
        paths = []
        for summary in reversed(cohort(*kinds)):
            path = tmp_path / f"{summary['sample']}.read.json"
            path.write_text(json.dumps(summary))
            paths.append(path)
        return paths

    return write


def test_executable_writes_methods_in_order(execute, tmp_path, summaries):
    done = execute("choose_ambient", "--problems", "problems.txt", *summaries(RAW, RAW))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "problems.txt").read_text() == ""
    assert (tmp_path / "methods.tsv").read_text() == "sample\tmethod\treason\ns1\tsoupem\t\ns2\tsoupem\t\n"
    assert (tmp_path / "plan.txt").read_text() == "Ambient RNA: soupem (2 samples)\n"


def test_executable_takes_gpu_and_mixed(execute, tmp_path, summaries):
    arguments = ("--gpu", "--allow_mixed_ambient", "--problems", "problems.txt")
    done = execute("choose_ambient", *arguments, *summaries(RAW, FILTERED))
    assert done.returncode == 0
    lines = (tmp_path / "methods.tsv").read_text().splitlines()
    assert lines[:2] == ["sample\tmethod\treason", "s1\tcellbender\t"]
    assert lines[2].startswith("s2\tnone\tonly called cells")
    assert (tmp_path / "plan.txt").read_text().startswith("WARNING: ")


def test_executable_hands_the_problem_over(execute, tmp_path, summaries):
    arguments = ("--ambient_method", "soupem", "--problems", "problems.txt")
    done = execute("choose_ambient", *arguments, *summaries(RAW, FILTERED))
    assert done.returncode == 0 and done.stderr == ""
    assert len((tmp_path / "problems.txt").read_text().splitlines()) == 1
    assert "s2 has only called cells" in (tmp_path / "problems.txt").read_text()
    assert not (tmp_path / "methods.tsv").exists()


def test_executable_takes_what_the_samplesheet_asks_for(execute, tmp_path, summaries):
    given = ("--problems", "problems.txt", "--asked", "s2=none", *summaries(RAW, RAW))
    execute("choose_ambient", *given)
    assert "asks for different methods (soupem: s1; none: s2)" in (tmp_path / "problems.txt").read_text()
    done = execute("choose_ambient", "--allow_mixed_ambient", *given)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "methods.tsv").read_text().splitlines()[2] == "s2\tnone\tnone is asked for in the samplesheet"
