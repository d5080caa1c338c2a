"""All samples in one object, every count where it was."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.cohort.gathering import LAYERS, Gathered
from compartments.core.errors import CountsChanged
from compartments.counts.references import United
from compartments.study.study import Study

if TYPE_CHECKING:
    from anndata import AnnData


def stack(
    matrices: list[sparse.csr_matrix], positions: Sequence[npt.NDArray[np.intp]], n_genes: int
) -> sparse.csr_matrix:
    """Put CSR matrices of different genes below each other; ``matrices`` is emptied on the way.

    Parameters
    ----------
    matrices : list of CSR matrices, shape (cells of a sample, genes of that sample), integer
    positions : list of int arrays
        ``United.positions``.
    n_genes : int

    Returns
    -------
    CSR matrix, shape (all cells, n_genes), int32
        Sorted indices, int64 ones where the non-zeros need them. Zeros are not stored.

    Raises
    ------
    CountsChanged
        If cells, non-zeros or totals of a sample are not those that went in.
    """
    for matrix in matrices:
        matrix.eliminate_zeros()
    cells = [matrix.shape[0] for matrix in matrices]
    nonzeros = [matrix.nnz for matrix in matrices]
    totals = [int(matrix.sum(dtype=np.int64)) for matrix in matrices]
    kind = sparse.get_index_dtype(maxval=max(sum(nonzeros), n_genes))
    data, indices = np.empty(sum(nonzeros), np.int32), np.empty(sum(nonzeros), kind)
    indptr = np.zeros(sum(cells) + 1, kind)
    row = start = 0
    for position in positions:
        matrix = matrices.pop(0)
        stop = start + matrix.nnz
        if matrix.nnz and matrix.data.max() > np.iinfo(np.int32).max:
            raise CountsChanged("counts beyond int32")
        data[start:stop] = matrix.data
        indices[start:stop] = position[matrix.indices]
        indptr[row + 1 : row + matrix.shape[0] + 1] = start + matrix.indptr[1:].astype(kind)
        row, start = row + matrix.shape[0], stop
    stacked = sparse.csr_matrix((data, indices, indptr), shape=(sum(cells), n_genes))
    stacked.sort_indices()
    bounds = np.concatenate([[0], np.cumsum(cells)])
    sums = [
        int(stacked.data[indptr[a] : indptr[b]].sum(dtype=np.int64)) for a, b in zip(bounds, bounds[1:], strict=False)
    ]
    if stacked.shape[0] != sum(cells):
        raise CountsChanged("cells were lost in the merge")
    if list(np.diff(indptr[bounds])) != nonzeros:
        raise CountsChanged("non-zeros of a sample changed in the merge")
    if sums != totals:
        raise CountsChanged("counts of a sample changed in the merge")
    return stacked


def cell_table(study: Study, gathered: Gathered) -> pd.DataFrame:
    """Metadata of all cells, index ``<sample>:<barcode>``, no column of nullable type.

    Columns: samplesheet (without file columns), then those of the samples; where only some samples have a column, the
    others have empty text or NaN.
    """
    sheet = study.samples[study.properties].set_index("sample")
    parts = []
    for sample, obs in zip(gathered.names, gathered.obs, strict=True):
        measured = obs.drop(columns=["predicted_doublet"])
        measured.insert(0, "barcode", measured.index.astype(str))
        front = pd.DataFrame({"sample": sample} | sheet.loc[sample].to_dict(), index=measured.index)
        joined = pd.concat([front, measured], axis=1)  # names are apart: study/columns.py
        joined.index = pd.Index([f"{sample}:{barcode}" for barcode in measured["barcode"]], dtype=object)
        parts.append(joined)
    cells = pd.concat(parts)
    for column in cells:
        cells[column] = _plain(cells[column])
    if not cells.index.is_unique:
        raise CountsChanged("cell names are not unique")
    return cells


def _plain(values: pd.Series) -> npt.NDArray[Any] | pd.Categorical:
    """A column as bool, float, int or categorical of text: what every reader of h5ad files knows."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    if pd.api.types.is_bool_dtype(values.dtype) and not values.isna().any():
        return values.to_numpy(bool)
    if pd.api.types.is_numeric_dtype(values.dtype):
        whole = pd.api.types.is_integer_dtype(values.dtype) and not values.isna().any()
        return values.to_numpy(np.int64 if whole else float, na_value=0 if whole else np.nan)
    text = values.astype(object).where(values.notna(), "").map(str)
    if text.nunique() > len(text) / 2:
        return text.to_numpy(object)
    return pd.Categorical(text, categories=pd.Index(sorted(text.unique()), dtype=object))


def merge(study: Study, gathered: Gathered, united: United, ambient_method: str) -> "AnnData":
    """One AnnData of all samples; consumes ``gathered.layers``.

    Parameters
    ----------
    study : Study
    gathered : Gathered
    united : United
        Of ``gathered.var``.
    ambient_method : str

    Returns
    -------
    AnnData, shape (cells, genes)
        Layers ``counts`` and ``corrected``; ``obs`` of :func:`cell_table`, ``var`` of ``United.genes`` with
        ``everywhere`` (every sample's file lists the gene) and ``soup:<sample>``.
    """
    import anndata

    genes, positions = united.genes.assign(everywhere=united.everywhere), united.positions
    for sample, var, position in zip(gathered.names, gathered.var, positions, strict=True):
        soup = np.zeros(len(genes), np.float32)
        if "soup_fraction" in var:
            soup[position] = var["soup_fraction"].to_numpy(float)
        genes[f"soup:{sample}"] = soup
    cells = cell_table(study, gathered)
    layers = {layer: stack(gathered.layers[layer], positions, len(genes)) for layer in LAYERS}
    merged = anndata.AnnData(obs=cells, var=genes, layers=layers)
    merged.uns["ambient_method"] = ambient_method
    merged.uns["reference_compartment"] = study.reference_compartment
    return merged
