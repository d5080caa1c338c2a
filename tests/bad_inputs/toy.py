"""A small library with known counts, and writers of it in the formats that people have."""

import gzip
from functools import cache
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

ROOT = Path(__file__).resolve().parents[2]
N_CELLS, N_DROPLETS, N_GENES = 50, 250, 400
FIRST = ["MT-CO1", "MT-CO2", "MT-ND1", "MT-ATP6", "MT-CYB", "CD3E", "CD3D", "CD8A", "MS4A1", "CD79A", "LYZ", "NKG7"]
FIRST += ["XIST", "HLA-DRA", "HLA-B", "LILRA4", "JCHAIN", "CD52", "S100A8", "GNLY"]
EXPRESSION = "Gene Expression"


@cache
def symbols():
    """Real gene symbols, the mitochondrial ones first."""
    with gzip.open(ROOT / "assets" / "profiles.tsv.gz", "rt") as lines:
        known = [line.split("\t", 1)[0] for line in lines][1:]
    plain = [name for name in known if not name.startswith("MT-")]
    return list(dict.fromkeys(FIRST + plain))[:N_GENES]


def ids():
    return [f"ENSG{200_000 + 7 * i:011d}" for i in range(N_GENES)]


@cache
def counts():
    """Cells first, then empty droplets; csr of int32."""
    rng = np.random.default_rng(20)
    shares = rng.dirichlet(np.full(N_GENES, 1.0))
    shares[:5] = 0.01
    shares /= shares.sum()
    sizes = np.r_[rng.integers(1200, 2500, N_CELLS), rng.integers(4, 30, N_DROPLETS - N_CELLS)]
    return sp.csr_matrix(np.array([rng.multinomial(size, shares) for size in sizes]).astype(np.int32))


@cache
def barcodes():
    letters = np.random.default_rng(21).choice(list("ACGT"), (N_DROPLETS, 16))
    return ["".join(row) + "-1" for row in letters]


def cells():
    """Counts of the cells alone."""
    return counts()[:N_CELLS]


class Truth:
    """What must come out: the sum of every gene by its symbol and of every barcode."""

    def __init__(self, matrix=None, barcode=None, symbol=None):
        matrix = counts() if matrix is None else matrix
        barcode, symbol = barcode or barcodes(), symbol or symbols()
        self.genes, self.barcodes = {}, {}
        for name, total in zip(symbol, np.asarray(matrix.sum(0)).ravel(), strict=False):
            self.genes[name] = self.genes.get(name, 0) + int(total)
        for name, total in zip(barcode, np.asarray(matrix.sum(1)).ravel(), strict=False):
            if total:
                self.barcodes[name] = int(total)


def of_cells():
    return Truth(cells())


def text(values):
    return np.array([str(value).encode() for value in values], "S")


def h5(path, matrix=None, **given):
    """A 10x h5 of version 3; ``given``: ids, names, barcode, types, genome, data, and further columns of features."""
    matrix = sp.csr_matrix(counts() if matrix is None else matrix)
    ids_, names = given.pop("ids", None) or ids(), given.pop("names", None) or symbols()
    n = len(ids_)
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.attrs["chemistry_description"] = "Single Cell 3' v3"
        group = file.create_group("matrix")
        group["barcodes"] = text(given.pop("barcode", barcodes()[: matrix.shape[0]]))
        group["data"] = given.pop("data", matrix.data)
        group["indices"], group["indptr"] = matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)
        group["shape"] = np.array(matrix.shape[::-1], np.int32)
        columns = {"id": ids_, "name": names, "feature_type": given.pop("types", [EXPRESSION] * n)}
        columns["genome"] = given.pop("genome", ["GRCh38"] * n)
        features = group.create_group("features")
        for name, values in (columns | given).items():
            features[name] = values if isinstance(values, np.ndarray) else text(values)
    return path


def lines_of(ids_=None, names=None, kind=EXPRESSION):
    """Lines of features.tsv; of two columns without ``kind``."""
    last = f"\t{kind}" if kind else ""
    return [f"{one}\t{name}{last}" for one, name in zip(ids_ or ids(), names or symbols(), strict=True)]


def mtx(folder, matrix=None, **given):
    """A 10x folder; ``given``: rows, barcode, values, banner, eol, names, packed, turned (cells x genes), sizes."""
    matrix = sp.coo_matrix(counts() if matrix is None else matrix)
    eol, packed = given.get("eol", "\n"), given.get("packed", True)
    names = given.get("names", ("matrix.mtx", "barcodes.tsv", "features.tsv"))
    axes, shape = (matrix.col, matrix.row), matrix.shape[::-1]
    if given.get("turned"):
        axes, shape = axes[::-1], shape[::-1]
    sizes = given.get("sizes") or f"{shape[0]} {shape[1]} {matrix.nnz}"
    banner = given.get("banner", "%%MatrixMarket matrix coordinate integer general")
    values = given.get("values", matrix.data)
    entries = [f"{r + 1} {c + 1} {v}" for r, c, v in zip(*axes, values, strict=True)]
    content = ([banner, "%", sizes, *entries], given.get("barcode") or barcodes(), given.get("rows") or lines_of())
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in zip(names, content, strict=True):
        data = (eol.join(lines) + eol).encode()
        place = folder / (name + ".gz" * packed)
        place.write_bytes(gzip.compress(data, 1, mtime=0) if packed else data)
    return folder


def frame(index, **columns):
    """A data frame with names of rows as text."""
    return pd.DataFrame(columns, index=pd.Index(np.array(list(index), object)))


def h5ad(path, x=None, **given):
    """An h5ad; ``given``: obs, var, layers, raw (an AnnData), and options of writing. ``x=False``: no X."""
    layers = given.get("layers")
    x = counts().astype(np.float32) if x is None else None if x is False else x
    first = x if x is not None else next(iter((layers or {"": given.get("raw")}).values()))
    obs = given.get("obs", frame(barcodes()[: first.shape[0]]))
    var = given.get("var", frame(symbols()[: first.shape[1]], gene_ids=ids()[: first.shape[1]]))
    data = anndata.AnnData(x, obs=obs, var=var, layers=layers)
    if given.get("raw") is not None:
        data.raw = given["raw"]
    path.parent.mkdir(parents=True, exist_ok=True)
    data.write_h5ad(path)
    return path


def raw_of(matrix, var):
    """An AnnData to keep as ``.raw``."""
    return anndata.AnnData(sp.csr_matrix(matrix).astype(np.float32), obs=frame(barcodes()[: matrix.shape[0]]), var=var)


def logged():
    """Log of the cells' counts per 10,000: what analysts leave in X."""
    one = cells().toarray().astype(np.float32)
    return sp.csr_matrix(np.log1p(one / one.sum(1, keepdims=True) * 1e4))


def replace(path, node, values, **attributes):
    """Write another dataset in the place of one of an HDF5 file."""
    with h5py.File(path, "r+") as file:
        del file[node]
        file[node] = values
        file[node].attrs.update(attributes)
    return path


def cellbender(path, matrix=None, barcode=None, version="0.3.2", cells_only=False):
    """An output of CellBender: corrected counts, the probability of each droplet to be a cell."""
    matrix = corrected() if matrix is None else matrix
    n = matrix.shape[0]
    h5(path, matrix, barcode=barcode or barcodes()[:n])
    with h5py.File(path, "r+") as file:
        file["droplet_latents/cell_probability"] = np.where(np.arange(n) < N_CELLS, 0.99, 0.01)
        file["droplet_latents/barcode_indices_for_latents"] = np.arange(n)
        file["global_latents/ambient_expression"] = np.full(N_GENES, 1 / N_GENES)
        file["metadata/cellbender_version"] = version
    return path


@cache
def corrected():
    """The counts with one in ten taken away, empty droplets emptied."""
    rng, found = np.random.default_rng(22), counts().copy()
    found.data = rng.binomial(found.data, 0.9).astype(np.int32)
    found = found.tolil()
    found[N_CELLS:] = 0
    return found.tocsr()
