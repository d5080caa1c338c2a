"""The pipeline as a user runs it: demo with known truth, real cells, resume, mistakes."""

import re
import shutil
import subprocess

import h5py
import numpy as np
import pandas as pd
import pytest

from tests.support.models import make_model, write_model
from tests.support.real_cohort import write_real_cohort
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


def test_resume_runs_only_what_a_changed_file_touches(demo, project):
    module = project / "bin" / "compartments" / "compare" / "coupling.py"
    module.write_text(module.read_text() + "\n# changed\n")
    tables = ["composition/effects.tsv", "coupling/coupling.tsv", "migration/effects.tsv", "findings.tsv"]
    before = {name: (demo / "out" / name).read_bytes() for name in tables}
    done = nextflow(
        project, demo, "-profile", "local,test", "--outdir", "out", f"--simulate_options={TEST_SIZE}", "-resume"
    )
    assert done.code == 0, done.text[-4000:]
    ran = set(trace(demo / "out").query("status != 'CACHED'")["process"])
    # the step itself, the one that asks it of relabelled donors, and what reads their tables; what was left out is the
    # same, so that collecting it again is free to be spared
    assert ran | {"COLLECT_SKIPPED"} == PAGE | {"COMPARE_COUPLING", "CALIBRATE"}
    assert before == {name: (demo / "out" / name).read_bytes() for name in tables}


def test_a_changed_parameter_repeats_the_steps_that_take_it(demo, project):
    """CHECK_DESIGN checks them all; what it says of the study is the same, so that no step is repeated for that."""
    changed = ["--n_perms", "20", "--cellbender_epochs", "100", "-resume"]
    done = nextflow(
        project, demo, "-profile", "local,test", "--outdir", "out", f"--simulate_options={TEST_SIZE}", *changed
    )
    assert done.code == 0, done.text[-4000:]
    ran = set(trace(demo / "out").query("status != 'CACHED'")["process"])
    taking = {"RUN_LIANA", "SCORE_CENTRALITY"}
    assert ran | {"COLLECT_SKIPPED"} == PAGE | taking | {"CHECK_DESIGN", "COMPARE_INTERACTIONS"}


def test_real_cells_from_samplesheet_to_report(project, tmp_path, real_data):
    sheet = write_real_cohort(real_data, tmp_path / "input")
    done = nextflow(
        project,
        tmp_path,
        *("-profile", "local", "--input", sheet, "--outdir", "out", "--allow_mixed_ambient", "--n_perms", "100"),
        *("--celltypist_model", real_data / "models" / "Immune_All_Low.pkl"),
        NXF_SYNTAX_PARSER="v2",
    )
    assert done.code == 0, done.text[-4000:]
    cells = pd.read_csv(tmp_path / "out" / "cohort" / "cells.tsv.gz", sep="\t")
    shares = cells.groupby("compartment")["lineage_broad"].value_counts(normalize=True)
    for lineage in ("T", "B", "Mono_Mac"):
        assert shares["blood", lineage] > 0.05, lineage
    # by their published label 209 of the 2,170 cells are NK, but only 44 of these without CD3
    assert 44 / 2170 < shares["blood", "NK_ILC"] < 209 / 2170
    pdc = cells.query("compartment == 'blood' and lineage == 'pDC'")
    assert 15 <= len(pdc) <= 25, "the 2,170 blood cells hold 20 pDC"
    assert (cells.query("compartment == 'CSF'")["lineage"] == "Macrophage").mean() > 0.01
    assert shares["CSF", "T"] > 0.5 and shares["CSF", "B"] < 0.05 if ("CSF", "B") in shares else True
    design = pd.read_csv(tmp_path / "out" / "design.tsv", sep="\t")
    assert set(design["tier"]) == {"descriptive"}
    findings = pd.read_csv(tmp_path / "out" / "findings.tsv", sep="\t", keep_default_na=False)
    assert set(findings["verdict"]) == {"cannot_tell"}
    report = (tmp_path / "out" / "report.html").read_text()
    assert "descriptive" in report
    for lineage in ("pDC", "Macrophage", "CD4_T", "NK", "cMono"):
        assert lineage in report


MISTAKES = {
    "unknown parameter": (
        ["--ambient_metod", "none"],
        {},
        r"unknown parameter --ambient_metod; did you mean --ambient_method\?",
    ),
    "value not allowed": (["--ambient_method", "magic"], {}, r"--ambient_method is 'magic'; choose auto"),
    "unknown path": ([], {"raw": "nowhere.h5"}, r"samplesheet row 2, column raw: there is no file 'nowhere.h5'"),
    "truncated h5": ([], {"raw": "truncated.h5"}, r"row 2, sample 's0', column 'raw': .*truncated\.h5"),
    "fractional counts": ([], {"raw": "fractional.h5"}, r"row 2, sample 's0', column 'raw': .*fractional values"),
    "two groups": ([], {"*group": ["x", "x", "x", "y"]}, r"row 5, column group: donor 'd2' has group 'y' and in row 4"),
    "one file, two names": (
        [],
        {"raw": "copy.h5"},
        r"samplesheet row 3, column raw: 's1' has the same content as 's0'",
    ),
    "no reference": ([], {"*condition": ["a", "a", "b", "b"]}, r"choose one with --reference_condition"),
    "unknown cluster": (
        ["--label_overrides", "o.tsv", "--label_clusters", "umap.tsv"],
        {},
        r"o\.tsv row 3, column cluster: '7' is not a cluster of .*umap\.tsv",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_stops_the_run_with_one_line(project, tmp_path, mistake, execute):
    arguments, changes, expected = MISTAKES[mistake]
    names = [f"good{n}.h5" for n in range(4)]
    execute("write_stub", *names, cwd=tmp_path)
    for n, name in enumerate(names):
        with h5py.File(tmp_path / name, "r+") as handle:
            handle.attrs["sample"] = n  # the same file twice is a mistake
    shutil.copy(tmp_path / "good1.h5", tmp_path / "copy.h5")
    shutil.copy(tmp_path / "good0.h5", tmp_path / "fractional.h5")
    with h5py.File(tmp_path / "fractional.h5", "r+") as handle:
        values = handle["matrix/data"][:] + 0.5
        del handle["matrix/data"]
        handle["matrix/data"] = values
    content = (tmp_path / "good0.h5").read_bytes()
    (tmp_path / "truncated.h5").write_bytes(content[: len(content) // 2])
    rows = [
        {"sample": f"s{n}", "donor": donor, "compartment": compartment, "condition": condition, "raw": names[n]}
        for n, (donor, compartment, condition) in enumerate(
            [("d1", "CSF", "sick"), ("d1", "blood", "sick"), ("d2", "CSF", "control"), ("d2", "blood", "control")]
        )
    ]
    for column, value in changes.items():
        if column.startswith("*"):
            for row, one in zip(rows, value, strict=True):
                row[column[1:]] = one
        else:
            rows[0][column] = value
    pd.DataFrame(rows).to_csv(tmp_path / "sheet.csv", index=False)
    write_model(make_model(), tmp_path / "model.pkl")
    (tmp_path / "o.tsv").write_text("sample\tbarcode\tcluster\tlineage\n\t\t3\tB\ns1\t\t7\tNK\n")
    (tmp_path / "umap.tsv").write_text("cell\tsample\tbarcode\tleiden\ns0:x\ts0\tx\t3\n")
    done = nextflow(
        project,
        tmp_path,
        *("-profile", "local", "--input", "sheet.csv", "--celltypist_model", "model.pkl", "--outdir", "out"),
        *arguments,
    )
    assert done.code != 0
    errors = [line for line in done.text.splitlines() if "ERROR" in line]
    assert len(errors) == 1 and re.search(expected, errors[0]), done.text
    assert "Traceback" not in done.text and "READ_COUNTS" not in done.text
    assert not re.search(r"^-- .* tables?\)", done.text, re.M), "a step that did not run is announced"
    assert not (tmp_path / "out" / "report.html").exists()


def test_nf_test_files(project):
    program = shutil.which("nf-test")
    if program is None:
        pytest.skip("nf-test is not on PATH: the .nf.test files were not run")
    done = subprocess.run([program, "test", "tests/nf"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
