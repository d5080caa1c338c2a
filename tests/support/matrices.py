"""Files of counts in the formats that users give, and what is in them."""

import gzip

import h5py
import numpy as np
import scipy.sparse as sp
from scipy.io import mmwrite

N_GENES = 40
SYMBOLS = ["CD3E", "CD3E", "MS4A1", *[f"GENE{i}" for i in range(N_GENES - 3)]]
IDS = [f"ENSG{i:011d}.{i % 9}" for i in range(N_GENES)]


def some_counts(n=60, seed=0, n_genes=N_GENES):
    return sp.csr_matrix(np.random.default_rng(seed).poisson(2.0, (n, n_genes)).astype(np.int32))


def plain_names():
    """Symbols of one gene each, and their ids without versions."""
    return [f"GENE{i}" for i in range(N_GENES)], [f"ENSG{i:011d}" for i in range(N_GENES)]


def names(n):
    return [f"AAAC{i:04d}-1" for i in range(n)]


def write_h5(path, counts, symbols=SYMBOLS, ids=IDS, types=None, barcodes=None, genomes=None, dtype=np.int32):
    """10x v3 layout."""
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        group["data"], group["indices"], group["indptr"] = counts.data.astype(dtype), counts.indices, counts.indptr
        group["shape"] = counts.shape[::-1]
        group["barcodes"] = np.array(barcodes or names(counts.shape[0]), "S")
        features = group.create_group("features")
        features["id"], features["name"] = np.array(ids, "S"), np.array(symbols, "S")
        features["feature_type"] = np.array(types or ["Gene Expression"] * len(ids), "S")
        features["genome"] = np.array(genomes or ["GRCh38"] * len(ids), "S")
    return path


def write_mtx(folder, counts, third_column=True, compressed=True):
    folder.mkdir(parents=True)
    mmwrite(folder / "matrix.mtx", sp.coo_matrix(counts.T), field="integer")
    last = "\tGene Expression" if third_column else ""
    lines = "".join(f"{i}\t{s}{last}\n" for i, s in zip(IDS, SYMBOLS, strict=True))
    (folder / ("features.tsv" if third_column else "genes.tsv")).write_text(lines)
    (folder / "barcodes.tsv").write_text("".join(f"{b}\n" for b in names(counts.shape[0])))
    if compressed:
        for file in list(folder.iterdir()):
            file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes()))
            file.unlink()
    return folder


def equal(found, counts):
    return found.matrix.dtype == np.int32 and (found.matrix != counts).nnz == 0


def damaged(kind, path):
    """A file with one thing wrong."""
    counts = some_counts()
    if kind == "missing":
        return path
    if kind == "negative":
        counts.data[5] = -1
    if kind == "fractional":
        counts = counts.astype(float)
        counts.data[5] = 0.5
    options = {
        "rat": {"ids": [i.replace("ENSG", "ENSRNOG") for i in IDS]},
        "zebrafish": {"ids": [i.replace("ENSG", "ENSDARG") for i in IDS]},
        "both": {"ids": [i.replace("ENSG", "ENSMUSG") if n % 3 else i for n, i in enumerate(IDS)]},
        "rat symbols": {
            "ids": [f"Gene{i}x" for i in range(N_GENES)],
            "symbols": ["RT1-Da", *(f"Abcd{i}" for i in range(1, N_GENES))],
        },
        "no symbols": {"symbols": IDS},
        "antibodies": {"types": ["Antibody Capture"] * N_GENES},
        "twice": {"barcodes": ["A-1"] * 60},
    }.get(kind, {})
    write_h5(path, counts, dtype=counts.dtype, **options)
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:-2000])
    if kind == "text":
        path.write_text("barcode,gene\n")
    if kind == "empty":
        path.write_bytes(b"")
    if kind in ("indptr", "indices", "data"):
        with h5py.File(path, "a") as file:
            values = file[f"matrix/{kind}"][:]
            del file[f"matrix/{kind}"]
            file[f"matrix/{kind}"] = values[:-1]
    if kind == "other":
        path.unlink()
        with h5py.File(path, "w") as file:
            file["something"] = 1
    return path


def raw_and_cells():
    """All droplets of one library and which of them are cells."""
    empties = sp.csr_matrix(np.random.default_rng(1).poisson(0.5, (400, N_GENES)).astype(np.int32))
    cells = sp.csr_matrix(np.random.default_rng(2).poisson(20, (60, N_GENES)).astype(np.int32))
    return sp.vstack([cells, empties]).tocsr(), np.arange(60)


def write_cellbender(path, counts, probability, barcodes=None, version=None):
    write_h5(path, counts, barcodes=barcodes)
    with h5py.File(path, "a") as file:
        file["droplet_latents/cell_probability"] = np.asarray(probability, float)
        file["droplet_latents/barcode_indices_for_latents"] = np.arange(len(probability))
        file["global_latents/ambient_expression"] = np.full(N_GENES, 1 / N_GENES)
        if version:
            file["metadata/cellbender_version"] = version
    return path
