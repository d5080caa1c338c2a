"""What a file holds is told without reading its values."""

import anndata
import numpy as np
import pytest
import scipy.sparse as sp

from compartments.counts.extent import GENES, MIN_GENES, extent
from compartments.counts.formats import describe
from tests.support.matrices import write_h5, write_mtx

WIDE = 400


@pytest.fixture
def droplets():
    """Thirty cells of all genes but one, and a hundred empty droplets of few; each gene named."""
    rng = np.random.default_rng(0)
    dense = np.zeros((130, WIDE), np.int32)
    dense[:30, 1:] = 1 + rng.poisson(2.0, (30, WIDE - 1))
    dense[:30, 1:6] += rng.poisson(40.0, (30, 5))
    dense[30:, : MIN_GENES // 10] = 1
    names = [f"GENE{i}" for i in range(WIDE)], [f"ENSG{i:011d}" for i in range(WIDE)]
    return sp.csr_matrix(dense), *names


def test_empty_droplets_are_not_cells_where_the_file_has_an_index_of_barcodes(tmp_path, droplets):
    counts, symbols, ids = droplets
    path = write_h5(tmp_path / "raw.h5", counts, symbols=symbols, ids=ids)
    assert extent(describe(path)) == {"cells": 30, "values": 30 * (WIDE - 1)}


@pytest.mark.parametrize("kind", ["by gene", "dense"])
def test_all_values_count_where_it_has_none(tmp_path, droplets, kind):
    counts, symbols, ids = droplets
    stored = counts.tocsc() if kind == "by gene" else counts.toarray()
    data = anndata.AnnData(stored, var={"gene_ids": ids})
    data.var_names, data.obs_names = symbols, [f"AAAC{i:04d}-1" for i in range(counts.shape[0])]
    data.write_h5ad(tmp_path / "x.h5ad")
    assert extent(describe(tmp_path / "x.h5ad")) == {"cells": counts.nnz // GENES, "values": counts.nnz}


@pytest.mark.parametrize("compressed", [True, False])
def test_a_matrix_says_how_many_values_it_has(tmp_path, compressed):
    counts = sp.csr_matrix(np.random.default_rng(1).poisson(2.0, (200, 40)).astype(np.int32))
    folder = write_mtx(tmp_path / "mtx", counts, compressed=compressed)
    assert extent(describe(folder)) == {"cells": counts.nnz // GENES, "values": counts.nnz}
