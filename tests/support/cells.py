"""Cells of small samples made for tests."""

import anndata
import numpy as np
import pandas as pd
import scipy.sparse as sp


def two_types(n=300, n_genes=400, n_doublets=12, seed=0):
    """Counts of two cell types; the last ``n_doublets`` are sums of one cell of each."""
    rng = np.random.default_rng(seed)
    profiles = rng.dirichlet(np.full(n_genes, 0.2), size=2)
    cells = np.array([rng.multinomial(rng.integers(1000, 2500), profiles[i % 2]) for i in range(n)])
    mixed = [rng.multinomial(1800, profiles[0]) + rng.multinomial(1800, profiles[1]) for _ in range(n_doublets)]
    return sp.csr_matrix(np.vstack([cells, mixed]).astype(np.int32))


SYMBOLS = ["MT-CO1", "RPL3", "HBB", "PPBP", *[f"G{i}" for i in range(300)]]


def clean(n=400, seed=0, spread=0.45):
    """Cells of one kind: log-normal depth, 6 % mitochondrial."""
    rng = np.random.default_rng(seed)
    p = np.r_[0.06, 0.1, 0.001, 0.0005, np.full(300, 0.8385 / 300)]
    depth = rng.lognormal(np.log(2500), spread, n).astype(int)
    return np.array([rng.multinomial(d, p) for d in depth])


def cells_file(path, dense):
    counts = sp.csr_matrix(dense.astype(np.int32))
    data = anndata.AnnData(
        obs=pd.DataFrame({"contamination": 0.0}, index=[f"B{i}" for i in range(len(dense))]),
        var=pd.DataFrame({"gene_id": SYMBOLS}, index=SYMBOLS),
        layers={"counts": counts, "corrected": counts},
        uns={"sample": "S1", "ambient_method": "none"},
    )
    data.write_h5ad(path)
