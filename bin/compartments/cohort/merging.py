"""What the samples are together: table of cells, genes, pseudobulks. No matrix of cells is read or made."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.cohort.gathering import Gathered
from compartments.cohort.pseudobulk import ABSENT, SUMMED
from compartments.cohort.sums import MOMENTS, plain_columns
from compartments.core.errors import CountsChanged
from compartments.core.matrix import totals
from compartments.counts.references import United
from compartments.study.study import Study

if TYPE_CHECKING:
    from anndata import AnnData


def placed(matrix: sparse.csr_matrix, position: npt.NDArray[np.intp], n_genes: int) -> sparse.csr_matrix:
    """A matrix of one file's genes among those of the cohort.

    Parameters
    ----------
    matrix : CSR, shape (rows, genes of the file)
    position : int array, shape (genes of the file,)
        Of ``United.positions``.
    n_genes : int
        Of the cohort.

    Returns
    -------
    CSR, shape (rows, n_genes)
        Sorted, without stored zeros; the values are those of ``matrix``.
    """
    matrix = sparse.csr_matrix(matrix, copy=True)
    matrix.eliminate_zeros()
    indices = position[matrix.indices].astype(matrix.indices.dtype)
    found = sparse.csr_matrix((matrix.data, indices, matrix.indptr), shape=(matrix.shape[0], n_genes))
    found.has_sorted_indices = False
    found.sort_indices()
    return found


def cell_table(study: Study, gathered: Gathered) -> pd.DataFrame:
    """Metadata of all cells, index ``<sample>:<barcode>``, no column of nullable type.

    Columns: samplesheet (without file columns), then those of the samples; where only some samples have a column, the
    others have empty text or NaN.
    """
    sheet = study.samples[study.properties].set_index("sample")
    parts = []
    for sample, obs in zip(gathered.names, gathered.cells, strict=True):
        measured = obs.drop(columns=["predicted_doublet"])
        measured.insert(0, "barcode", measured.index.astype(str))
        front = pd.DataFrame({"sample": sample} | sheet.loc[sample].to_dict(), index=measured.index)
        joined = pd.concat([front, measured], axis=1)  # names are apart: study/columns.py
        joined.index = pd.Index([f"{sample}:{barcode}" for barcode in measured["barcode"]], dtype=object)
        parts.append(joined)
    cells = plain_columns(pd.concat(parts))
    if not cells.index.is_unique:
        raise CountsChanged("cell names are not unique")
    return cells


def merge(study: Study, gathered: Gathered, united: United, ambient_method: str) -> "AnnData":
    """One AnnData of all samples, without a matrix of cells.

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
        ``obs`` of :func:`cell_table`, ``var`` of ``United.genes`` with ``everywhere`` (every sample's file lists the
        gene) and ``soup:<sample>``; ``varm`` ``sum`` and ``squares`` (of the values per 10,000 counts, shape (genes,
        samples)); ``uns['gene_lists']`` (number -> positions of a file's genes) and ``uns['gene_list']`` (number of
        each sample's).
    """
    import anndata

    genes, positions = united.genes.assign(everywhere=united.everywhere), united.positions
    shape = (len(genes), len(positions))
    varm = {name: np.zeros(shape) for name in MOMENTS}
    soups = {}
    for number, (sample, var, position) in enumerate(zip(gathered.names, gathered.var, positions, strict=True)):
        soup = soups[f"soup:{sample}"] = np.zeros(len(genes), np.float32)
        if "soup_fraction" in var:
            soup[position] = var["soup_fraction"].to_numpy(float)
        for name in MOMENTS:
            varm[name][position, number] = var[name].to_numpy(float)
    genes = pd.concat([genes, pd.DataFrame(soups, index=genes.index)], axis=1)
    merged = anndata.AnnData(obs=cell_table(study, gathered), var=genes, varm=cast(Any, varm))
    lists = {id(position): position for position in positions}  # files of the same list share it
    number_of = {key: number for number, key in enumerate(lists)}
    merged.uns["gene_lists"] = {str(number): position for number, position in enumerate(lists.values())}
    merged.uns["gene_list"] = np.array([number_of[id(position)] for position in positions])
    merged.uns["ambient_method"] = ambient_method
    merged.uns["reference_compartment"] = study.reference_compartment
    return merged


def make_pseudobulk(gathered: Gathered, united: United, merged: "AnnData") -> "AnnData":
    """Sums per sample and lineage, those of the samples below each other.

    Parameters
    ----------
    gathered : Gathered
    united : United
        Of ``gathered.var``.
    merged : AnnData
        Of :func:`merge`.

    Returns
    -------
    AnnData, shape (samples x lineages with a cell, genes)
        Layers of ``LAYERS`` and ``absent`` (1: the sample's file does not list the gene, which is not zero); ``obs``
        with ``sample, donor, compartment, condition, lineage, n_cells, total_counts, ambient_method`` (``none`` where
        ambient RNA was not removed); samples in cohort order, lineages sorted, ``unassigned`` among them.
    """
    import anndata

    n_genes = len(united.genes)
    layers: dict[str, Any] = {}
    for name in SUMMED:
        parts = [
            placed(cast(Any, one.layers[name]), position, n_genes)
            for one, position in zip(gathered.sums, united.positions, strict=True)
        ]
        layers[name] = sparse.csr_matrix(sparse.vstack(parts, format="csr"))
        if layers[name].sum() != sum(cast(Any, one.layers[name]).sum() for one in gathered.sums):
            raise CountsChanged("pseudobulk lost counts")
    layers["ambient"] = sparse.csr_matrix(layers["counts"] - layers["corrected"], dtype=np.float32)
    layers["ambient"].eliminate_zeros()
    n_rows = [one.n_obs for one in gathered.sums]
    lacking = [np.flatnonzero(~united.has[k]) for k in united.reference]
    columns = [genes for genes, n in zip(lacking, n_rows, strict=True) for _ in range(n)]
    ends = np.cumsum([0, *map(len, columns)])
    stored = np.ones(ends[-1], np.int32), np.concatenate(columns), ends
    layers[ABSENT] = sparse.csr_matrix(stored, shape=layers["counts"].shape)
    sample = np.repeat(np.array(gathered.names, object), n_rows)
    lineage = np.concatenate([one.obs_names.to_numpy(object) for one in gathered.sums])
    by_sample = cast(pd.DataFrame, merged.obs).drop_duplicates("sample").set_index("sample").loc[sample]
    known = {c: by_sample[c].astype(str).to_numpy(object) for c in ("donor", "compartment", "condition")}
    obs = pd.DataFrame({"sample": sample, **known, "lineage": lineage}, index=pd.Index(sample + ":" + lineage))
    obs["n_cells"] = np.concatenate([one.obs["n_cells"] for one in gathered.sums])
    obs["total_counts"] = totals(layers["counts"]).astype(np.int64)
    obs["ambient_method"] = obs["sample"].map(gathered.methods)
    return anndata.AnnData(obs=obs, var=merged.var.copy(), layers=layers)
