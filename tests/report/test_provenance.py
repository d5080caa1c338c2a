"""Parameters, software and files behind a page."""

import re
import shutil

import pandas as pd

from compartments.core.contract import Contract
from compartments.core.files import write_tsv
from compartments.report import provenance
from compartments.report.html import make_report
from compartments.report.results import Results


def test_parameters_are_sorted_text():
    table = provenance.parameters_table({"b": None, "a": {"x": 1}, "c": 2})
    assert table.to_numpy().tolist() == [["a", '{"x": 1}'], ["b", ""], ["c", "2"]]


def test_defaults_are_those_of_the_schema(root):
    known = provenance.defaults()
    assert root / "nextflow_schema.json" == provenance.SCHEMA
    assert known["min_cells_pb"] == 10 and known["n_perms"] == 1000 and "input" not in known


def test_software_joins_versions(tmp_path):
    assert provenance.software(tmp_path) == []
    (tmp_path / "pipeline_info").mkdir()
    (tmp_path / "pipeline_info" / "versions.yml").write_text(
        "A:\n    numpy: '1'\nB:\n    numpy: '2'\n    scanpy: '3.10'\n"
    )
    assert provenance.software(tmp_path) == [("numpy", "1, 2"), ("scanpy", "3.10")]
    assert provenance.workflow(tmp_path) == {}


def test_the_pipeline_is_no_software_of_a_step(tmp_path):
    assert provenance.workflow(tmp_path) == {}
    (tmp_path / "pipeline_info").mkdir()
    (tmp_path / "pipeline_info" / "versions.yml").write_text("A:\n    numpy: '1'\nWorkflow:\n    commit: 'abc'\n")
    assert provenance.software(tmp_path) == [("numpy", "1")] and provenance.workflow(tmp_path) == {"commit": "abc"}


def test_changed_parameters_are_those_set_to_something_else():
    known = {"n": 1000, "flag": False, "half": 0.5, "map": "${projectDir}/assets/a.tsv", "text": "auto", "on": True}
    same = {"n": 1000, "flag": "false", "half": 0.5, "map": "/x/assets/a.tsv", "text": "", "on": "true", "new": None}
    assert provenance.changed(same | {"other": False}, known) == {}
    other = {"n": 0, "flag": True, "half": 0.25, "map": "mine.tsv", "text": "x", "on": False, "new": "y"}
    assert provenance.changed(other, known) == other


def test_the_page_says_who_what_and_when(whole):
    text, _ = make_report(
        Results(whole[0]), plotly="-", run=provenance.Run("P <1>", "a@b.example", "run . x", "2026-01-02")
    )
    head, section = text[: text.index("<main")], text[text.index('id="parameters"') :]
    assert "Project: P &lt;1&gt;; contact: a@b.example" in head
    assert "sc-compartments 0.1.0, commit 0123456789ab with changes, Nextflow 25.04.0; run of 2026-01-02." in head
    assert "<code>run . x</code>" in section and "commit 0123456789abcdef with changes" in section
    listed = section[section.index("differ from their defaults") : section.index("All parameters")]
    found = dict(re.findall(r"<dt>(\w+)</dt><dd>([^<]+)<", listed))
    assert found == {"input": "samplesheet.csv", "ambient_method": "soupem", "simulate": "alemtuzumab"}


def test_models_are_named_with_their_digests(whole, tmp_path):
    assert "none was used" in whole[1].words
    shutil.copytree(whole[0], tmp_path / "r")
    columns = Contract.of("check_labels").names("pipeline_info/models.tsv")
    write_tsv(
        pd.DataFrame([dict.fromkeys(columns, "1") | {"model": "m.pkl", "use": "names all", "sha256": "f00d"}]),
        tmp_path / "r/pipeline_info/models.tsv",
    )
    text, _ = make_report(Results(tmp_path / "r"), plotly="-")
    assert 'm.pkl: SHA-256 <span class="hash">f00d</span>' in text


def test_a_page_of_older_results_says_that_it_does_not_know(whole, tmp_path):
    shutil.copytree(whole[0], tmp_path / "r")
    (tmp_path / "r/pipeline_info/versions.yml").write_text("A:\n    numpy: '1'\n")
    text, _ = make_report(Results(tmp_path / "r"), plotly="-")
    assert "sc-compartments (version not known), commit not known, Nextflow (version not known)." in text


def test_files_have_a_digest_but_not_the_page(tmp_path, monkeypatch):
    for name in ("report.html", "a.tsv", "large.h5ad"):
        (tmp_path / name).write_text("x" * (20 if name == "large.h5ad" else 2))
    (tmp_path / "multiqc").mkdir()
    (tmp_path / "multiqc" / "b.tsv").write_text("x")
    monkeypatch.setattr(provenance, "HASHED_BYTES", 10)
    table = provenance.output_files(tmp_path).set_index("file")["SHA-256"]
    assert list(table.index) == ["a.tsv", "large.h5ad"]
    assert len(table["a.tsv"]) == 64 and table["large.h5ad"].startswith("not computed")
