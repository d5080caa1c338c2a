"""Steps called as tasks call them."""

import pytest

from compartments.after.steps import Steps, words
from compartments.core.errors import UserError


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


def test_what_a_step_writes_below_a_folder_is_public(tmp_path):
    (tmp_path / "out").mkdir()
    steps = Steps(tmp_path / "out", tmp_path / "work", {"min_cells_pb": 7})
    folder = steps.call("write_stub", {}, files=["composition/a.tsv", "own.tsv", "skipped.tsv"])
    assert (tmp_path / "out/composition/a.tsv").exists() and (folder / "own.tsv").exists()
    assert steps.called == ["write_stub"] and steps.left_out == [] and not (tmp_path / "out/own.tsv").exists()


def test_what_a_step_says_is_wrong(tmp_path):
    with pytest.raises(UserError, match="power: nothing to compute power from"):
        Steps(tmp_path, tmp_path / "work", {}).call("power", {})
