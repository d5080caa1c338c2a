"""The step that imports CellBender's output."""

import json

import anndata
import pytest

from tests.support.droplets import finished, make_droplets


def test_finished_output_becomes_cells(execute, tmp_path):
    data = finished(make_droplets())
    data.write_h5ad(tmp_path / "s1.droplets.h5ad")
    done = execute("import_cellbender", "--droplets", "s1.droplets.h5ad")
    assert done.returncode == 0, done.stderr
    cells = anndata.read_h5ad(tmp_path / "s1.cells.h5ad")
    assert cells.n_obs == 60 and cells.X is None and cells.uns["ambient_method"] == "cellbender"
    assert (cells.layers["counts"] != data.X[:60]).nnz == 0
    assert (cells.layers["corrected"] != data.layers["corrected"][:60]).nnz == 0
    assert cells.var["soup_fraction"].sum() == pytest.approx(1)
    assert json.loads((tmp_path / "samples" / "s1" / "s1.ambient.json").read_text())["method"] == "cellbender"
