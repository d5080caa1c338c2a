"""The quick gates of every bench, and the scoreboard itself."""

import re
import sys

import pytest

from benchmarks import gates, scoreboard

REAL_DATA_ONLY = ("kang", "schafflick")
LONG_ONLY = {"pipeline", "samples", "scale"}  # test_demo.py runs a small form; what is stored is no test
# 30 to 200 CPU seconds each
SLOW = {"ambient", "annotation", "calling", "doublets", "downstream", "expression", "genesets", "interactions"}
SLOW |= {"labelled", "rare"}
QUICK = [
    pytest.param(step, marks=pytest.mark.long if step in SLOW else ())
    for step in sorted(scoreboard.benches().keys() - LONG_ONLY)
]


@pytest.mark.bench
@pytest.mark.parametrize("step", QUICK)
def test_quick_gates(step):
    """Each bench fails by itself, naming metric, setting, value and gate of what it missed."""
    bench = scoreboard.load(scoreboard.benches()[step])
    rows = bench.run(quick=True)
    if not rows and step in REAL_DATA_ONLY:
        pytest.skip("real data not found: set COMPARTMENTS_TEST_DATA")
    if step not in scoreboard.stored()[1]["bench"] and getattr(bench, "REPEATS", False):
        pytest.skip(f"nothing stored to repeat: python -m {scoreboard.module_of(scoreboard.benches()[step])}")
    assert rows, f"bench_{step}.py measured nothing"
    assert {row["step"] for row in rows} == {step}
    assert all(set(gates.COLUMNS) <= set(row) for row in rows)
    missed = [
        f"{row['metric']} ({row['setting']}): {row['value']:.4g}, gate {row['gate']}"
        for row in rows
        if row["pass"] is not None and not row["pass"]
    ]
    assert not missed, "; ".join(missed)


@pytest.mark.parametrize(
    ("value", "gate", "met"),
    [
        (0.05, ".03-.07", True), (0.02, ".03-.07", False), (0.08, ".03-.07", False), (0.9, ">= .9", True),
        (0.89, ">= .9", False), (0.06, "<= .06", True), (0.8, "> .8", False), (0.0, "== 0", True),
        (0.01, "== 0", False), (1.0, "-.5-1.5", True), (float("nan"), ">= .9", False), (float("nan"), ".03-.07", False),
        (5, "", None),
    ],
)  # fmt: skip
def test_gates(value, gate, met):
    assert gates.judge(value, gate) is met


def test_a_gate_that_cannot_be_read_is_refused():
    with pytest.raises(ValueError, match="about .5"):
        gates.judge(0.5, "about .5")


def test_table_page_and_exit_code(tmp_path, monkeypatch):
    """A missed gate is named on the page and gives exit code 1; other steps' rows survive ``--only``."""
    folder = tmp_path / "benchmarks" / "cells"
    folder.mkdir(parents=True)
    (tmp_path / "docs" / "how").mkdir(parents=True)
    for step, value in (("good", 0.05), ("poor", 0.2)):
        (folder / f"bench_{step}.py").write_text(
            "from benchmarks.gates import row\n"
            "def run(quick):\n"
            f"    return [row('{step}', 'error', 'quick' if quick else 'full', {value}, '.03-.07', 3, 1)]\n"
        )
    monkeypatch.setattr(scoreboard, "ROOT", tmp_path)
    (folder / "speed_it.py").write_text('"""What it costs."""\nprint("wall 1 s")\n')
    table, _, page_path = scoreboard.paths()

    def run(*options):
        monkeypatch.setattr(sys, "argv", ["scoreboard.py", *options])
        with pytest.raises(SystemExit) as end:
            scoreboard.main()
        return int(end.value.code)

    assert run("--quick") == 1
    page = page_path.read_text()
    assert "1 of 2 gates met." in page and "| poor | error | .03-.07 | quick: 0.2 |" in page
    assert "[good](../../benchmarks/cells/bench_good.py) | 1 of 1 | 1 |" in page
    assert "[poor](../../benchmarks/cells/bench_poor.py) | 0 of 1 | 1 |" in page
    lines = table.read_text().splitlines()
    assert lines[0].split("\t") == gates.COLUMNS and len(lines) == 3
    (folder / "bench_poor.py").write_text((folder / "bench_poor.py").read_text().replace("0.2", "0.04"))
    assert run("--only", "poor") == 0
    assert [line.split("\t")[0] for line in table.read_text().splitlines()[1:]] == ["good", "poor"]
    (folder / "bench_absent.py").write_text("def run(quick):\n    return []\n")
    assert run("--only", "absent") == 0 and len(table.read_text().splitlines()) == 3
    assert run("--speed", "it") == 0
    page = page_path.read_text()
    assert "Gates missed" not in page
    assert "2 of 2 gates met." in page and "What it costs." in page
    assert "`.tools/core/bin/python -m benchmarks.cells.speed_it`" in page
    assert "`.tools/core/bin/python -m benchmarks.scoreboard --quick --only good`" in page
    assert "`.tools/core/bin/python -m benchmarks.scoreboard --only poor`" in page
    assert "What it costs." in scoreboard.shown("it") and "wall 1 s" in scoreboard.shown("it")
    good = scoreboard.shown("good").splitlines()
    assert good[0].split() == [column for column in gates.COLUMNS if column != "step"]
    assert good[1].split() == ["error", "quick", "0.05", ".03-.07", "yes", "3", "1"]  # no error, no code
    assert good[-1].startswith(
        "1 of 1 gates met. `.tools/core/bin/python -m benchmarks.scoreboard --quick --only good`"
    )
    assert scoreboard.shown("absent") == "absent was not measured yet"
    (folder / "bench_poor.py").write_text((folder / "bench_poor.py").read_text().replace("'poor'", "'other'"))
    monkeypatch.setattr(sys, "argv", ["scoreboard.py", "--only", "poor"])
    with pytest.raises(ValueError, match="bench_poor.py gives rows of step other"):
        scoreboard.main()


def test_the_committed_page_is_made_from_the_committed_rows(root):
    """Every step has one line; what is missed is named; printed commands name scripts that are there."""
    rows, runs = scoreboard.stored()
    page = scoreboard.paths()[2].read_text()
    assert page == scoreboard.page(rows, runs)
    lines = page.splitlines()
    for step in {row["step"] for row in rows}:
        assert sum(f"[{step}](" in line and "/bench_" in line for line in lines) == 1
    missed = [row for row in rows if row["pass"] == "MISSED"]
    for row in missed:
        named = f"| {row['step']} | {row['metric']} | {row['gate']} | "
        assert any(line.startswith(named) and f"{row['setting']}: {row['value']}" in line for line in lines)
    stored = (root / "benchmarks" / "cells" / "ambient_stored.tsv").read_text()
    commands = set(re.findall(r"python -m ([\w.]+)", page + stored))
    assert len(commands) > 5
    for module in commands:
        assert (root / f"{module.replace('.', '/')}.py").is_file(), module
    assert len(re.findall(r"python [^-]", page + stored)) == 0


def test_one_step_is_printed(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["scoreboard", "--show", "power"])
    scoreboard.main()
    printed = capsys.readouterr().out
    rows = [row for row in scoreboard.stored()[0] if row["step"] == "power"]
    assert len(printed.splitlines()) == len(rows) + 3 and all(row["metric"] in printed for row in rows)
