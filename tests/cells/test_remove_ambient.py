"""The step that removes ambient RNA."""

import anndata

from compartments.core.files import read_json, read_tsv
from compartments.core.vocabulary import ADULT_HAEMOGLOBIN


def test_without_empty_droplets_nothing_is_removed(execute, tmp_path, sample):
    data, calls, *_ = sample
    data = data[calls["is_cell"].to_numpy()].copy()
    data.uns["kind"] = "filtered"
    data.write_h5ad(tmp_path / "s1.droplets.h5ad")
    calls[calls["is_cell"]].to_csv(tmp_path / "s1.calls.tsv.gz", sep="\t", index=False)
    done = execute("remove_ambient", "--droplets", "s1.droplets.h5ad", "--calls", "s1.calls.tsv.gz")
    assert done.returncode == 0, done.stderr
    summary = read_json(tmp_path / "samples" / "s1" / "s1.ambient.json")
    assert summary["method"] == "none" and "no empty droplets" in summary["reason"] and summary["fraction_removed"] == 0
    cells = anndata.read_h5ad(tmp_path / "s1.cells.h5ad")
    assert (cells.layers["counts"] != cells.layers["corrected"]).nnz == 0 and cells.uns["ambient_method"] == "none"
    assert (tmp_path / "skipped.tsv").read_text().count("\n") == 1


def test_executable_writes_the_same_bytes_twice(execute, tmp_path, sample):
    data, calls, *_ = sample
    tables = []
    for run in ("a", "b"):
        folder = tmp_path / run
        folder.mkdir()
        data.write_h5ad(folder / "s1.droplets.h5ad")
        calls.to_csv(folder / "s1.calls.tsv.gz", sep="\t", index=False)
        arguments = ("--droplets", "s1.droplets.h5ad", "--calls", "s1.calls.tsv.gz", "--seed", 3)
        done = execute("remove_ambient", *arguments, cwd=folder)
        assert done.returncode == 0, done.stderr
        tables.append(
            [(folder / "samples" / "s1" / f"s1.{name}").read_bytes() for name in ("soup.tsv.gz", "ambient.json")]
        )
    assert tables[0] == tables[1]
    soup = read_tsv(folder / "samples" / "s1" / "s1.soup.tsv.gz", required=("gene", "soup_fraction"))
    assert soup["soup_fraction"].is_monotonic_decreasing and soup["gene"][0] in (*ADULT_HAEMOGLOBIN, "LYZ")


def test_sample_without_cells_is_skipped(execute, tmp_path, sample):
    data, calls, *_ = sample
    data.write_h5ad(tmp_path / "s1.droplets.h5ad")
    calls.assign(is_cell=False).to_csv(tmp_path / "s1.calls.tsv.gz", sep="\t", index=False)
    done = execute("remove_ambient", "--droplets", "s1.droplets.h5ad", "--calls", "s1.calls.tsv.gz")
    assert done.returncode == 0 and "no cell was called" in (tmp_path / "skipped.tsv").read_text()
    assert not (tmp_path / "s1.cells.h5ad").exists()
