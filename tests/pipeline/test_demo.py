"""The pipeline as a user runs it: the demo with known truth, and resumed."""

import shutil
import subprocess

import h5py
import numpy as np
import pandas as pd
import pytest

from tests.support.runs import RESULTS, nextflow, trace

pytestmark = pytest.mark.pipeline

TEST_SIZE = "--scale 0.8 --genes 2000 --empties 3000"
PAGE = {"COLLECT_SKIPPED", "WRITE_FINDINGS", "MAKE_REPORT"}


@pytest.fixture(scope="module")
def demo(project, tmp_path_factory):
    """The demo cohort at test size, run once: folder with ``out``."""
    folder = tmp_path_factory.mktemp("demo")
    done = nextflow(project, folder, "-profile", "local,test", "--outdir", "out", f"--simulate_options={TEST_SIZE}")
    assert done.code == 0, done.text[-4000:]
    return folder


def test_demo_writes_every_result(demo):
    assert not list((demo / "out").glob(".*")), "a cache is among the results"
    missing = [name for name in RESULTS if not (demo / "out" / name).exists()]
    assert missing == []
    assert list((demo / "out" / "expression").glob("*.parquet"))
    assert (demo / "out" / "samples" / "D01_CSF").is_dir()
    assert "simulated" in (demo / "out" / "report.html").read_text().lower()


def test_demo_cells_and_labels_match_the_truth(demo):
    truth = pd.read_csv(demo / "out" / "simulated" / "truth" / "cells.tsv.gz", sep="\t")
    cells = pd.read_csv(demo / "out" / "cohort" / "cells.tsv.gz", sep="\t")
    merged = truth.merge(cells, on=["sample", "barcode"], suffixes=("_true", ""), how="outer", indicator=True)
    assert (merged["_merge"] == "right_only").mean() < 0.01, "empty droplets called cells"
    sound = merged[(merged["dying"] == False) & (merged["doublet"] == False)]  # noqa: E712
    assert (sound["_merge"] == "both").mean() > 0.95
    both = merged[(merged["_merge"] == "both") & (merged["lineage"] != "unassigned")]
    both = both[both["doublet"] == False]  # noqa: E712
    assert (both["lineage"] == both["lineage_true"]).mean() > 0.9
    pdc = both[both["lineage_true"] == "pDC"]
    assert (pdc["lineage"] == "pDC").mean() > 0.95


def test_demo_counts_are_conserved(demo):
    """Cells, non-zeros and totals of the merged object equal those of the samples' tables."""
    cells = pd.read_csv(demo / "out" / "cohort" / "cells.tsv.gz", sep="\t")
    with h5py.File(demo / "out" / "cohort" / "cohort.h5ad") as handle:
        counts = handle["layers/counts"]
        assert len(counts["indptr"]) - 1 == len(cells)
        assert np.issubdtype(counts["data"].dtype, np.integer)
        assert (handle["layers/corrected/data"][:].sum()) <= counts["data"][:].sum()
    composition = pd.read_csv(demo / "out" / "composition" / "counts.tsv", sep="\t")
    assert composition.query("level == 'lineage'")["n_cells"].sum() == len(cells)


def test_demo_finds_the_planted_composition(demo):
    effects = pd.read_csv(demo / "out" / "composition" / "effects.tsv", sep="\t")
    interaction = effects.query("level == 'lineage' and term == 'interaction'").set_index("lineage")
    tested = interaction["expected_cells"] >= 3
    assert (interaction["tier"] == np.where(tested, "exploratory", "not_testable")).all() and tested.sum() > 10
    assert interaction.loc["CD4_T", "call"] == "depleted_both"
    assert interaction.loc["pDC", "call"] in ("discordant_CSF_retained", "maintained_CSF")
    assert interaction.loc["pDC", "ci_low"] > 0
    within = effects.query("level == 'lineage' and lineage == 'CD4_T' and term != 'interaction'")
    assert (within["ci_high"] < 0).all()


def test_demo_answers_the_five_questions(demo):
    findings = pd.read_csv(demo / "out" / "findings.tsv", sep="\t", keep_default_na=False)
    assert sorted(findings["question"].astype(int).unique()) == [1, 2, 3, 4, 5]
    assert set(findings["verdict"]) <= {"yes", "no", "cannot_tell"}
    summary = findings[findings["lineage"] == ""].set_index("question")
    assert summary.loc[1, "verdict"] == "yes" and "CD4 T" in summary.loc[1, "statement"]
    assert summary.loc[2, "verdict"] == "yes" and "pDC" in summary.loc[2, "statement"]
    assert (findings["tier"] != "inferential").all(), "two donors never carry an inferential claim"


def test_resume_runs_only_what_a_changed_file_and_a_changed_parameter_touch(demo, project):
    """The step of an edited file, the one that asks it of relabelled donors, and what reads their tables.

    CHECK_DESIGN checks all parameters; what it says of the study is the same, so that no step is repeated for that.
    """
    module = project / "bin" / "compartments" / "compare" / "coupling.py"
    module.write_text(module.read_text() + "\n# changed\n")
    tables = ["composition/effects.tsv", "coupling/coupling.tsv", "migration/effects.tsv", "cohort/cells.tsv.gz"]
    before = {name: (demo / "out" / name).read_bytes() for name in tables}
    findings = pd.read_csv(demo / "out" / "findings.tsv", sep="\t").query("question != 4")
    given = ["-profile", "local,test", "--outdir", "out", f"--simulate_options={TEST_SIZE}", "-resume"]
    done = nextflow(project, demo, *given, "--n_perms", "20", "--cellbender_epochs", "100")
    assert done.code == 0, done.text[-4000:]
    ran = set(trace(demo / "out").query("status != 'CACHED'")["process"])
    of_the_file = {"COMPARE_COUPLING", "CALIBRATE"}
    of_the_parameters = {"CHECK_DESIGN", "RUN_LIANA", "SCORE_CENTRALITY", "COMPARE_INTERACTIONS"}
    # what was left out is the same, so that collecting it again is free to be spared
    assert ran | {"COLLECT_SKIPPED"} == PAGE | of_the_file | of_the_parameters
    assert before == {name: (demo / "out" / name).read_bytes() for name in tables}
    again = pd.read_csv(demo / "out" / "findings.tsv", sep="\t").query("question != 4")  # that of interactions
    pd.testing.assert_frame_equal(again, findings)


def test_nf_test_files(project):
    program = shutil.which("nf-test")
    if program is None:
        pytest.skip("nf-test is not on PATH: the .nf.test files were not run")
    done = subprocess.run([program, "test", "tests/nf"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
