"""Some cells of a file, from any format."""

import anndata
import numpy as np
import pandas as pd
import pytest

from compartments.core.errors import UserError
from compartments.counts import few_cells as module
from compartments.counts.few_cells import few_cells
from compartments.counts.formats import describe
from tests.bad_inputs import toy


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(module, "MIN_GENES", 100)
    monkeypatch.setattr(module, "MOST", 20)


def test_every_format_gives_cells_and_no_empties(tmp_path):
    counts = toy.counts()
    data = anndata.AnnData(counts, pd.DataFrame(index=toy.barcodes()), pd.DataFrame(index=toy.symbols()))
    data.write_h5ad(tmp_path / "a.h5ad")
    paths = [toy.h5(tmp_path / "m.h5"), toy.mtx(tmp_path / "m"), tmp_path / "a.h5ad"]
    expected = counts[np.linspace(0, toy.N_CELLS - 1, 20).astype(int)]
    for path in paths:
        assert (few_cells(describe(path)) != expected).nnz == 0, path
    dense = anndata.AnnData(counts[: toy.N_CELLS].toarray(), data.obs[: toy.N_CELLS], data.var)
    dense.write_h5ad(tmp_path / "dense.h5ad")
    assert few_cells(describe(tmp_path / "dense.h5ad")).shape == (20, toy.N_GENES)
    data.X = counts.tocsc()
    data.write_h5ad(tmp_path / "by_gene.h5ad")
    assert few_cells(describe(tmp_path / "by_gene.h5ad")).shape == (0, toy.N_GENES)


def test_a_damaged_file_is_named(tmp_path):
    path = toy.h5(tmp_path / "m.h5")
    source = describe(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UserError, match="m.h5: damaged or cut off"):
        few_cells(source)
