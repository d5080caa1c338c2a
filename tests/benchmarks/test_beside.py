"""What the benches of many cells reckon: imports of tasks, other programs' costs, steps run again with more samples."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks.pipeline import bench_scale, cohort_steps, side_by_side
from benchmarks.pipeline.start_up import bare, imports


def test_imports_of_a_task_are_those_after_each_interpreters_own_start():
    head = "import time: self [us] | cumulative | imported package\n"
    one = head + "import time:       100 |        100 |   encodings\nimport time:      4000 |       4100 | site\n"
    work = "import time:   1500000 |    1500000 |   numpy\nimport time:    500000 |    2000000 | scanpy\n"
    assert imports(one + work + "a line of the step\n" + one) == (2.0, 2)
    assert imports("nothing told") == (0, 0)
    told = subprocess.run([sys.executable, "-X", "importtime", "-c", "import json"], stderr=subprocess.PIPE, text=True)
    seconds, n = imports(told.stderr)
    assert n == 1 and 0 < seconds < 5 and bare() > 0


def test_other_programs_are_counted_for_all_samples_and_the_same_steps(tmp_path, monkeypatch):
    monkeypatch.setattr(bench_scale, "TABLE", tmp_path / "scale.tsv")
    monkeypatch.setattr(side_by_side, "COSTS", tmp_path / "costs.tsv")
    steps = {"READ_COUNTS": (10, 50, 300), "EMBED_COHORT": (1, 150, 900), "MAKE_REPORT": (1, 1000, 5000)}
    own = [
        {"cells": 50_000, "genes": 800, "process": name, "tasks": n, "cpu_s": cpu, "peak_mb": mb, "ended": "yes"}
        for name, (n, cpu, mb) in steps.items()
    ]
    pd.DataFrame(own).to_csv(bench_scale.TABLE, sep="\t", index=False)
    rows = [
        side_by_side.row_of(50_000, "script", "read", 10, 9, 30, 1000),
        side_by_side.row_of(50_000, "script", "interactions", 2, 9, 40, 2700),
        side_by_side.row_of(50_000, "modules", "read", 10, 9, 60, 1000, ended=False),
    ]
    side_by_side.keep(side_by_side.COSTS, rows, ["cells", "way", "step"])
    side_by_side.keep(side_by_side.COSTS, rows[:1], ["cells", "way", "step"])
    found = side_by_side.totals(50_000)
    assert found["ours"] == (200, 900, "yes"), "what the others do not do is left out"
    assert found["script"] == (30 + 5 * 40, 2700, "yes") and found["modules"] == (60, 1000, "no")
    assert "| 50,000 | script | 230 | 1.15 | 2,700 | 3.00 | yes |" in side_by_side.shown()


def test_agreement_is_of_the_cells_that_both_have():
    rng = np.random.default_rng(0)
    places = rng.normal(size=(3000, 5))
    names = [f"s:{k}" for k in range(3000)]
    table = pd.DataFrame({"lineage": np.where(places[:, 0] > 0, "B", "NK"), "leiden": "1"}, index=names)
    other = table.iloc[500:].assign(lineage=lambda one: one["lineage"].where(np.arange(len(one)) >= 250, "pDC"))
    found = side_by_side.agreement("script", (table, places, places), (other, places[500:], places[500:]))
    assert found["shared_cells"] == pytest.approx(2500 / 3000)
    assert found["same_lineage"] == pytest.approx(0.9) and found["largest_share_difference"] == pytest.approx(0.1)
    assert found["clusters_ari"] == 1 and found["near_in_both"] > 0.95 and found["near_on_map"] > 0.95


def test_a_step_is_run_again_with_all_samples_and_what_was_made_before(tmp_path):
    samples = cohort_steps.samples_of(20_000, 2)
    assert list(samples.items())[:2] == [("D0000_CSF", "D0000_CSF"), ("D0000_blood", "D0000_blood")]
    assert samples["D0002_CSF"] == "D0000_CSF" and samples["D0003_blood"] == "D0001_blood" and len(samples) == 8
    task, folder, place = (tmp_path / name for name in ("task", "again", "samples"))
    (task / "samples").mkdir(parents=True)
    listed = " ".join(f"'samples/{name}.sums.h5ad'" for name in sorted(set(samples.values())))
    (task / ".command.sh").write_text(
        f"sc-compartments merge_samples --study 'study.json' --sums {listed} --more\n# capture process environment\nx"
    )
    for name in ("old.json", "asset.tsv"):
        (tmp_path / name).write_text(name)
    (task / "study.json").symlink_to(tmp_path / "old.json")
    (task / "asset.tsv").symlink_to(tmp_path / "asset.tsv")
    for name in set(samples.values()):
        (tmp_path / f"{name}.sums.h5ad").write_text(name)
        (task / "samples" / f"{name}.sums.h5ad").symlink_to(tmp_path / f"{name}.sums.h5ad")
    made = {cohort_steps.digest(tmp_path / "old.json"): tmp_path / "new.json"}
    text = cohort_steps.stage(task, samples, made, place, folder)
    words = " ".join(f"'samples/{name}.sums.h5ad'" for name in samples)
    assert text == f"sc-compartments merge_samples --study 'study.json' --sums {words} --more\n"
    assert (folder / "study.json").readlink() == tmp_path / "new.json"
    assert (folder / "asset.tsv").readlink() == tmp_path / "asset.tsv"
    assert (folder / "samples/D0003_CSF.sums.h5ad").readlink() == place / "D0003_CSF.sums.h5ad"
    assert len(list((folder / "samples").iterdir())) == 8


def test_what_a_task_places_among_the_results_is_placed_for_all_samples():
    samples = cohort_steps.samples_of(20_000, 2)
    line = "ln -s \"$PWD\"/staged/7/* 'results/samples/D0000_blood/D0000_blood.qc.json'\n"
    linked = cohort_steps.of_all(line, samples).splitlines()
    assert linked == [
        f'mkdir -p results/samples/{new} && ln -s "$PWD"/staged/7/{new}.qc.json results/samples/{new}/{new}.qc.json'
        for new in ("D0000_blood", "D0002_blood")
    ]
    cohort = "ln -s \"$PWD\"/staged/8/* 'results/cohort/cells.tsv.gz'\n"
    assert cohort_steps.of_all(cohort, samples) == cohort
