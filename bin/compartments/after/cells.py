"""The files of one sample as its steps made them, from what was published of it; and its labels set anew."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.after.before import Before
from compartments.cohort.on_disk import LAYERS
from compartments.cohort.sums import MOMENTS, SAID, read_sums
from compartments.core.errors import UserError
from compartments.core.files import read_json, read_tsv
from compartments.counts.references import unite_genes
from compartments.labels.overrides import (
    apply_overrides,
    read_meanings,
    read_override_table,
    read_overrides,
    warn_of_lost,
)
from compartments.labels.summary import summarise_again

if TYPE_CHECKING:
    from anndata import AnnData


class Cohort:
    """The cells of ``cohort/cohort.h5ad``, sample by sample.

    Parameters
    ----------
    before : Before
    """

    def __init__(self, before: Before) -> None:
        import h5py
        from anndata.io import read_elem

        self.before, self.path = before, before.root / "cohort/cohort.h5ad"
        if not self.path.is_file():
            raise UserError(f"{self.path} is missing: it holds the cells, which new labels and pairs are compared by")
        with h5py.File(self.path) as file:
            obs = cast(pd.DataFrame, read_elem(file["obs"]))
        self.sample = obs["sample"].astype(str).to_numpy(object)
        self.barcode = obs["barcode"].astype(str).to_numpy(object)
        self.names = list(dict.fromkeys(self.sample))
        sums = [before.root / f"samples/{name}/{name}.sums.h5ad" for name in self.names]
        self.sums = {name: read_sums(path, name) for name, path in zip(self.names, sums, strict=True)}
        united = unite_genes([cast(pd.DataFrame, one.var) for one in self.sums.values()])
        self.position = dict(zip(self.names, united.positions, strict=True))

    def filtered(self, sample: str) -> "AnnData":
        """``<sample>.filtered.h5ad`` as it was, but for doublets.

        Returns
        -------
        AnnData, shape (cells, genes of the sample's file)
            Cells of the table of labels in its order; of the doublets, which the cohort lacks, only those counts that
            their tally is made of.
        """
        import anndata
        import h5py
        from anndata.io import sparse_dataset

        sums, rows = self.sums[sample], np.flatnonzero(self.sample == sample)
        labels = read_tsv(self.before.root / f"samples/{sample}/{sample}.labels.tsv.gz", ["barcode"], ["barcode"])
        barcodes = pd.Index(labels["barcode"].to_numpy(object))
        with h5py.File(self.path) as file:
            span = slice(int(rows[0]), int(rows[-1]) + 1)
            stored = {name: sparse_dataset(cast(Any, file)[f"layers/{name}"])[span] for name in LAYERS}
        at = barcodes.get_indexer(pd.Index(self.barcode[rows]))
        layers = {
            name: _in_rows(sparse.csr_matrix(matrix)[:, self.position[sample]], at, len(barcodes))
            for name, matrix in stored.items()
        }
        var = cast(pd.DataFrame, sums.var).drop(columns=list(MOMENTS))
        layers["counts"] += _of_doublets(sums.uns["doublet_counts"], barcodes, var.index)
        layers["counts"].sort_indices()
        cells = sums.uns["cells"]
        measured = cells.loc[:, :"doublet_score"].drop(columns="doublet_score")
        found = anndata.AnnData(obs=_reindexed(measured, barcodes), var=var, layers=layers)
        found.uns = {key: sums.uns[key] for key in SAID if key in sums.uns}
        return found


def _in_rows(matrix: sparse.csr_matrix, at: npt.NDArray[np.intp], n_rows: int) -> sparse.csr_matrix:
    """The rows of ``matrix`` at places ``at`` of as many as ``n_rows``, indices sorted."""
    chosen = sparse.csr_matrix((np.ones(len(at), matrix.dtype), (at, np.arange(len(at)))), (n_rows, len(at)))
    found = sparse.csr_matrix(chosen @ matrix)
    found.sort_indices()
    return found


def _of_doublets(counts: pd.DataFrame, barcodes: pd.Index, genes: pd.Index) -> sparse.csr_matrix:
    """Counts of the doublets, shape (barcodes, genes), int32."""
    values = sparse.coo_matrix(counts.to_numpy(np.int32))
    rows, columns = barcodes.get_indexer(counts.index.astype(object)), genes.get_indexer(counts.columns.astype(object))
    places = rows[values.row], columns[values.col]
    return sparse.csr_matrix((values.data, places), (len(barcodes), len(genes)), dtype=np.int32)


def _reindexed(table: pd.DataFrame, names: pd.Index) -> pd.DataFrame:
    """The rows of ``names``; those that the table lacks are zeros, of the same kinds."""
    found = table.reindex(names)
    for column, kind in table.dtypes.items():
        if kind.kind in "iub":
            found[column] = found[column].fillna(0).astype(kind)
    return found


def relabelled(
    before: Before, table: Path, whole: bool, clusters: Path, lineage_map: pd.DataFrame
) -> dict[str, tuple[pd.DataFrame, dict[str, Any]]]:
    """Labels of the samples of the cohort of which a table changes some.

    Parameters
    ----------
    before : Before
    table : Path
        As ``--label_overrides`` of the pipeline.
    whole : bool
        Whether it must have every cell of the cohort.
    clusters : Path
        ``umap.tsv.gz``.
    lineage_map : DataFrame

    Returns
    -------
    dict, sample -> (labels, summary)
        As ``<s>.labels.tsv.gz`` and ``<s>.labels.json``.

    Raises
    ------
    UserError
        As :func:`compartments.labels.overrides.read_override_table`; cells without a label.
    """
    cells = before.cells()
    # what a label of the run means stays so; of others the table is all there is
    place = before.root / "pipeline_info/label_meanings.tsv"
    said = read_meanings(place if place.is_file() else None)
    read, _ = read_override_table(table, lineage_map, clusters, set(before.study.samples["sample"]), said)
    if whole:
        merged = cells.merge(read[["sample", "barcode"]], on=["sample", "barcode"], how="left", indicator=True)
        missing = cells[(merged["_merge"] == "left_only").to_numpy()]
        if len(missing):
            first = missing.iloc[0]
            raise UserError(
                f"{table}: {len(missing):,} of {len(cells):,} cells have no lineage (first: sample "
                f"'{first['sample']}', barcode '{first['barcode']}'); give every cell a lineage, or the table with "
                "--label_overrides, which leaves the others as they are"
            )
    found = {}
    for sample in cells["sample"].unique():
        base = before.root / f"samples/{sample}/{sample}"
        path = f"{base}.labels.tsv.gz"
        header = list(read_tsv(path, ["barcode"], ["barcode"]).columns)
        labels = read_tsv(path, text=[name for name in header if not name.startswith("probability")])
        # whom markers agree with follows from the lineages
        labels["marker_agrees"] = labels["marker_agrees"] == "True"
        old = labels.copy()
        rows, lost = read_overrides(table, sample, labels["barcode"], lineage_map, clusters, said)
        apply_overrides(labels, pd.Index(labels["barcode"]), rows, lineage_map)
        if labels.equals(old):
            continue
        summary = summarise_again(read_json(f"{base}.labels.json"), old, labels)
        summary["warnings"] = warn_of_lost(str(summary["warnings"]), lost)
        summary["n_overrides"] = int((labels["confidence"] == "override").sum())
        found[sample] = labels, summary
    return found
