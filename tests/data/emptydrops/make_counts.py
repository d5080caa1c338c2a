"""Write counts.mtx.gz (genes x barcodes): a small simulated sample for the comparison with DropletUtils."""

import gzip
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from scipy.io import mmwrite

rng = np.random.default_rng(20)
n_genes, n_empty = 250, 500
cells = rng.dirichlet(np.full(n_genes, 0.3), size=3)
soup = cells.mean(0) * rng.lognormal(0, 0.4, n_genes)
soup /= soup.sum()
totals = [*rng.integers(20, 180, n_empty), *rng.integers(120, 700, 40)]
profiles = [soup] * n_empty + [0.85 * cells[i % 3] + 0.15 * soup for i in range(40)]
counts = np.array([rng.multinomial(n, p) for n, p in zip(totals, profiles, strict=True)])
with gzip.GzipFile(Path(__file__).with_name("counts.mtx.gz"), "wb", mtime=0) as out:
    mmwrite(out, sp.coo_matrix(counts.T), field="integer")
