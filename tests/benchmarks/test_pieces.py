"""A long bench goes on where it ended: nothing is made twice that the code of today would make alike."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import pieces, scoreboard
from benchmarks.unequal import Setting

SETTINGS = [Setting("lognormal", arms) for arms in ((2, 4), (3, 6), (4, 4))]


class Map:
    """A pool that works here."""

    def __init__(self, workers):
        self.map = map

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A bench of three settings that keeps what it was asked for in ``made``."""
    for folder in ("benchmarks/compare", "docs/how"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "benchmarks" / "compare" / "bench_toy.py").touch()
    monkeypatch.setattr(scoreboard, "ROOT", tmp_path)
    monkeypatch.setattr(pieces, "ProcessPoolExecutor", Map)
    made = []

    def measure(setting, n, over):
        made.append((setting.size, n))
        value, se = pieces.ratio([(x % 2, 1) for x in over(int, range(n))])
        return [("error", value, se), *pieces.fingerprint({"sum": 3.0})]

    bench = pieces.Pieces(
        step="toy", seed=1, studies=4, code="a", settings=lambda: SETTINGS, measure=measure,
        again=lambda setting: {"sum": 3.0}, gate_of=lambda metric, setting: "<= .5" * (metric == "error"),
        repeated=lambda: SETTINGS[:1],
    )  # fmt: skip
    return bench, made


def test_pieces_go_on(toy):
    bench, made = toy
    assert bench.repeat() == []
    assert bench.make(4, minutes=0) == 2 and made == [("2v4", 4)]
    assert bench.make(4, only="3v6") == 0 and made[1:] == [("3v6", 4)]
    assert len(bench.run(quick=False)) == 6 and made[2:] == [("4v4", 4)]
    assert bench.make(2) == 0 and len(made) == 3  # fewer studies than there are
    assert bench.make(8, only="2v4") == 0 and made[3:] == [("2v4", 8)]
    assert replace(bench, code="b").make(4) == 0 and len(made) == 4
    assert {row["code"] for row in bench.rows()} == {"b"}
    other = replace(bench, code="c", again=lambda setting: {"sum": 3.0 + (setting.size == "3v6")})
    assert other.make(4) == 0 and made[4:] == [("3v6", 4)]
    rows = bench.rows()
    assert len(rows) == 6 and all(row["pass"] for row in rows if row["metric"] == "error")
    assert {row["n"] for row in rows} == {"8", "4", "1"}
    assert {row["n"]: row["se"] for row in rows}["4"] == f"{np.sqrt(0.25 / 3):.2g}"
    assert "3 of 3 gates met." in scoreboard.paths()[2].read_text()


def test_gates_of_today_judge_what_is_stored(toy):
    bench, made = toy
    bench.make(4)
    stricter = replace(bench, gate_of=lambda metric, setting: "<= .4")
    assert not any(row["pass"] for row in stricter.rows() if row["metric"] == "error") and len(made) == 3


def test_a_repeated_study_that_departs_is_seen(toy):
    bench, _ = toy
    bench.make(4)
    assert [row["pass"] for row in bench.run(quick=True)] == [True]
    assert [row["pass"] for row in replace(bench, again=lambda setting: {"sum": 3.1}).repeat()] == [False]
