"""The cohort's matrix in its file: written and read sample by sample, never whole in memory."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.cohort.merging import placed
from compartments.core.errors import CountsChanged, UserError
from compartments.core.matrix import log_normalise

if TYPE_CHECKING:
    import h5py
    from anndata import AnnData

KIND = ".filtered.h5ad"
LAYERS = ("counts", "corrected")
PACKED: dict[str, Any] = {"compression": "gzip", "compression_opts": 1}
CHUNK = 2**16  # values that are packed together


def rows_of(samples: pd.Series) -> Iterator[tuple[str, slice]]:
    """Each sample with the rows of its cells, which stand together."""
    names, codes = (list(part) for part in reversed(pd.factorize(samples.astype(str))))
    bounds = [0, *(np.flatnonzero(np.diff(codes)) + 1), len(codes)]
    if len(bounds) - 1 != len(names):
        raise CountsChanged("the cells of a sample do not stand together")
    return zip(names, map(slice, bounds, bounds[1:]), strict=True)


def counts_of_samples(merged: "AnnData", filtered: Sequence[Path]) -> Iterator[dict[str, sparse.csr_matrix]]:
    """Counts of one sample after the other, in the order of the cohort.

    Parameters
    ----------
    merged : AnnData
        Of :func:`compartments.cohort.merging.merge`.
    filtered : list of Path
        ``<sample>.filtered.h5ad``, of other samples also.

    Yields
    ------
    dict
        ``LAYERS``, int32 CSR, shape (cells of the sample, genes of the cohort).

    Raises
    ------
    UserError
        A sample of the cohort without its file, or a file that lacks cells of it.
    """
    import h5py
    from anndata.io import read_elem

    files = {path.name.removesuffix(KIND): path for path in filtered}
    barcodes = cast(pd.DataFrame, merged.obs)["barcode"].astype(str)
    for number, (sample, rows) in enumerate(rows_of(merged.obs["sample"])):
        if sample not in files:
            raise UserError(f"sample '{sample}' has no file {sample}{KIND}; give those of all samples to --filtered")
        position = np.asarray(merged.uns["gene_lists"][str(merged.uns["gene_list"][number])])
        with h5py.File(files[sample]) as file:
            listed = file["obs"][file["obs"].attrs["_index"]].asstr()[:]
            at = pd.Index(listed).get_indexer(pd.Index(barcodes.iloc[rows]))
            if (at < 0).any():
                raise UserError(
                    f"{files[sample]}: cell '{barcodes.iloc[rows][at < 0].iloc[0]}' of the cohort is missing"
                )
            layers = {name: sparse.csr_matrix(read_elem(file[f"layers/{name}"])[at]) for name in LAYERS}
        yield {name: placed(matrix, position, merged.n_vars) for name, matrix in layers.items()}


class Growing:
    """A CSR matrix of an h5ad file to which rows are added.

    Parameters
    ----------
    group : h5py.Group
        Empty.
    dtype : dtype
    shares : h5py.Group, optional
        Another matrix of the same rows with the same places, whose indices this one takes for its own.
    """

    def __init__(self, group: "h5py.Group", dtype: npt.DTypeLike, shares: "h5py.Group | None" = None) -> None:
        self.group, self.shares, self.ends, self.n = group, shares, [np.zeros(1, np.int64)], 0
        for name, kind in (("data", dtype), ("indices", np.int32)):
            if name == "data" or shares is None:
                group.create_dataset(name, (0,), kind, maxshape=(None,), chunks=(CHUNK,), shuffle=True, **PACKED)

    def add(self, matrix: sparse.csr_matrix) -> None:
        """Rows below those that are there."""
        for name, values in (("data", matrix.data), ("indices", matrix.indices)):
            if name == "data" or self.shares is None:
                stored = cast("h5py.Dataset", self.group[name])
                stored.resize((stored.shape[0] + len(values),))
                stored[stored.shape[0] - len(values) :] = values
        self.ends.append(self.n + matrix.indptr[1:].astype(np.int64))
        self.n += matrix.nnz

    def finish(self, n_genes: int) -> None:
        """Write what is known at the end: where rows end, and the shape."""
        ends = np.concatenate(self.ends)
        if self.shares is None:
            # R readers know no 64-bit integers, so they are used only where they are needed
            kind = np.int32 if ends[-1] <= np.iinfo(np.int32).max else np.int64
            self.group.create_dataset("indptr", data=ends.astype(kind), **PACKED)
        else:
            for name in ("indices", "indptr"):
                self.group[name] = self.shares[name]  # the same data set under a second name
        self.group.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0"})
        self.group.attrs["shape"] = np.array([len(ends) - 1, n_genes])


def write_matrices(
    file: "h5py.File", samples: Iterator[dict[str, sparse.csr_matrix]], genes: npt.NDArray[np.bool_]
) -> sparse.csr_matrix:
    """Write ``X`` and both layers of all cells.

    Parameters
    ----------
    file : h5py.File
        Open to write.
    samples : iterator
        Of :func:`counts_of_samples`.
    genes : bool array, shape (genes,)
        Those whose values are wanted now.

    Returns
    -------
    CSR of float32, shape (cells, wanted genes)
        Of ``X``: log1p of corrected counts per 10,000.

    Notes
    -----
    ``X`` and ``layers/corrected`` have values at the same places, so the file has their indices once, under both names.
    """
    layers = file.create_group("layers")
    layers.attrs.update({"encoding-type": "dict", "encoding-version": "0.1.0"})
    x, counts = Growing(file.create_group("X"), np.float32), Growing(layers.create_group("counts"), np.int32)
    corrected = Growing(layers.create_group("corrected"), np.int32, shares=x.group)
    parts = []
    for of_sample in samples:
        values = log_normalise(of_sample["corrected"]).astype(np.float32)
        for growing, matrix in ((x, values), (counts, of_sample["counts"]), (corrected, of_sample["corrected"])):
            growing.add(matrix)
        parts.append(values[:, genes])
    for growing in (x, counts, corrected):
        growing.finish(len(genes))
    return sparse.csr_matrix(sparse.vstack(parts, format="csr"))


def write_around(file: "h5py.File", parts: Mapping[str, Any]) -> None:
    """Write all but the matrices: ``obs``, ``var``, ``obsm``, ``varm``, ``obsp``, ``uns``."""
    from anndata.io import write_elem

    file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
    for name, part in parts.items():
        write_elem(cast(Any, file), name, part, dataset_kwargs=PACKED)


def corrected_of_samples(file: "h5py.File", samples: pd.Series) -> Iterator[tuple[slice, sparse.csr_matrix]]:
    """Corrected counts of one sample after the other, from the written file, with the rows of its cells."""
    from anndata.io import sparse_dataset

    stored = sparse_dataset(cast(Any, file)["layers/corrected"])
    for _sample, rows in rows_of(samples):
        yield rows, sparse.csr_matrix(stored[rows])
