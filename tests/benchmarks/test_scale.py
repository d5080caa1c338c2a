"""Cells of the ladder are real cells thinned; what it stores of a run; what many samples would need."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.demo_resources import per_process
from benchmarks.pipeline import bench_samples, bench_scale, scale_cells
from benchmarks.unequal import FOLDER

FIELDS = ["task_id", "process", "status", "submit", "complete", "realtime", "%cpu", "memory", "peak_rss"]
FIELDS += ["rchar", "wchar"]
TASKS = [
    (1, "CELLS:READ_COUNTS", "COMPLETED", "10s", "100.0%", "512 MB", "200 MB", "10 MB", "1 MB"),
    (2, "CELLS:READ_COUNTS", "CACHED", "30s", "50.0%", "512 MB", "300.5 MB", "20 MB", "2 MB"),
    (3, "COHORT:EMBED_COHORT", "COMPLETED", "2m 1s", "200.0%", "6 GB", "4 GB", "1 GB", "30 KB"),
    (4, "COHORT:EMBED_COHORT", "FAILED", "1h", "100.0%", "6 GB", "6 GB", "1 GB", "30 KB"),
]


@pytest.fixture
def trace(tmp_path):
    """The trace of a run of two steps, one task of which failed."""
    times = ("2026-01-01 10:00:00.000", "2026-01-01 10:05:00.000")
    rows = [dict(zip(FIELDS, (*task[:3], *times, *task[3:]), strict=True)) for task in TASKS]
    pd.DataFrame(rows).to_csv(tmp_path / "trace.tsv", sep="\t", index=False)
    return tmp_path / "trace.tsv"


def test_costs_of_a_step_are_those_of_its_finished_tasks(trace):
    table, seconds = per_process(trace)
    assert list(table.index) == ["READ_COUNTS", "EMBED_COHORT"] and seconds == 300
    read, embed = table.loc["READ_COUNTS"], table.loc["EMBED_COHORT"]
    assert (read.tasks, read.wall_s, read.cpu_s, read.peak_mb, read.read_mb) == (2, 40, 25, 300.5, 30)
    assert (embed.tasks, embed.cpu_s, embed.peak_mb, embed.asked_mb) == (1, 242, 4000, 6000)


def test_a_rung_is_stored_in_place_of_what_it_had(trace, tmp_path, monkeypatch):
    monkeypatch.setattr(bench_scale, "TABLE", tmp_path / "scale.tsv")
    bench_scale.keep(bench_scale.rows_of(trace, 50_000, 800, ended=False))
    bench_scale.keep(bench_scale.rows_of(trace, 10_000, 800, ended=True))
    bench_scale.keep(bench_scale.rows_of(trace, 50_000, 800, ended=True))
    table = bench_scale.stored()
    assert list(table.columns) == bench_scale.COLUMNS and set(table["ended"]) == {"yes"}
    assert list(table["cells"]) == [10_000] * 3 + [50_000] * 3
    whole = table[table["process"] == "all"].iloc[0]
    assert (whole["wall_s"], whole["cpu_s"], whole["peak_mb"], whole["tasks"]) == (300, 267, 4000, 3)


def ladder(cpu, peak=1000, genes=800, name="EMBED_COHORT", ended="yes"):
    """Rows of a step: CPU seconds of rungs."""
    about = {"genes": genes, "process": name, "peak_mb": peak, "ended": ended}
    return pd.DataFrame([about | {"cells": cells, "cpu_s": seconds} for cells, seconds in cpu.items()])


def test_what_grows_faster_than_its_cells_misses_its_gate():
    steep = ladder({10_000: 10, 50_000: 80, 200_000: 450})
    linear = ladder({10_000: 10, 50_000: 50, 200_000: 200}, name="READ_COUNTS", peak=6000)
    others = [ladder({1_000_000: 9}, ended="no"), ladder({10_000: 0, 50_000: 1}, name="CHECK_DESIGN")]
    found = bench_scale.judged(pd.concat([steep, linear, *others]))
    verdicts = {(row["metric"], row["setting"]): (round(row["value"], 2), row["pass"]) for row in found}
    assert verdicts["exponent of CPU time against cells", "EMBED_COHORT"] == (1.27, False)
    assert verdicts["exponent of CPU time against cells", "READ_COUNTS"] == (1.0, True)
    assert verdicts["largest task, GiB", "200,000 cells, 800 genes per cell"] == (5.59, False)
    assert verdicts["largest task, GiB", "1,000,000 cells, 800 genes per cell, not ended"] == (0.93, None)
    assert len(verdicts) == 4


def test_more_cells_are_foreseen_on_the_line_of_the_largest_rungs():
    cohort = ladder({50_000: 100, 200_000: 400}).assign(tasks=1, peak_mb=[1000, 4000])
    sample = ladder({50_000: 100, 200_000: 400}, name="READ_COUNTS").assign(tasks=[10, 40], peak_mb=[300, 310])
    found = {name: figures for name, *figures in bench_scale.beyond(pd.concat([cohort, sample]), 1_000_000)}
    assert found["EMBED_COHORT"] == pytest.approx([1, 2000 / 3600, 20])
    assert found["READ_COUNTS"] == pytest.approx([200, 2000 / 3600, 0.31])


def test_many_samples_are_foreseen_on_the_line_of_the_largest_runs():
    runs = [(100, 60, "yes"), (300, 160, "yes"), (1000, 510, "yes"), (3000, 9, "no")]
    table = pd.DataFrame(
        [dict.fromkeys(bench_samples.FIGURES, wall) | {"samples": n, "ended": ended} for n, wall, ended in runs]
    )
    assert bench_samples.foreseen(table)["wall_s"] == pytest.approx(510 + 9000 * 0.5)
    assert 0.9 < bench_samples.exponents(table)["wall_s"] < 1
    assert bench_samples.exponents(table.head(1)) == {}


def test_cells_are_thinned_to_the_genes_asked_for_and_no_two_are_alike():
    if not (FOLDER / scale_cells.POOLS["CSF"]).exists():
        pytest.skip("real data not found: set COMPARTMENTS_TEST_DATA")
    rows = scale_cells.plan(50_000)
    assert len(rows) == 10 and len({row["donor"] for row in rows}) == 5
    assert {row["condition"] for row in rows if row["donor"] == "D0001"} == {"treated"}
    counts = scale_cells.sample(rows[0], 800, seed=1)
    assert counts.shape[0] == 5000 and counts.shape[1] >= 20_000 and counts.data.min() > 0
    assert np.diff(counts.indptr).mean() == pytest.approx(800, rel=0.05)
    marks = counts @ np.random.default_rng(0).normal(size=counts.shape[1])
    assert len(np.unique(marks)) == 5000
    assert len(set(scale_cells.barcodes(5000))) == 5000
