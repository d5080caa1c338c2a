"""Tables of pairs of the samples, taken apart from those of the cohort."""

import shutil

import pandas as pd
import pytest

from compartments.after.asked import asked_anew, asked_before
from compartments.after.before import Before
from compartments.after.pairs import Pairs
from compartments.after.redo import Redo
from compartments.core.errors import UserError
from compartments.core.files import read_tsv
from tests.support.published import publish
from tests.support.sheets import GOOD


@pytest.fixture
def redo(tmp_path, monkeypatch):
    """A pass whose steps only note how they are called."""
    before = Before.open(publish(tmp_path / "first", GOOD))
    new = asked_anew(before, {"interaction_groups": ""}, None)
    made = Redo(before, asked_before(before), new, {}, tmp_path / "new", 1)
    made.scratch.mkdir(parents=True)
    calls = []
    monkeypatch.setattr(made.steps, "call", lambda step, options: calls.append((step, options)))
    return made, calls


def test_samples_that_nothing_touched_are_taken_apart(redo):
    made, calls = redo
    made.asked_else = True
    Pairs(made).compare()
    [(step, given)] = calls
    samples = sorted(made.new.study.samples["sample"])
    assert step == "compare_interactions" and given["lr_resource"] == "consensus"
    assert [path.name for path in given["liana"]] == [f"{name}.liana.parquet" for name in samples]
    assert [path.name for path in given["networks"]] == [f"{name}.network.tsv" for name in samples]
    row = pd.read_parquet(given["liana"][0])
    assert list(row["sample"]) == samples[:1] and "donor" not in row and row["magnitude"].iloc[0] == 0.25
    assert read_tsv(given["centrality"][0])["share"].iloc[0] == 0.1234567891


def test_nothing_is_compared_where_nothing_changes(redo):
    made, calls = redo
    Pairs(made).compare()
    assert calls == []


def test_what_the_run_left_out_is_left_out_again(redo):
    made, calls = redo
    made.asked_else = True
    shutil.rmtree(made.before.root / "interactions")
    Pairs(made).compare()
    assert calls == []


def test_pairs_of_samples_that_were_deleted_are_named(redo):
    made, _ = redo
    made.asked_else = True
    (made.before.root / "interactions/liana.parquet").unlink()
    with pytest.raises(UserError, match="interactions/liana.parquet is missing"):
        Pairs(made).compare()
