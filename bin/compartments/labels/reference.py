"""Labelled cells that a model learns from: where an h5ad has them, what its values are, which lineages labels have."""

import difflib
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.core.errors import UserError
from compartments.core.matrix import log_normalise, totals
from compartments.core.vocabulary import OF_NO_ONE
from compartments.counts.features import choose_features
from compartments.counts.h5ad import counts_in, describe_matrix
from compartments.counts.hdf5 import column_of
from compartments.counts.names import make_unique, mostly_ensembl, tidy, unversioned
from compartments.counts.opening import READ_ERRORS, unreadable
from compartments.counts.organisms import told_species
from compartments.counts.reading import counts_of
from compartments.counts.source import Source, Texts
from compartments.counts.symbols import mend_symbols
from compartments.labels.lineages import broad_lineages, map_labels, unplaced_labels

MIN_CELLS = 10  # of a label that can be learned
MOST_CELLS = 500  # of a label, as CellTypist's tutorials take: they bound what training needs
ONE_TOTAL = 1.01  # largest by smallest sum of a cell, of values that were normalised to one
NAMED = 5  # labels that a sentence names


class Reference(NamedTuple):
    """Labelled cells, normalised as CellTypist asks.

    Attributes
    ----------
    values : CSR, cells x genes, float32
        log1p of counts per 10,000; cells without counts and genes that no cell expresses are left out.
    labels : array of str
    genes : array of str
    notes : list of str
        How the values were taken, and what is left out.
    """

    values: sparse.csr_matrix
    labels: npt.NDArray[np.str_]
    genes: npt.NDArray[np.str_]
    notes: list[str]


def read_reference(path: str | Path, column: str, min_cells: int = MIN_CELLS, genome: str | None = None) -> Reference:
    """Read labelled cells.

    Parameters
    ----------
    path : str or Path
        h5ad with counts (in a layer, ``X`` or ``raw.X``), or with log1p of counts normalised to one total in each cell.
    column : str
        Of obs. Cells without a label, or with a word for none (``OF_NO_ONE``), are left out.
    min_cells : int
        A label with fewer cells is left out. Of one with more than ``MOST_CELLS`` so many are taken, evenly along the
        file, in which the cells of a donor mostly stand together.
    genome : str, optional
        Whose genes are taken where the file has those of several.

    Raises
    ------
    UserError
        Unreadable file, unknown column, neither counts nor normalised values, fewer than two labels, genes of several
        genomes or of another species than human and mouse.
    """
    path = Path(path)
    try:
        labels, matrix, genes, taken, said = _read(path, column, genome)
    except UserError as error:
        raise UserError(f"--label_reference {error}") from None
    except READ_ERRORS as error:
        raise UserError(f"--label_reference {unreadable(path, error)}") from None
    texts = pd.Series(labels)
    known = ~(texts.isna() | texts.astype(str).str.lower().isin(OF_NO_ONE)).to_numpy() & (totals(matrix) > 0)
    numbers = pd.Series(labels[known]).value_counts().sort_index()
    small = numbers[numbers < min_cells]
    if len(numbers) - len(small) < 2:
        most = ", ".join(f"'{label}' has {n}" for label, n in numbers.nlargest(NAMED).items()) or "no cell has a label"
        raise UserError(
            f"--label_reference {path}: column '{column}' leaves fewer than two labels with {min_cells} cells "
            f"({most}); give a reference with more labelled cells, or another --label_reference_column"
        )
    rows = np.concatenate([_evenly(np.flatnonzero(known & (labels == one))) for one in numbers.index.drop(small.index)])
    rows.sort()
    notes = [f"{path.name}: {len(rows):,} cells of {len(numbers) - len(small)} labels are learned from, as {taken}"]
    notes += [f"{path.name}: {one}" for one in said]
    if len(small):
        left_out = ", ".join(f"{label} ({n})" for label, n in small.items())
        notes.append(f"{path.name}: labels with fewer than {min_cells} cells are left out: {left_out}")
    if not known.all():
        notes.append(f"{path.name}: {int((~known).sum()):,} cells without a label or counts are left out")
    values = log_normalise(matrix[rows], np.float32)
    expressed = np.flatnonzero(totals(values > 0, 0))
    return Reference(values[:, expressed].tocsr(), labels[rows].astype(str), genes[expressed].astype(str), notes)


def _read(path: Path, column: str, genome: str | None) -> tuple[Texts, sparse.csr_matrix, Texts, str, list[str]]:
    """Labels, values in proportion to counts, names of genes, where the values are and what they were taken as; notes
    on features."""
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; check the path")
    if not h5py.is_hdf5(path):
        raise UserError(f"{path}: no h5ad (not HDF5 at all); save the labelled cells as one (adata.write_h5ad)")
    with h5py.File(path, "r") as file:
        if not {"obs", "var"} <= set(file) or "mod" in file:
            raise UserError(
                f"{path}: HDF5, but no h5ad of one kind of data (it holds {', '.join(list(file)[:6]) or 'nothing'}); "
                "save the labelled cells as one (adata.write_h5ad)"
            )
        labels = _labels(path, file["obs"], column)
        if not len(labels):
            raise UserError(f"{path}: holds no cells; give labelled cells")
        try:
            node = counts_in(path, file)[0]
        except UserError as none:
            source, matrix = _logs(path, file, str(none), genome)
            genes = make_unique(source.symbol[source.keep])
            return labels, matrix, genes, f"log1p of normalised counts in {source.node}", _said(source)
        source = _of_genes(describe_matrix(path, file, node), genome)
        counts = counts_of(source)
    return labels, counts.matrix, counts.symbol, f"counts in {node}", _said(source)


def _of_genes(source: Source, genome: str | None) -> Source:
    """The same with genes alone kept, named as those of samples are; by Ensembl ids where there are no symbols."""
    source.gene_id, source.symbol = tidy(source.gene_id), tidy(source.symbol)
    choose_features(source, genome)
    if not source.keep.any():
        raise UserError(f"{source.path}: no gene expression features; give the gene expression counts")
    source.gene_id, source.symbol = (
        np.array([unversioned(name) for name in names], dtype=object) for names in (source.gene_id, source.symbol)
    )
    symbols = source.symbol[source.keep]
    source.species = told_species(source, symbols, source.gene_id[source.keep])
    if not mostly_ensembl(symbols):
        mend_symbols(source)
    return source


def _said(source: Source) -> list[str]:
    """What was changed in names, and which features are left out."""
    left_out = [f"{number:,} features are left out: {kind}" for kind, number in source.left_out().items()]
    return [*source.notes, *left_out]


def _labels(path: Path, obs: h5py.Group | h5py.Dataset, column: str) -> Texts:
    """The labels of all cells."""
    there = list(obs if isinstance(obs, h5py.Group) else obs.dtype.names)
    hidden = {"__categories", "_index", "index", obs.attrs.get("_index", "")}
    names = [name for name in there if name not in hidden]
    if column in names:
        return tidy(column_of(obs, column))
    close = difflib.get_close_matches(column, names, 1)
    which = f"did you mean '{close[0]}'?" if column and close else f"it has {', '.join(names) or 'no column'}"
    if not column:
        raise UserError(f"{path}: --label_reference_column is missing; name the column of obs with the labels: {which}")
    raise UserError(f"{path}: --label_reference_column '{column}' is no column of obs; {which}")


def _logs(path: Path, file: h5py.File, no_counts: str, genome: str | None) -> tuple[Source, sparse.csr_matrix]:
    """What is in proportion to counts, of a file without counts: of log1p of counts normalised to one total per cell,
    over genes alone or all features; shape (cells, genes kept).

    Raises
    ------
    UserError
        There are no such values; ``no_counts`` and what their sums are.
    """
    from anndata.io import read_elem

    found = ""
    for node in ("raw/X", "X"):
        if node not in file:
            continue
        source = describe_matrix(path, file, node)
        logs = sparse.csr_matrix(read_elem(file[node]), dtype=np.float32)
        if not np.isfinite(logs.data).all() or (logs.data < 0).any() or logs.data.max(initial=0) > np.log(2**31):
            continue
        logs.data = np.expm1(logs.data)
        genes = logs[:, np.flatnonzero(_of_genes(source, genome).keep)]
        if _of_one_total(totals(logs)) or _of_one_total(totals(genes)):
            return source, genes
        sums = totals(logs)[totals(logs) > 0]
        if len(sums):
            found = f"; as log1p the cells of {node} would have from {sums.min():,.0f} to {sums.max():,.0f} counts"
    raise UserError(
        f"{no_counts}, or log1p of counts normalised to one total in each cell, over all genes, in X or raw.X{found}"
    )


def _of_one_total(sums: npt.NDArray[np.float64]) -> bool:
    """Whether cells that have any were normalised to one sum."""
    there = sums[sums > 0]
    return bool(len(there) and there.max() <= ONE_TOTAL * there.min())


def _evenly(rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """At most ``MOST_CELLS`` of them."""
    n = min(len(rows), MOST_CELLS)
    return rows[np.arange(n) * len(rows) // n]


def check_placed(labels: npt.NDArray[np.str_], lineage_map: pd.DataFrame, source: str) -> None:
    """Raise :class:`UserError` for labels of a reference that the lineage map does not place, with the likely names.

    Parameters
    ----------
    labels : array of str
    lineage_map : DataFrame
        From :func:`lineages.read_lineage_map`.
    source : str
        Named in messages.
    """
    unplaced = unplaced_labels(map_labels(np.unique(labels), lineage_map))
    if not unplaced:
        return
    known = [*broad_lineages(lineage_map), *lineage_map.index]
    close = {label: difflib.get_close_matches(label, known, 1) for label in unplaced[:NAMED]}
    said = [f"'{label}'" + (f" (did you mean '{near[0]}'?)" if near else "") for label, near in close.items()]
    more = f" and {len(unplaced) - NAMED} more" if len(unplaced) > NAMED else ""
    raise UserError(
        f"{source}: no lineage in the lineage map for {', '.join(said)}{more}; rename these labels, or add rows "
        "with them as celltypist_low to a copy of the map and give it with --lineage_map"
    )
