"""A matrix that is written sample by sample."""

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from compartments.cohort import on_disk
from compartments.core.errors import CountsChanged, UserError
from compartments.core.matrix import log_normalise
from tests.support.samples import cells_of, merge_all


def test_the_file_is_the_matrix(written):
    folder, study, _ = written
    expected, merged = cells_of(folder, study), merge_all(folder, study)[1]
    files = sorted(folder.glob("*.filtered.h5ad"))
    wanted = np.arange(merged.n_vars) % 3 == 0
    with h5py.File(folder / "all.h5ad", "w") as file:
        values = on_disk.write_matrices(file, on_disk.counts_of_samples(merged, files), wanted)
        on_disk.write_around(file, {"obs": merged.obs, "var": merged.var, "uns": {"log1p": {}}})
        for (rows, counts), (_, span) in zip(
            on_disk.corrected_of_samples(file, merged.obs["sample"]), on_disk.rows_of(merged.obs["sample"]), strict=True
        ):
            assert rows == span and (counts != expected.layers["corrected"][rows]).nnz == 0
    found = anndata.read_h5ad(folder / "all.h5ad")
    assert all((found.layers[name] != expected.layers[name]).nnz == 0 for name in on_disk.LAYERS)
    x = log_normalise(expected.layers["corrected"]).astype(np.float32)
    assert (x != found.X).nnz == 0 and (values != x[:, wanted]).nnz == 0 and found.X.has_sorted_indices
    # a file of all cells that are there, and of no others
    with pytest.raises(UserError, match=r"sample 'D0_CSF' has no file D0_CSF\.filtered\.h5ad"):
        list(on_disk.counts_of_samples(merged, files[1:]))
    anndata.read_h5ad(files[0])[5:].copy().write_h5ad(files[0])
    with pytest.raises(UserError, match=r"D0_CSF\.filtered\.h5ad: cell 'F0003-1' of the cohort is missing"):
        list(on_disk.counts_of_samples(merged, files))


@pytest.mark.parametrize("n_rows", [[0, 3], [4, 0, 1], [2]])
def test_rows_are_added_below_each_other(tmp_path, n_rows):
    rng = np.random.default_rng(0)
    parts = [sparse.csr_matrix(rng.poisson(0.4, (n, 7)).astype(np.int32)) for n in n_rows]
    with h5py.File(tmp_path / "x.h5", "w") as file:
        growing = on_disk.Growing(file.create_group("m"), np.int32)
        for part in parts:
            growing.add(part)
        growing.finish(7)
        assert file["m/indptr"].dtype == file["m/indices"].dtype == "int32"
        found = anndata.io.read_elem(file["m"])
    np.testing.assert_array_equal(found.toarray(), sparse.vstack(parts).toarray())


def test_cells_of_a_sample_stand_together():
    assert list(on_disk.rows_of(pd.Series(list("bbac")))) == [
        ("b", slice(0, 2)),
        ("a", slice(2, 3)),
        ("c", slice(3, 4)),
    ]
    with pytest.raises(CountsChanged, match="together"):
        on_disk.rows_of(pd.Series(list("aba")))
