"""The results for other systems: what a run found, by sample and question."""

import json
import shutil

from compartments.core.files import read_tsv
from compartments.report.results import Results
from compartments.report.summary import summary
from tests.support import results as synthetic_results


def test_every_sample_with_its_state_numbers_and_files(tmp_path):
    tree = synthetic_results.make(tmp_path / "r")
    first, second = tree.samples["sample"].iloc[:2]
    reasons = f"filter_cells\t{first}\t\t\ttoo few cells\nscore_gene_sets\t{second}\tB\t\tno reads\n"
    (tmp_path / "r" / "skipped.tsv").write_text(f"stage\tsample\tlineage\tcontrast\treason\n{reasons}")
    said = f"stage\tsample\twarning\nmerge_samples\t\tmixed\nmerge_samples\t{second}\tof another donor\n"
    (tmp_path / "r" / "cohort" / "warnings.tsv").write_text(said)
    found = summary(Results(tmp_path / "r"))
    json.dumps(found, allow_nan=False)
    by_name = {one["sample"]: one for one in found["samples"]}
    assert list(by_name) == list(tree.samples["sample"])
    assert (found["n_samples"], found["n_analysed"], found["n_left_out"]) == (len(by_name), len(by_name) - 1, 2)
    lost, kept = by_name[first], by_name[second]
    assert (lost["status"], lost["left_out_by"], lost["reason"]) == ("left_out", "filter_cells", "too few cells")
    assert (kept["status"], kept["reason"], kept["warnings"]) == ("analysed", None, ["of another donor"])
    qc = json.loads((tmp_path / "r" / "samples" / second / f"{second}.qc.json").read_text())
    assert kept["cells_kept"] == qc["n_cells"] > 0 and found["warnings"] == ["mixed"]
    assert f"samples/{second}/{second}.qc.json" in kept["files"]
    assert all((tmp_path / "r" / place).is_file() for place in kept["files"])


def test_the_answers_are_the_summaries_of_the_findings(tmp_path, execute):
    synthetic_results.make(tmp_path / "r")
    assert execute("write_findings", "--results", "r").returncode == 0
    shutil.copy(tmp_path / "findings.tsv", tmp_path / "r")
    rows = read_tsv(tmp_path / "findings.tsv")
    answers = summary(Results(tmp_path / "r"))["answers"]
    assert [one["verdict"] for one in answers] == list(rows.loc[rows["lineage"].isna(), "verdict"])
    assert {one["question"] for one in answers} == {1, 2, 3, 4, 5}


def test_a_folder_without_tables_is_said_as_it_is(tmp_path):
    found = summary(Results(tmp_path))
    assert found["samples"] == [] and found["n_analysed"] == 0 and found["answers"] == []
