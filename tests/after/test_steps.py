"""Steps called as tasks call them."""

from pathlib import Path

import pytest

from compartments.after.steps import Steps, words
from compartments.core.errors import UserError, WorkerKilled


def test_options_of_a_command():
    given = {
        "study": "s.json",
        "files": ["a b", "c"],
        "strict": True,
        "trend": False,
        "group": "",
        "n": 0,
        "none": None,
    }
    assert words(given) == ["--study", "s.json", "--files", "a b", "c", "--strict", "--n", "0"]


def test_a_relative_path_is_given_as_seen_from_the_folder_of_a_step(tmp_path, monkeypatch):
    """Results and --out are named from where the command is called."""
    monkeypatch.chdir(tmp_path)
    wanted = [str(tmp_path / "new/a.tsv"), str(tmp_path / "b.tsv")]
    assert words({"study": Path("new/a.tsv"), "files": [Path("b.tsv")], "out": "c.tsv"}) == [
        *["--study", wanted[0], "--files", wanted[1], "--out", "c.tsv"]
    ]


def test_what_a_step_writes_below_a_folder_is_public(tmp_path):
    (tmp_path / "out").mkdir()
    steps = Steps(tmp_path / "out", tmp_path / "work", {"min_cells_pb": 7})
    folder = steps.call("write_stub", {}, files=["composition/a.tsv", "own.tsv", "skipped.tsv"])
    assert (tmp_path / "out/composition/a.tsv").exists() and (folder / "own.tsv").exists()
    assert steps.called == ["write_stub"] and steps.left_out == [] and not (tmp_path / "out/own.tsv").exists()


def test_what_a_step_says_is_wrong(tmp_path):
    with pytest.raises(UserError, match="power: nothing to compute power from"):
        Steps(tmp_path, tmp_path / "work", {}).call("power", {})


def test_a_step_that_is_killed_is_no_mistake(tmp_path, monkeypatch):
    """The pipeline tries again with more memory."""
    killed = tmp_path / "sc-compartments"
    killed.write_text("import os\nos.kill(os.getpid(), 9)\n")
    monkeypatch.setattr("compartments.after.steps.DOOR", killed)
    with pytest.raises(WorkerKilled, match="power was killed"):
        Steps(tmp_path, tmp_path / "work", {}).call("power", {})
