"""The step that filters cells."""

import anndata
import scipy.sparse as sp

from compartments.core.files import read_json, read_tsv
from tests.support.cells import cells_file, clean


def test_executable(execute, tmp_path):
    dense = clean()
    dense[:3, 0] += 4000
    cells_file(tmp_path / "S1.cells.h5ad", dense)
    assert execute("filter_cells", "--cells", "S1.cells.h5ad").returncode == 0
    table, per_cell = (
        read_tsv(tmp_path / "samples" / "S1" / "S1.qc.tsv"),
        read_tsv(tmp_path / "samples" / "S1" / "S1.qc_cells.tsv.gz"),
    )
    filtered = anndata.read_h5ad(tmp_path / "S1.filtered.h5ad")
    assert list(table) == ["sample", "metric", "lower", "upper", "n_removed", "n_removed_only"]
    assert set(per_cell.loc[~per_cell["passes"], "barcode"]) == {f"B{i}" for i in range(400)} - set(filtered.obs_names)
    assert not {"B0", "B1", "B2"} & set(filtered.obs_names)
    assert (filtered.layers["counts"] != sp.csr_matrix(dense)[[int(b[1:]) for b in filtered.obs_names]]).nnz == 0
    assert read_json(tmp_path / "samples" / "S1" / "S1.qc.json")["n_cells"] == filtered.n_obs
    assert filtered.X is None and filtered.obs["total_counts"].min() >= 300


def test_nothing_left_is_a_skip(execute, tmp_path):
    cells_file(tmp_path / "S1.cells.h5ad", clean(30))
    done = execute("filter_cells", "--cells", "S1.cells.h5ad", "--min_counts", 1e6)
    assert done.returncode == 0 and not (tmp_path / "S1.filtered.h5ad").exists()
    skipped = read_tsv(tmp_path / "skipped.tsv")
    assert skipped.loc[0, "sample"] == "S1" and "total_counts" in skipped.loc[0, "reason"]


def test_zero_is_no_limit_and_limits_are_those_of_the_schema(execute, tmp_path):
    cells_file(tmp_path / "S1.cells.h5ad", clean())
    assert execute("filter_cells", "--cells", "S1.cells.h5ad", "--max_counts", 0).returncode == 0
    table = read_tsv(tmp_path / "samples" / "S1" / "S1.qc.tsv").set_index("metric")
    assert table.loc["total_counts", "n_removed"] < 5
    assert execute("filter_cells", "--cells", "S1.cells.h5ad", "--max_counts", 2000).returncode == 0
    table = read_tsv(tmp_path / "samples" / "S1" / "S1.qc.tsv").set_index("metric")
    assert table.loc["total_counts", "upper"] == 2000 and table.loc["total_counts", "n_removed"] > 100
    done = execute("filter_cells", "--cells", "S1.cells.h5ad", "--max_mt", 101)
    assert done.returncode == 2 and "--max_mt is 101" in done.stderr


def test_a_limit_of_the_samplesheet_goes_before_the_parameter(execute, tmp_path):
    """The process gives it after that."""
    cells_file(tmp_path / "S1.cells.h5ad", clean())
    given = ("--min_genes", 300, "--max_mt", 20.0, "--min_genes", "0", "--max_mt", "35.0")
    assert execute("filter_cells", "--cells", "S1.cells.h5ad", "--nmads_mt", 1000, *given).returncode == 0
    table = read_tsv(tmp_path / "samples" / "S1" / "S1.qc.tsv").set_index("metric")
    assert table.loc["pct_mt", "upper"] == 35 and table.loc["n_genes", "lower"] < 300
