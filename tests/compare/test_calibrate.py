"""The step: a table by its contract, the same twice, and what is said where nothing is relabelled."""

import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from compartments.compare import calibrate, composition
from compartments.core.contract import Contract
from compartments.core.files import read_tsv, write_json, write_tsv
from tests.support.closures import closure
from tests.support.cohorts import cohort, long_counts
from tests.support.runs import step

TABLE = "composition/calibration.tsv"
ASKED = ["--study", "study.json", "--counts", "counts.tsv", "--composition", "composition.json"]


@pytest.fixture
def staged(tmp_path):
    """Two donors in each arm, with what the step takes of the others."""
    study, counts, _ = cohort("null", (2, 2))
    study.save(tmp_path / "study.json")
    write_tsv(long_counts(counts), tmp_path / "counts.tsv")
    write_json({"equiv_margin": 1.0, "cv_total": 0.15, "scale": "abs"}, tmp_path / "composition.json")
    return tmp_path


@pytest.fixture
def as_a_task(root, tmp_path):
    """A folder with the code that a task of the process has, and no other."""
    process = (root / "modules" / "compare.nf").read_text().partition("process CALIBRATE ")[2]
    steps = re.findall(r"'(\w+)'", re.search(r"ext\(code: \{ code\((.*?)\) \}", process)[1])
    files = [f"compartments/{name}" for name in closure(root / "bin" / "compartments", *steps)]
    for name in ["sc-compartments", "compartments/__init__.py", *files]:
        (tmp_path / "code" / "bin" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / "bin" / name, tmp_path / "code" / "bin" / name)
    return tmp_path / "code"


def test_claims_of_relabelled_donors_are_the_same_twice(staged, as_a_task):
    written = []
    for _ in range(2):
        command = step("calibrate", *ASKED, "--calibrate", "on", project=as_a_task)
        done = subprocess.run(command, cwd=staged, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        written.append((staged / TABLE).read_bytes())
    assert written[0] == written[1]
    table = read_tsv(staged / TABLE, Contract.of("calibrate").names(TABLE))
    assert (table["n_relabellings"] == 4).all() and table["exact"].all()
    assert set(table["term"]) == {"within:CSF", "within:blood", "interaction"}
    assert {"p_below_05", "q_below_05", "discordant_or_maintained", "uncoupled"} <= set(table["claim"])
    assert table["share_any"].between(0, 1).all() and (table["n_tests"] >= 1).all()


def test_without_enough_donors_the_table_is_empty_and_the_reason_given(staged, execute):
    assert execute("calibrate", *ASKED).returncode == 0
    assert read_tsv(staged / TABLE).empty
    (reason,) = read_tsv(staged / "skipped.tsv")["reason"]
    assert reason.startswith("not calibrated: 2 treated and 2 untreated donors; relabelled from 3 of each, or with")
    assert execute("calibrate", *ASKED, "--calibrate", "off").returncode == 0
    assert read_tsv(staged / TABLE).empty and read_tsv(staged / "skipped.tsv").empty


def test_settings_of_nothing_and_donors_of_no_comparison_are_as_in_the_run(staged, execute, monkeypatch):
    """A cv_total of 0 is a setting; a specimen whose fractions do not add up is not relabelled."""
    study, counts, _ = cohort("null", (4, 4))
    first = counts.index[0]
    rows = study.samples.iloc[[0]].assign(sample="second", row=99, fraction="CD8")
    samples = pd.concat([study.samples.assign(fraction=""), rows], ignore_index=True)
    samples.loc[samples["sample"] == first, "fraction"] = "CD4"
    replace(study, samples=samples.assign(fraction_share=np.nan)).save(staged / "study.json")
    table = long_counts(pd.concat([counts, counts.iloc[[0]].set_axis(["second"])]))
    write_tsv(table, staged / "counts.tsv")
    write_json({"equiv_margin": 1.0, "cv_total": 0, "scale": "abs"}, staged / "composition.json")
    seen = []

    def recorded(relabelled, counts, **settings):
        seen.append((len(relabelled.samples), settings["cv_total"]))
        return compared(relabelled, counts, **settings)

    compared = composition.compare
    monkeypatch.setattr(composition, "compare", recorded)
    monkeypatch.chdir(staged)
    monkeypatch.setattr("sys.argv", ["calibrate", *ASKED, "--calibrate", "on"])
    calibrate.main()
    assert seen and set(seen) == {(len(counts) - 1, 0)}
