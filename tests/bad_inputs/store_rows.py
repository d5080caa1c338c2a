"""Zarr stores, looms and h5mu files: read with the right numbers, or refused in one line."""

import anndata
import h5py
import numpy as np

from tests.bad_inputs.counted import reads, refused
from tests.bad_inputs.toy import barcodes, counts, frame, h5ad, ids, symbols

STORES, LOOMS, MODALITIES = "zarr stores", "loom files", "modalities of an h5mu"


def zarr(folder, x=None):
    data = anndata.AnnData(counts().astype(np.float32) if x is None else x, obs=frame(barcodes()))
    data.var = frame(symbols(), gene_ids=ids())
    data.write_zarr(folder / "m.zarr")
    return folder / "m.zarr"


def cut_zarr(folder):
    path = zarr(folder)
    for part in sorted((path / "X" / "indices").rglob("*")):
        if part.is_file() and part.name not in ("zarr.json", ".zarray", ".zattrs"):
            part.write_bytes(part.read_bytes()[:20])
    return path


def loom(**lacking):
    def make(folder):
        path = folder / "m.loom"
        with h5py.File(path, "w") as file:
            file["matrix"] = counts().T.toarray()
            columns = {"row_attrs": {"Gene": symbols(), "Accession": ids()}, "col_attrs": {"CellID": barcodes()}}
            for name, attributes in columns.items():
                group = file.create_group(name)
                for one, values in attributes.items():
                    if one not in lacking.get(name, ()):
                        group[one] = np.array(values, "S")
        return path

    return make


def h5mu(*modalities):
    def make(folder):
        own = h5ad(folder / "own.h5ad")
        with h5py.File(own, "r") as source, h5py.File(folder / "m.h5mu", "w") as file:
            for name in ("obs", "var"):
                source.copy(name, file)
            file.create_group("mod")
            for name in modalities:
                source.copy("/", file["mod"], name)
        return folder / "m.h5mu"

    return make


ROWS = [
    reads("a zarr store", STORES, zarr),
    reads("a zarr store of a dense matrix", STORES, lambda folder: zarr(folder, counts().toarray())),
    refused("a zarr store of logarithms", STORES, lambda folder: zarr(folder, counts() * 0.3), "fractional values"),
    refused("a zarr store that is cut off", STORES, cut_zarr, "damaged or cut off"),
    reads("a loom", LOOMS, loom()),
    refused("a loom without genes", LOOMS, loom(row_attrs=("Gene", "Accession")), "without names of its 400 genes"),
    refused("a loom without cells", LOOMS, loom(col_attrs=("CellID",)), "without names of its 250 cells"),
    refused("a loom with ids alone", LOOMS, loom(row_attrs=("Gene",)), "without gene symbols"),
    reads("an h5mu", MODALITIES, h5mu("prot", "rna"), note="/mod/rna is read"),
    refused("an h5mu without RNA", MODALITIES, h5mu("prot", "atac"), r"without one of RNA \(it holds atac, prot\)"),
    refused("an h5mu with two of RNA", MODALITIES, h5mu("rna", "gex"), "with several modalities of RNA"),
]
