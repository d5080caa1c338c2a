"""The writer of 10x h5 files: what readers, ours and others', look for in them."""

import h5py
import numpy as np
import scipy.sparse as sp

from compartments.core.tenx import write_10x_h5
from compartments.counts.reading import read_counts


def test_counts_are_read_back_the_same(tmp_path):
    counts = sp.csr_matrix(np.random.default_rng(0).poisson(0.5, (20, 6)))
    barcodes, genes = [f"{'ACGT' * 6}{i:02d}-1" for i in range(20)], [f"G{i}" for i in range(6)]
    write_10x_h5(tmp_path / "a.h5", counts, barcodes, genes, [f"ENSG{i:011d}" for i in range(6)], "unknown")
    read = read_counts(tmp_path / "a.h5")
    assert (read.matrix != counts).nnz == 0 and read.barcodes.tolist() == barcodes and read.symbol.tolist() == genes
    assert read.source.chemistry == "unknown" and [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_layout_is_that_of_cell_ranger(tmp_path):
    write_10x_h5(tmp_path / "a.h5", sp.csr_matrix(np.eye(3, 2)), ["A", "B", "C"], ["x", "y"], ["1", "2"])
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["matrix/shape"][:].tolist() == [2, 3] and file["matrix/indptr"][:].tolist() == [0, 1, 2, 2]
        assert file["matrix/data"].dtype == np.int32 and file["matrix/indices"].dtype == np.int64
        assert set(file["matrix/features"]) == {"_all_tag_keys", "feature_type", "genome", "id", "name"}
        assert set(file["matrix/features/feature_type"][:]) == {b"Gene Expression"}
