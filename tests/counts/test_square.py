"""Matrices with as many genes as barcodes."""

import numpy as np
import pytest
import scipy.sparse as sp

from compartments.counts.formats import describe
from compartments.counts.lanes import cell_barcodes
from compartments.counts.reading import read_counts
from compartments.counts.square import EVERYWHERE
from tests.bad_inputs import toy
from tests.support.matrices import some_counts, write_h5, write_mtx

N = toy.N_GENES
BARCODES = ["".join("ACGT"[(n >> 2 * i) & 3] for i in range(12)) + "-1" for n in range(N)]


def square(seed=0):
    """As many droplets as genes, of which some are what most cells have much of."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(N)) * [20 if EVERYWHERE.match(name) else 1 for name in toy.symbols()]
    sizes = np.where(rng.random(N) < 0.2, rng.integers(500, 1200, N), rng.integers(5, 30, N))
    return sp.csr_matrix(np.array([rng.multinomial(size, shares / shares.sum()) for size in sizes]).astype(np.int32))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("kind", ["mtx", "h5"])
def test_the_genes_that_all_cells_have_tell_the_axis(tmp_path, kind, turned):
    counts = square()
    if kind == "mtx":
        path = toy.mtx(tmp_path / "m", counts, barcode=BARCODES, turned=turned)
    else:
        stored = sp.csr_matrix(counts.T) if turned else counts
        path = write_h5(tmp_path / "a.h5", stored, symbols=toy.symbols(), ids=toy.ids(), barcodes=BARCODES)
    found = read_counts(path)
    assert (found.matrix != counts).nnz == 0
    assert any("as many genes as barcodes" in note for note in found.source.notes) == turned
    told = dict(zip([code[:-2] for code in BARCODES], np.diff(counts.indptr).tolist(), strict=True))
    assert cell_barcodes(describe(path)) == told


def test_what_cannot_be_told_is_read_as_its_format_has_it_with_a_warning(tmp_path):
    found = describe(write_mtx(tmp_path / "m", some_counts(40), compressed=False))
    assert found.by_barcode and "as many genes as barcodes (40)" in found.warnings[-1]


def test_other_matrices_are_left_alone(tmp_path):
    assert describe(write_mtx(tmp_path / "m", some_counts(41), compressed=False)).by_barcode
