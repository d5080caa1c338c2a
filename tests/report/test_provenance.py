"""Parameters, software and files behind a page."""

from compartments.report import provenance


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


def test_files_have_a_digest_but_not_the_page(tmp_path, monkeypatch):
    for name in ("report.html", "a.tsv", "large.h5ad"):
        (tmp_path / name).write_text("x" * (20 if name == "large.h5ad" else 2))
    (tmp_path / "multiqc").mkdir()
    (tmp_path / "multiqc" / "b.tsv").write_text("x")
    monkeypatch.setattr(provenance, "HASHED_BYTES", 10)
    table = provenance.output_files(tmp_path).set_index("file")["sha256"]
    assert list(table.index) == ["a.tsv", "large.h5ad"]
    assert len(table["a.tsv"]) == 64 and table["large.h5ad"].startswith("not computed")
