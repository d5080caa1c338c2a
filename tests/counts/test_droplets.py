"""``droplets.h5ad`` read back."""

import anndata
import numpy as np

from compartments.counts.droplets import read_droplets
from tests.support.droplets import droplets, write_droplets


def test_droplets_are_read_as_anndata_reads_them(tmp_path):
    counts = droplets(5, n_empty=30)
    for is_cell in (None, np.arange(35) < 5):
        write_droplets(tmp_path / "S1.droplets.h5ad", counts, is_cell=is_cell)
        read, data = read_droplets(tmp_path / "S1.droplets.h5ad"), anndata.read_h5ad(tmp_path / "S1.droplets.h5ad")
        assert (read.matrix != data.X).nnz == 0 and read.barcodes.tolist() == data.obs_names.tolist()
        assert read.totals.tolist() == data.X.sum(axis=1).A1.tolist() and read.totals.dtype == np.int64
        assert (read.sample, read.kind, read.cell_source) == tuple(
            data.uns[k] for k in ("sample", "kind", "cell_source")
        )
        assert read.is_cell is None if is_cell is None else (read.is_cell == is_cell).all()
