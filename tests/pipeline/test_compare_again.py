"""Results compared again from what was published: the tables of a full run with the same settings, byte by byte."""

import fcntl
import subprocess

import pandas as pd
import pytest

from compartments.core.files import read_json, read_tsv
from tests.support.runs import differing, nextflow, once, step, tables, trace, tracked

COHORT = ["--treated", "3", "--untreated", "3", "--scale", "0.15", "--genes", "700", "--empties", "200", "--filtered"]
OWN = {"changes.tsv"}


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Folder with results ``first`` of a small cohort, and a function that runs it with further options."""
    folder = once(tmp_path_factory, "again", _cohort)
    given = {"input": "sheet.csv", "celltypist_model": "model.pkl"}
    options = [word for name, value in given.items() for word in (f"--{name}", folder / value)]
    options += ["--reference_condition", "untreated", "--ambient_method", "none", "--n_perms", "20"]

    def run(name, *further):
        with open(folder / "lock", "w") as lock:  # runs that resume each other come one after the other
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / name / "report.html").exists():
                words = ("--outdir", name, "-profile", "local", "-resume", *options, *further)
                done = nextflow(folder / "project", folder, *words)
                assert done.code == 0, done.text[-4000:]
        return folder / name

    run("first")
    return folder, run


def _cohort(folder):
    subprocess.run(step("simulate_cohort", "--outdir", folder / "input", *COHORT), check=True, capture_output=True)
    sheet = pd.read_csv(folder / "input" / "samplesheet.csv").drop(columns=["raw", "expected_cells"])
    sheet["filtered"] = [str(folder / "input" / name) for name in sheet["filtered"]]
    ages = dict(zip(sheet["donor"].unique(), [31, 52, 44, 38, 61, 29], strict=True))
    sheet.assign(age=sheet["donor"].map(ages)).to_csv(folder / "sheet.csv", index=False)
    given = ["--label_reference", str(folder / "input" / "reference.h5ad"), "--out", str(folder / "model.pkl")]
    program = step("train_model", "--label_reference_column", "lineage", *given)
    subprocess.run(program, check=True, capture_output=True)
    (folder / "project").mkdir()
    tracked(folder / "project")


def again(folder, name, *options):
    """``sc-compartments compare`` on the first results: their place, what is printed."""
    program = step("compare", folder / "first", "--out", folder / name, *options)
    done = subprocess.run(program, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / name, done.stdout


def from_results(folder, name, *options):
    """The same by ``--from`` of the pipeline: their place, what is printed."""
    words = ("--from", "first", "--outdir", name, "-profile", "local", *options)
    done = nextflow(folder / "project", folder, *words)
    assert done.code == 0, done.text[-4000:]
    return folder / name, done.text


def relabelled(folder):
    """A table of all cells in which the cells of two lineages of blood are one."""
    cells = read_tsv(folder / "first/cohort/cells.tsv.gz")
    cells.loc[(cells["lineage"] == "cMono") & (cells["compartment"] == "blood"), "lineage"] = "ncMono"
    cells[["sample", "barcode", "lineage"]].to_csv(folder / "labels.tsv", sep="\t", index=False)
    return folder / "labels.tsv"


def network(folder):
    """A regulator of some genes of the cohort."""
    genes = read_tsv(folder / "first/cohort/markers.tsv")["gene"].unique()[:20]
    table = pd.DataFrame({"source": "R", "target": genes, "weight": [1.0, -0.5] * (len(genes) // 2)})
    table.to_csv(folder / "network.tsv", sep="\t", index=False)
    return folder / "network.tsv"


@pytest.mark.long
@pytest.mark.timeout(5400)  # the first has the cohort's own run, too
@pytest.mark.parametrize("what", ["covariates", "contrasts", "labels", "networks"])
def test_byte_equal_to_a_run(runs, what):
    folder, run = runs
    (folder / "contrasts.csv").write_text("contrast,condition,reference\nturned,untreated,alemtuzumab\n")
    options = {
        "covariates": ["--covariates", "age", "--equiv_margin", "0.8"],
        "contrasts": ["--contrasts", folder / "contrasts.csv"],
        "labels": ["--labels", relabelled(folder)],
        "networks": ["--regulators", network(folder), "--zoom", "CD4_T"],
    }[what]
    new, said = again(folder, f"again_{what}", *options)
    full = run(f"full_{what}", *["--label_overrides" if word == "--labels" else word for word in options])
    found, wanted = tables(new), tables(full)
    assert set(found) - set(wanted) == OWN
    # of a run: what the engine was told of, and the record of the whole
    apart = OWN | {"summary.json", "warnings.tsv"}
    kept = [{name: text for name, text in each.items() if name not in apart} for each in (found, wanted)]
    assert not differing(*kept)
    # not because nothing is compared
    first = tables(folder / "first")
    touched = {"composition/effects.tsv", "interactions/effects.tsv", "findings.tsv"}
    touched = {"activities/effects.tsv", "zoom/effects.tsv"} if what == "networks" else touched
    assert touched <= set(differing(first, wanted)) | (set(wanted) - set(first))
    steps = read_json(new / "pipeline_info/compare.json")["steps"]
    assert ("embed_cohort" in steps) == (what == "labels") and "Made anew" in said
    assert (new / "report.html").exists() and not list(new.glob(".*"))
    if what == "covariates":
        through, lines = from_results(folder, "through", *options)
        assert not differing(tables(through), found)
        # the answers that differ, and the page of the new folder
        assert all(line in lines for line in said.replace(f"{new}/", "through/").splitlines())
        assert list(trace(through)["process"]) == ["COMPARE_AGAIN"]
        assert read_json(through / "pipeline_info/compare.json")["steps"] == steps
