"""Zarr stores of AnnData and loom files as the h5ad that they say the same as, some values at a time."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

from compartments.core.errors import UserError
from compartments.counts.hdf5 import BOUND, MOST_PACKED, check_claim, strings_of
from compartments.counts.names import mostly_ensembl
from compartments.counts.opening import READ_ERRORS, unreadable
from compartments.counts.source import Texts
from compartments.counts.values import value_problem

if TYPE_CHECKING:
    import zarr

FOLDER = Path(".as_h5ad")  # in the work folder of a task, hidden from what it publishes
ZARR = ("zarr.json", ".zgroup", ".zattrs")
NEEDED = ("obs", "var", "X", "layers", "raw")
CELLS = ("CellID", "cell_id", "obs_names", "barcode", "barcodes", "Barcode")
GENES = (
    "Gene", "gene", "GeneName", "gene_name", "gene_names", "gene_symbol", "gene_symbols", "feature_name", "Symbol",
    "symbol", "var_names",
)  # fmt: skip
IDS = ("Accession", "gene_ids", "gene_id", "ensembl_id", "ensembl_ids", "Ensembl", "EnsemblID")
MOST = 4_000_000  # values in memory at a time


def as_h5ad(path: Path) -> Path:
    """The path itself, or of a zarr store or a loom an h5ad of the same name with its obs, var and matrices.

    Raises
    ------
    UserError
        No AnnData in the store, a loom without names of genes or cells, damage.
    """
    target = FOLDER / path.name
    try:
        if path.is_dir() and any((path / name).is_file() for name in ZARR):
            write = _from_zarr
        elif path.is_file() and h5py.is_hdf5(path) and _is_loom(path):
            write = _from_loom
        else:
            return path
        FOLDER.mkdir(exist_ok=True)
        with h5py.File(target, "w") as file:
            file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
            write(path, file)
    except READ_ERRORS as error:
        raise unreadable(path, error) from None
    return target


def _is_loom(path: Path) -> bool:
    with h5py.File(path, "r") as file:
        return isinstance(file.get("matrix"), h5py.Dataset) and "row_attrs" in file and "col_attrs" in file


def _from_zarr(path: Path, file: h5py.File) -> None:
    import zarr

    store = zarr.open_group(path, mode="r")
    if "obs" not in store or "var" not in store:
        held = ", ".join(sorted(store.keys())[:6]) or "nothing"
        raise UserError(f"{path}: a zarr store without obs and var, no AnnData (it holds {held}); write it by AnnData")
    for name in NEEDED:
        if name in store:
            _copy(path, store[name], file, name)


def _copy(path: Path, node: "zarr.Group | zarr.Array", parent: h5py.Group, name: str) -> None:
    """A group with all below it, or an array."""
    import zarr

    if isinstance(node, zarr.Group):
        group = parent.create_group(name)
        _attributes(node, group)
        for below in sorted(node.keys()):
            _copy(path, node[below], group, below)
        return
    if node.nbytes > max(BOUND, MOST_PACKED * node.nbytes_stored()):
        raise UserError(
            f"{path}: {node.path} claims {node.size} values and stores nothing like as many; export it again"
        )
    plain = node.dtype.kind in "biuf"
    if node.shape == () or not plain:
        values = np.asarray(node[...])
        parent.create_dataset(
            name, data=values if plain else values.astype(object), dtype=None if plain else h5py.string_dtype()
        )
    else:
        copy = parent.create_dataset(name, node.shape, node.dtype)
        step = max(1, MOST // max(1, int(np.prod(node.shape[1:]))))
        for start in range(0, node.shape[0], step):
            copy[start : start + step] = node[start : start + step]
    _attributes(node, parent[name])


def _attributes(node: Any, target: h5py.Group | h5py.Dataset) -> None:
    for key, value in dict(node.attrs).items():
        if isinstance(value, str | bool | int | float):
            target.attrs[key] = value
        elif isinstance(value, list) and all(isinstance(one, str) for one in value):
            target.attrs.create(key, np.array(value, dtype=object), dtype=h5py.string_dtype())
        elif isinstance(value, list):
            target.attrs[key] = np.array(value)


def _from_loom(path: Path, file: h5py.File) -> None:
    from anndata.io import write_elem

    with h5py.File(path, "r") as loom:
        matrix, rows, columns = loom["matrix"], loom["row_attrs"], loom["col_attrs"]
        check_claim(matrix)
        n_genes, n_cells = matrix.shape
        named = _texts(rows, (*GENES, *IDS), n_genes)
        # what stands under which name is told by itself: programs also write ids as Gene
        gene_id = next((names for names in named if mostly_ensembl(names)), None)
        symbol = next((names for names in named if not mostly_ensembl(names)), gene_id)
        cells = next(iter(_texts(columns, CELLS, n_cells)), None)
        if symbol is None:
            raise UserError(
                f"{path}: a loom without names of its {n_genes} genes: it has "
                f"{', '.join(rows) or 'no row attribute'}; give them as row attribute 'Gene' (Ensembl ids: 'Accession')"
            )
        if cells is None:
            raise UserError(
                f"{path}: a loom without names of its {n_cells} cells; give them as column attribute 'CellID'"
            )
        var = {} if gene_id is None else {"gene_ids": gene_id}
        obs = {name: strings_of(columns[name]) for name in columns if columns[name].shape == (n_cells,)}
        write_elem(file, "obs", pd.DataFrame(obs, index=pd.Index(cells, dtype=object)))
        write_elem(file, "var", pd.DataFrame(var, index=pd.Index(symbol, dtype=object)))
        _cells_first(path, matrix, file.create_group("X"))


def _texts(attributes: h5py.Group, names: tuple[str, ...], n: int) -> list[Texts]:
    """Those of the attributes that are there, one text of each of the ``n`` rows or columns."""
    return [strings_of(attributes[name]) for name in names if name in attributes and attributes[name].shape == (n,)]


def _cells_first(path: Path, matrix: h5py.Dataset, group: h5py.Group) -> None:
    """The matrix of a loom, genes x cells, as compressed rows of cells."""
    n_genes, n_cells = matrix.shape
    lengths = []
    for name, kind in (("data", np.float32), ("indices", np.int32)):
        group.create_dataset(name, (0,), kind, maxshape=(None,), chunks=(2**15,))
    step = max(1, MOST // max(1, n_genes))
    for start in range(0, n_cells, step):
        values = matrix[:, start : start + step]
        if problem := value_problem(values):
            raise UserError(f"{path}: {problem} in its main matrix, not counts; give raw integer counts")
        part = sp.csr_matrix(values.T)
        lengths.append(np.diff(part.indptr).astype(np.int64))
        for name, found in (("data", part.data), ("indices", part.indices)):
            size = group[name].shape[0]
            group[name].resize((size + len(found),))
            group[name][size:] = found
    group["indptr"] = np.concatenate([np.zeros(1, np.int64), *lengths]).cumsum()
    group.attrs.update(
        {"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": np.array([n_cells, n_genes])}
    )
