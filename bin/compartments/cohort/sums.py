"""What the cohort needs of one sample: sums over its lineages and cells, its cells' metadata; no matrix of cells."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.cohort.sample import without_doublets
from compartments.cohort.tallies import doublets_by_lineage, exclusive_counts
from compartments.core.errors import CountsChanged, UserError
from compartments.core.matrix import TARGET_SUM, memberships, totals

if TYPE_CHECKING:
    from anndata import AnnData

SUMMED = ("counts", "corrected")
MOMENTS = ("sum", "squares")  # of the values per 10,000 counts: what variable genes are chosen by
SAID = ("sample", "ambient_method", "ambient_warning", "count_warnings", "chemistry")


def sums_of(sample: "AnnData") -> "AnnData":
    """Sums of one sample's cells without doublets.

    Parameters
    ----------
    sample : AnnData, shape (cells, genes)
        From :func:`compartments.cohort.sample.read_annotated`, doublets still in.

    Returns
    -------
    AnnData, shape (lineages with a cell, genes of the sample's file)
        Layers ``counts`` and ``corrected`` (int64 CSR), ``n_expressing`` (int32 CSR: cells with a corrected count);
        ``obs['n_cells']``, index lineage, sorted; ``var`` of the sample with ``sum`` and ``squares`` of the corrected
        counts per 10,000 and cell; ``uns['cells']`` (metadata of the cells left), ``uns['doublets']``
        (:func:`~compartments.cohort.tallies.doublets_by_lineage`), ``uns['doublet_counts']`` (what that tells doublets
        by, so that it can be told of other labels) and ``SAID``.
    """
    import anndata

    name = str(sample.uns.get("sample", ""))
    tally = doublets_by_lineage(name, sample)
    doublets = exclusive_counts(sample[sample.obs["predicted_doublet"].to_numpy(bool)])
    data = without_doublets(sample)
    counts, corrected = (_counts(data.layers[layer]) for layer in SUMMED)
    lineages, codes = np.unique(data.obs["lineage"].astype(str).to_numpy(object), return_inverse=True)
    members = memberships(codes, len(lineages), np.int64)
    layers = {"counts": members @ counts, "corrected": members @ corrected}
    layers["n_expressing"] = (members @ (corrected > 0)).astype(np.int32)
    if any(layers[layer].sum() != cast(Any, data.layers[layer]).sum(dtype=np.int64) for layer in SUMMED):
        raise CountsChanged("pseudobulk lost counts")
    obs = pd.DataFrame({"n_cells": np.bincount(codes, minlength=len(lineages))}, index=pd.Index(lineages, dtype=object))
    var = cast(pd.DataFrame, data.var).assign(**dict(zip(MOMENTS, moments(corrected), strict=True)))
    found = anndata.AnnData(obs=obs, var=var, layers={layer: sparse.csr_matrix(m) for layer, m in layers.items()})
    found.uns = {key: data.uns[key] for key in SAID if key in data.uns}
    found.uns["complexity"] = complexity(counts)
    found.uns |= {"cells": plain_columns(cast(pd.DataFrame, data.obs)), "doublets": tally}
    found.uns["doublet_counts"] = doublets
    return found


def _counts(layer: Any) -> sparse.csr_matrix:
    """Counts as CSR without stored zeros, in whole numbers that a table can hold."""
    matrix = sparse.csr_matrix(layer)
    matrix.eliminate_zeros()
    if matrix.nnz and matrix.data.max() > np.iinfo(np.int32).max:
        raise CountsChanged("counts beyond int32")
    return matrix


def moments(counts: sparse.csr_matrix) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Sum and sum of squares over cells of counts per 10,000, float64, shape (genes,) each."""
    total = totals(counts)
    factor = np.divide(TARGET_SUM, total, out=np.zeros(len(total)), where=total > 0)
    values = counts.data * np.repeat(factor, np.diff(counts.indptr))
    n_genes = counts.shape[1]
    return np.bincount(counts.indices, values, n_genes), np.bincount(counts.indices, values**2, n_genes)


def complexity(counts: sparse.csr_matrix) -> dict[str, float]:
    """Medians over cells: ``genes`` detected, ``umis``, and ``ratio`` of their logs."""
    genes, umis = np.diff(counts.indptr), totals(counts)
    ratio = np.log10(np.maximum(genes, 1)) / np.log10(np.maximum(umis, 10))
    values = {"genes": genes, "umis": umis, "ratio": ratio}
    return {name: float(np.median(value)) if len(value) else 0.0 for name, value in values.items()}


def plain_columns(table: pd.DataFrame) -> pd.DataFrame:
    """The table with every column as bool, float, int or text (categorical where it repeats): known to every reader."""
    return pd.DataFrame({column: _plain(table[column]) for column in table}, index=table.index)


def _plain(values: pd.Series) -> Any:
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


def read_sums(path: str | Path, sample: str) -> "AnnData":
    """Read what ``sum_sample`` wrote.

    Raises
    ------
    UserError
        The file holds another sample than its name says, or is not such a file.
    """
    import anndata

    try:
        found = anndata.read_h5ad(path)
        held, _cells = str(found.uns["sample"]), found.uns["cells"]
    except (OSError, KeyError) as error:
        raise UserError(f"{path}: cannot be read as sums of a sample ({error}); give a file of sum_sample") from error
    if held != sample:
        raise UserError(f"{path}: holds sample '{held}', not '{sample}'; rename the file")
    return found
