"""Two small cohorts, each run, taken together: every table, and one page."""

import subprocess

import pandas as pd
import pytest

from compartments.after.meta import pooled
from compartments.after.whole import OF, TABLES
from compartments.core.files import read_tsv
from tests.support.runs import nextflow, step, tracked

COHORT = ["--treated", "3", "--untreated", "3", "--scale", "0.3", "--genes", "2000", "--empties", "200", "--filtered"]
GIVEN = ["--reference_condition", "untreated", "--ambient_method", "none", "--n_perms", "20", "--calibrate", "off"]


@pytest.mark.long
@pytest.mark.pipeline
@pytest.mark.timeout(5400)  # two whole runs
def test_two_runs_together(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    tracked(project)
    for name, seed in (("north", 1), ("south", 2)):
        made = step("simulate_cohort", "--outdir", tmp_path / f"{name}_in", "--seed", seed, *COHORT)
        subprocess.run(made, check=True, capture_output=True)
        sheet = pd.read_csv(tmp_path / f"{name}_in/samplesheet.csv").drop(columns=["raw", "expected_cells"])
        sheet["filtered"] = [str(tmp_path / f"{name}_in" / file) for file in sheet["filtered"]]
        sheet.assign(donor=f"{name}_" + sheet["donor"]).to_csv(tmp_path / f"{name}.csv", index=False)
        own = ["--input", tmp_path / f"{name}.csv", "--outdir", name, "--label_reference_column", "lineage"]
        own += ["--label_reference", tmp_path / "north_in/reference.h5ad"]
        done = nextflow(project, tmp_path, "-profile", "local", *GIVEN, *own)
        assert done.code == 0, done.text[-4000:]
    both = step("combine", "north", "south", "--out", "both")
    done = subprocess.run(both, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "warning: " not in done.stdout and read_tsv(tmp_path / "both/warnings.tsv").empty
    for place, kind in TABLES.items():
        keys = [*kind.keys, *OF]
        whole, one, other = (read_tsv(tmp_path / name / place) for name in ("both", "north", "south"))
        joined = whole.merge(one, on=keys, suffixes=("", "_0")).merge(other, on=keys, suffixes=("", "_1"))
        assert len(joined) == len(whole) > 0, place
        parts = [joined[[f"{name}_0", f"{name}_1"]].to_numpy(float) for name in (kind.value, "se", "df")]
        found = pooled(*parts)
        for name, column in (("estimate", kind.value), ("se", "se"), ("df", "df")):
            assert joined[column].to_numpy() == pytest.approx(found[name], rel=1e-6, abs=1e-8), (place, column)
        assert (joined["n_condition"] == joined["n_condition_0"] + joined["n_condition_1"]).all()
    assert sorted(read_tsv(tmp_path / "both/findings.tsv")["question"].unique()) == [1, 2, 3, 4, 5]
    assert "The cohorts" in (tmp_path / "both/report.html").read_text()
