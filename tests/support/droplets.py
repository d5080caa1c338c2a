"""Droplets of small samples made for tests: cells, empty droplets, soup."""

import anndata
import numpy as np
import pandas as pd
import scipy.sparse as sp

from compartments.cells import leaks
from compartments.core.vocabulary import ADULT_HAEMOGLOBIN

GENES = [*ADULT_HAEMOGLOBIN, "LYZ", *leaks.GATES["T"], *leaks.GATES["myeloid"], *[f"G{i}" for i in range(120)]]


def make_sample(n_cells=120, n_empty=1500, soup_umi=60, seed=0):
    """Droplets (T cells, then myeloid cells, then empty) and the counts of the cells without soup."""
    rng = np.random.default_rng(seed)
    shares = {kind: rng.lognormal(0, 1, len(GENES)) for kind in ("T", "myeloid")}
    for kind, other in (("T", "myeloid"), ("myeloid", "T")):
        shares[kind][[GENES.index(g) for g in leaks.GATES[other]]] = 0
        shares[kind][: len(ADULT_HAEMOGLOBIN)] = 0
    shares["T"][GENES.index("LYZ")] = 0
    shares["myeloid"][GENES.index("LYZ")] = 30
    profiles = {kind: share / share.sum() for kind, share in shares.items()}
    own = np.array([rng.multinomial(1500, profiles["T" if i < n_cells // 2 else "myeloid"]) for i in range(n_cells)])
    soup = own.sum(axis=0) / own.sum()
    soup[: len(ADULT_HAEMOGLOBIN)] += 0.1
    soup /= soup.sum()
    noise = rng.poisson(soup_umi * soup, (n_cells + n_empty, len(GENES)))
    counts = noise.copy()
    counts[:n_cells] += own
    data = anndata.AnnData(
        sp.csr_matrix(counts.astype(np.int32)),
        obs=pd.DataFrame(index=[f"B{i:05d}-1" for i in range(len(counts))]),
        var=pd.DataFrame({"gene_id": GENES}, index=GENES),
    )
    data.uns = {"sample": "s1", "kind": "raw", "cell_source": "none"}
    calls = pd.DataFrame({"barcode": data.obs_names, "is_cell": np.arange(len(counts)) < n_cells})
    return data, calls, own, noise[:n_cells], soup


def droplets(n_cells, n_empty=3000, soup=60, n_genes=600, seed=0):
    """Empty droplets, then cells of two types whose mixture is the soup."""
    rng = np.random.default_rng(seed)
    types = rng.dirichlet(np.full(n_genes, 0.3), size=2)
    ambient = types.mean(0)
    empties = rng.multinomial(rng.poisson(rng.lognormal(np.log(soup), 0.3, n_empty)), ambient)
    cells = [rng.multinomial(int(rng.lognormal(7, 0.4)), types[i % 2]) for i in range(n_cells)]
    added = rng.multinomial(rng.poisson(soup, n_cells), ambient)
    return sp.csr_matrix(np.vstack([empties, np.array(cells).reshape(-1, n_genes) + added]).astype(np.int32))


def write_droplets(path, counts, kind="raw", is_cell=None):
    data = anndata.AnnData(counts, obs=pd.DataFrame(index=[f"B{i}" for i in range(counts.shape[0])]))
    if is_cell is not None:
        data.obs["is_cell"] = is_cell
    data.uns = {"sample": "S1", "kind": kind, "cell_source": "none" if is_cell is None else "filtered"}
    data.write_h5ad(path)


def write_10x(path, counts, types=None):
    """10x v3 h5 of ``counts`` (barcodes x features)."""
    import h5py

    n, genes = counts.shape
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        group["data"], group["indices"], group["indptr"] = counts.data, counts.indices, counts.indptr
        group["shape"] = counts.shape[::-1]
        group["barcodes"] = np.array([f"B{i:05d}-1" for i in range(n)], "S")
        features = group.create_group("features")
        features["id"] = np.array([f"ENSG{i:011d}" for i in range(genes)], "S")
        features["name"] = np.array([f"GENE{i}" for i in range(genes)], "S")
        features["feature_type"] = np.array(types or ["Gene Expression"] * genes, "S")
        features["genome"] = np.array(["GRCh38"] * genes, "S")


def make_droplets(n_cells=60, n_empty=800, n_genes=120, seed=0):
    """Two kinds of cells and soup; cells first."""
    rng = np.random.default_rng(seed)
    profiles = rng.dirichlet(np.full(n_genes, 0.3), 2)
    soup = profiles.mean(axis=0)
    own = [rng.multinomial(800, profiles[i % 2]) for i in range(n_cells)]
    counts = np.array(
        [c + rng.multinomial(40, soup) for c in own] + [rng.multinomial(40, soup) for _ in range(n_empty)]
    )
    data = anndata.AnnData(
        sp.csr_matrix(counts.astype(np.int32)),
        obs=pd.DataFrame(index=[f"B{i:05d}-1" for i in range(len(counts))]),
        var=pd.DataFrame(
            {"gene_id": [f"ENSG{i:011d}" for i in range(n_genes)]}, index=[f"G{i}" for i in range(n_genes)]
        ),
    )
    data.uns = {"sample": "s1", "kind": "raw", "cell_source": "none"}
    return data


def totals_of(data):
    return np.asarray(data.X.sum(axis=1)).ravel()


def finished(data, n_cells=60):
    """``data`` with a corrected layer, as the reader leaves a finished CellBender output."""
    data.obs["is_cell"] = np.arange(data.n_obs) < n_cells
    data.layers["corrected"] = data.X.copy()
    data.layers["corrected"].data = np.maximum(data.X.data - 1, 0)
    return data
