"""A finished results folder is safe, and what is resumed repeats only what has changed: stub runs of one study.

By the parser of later Nextflow; other pipeline tests take the default of 25.04.
"""

import hashlib
import json
import re
import shutil
import subprocess

import h5py
import pandas as pd
import pytest

from tests.support.models import make_model, write_model
from tests.support.runs import RESULTS, ROOT, nextflow, step, trace

pytestmark = pytest.mark.pipeline

DONORS = [("d1", "CSF", "sick"), ("d1", "blood", "sick"), ("d2", "CSF", "control"), ("d2", "blood", "control")]
# of a sample, whatever else is in the cohort
OF_SAMPLES = {"READ_COUNTS", "CALL_CELLS", "REMOVE_AMBIENT", "FILTER_CELLS", "SCORE_DOUBLETS", "ANNOTATE_CELLS"}
CHECKS_AND_PAGE = {
    "CHECK_DESIGN",
    "CHECK_CAPTURES",
    "CHECK_LABELS",
    "COLLECT_SKIPPED",
    "WRITE_FINDINGS",
    "MAKE_REPORT",
    "PRINT_REPORT",
}


class Study:
    """A study whose first run has finished; later runs change sheets and parameters, not files."""

    def __init__(self, project, folder):
        self.project, self.folder, self.out = project, folder, folder / "out [1]"
        names = [f"good {n}.h5" for n in range(8)]
        subprocess.run(step("write_stub", *names), cwd=folder, check=True)
        for n, name in enumerate(names):
            with h5py.File(folder / name, "r+") as handle:
                handle.attrs["sample"] = n
        write_model(make_model(), folder / "model.pkl")
        self.rows = [f"s{n},{','.join(row)},good {n}.h5" for n, row in enumerate(DONORS)]

    def run(self, rows, *more, further=""):
        text = "\n".join([f"sample,donor,compartment,condition,raw{further}", *rows]) + "\n"
        (self.folder / "sheet.csv").write_text(text)
        given = ("--input", "sheet.csv", "--celltypist_model", "model.pkl", "--outdir", self.out.name)
        return nextflow(self.project, self.folder, "-profile", "local", "-stub", *given, *more, NXF_SYNTAX_PARSER="v2")

    def sessions(self):
        return [line.split("\t")[5] for line in (self.folder / ".nextflow" / "history").read_text().splitlines()]

    def files(self):
        """Place -> digest of every file of the results."""
        found = [path for path in self.out.rglob("*") if path.is_file()]
        return {str(one.relative_to(self.out)): hashlib.sha256(one.read_bytes()).hexdigest() for one in found}

    def crate(self):
        """Entities of the crate, which lists every file as it is."""
        entities = {one["@id"]: one for one in json.loads((self.out / "ro-crate-metadata.json").read_text())["@graph"]}
        files = self.files()
        files.pop("ro-crate-metadata.json")
        assert {name: entities[name]["sha256"] for name in files if name in entities} == files
        assert {one["@id"] for one in entities["./"]["hasPart"]} == set(files)
        return entities


@pytest.fixture(scope="module")
def study(project, tmp_path_factory):
    """The study after its first run."""
    made = Study(project, tmp_path_factory.mktemp("study"))
    done = made.run(made.rows)
    assert done.code == 0, done.text[-4000:]
    return made


def test_a_first_run_makes_every_result_and_lists_it(study):
    assert [name for name in RESULTS if not (study.out / name).exists()] == []
    entities = study.crate()
    assert entities["#run"]["actionStatus"]["@id"] == "http://schema.org/CompletedActionStatus"
    assert {one["@id"] for one in entities["#run"]["result"]} == set(study.files()) - {"ro-crate-metadata.json"}
    own = {
        "trace.tsv",
        "timeline.html",
        "execution.html",
        "versions.yml",
        "params.json",
        "models.tsv",
        "label_meanings.tsv",
        "labelled.json",
        "samples.json",
    }
    assert {path.name for path in (study.out / "pipeline_info").iterdir()} == own
    assert not list((study.folder / ".nextflow").glob("sc-compartments-*"))


def test_an_audit_finds_inputs_and_warnings(study):
    """Digests by sample, and what deserved a look in one table."""
    samples = json.loads((study.out / "pipeline_info" / "samples.json").read_text())
    assert sorted(samples) == ["s0", "s1", "s2", "s3"]
    (given,) = samples["s1"]
    assert given == {
        "file": "good 1.h5",
        "sha256": hashlib.sha256((study.folder / "good 1.h5").read_bytes()).hexdigest(),
    }
    assert (study.out / "warnings.tsv").read_text().splitlines()[0] == "stage\tsample\twarning"


def test_the_crate_conforms_to_its_profile(study):
    """By roc-validator, of its own environment, without a network; a crate that says less of its run does not."""
    python = ROOT / ".tools" / "crate" / "bin" / "python"
    if not python.exists():
        pytest.skip("roc-validator is not installed: tools/setup.sh crate")
    check = [python, ROOT / "tests" / "support" / "crate_check.py"]
    less = study.folder / "less"  # a name without blanks, which the validator needs
    shutil.copytree(study.out, less)
    done = subprocess.run([*check, less], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "0 faults", done.stdout + done.stderr
    crate = json.loads((less / "ro-crate-metadata.json").read_text())
    for entity in crate["@graph"]:
        entity.pop("instrument", None)
    (less / "ro-crate-metadata.json").write_text(json.dumps(crate))
    done = subprocess.run([*check, less], capture_output=True, text=True)
    assert "The Action MUST have an instrument property" in done.stdout, done.stdout + done.stderr


@pytest.mark.long
def test_runs_that_compute_nothing_leave_the_results_alone(study):
    before = study.files()
    assert nextflow(study.project, study.folder, "--help", "--outdir", study.out.name).code == 0
    wrong = study.run(study.rows, "--min-genes", "500", "--maxMt=10", "--max_memory", "4", "--profile", "x")
    assert wrong.code != 0
    (line,) = [line for line in wrong.text.splitlines() if "ERROR" in line]
    for words in ("--min-genes; did you mean --min_genes?", "--maxMt; did you mean --max_mt?", "-profile", "64.GB"):
        assert words in line
    checked = study.run(study.rows, "--validate_only", "-resume")
    assert checked.code == 0, checked.text[-4000:]
    assert f"-resume {study.sessions()[0]}" in checked.text, "the run before had no task"
    assert study.files() == before


def test_another_study_does_not_get_into_the_folder(study):
    before = study.files()
    others = [re.sub(r"good (\d)", lambda found: f"good {int(found[1]) + 4}", row) for row in study.rows]
    done = study.run(others)
    assert done.code != 0 and "results of another study" in done.text and "Traceback" not in done.text
    done = nextflow(study.project, study.folder, "--simulate", "null", "--outdir", study.out.name)
    assert done.code != 0 and "results of another study" in done.text
    assert study.files() == before


def test_a_comment_another_order_and_a_limit_repeat_no_step(study):
    done = study.run(["# a comment", *reversed(study.rows)], "--max_memory", "100.GB", "-resume", study.sessions()[0])
    assert done.code == 0, done.text[-4000:]
    ran = set(trace(study.out).query("status != 'CACHED'")["process"])
    assert ran <= CHECKS_AND_PAGE - {"CHECK_LABELS"}
    study.crate()


def test_a_withdrawn_sample_leaves_the_results(study):
    (study.out / "notes.txt").write_text("of the user")
    done = study.run(study.rows[:3], "-resume", study.sessions()[0])
    assert done.code == 0, done.text[-4000:]
    ran = trace(study.out).query("status != 'CACHED'")
    assert OF_SAMPLES & set(ran["process"]) == set(), "those of the other samples are as they were"
    assert sorted(path.name for path in (study.out / "samples").iterdir()) == ["s0", "s1", "s2"]
    assert "samples/s3" in done.text and list(study.folder.glob("out [[]1].earlier/*/samples/s3/s3.qc.json"))
    assert "s3" not in set(pd.read_csv(study.out / "samples.tsv", sep="\t")["sample"])
    entities = study.crate()
    assert "notes.txt" not in {one["@id"] for one in entities["#run"]["result"]}
    assert not any("s3" in name for name in entities)


def test_a_sample_more_runs_its_own_tasks_and_those_of_the_cohort(study):
    done = study.run([*study.rows, "s4,d3,CSF,control,good 4.h5"], "--outdir", "more", "-resume", study.sessions()[0])
    assert done.code == 0, done.text[-4000:]
    tasks = trace(study.folder / "more")
    of_samples = tasks[tasks["process"].isin(OF_SAMPLES | {"INSPECT_INPUT", "RUN_LIANA", "SCORE_CENTRALITY"})]
    again = of_samples.query("status != 'CACHED'")
    assert OF_SAMPLES < set(again["process"]) == set(of_samples["process"])
    assert again["tag"].str.startswith("s4").all(), again[["process", "tag"]]
    assert len(of_samples) == 5 * len(again)
    assert "MERGE_SAMPLES" in set(tasks.query("status == 'COMPLETED'")["process"])


def test_labels_by_hand_repeat_the_tasks_of_their_sample_alone(study):
    (study.folder / "labels.tsv").write_text("sample\tbarcode\tcluster\tlineage\ns0\tBARCODE01-1\t\tB\n")
    given = ("--label_overrides", "labels.tsv", "--outdir", "labelled", "-resume", study.sessions()[0])
    done = study.run(study.rows, *given)
    assert done.code == 0, done.text[-4000:]
    ran = trace(study.folder / "labelled").query("status != 'CACHED'")
    of_samples = ran[ran["tag"].str.match(r"s\d\b", na=False)]
    # stubs of all labels say the same, so that what follows is as it was
    assert of_samples[["process", "tag"]].to_numpy().tolist() == [["INSPECT_INPUT", "s0 raw"], ["ANNOTATE_CELLS", "s0"]]


def test_parts_that_are_not_asked_for_are_left_out_with_their_reason(study):
    """In a folder of its own, from the same tasks; doublets are told in the tables that the others read."""
    out = study.folder / "parts"
    skip = ("--skip", "doublets,interactions,expression", "--outdir", out.name, "-resume", study.sessions()[0])
    done = study.run(study.rows, *skip)
    assert done.code == 0, done.text[-4000:]
    ran = trace(out)
    named = {"RUN_LIANA", "SCORE_CENTRALITY", "COMPARE_INTERACTIONS", "COMPARE_EXPRESSION"}
    assert named & set(ran["process"]) == set() and "COMPARE_COUPLING" in set(ran["process"])
    assert not (out / "expression").exists() and not (out / "interactions").exists()
    reasons = pd.read_csv(out / "skipped.tsv", sep="\t").set_index("stage")["reason"]
    assert {name.lower() for name in (*named, "SCORE_DOUBLETS", "COMPARE_COUPLING")} <= set(reasons.index)
    assert reasons["compare_coupling"] == "left out by --skip expression: so no concordance of the changes of genes"
    assert (out / "report.html").exists() and "The run is incomplete" not in done.text


def test_a_run_that_fails_says_so_and_lists_what_it_made(study):
    """Every file that is there is in the crate as it is; of the failed step and those behind it none is a result."""
    # the newer parser of 25.04 looks for the profile in each file
    failing = "profiles { local { } }\nprocess { withName: 'EMBED_COHORT' { beforeScript = 'exit 3' } }\n"
    (study.folder / "fail.config").write_text(failing)
    more = ("--integration_key", "none", "-c", "fail.config")
    noted = [f"{row},seen twice" for row in study.rows[:3]]
    done = study.run(noted, "-resume", study.sessions()[0], *more, further=",note")
    assert done.code != 0 and "embed_cohort" in done.text
    ran = set(trace(study.out).query("status != 'CACHED'")["process"])
    assert {"MERGE_SAMPLES", "EMBED_COHORT"} <= ran, "a note is in the table of cells"
    assert ran <= {"MERGE_SAMPLES", "EMBED_COHORT", "NAME_FAILURES", *CHECKS_AND_PAGE}, (
        "and in nothing that is compared"
    )
    entities = study.crate()
    assert entities["#run"]["actionStatus"]["@id"] == "http://schema.org/FailedActionStatus"
    made = {one["@id"] for one in entities["#run"]["result"]}
    assert {"cohort/pseudobulk.h5ad", "composition/effects.tsv", "pipeline_info/trace.tsv"} <= made
    assert "cohort/cohort.h5ad" not in made and "cohort/cohort.h5ad" in entities
