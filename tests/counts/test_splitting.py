"""Counts of several samples in one file: each comes out whole, however the matrix lies and is read."""

import h5py
import numpy as np
import pytest
import scipy.sparse as sp

from compartments.core.errors import UserError
from compartments.counts.formats import describe
from compartments.counts.reading import read_counts
from compartments.counts.splitting import split_counts
from compartments.counts.whole_study import open_study
from tests.bad_inputs import toy

CODE = np.random.default_rng(3).integers(-1, 3, toy.N_CELLS)


@pytest.mark.parametrize("form", [sp.csr_matrix, sp.csc_matrix, lambda x: x.toarray()])
@pytest.mark.parametrize("most", [1, 700, 10**6])
def test_every_sample_has_its_counts(tmp_path, form, most):
    source, _, file = open_study(toy.h5ad(tmp_path / "all.h5ad", form(toy.cells().astype(np.float32))))
    file.close()
    paths = {n: tmp_path / f"{n}.h5ad" for n in (0, 2)}
    words = np.array([f"w{n}" for n in range(toy.N_CELLS)], dtype=object)
    split_counts(source, CODE, paths, {"word": words}, most)
    for n, path in paths.items():
        found = read_counts(path)
        assert (found.matrix != toy.cells()[n == CODE]).nnz == 0
        assert list(found.barcodes) == [one for one, code in zip(toy.barcodes(), CODE, strict=False) if code == n]
        assert list(found.symbol) == toy.symbols() and list(found.gene_id) == toy.ids()


def test_the_same_bytes_however_it_is_read(tmp_path):
    source, _, file = open_study(toy.h5ad(tmp_path / "all.h5ad", toy.cells().astype(np.float32)))
    file.close()
    for most in (700, 10**6):
        split_counts(source, CODE, {1: tmp_path / f"{most}.h5ad"}, {}, most)
    first, second = (read_counts(tmp_path / f"{most}.h5ad").matrix for most in (700, 10**6))
    assert (first != second).nnz == 0


def test_the_chemistry_of_the_whole_goes_along(tmp_path):
    path = toy.h5(tmp_path / "all.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["chemistry_description"] = "Single Cell 3' v4 (polyA)"
    source, _, file = open_study(path)
    file.close()
    split_counts(source, np.zeros(len(source.barcodes), np.int64), {0: tmp_path / "0.h5ad"}, {})
    assert describe(tmp_path / "0.h5ad").chemistry == "Single Cell 3' v4 (polyA)"


def test_values_that_are_no_counts_further_on_are_one_line(tmp_path):
    path = toy.h5ad(tmp_path / "all.h5ad", toy.cells().astype(np.float32))
    source, _, file = open_study(path)
    file.close()
    values = toy.cells().data.astype(np.float32)
    values[-1] = 0.5
    toy.replace(path, "X/data", values)
    with pytest.raises(UserError, match="fractional values such as 0.5"):
        split_counts(source, CODE, {0: tmp_path / "0.h5ad", 1: tmp_path / "1.h5ad", 2: tmp_path / "2.h5ad"}, {}, 100)
