"""One sample as the steps after annotation see it: counts, doublets and labels joined."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.core.errors import UserError
from compartments.core.files import read_tsv
from compartments.counts.hdf5 import column_of, csr_of, row_names, text_of

if TYPE_CHECKING:
    from anndata import AnnData

LABEL_COLUMNS = [
    "barcode",
    "celltypist_label",
    "lineage",
    "lineage_broad",
    "probability",
    "confidence",
    "marker_lineage",
    "marker_agrees",
    "marker_pdc",
]
DOUBLET_COLUMNS = ["barcode", "doublet_score", "predicted_doublet"]


def read_annotated(filtered: str | Path, doublets: str | Path, labels: str | Path) -> "AnnData":
    """Counts of one sample with doublets and labels joined, doublets still in.

    Parameters
    ----------
    filtered : path
        ``<sample>.filtered.h5ad``.
    doublets, labels : path
        ``<sample>.doublets.tsv.gz`` and ``<sample>.labels.tsv.gz``: one row for every cell, in any order.

    Returns
    -------
    AnnData, shape (cells, genes)
        ``layers['counts']``, ``layers['corrected']`` (int32 CSR), no X; ``obs`` has the QC columns, ``doublet_score``
        (float, NaN if not scored), ``predicted_doublet`` (bool) and the columns of the labels; ``uns['sample']``.

    Raises
    ------
    UserError
        If a table lacks a column, or its barcodes are not those of the counts.
    """
    import anndata

    adata = anndata.read_h5ad(filtered)
    barcodes = adata.obs_names.astype(str)
    scored = _by_barcode(doublets, DOUBLET_COLUMNS, barcodes, filtered)
    labelled = _by_barcode(labels, LABEL_COLUMNS, barcodes, filtered)
    adata.obs["doublet_score"] = scored["doublet_score"].to_numpy(float)
    adata.obs["predicted_doublet"] = _flags(scored["predicted_doublet"])
    for column in labelled.columns:
        values = labelled[column]
        if column in ("probability", "probability_broad"):
            adata.obs[column] = values.to_numpy(float)
        elif column in ("marker_agrees", "marker_pdc"):
            adata.obs[column] = _flags(values)
        else:
            adata.obs[column] = _texts(values)
    return adata


class Annotated(NamedTuple):
    """Cells of one sample without the predicted doublets, as pairs of ligand and receptor are scored on them.

    Attributes
    ----------
    sample : str
    genes : Index of str, shape (genes,)
    corrected : CSR of int32, shape (cells, genes)
    lineages : array of str, shape (cells,)
    """

    sample: str
    genes: pd.Index
    corrected: sparse.csr_matrix
    lineages: npt.NDArray[np.object_]


def load_annotated(
    filtered: str | Path, doublets: str | Path, labels: str | Path, genes: str | Path | None = None
) -> Annotated:
    """What :func:`read_annotated` reads, as far as scores of pairs need it: less of the file, and without anndata,
    whose import takes as long as all else.

    With ``genes`` (``cohort/genes.tsv``) its genes have their names in the cohort, and those that the file of any other
    sample does not list are left out.
    """
    import h5py

    with h5py.File(filtered) as file:
        barcodes, symbols = (pd.Index(row_names(file[part])) for part in ("obs", "var"))
        gene_ids = column_of(file["var"], "gene_id")
        sample, corrected = text_of(file["uns/sample"][()]), csr_of(file["layers/corrected"])
    single = ~_flags(_by_barcode(doublets, DOUBLET_COLUMNS, barcodes, filtered)["predicted_doublet"])
    lineages = _texts(_by_barcode(labels, LABEL_COLUMNS, barcodes, filtered)["lineage"])
    found = Annotated(sample, symbols, corrected[single], lineages[single])
    if not genes:
        return found
    from compartments.counts.references import cohort_names

    table = read_tsv(genes, required=["n_samples_without"], text=["gene", "gene_id", "other_names"])
    names, kept = cohort_names(table, symbols, gene_ids)
    return found._replace(genes=pd.Index(names[kept]), corrected=found.corrected[:, kept])


def without_doublets(adata: "AnnData") -> "AnnData":
    """A copy without the predicted doublets: the only place where they go, so that every step sees the same cells."""
    return adata[~adata.obs["predicted_doublet"].to_numpy()].copy()


def _by_barcode(path: str | Path, columns: Sequence[str], barcodes: pd.Index, counts: str | Path) -> pd.DataFrame:
    """A table with one row per cell, in the order of ``barcodes``."""
    text = [c for c in columns if c not in ("doublet_score", "probability")]
    table = read_tsv(path, required=columns, text=text).set_index("barcode")
    if table.index.has_duplicates:
        raise UserError(f"{path}: barcode '{table.index[table.index.duplicated()][0]}' is there twice")
    missing = barcodes.difference(table.index)
    if len(missing) or len(table) != len(barcodes):
        example = missing[0] if len(missing) else table.index.difference(barcodes)[0]
        raise UserError(
            f"{path} has {len(table)} cells and {counts} has {len(barcodes)} (for example '{example}' is in one only): "
            "give tables made from this very file"
        )
    return table.loc[barcodes]


def _flags(values: pd.Series) -> npt.NDArray[np.bool_]:
    """Text ``True``/``False`` (also 1/0) as a bool array; empty is False."""
    return np.asarray(pd.Series(values).astype(str).str.lower().isin(("true", "1", "1.0")), bool)


def _texts(values: pd.Series) -> npt.NDArray[np.object_]:
    """Text as an object array; missing is empty."""
    return values.astype(object).where(values.notna(), "").to_numpy(object)
