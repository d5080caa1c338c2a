"""The cells that pairs are scored on."""

import numpy as np
import pandas as pd
from scipy import sparse

from compartments.compare import scored_cells
from tests.support.annotated import toy


def test_log_normalise_is_scanpy_s():
    import anndata
    import scanpy

    counts, _, _ = toy(1)
    counts[4] = 0
    adata = anndata.AnnData(sparse.csr_matrix(counts, dtype=np.float32))
    scanpy.pp.normalize_total(adata, target_sum=1e4)
    scanpy.pp.log1p(adata)
    np.testing.assert_allclose(scored_cells.log_normalise(counts).toarray(), adata.X.toarray(), rtol=1e-6)


def test_too_small_lineages_are_named():
    lineages = np.array(["A"] * 30 + ["B"] * 9 + ["unassigned"] * 50 + ["C"] * 10, object)
    keep, reasons = scored_cells.testable_cells(lineages, 10)
    assert pd.Series(lineages[keep]).value_counts().to_dict() == {"A": 30, "C": 10}
    assert set(reasons) == {"B", "unassigned"}
    assert "9 cells" in reasons["B"]
    assert list(keep) == sorted(set(keep))
