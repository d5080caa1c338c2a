"""Which format a file is, told from its content, never from its name or the samplesheet column."""

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from compartments.core.errors import UserError
from compartments.counts.conversions import as_h5ad
from compartments.counts.features import choose_features, one_genome
from compartments.counts.folders import describe_folder
from compartments.counts.h5ad import check_compressed, describe_h5ad
from compartments.counts.hdf5 import strings_of, text_of, whole
from compartments.counts.latents import add_latents
from compartments.counts.names import check_names, mostly_ensembl, tidy
from compartments.counts.opening import READ_ERRORS, not_hdf5, unreadable
from compartments.counts.source import Source
from compartments.counts.square import settle_square
from compartments.counts.symbols import name_genes


def one_path(paths: Sequence[str | Path]) -> Path:
    """The one path, or the folder of the files of one matrix that a task was given in its place."""
    first = Path(paths[0])
    return first if len(paths) == 1 else first.parent


def describe(path: str | Path, genome: str | None = None, gtf: str | None = None) -> Source:
    """Find the counts of ``path`` and check everything that needs no full read.

    Parameters
    ----------
    path : str or Path
        An h5, h5ad, h5mu or loom file, a zarr store, or a 10x mtx folder (or a folder that holds exactly one).
    genome : str, optional
        Which genome to take from a file with several.
    gtf : path, optional
        Names genes of a file that has Ensembl ids alone.

    Returns
    -------
    Source

    Raises
    ------
    UserError
        If the file is missing, unreadable, of an unknown layout, inconsistent in its shapes, holds several genomes and
        none is chosen, no gene expression, no symbols, or genes of another species.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise UserError(f"{path}: no such file or folder; correct the path")
        path = as_h5ad(path)
        source = describe_folder(path) if path.is_dir() else _describe_h5(path, genome)
    except READ_ERRORS as error:
        raise unreadable(path, error) from None
    lists = (source.gene_id, source.symbol, source.feature_type, source.genome)
    if {names.shape for names in lists if names is not None} != {(len(source.gene_id),)}:
        raise UserError(
            f"{path}: its features have {len(source.gene_id)} ids but not as many names, types or genomes; "
            "export it again"
        )
    source.gene_id, source.symbol = tidy(source.gene_id), tidy(source.symbol)
    choose_features(source, genome)
    ids, symbols = source.gene_id[source.keep], source.symbol[source.keep]
    if gtf and mostly_ensembl(ids) and mostly_ensembl(symbols):
        name_genes(source, gtf)
    check_names(source)
    settle_square(source)
    return source


def _describe_h5(path: Path, genome: str | None) -> Source:
    if not h5py.is_hdf5(path):
        raise UserError(f"{path}: {not_hdf5(path)}")
    with h5py.File(path, "r") as file:
        if "matrix" in file and isinstance(file["matrix"], h5py.Group):
            return _describe_10x(path, file, "matrix")
        if "var" in file and "obs" in file:
            return describe_h5ad(path, file)
        genomes = [k for k, v in file.items() if isinstance(v, h5py.Group) and {"indptr", "genes"} <= set(v)]
        if genomes:
            return _describe_10x(path, file, one_genome(path, genomes, genome))
        found = ", ".join(list(file)[:6]) or "nothing"
    raise UserError(
        f"{path}: HDF5, but neither 10x, h5ad nor CellBender (it holds {found}); convert it to one of these"
    )


def _describe_10x(path: Path, file: h5py.File, node: str) -> Source:
    group = file[node]
    v3 = "features" in group
    features = group["features"] if v3 else group
    barcodes = strings_of(group["barcodes"])
    gene_id = strings_of(features["gene_id" if "gene_id" in features else "id"] if v3 else group["genes"])
    symbol = strings_of(features["gene_name" if "gene_name" in features else "name"] if v3 else group["gene_names"])
    feature_type = np.full(len(gene_id), "", dtype=object)
    if v3 and "feature_type" in features:
        feature_type = strings_of(features["feature_type"])
    keep = np.ones(len(gene_id), bool)
    if "filtered_probes" in features:  # probes that Cell Ranger leaves out of its gene counts
        passed = whole(features["filtered_probes"]).astype(bool)
        if passed.any():
            feature_type, keep = np.where(passed, feature_type, "Filtered probe"), passed
    by_barcode = len(group["indptr"]) != len(gene_id) + 1 or len(barcodes) == len(gene_id)
    sizes = (len(barcodes), len(gene_id))
    check_compressed(path, group, *(sizes if by_barcode else sizes[::-1]))
    layout, chemistry = "10x h5" if v3 else "10x h5 v2", text_of(file.attrs.get("chemistry_description", ""))
    source = Source(path, layout, node, barcodes, gene_id, symbol, feature_type, keep, by_barcode, chemistry=chemistry)
    if "exonic" in group and len(group["exonic"]) == len(barcodes):
        source.exonic = whole(group["exonic"]).astype(np.int64)
    if v3 and "genome" in features:
        source.genome = strings_of(features["genome"])
    elif not v3 and node != "matrix":
        source.genome = np.full(len(gene_id), node, dtype=object)
    if "droplet_latents" in file or "CellBender" in text_of(file.attrs.get("TITLE", "")):
        add_latents(source, file)
    elif "latent_cell_probability" in group:
        raise UserError(
            f"{path}: an output of CellBender 0.2 or older; run CellBender 0.3.2 or later, or give the raw counts"
        )
    return source
