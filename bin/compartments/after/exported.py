"""The cells of a cohort in the forms that other tools read."""

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from scipy import sparse

from compartments.core.files import write_text
from compartments.counts.names import ENSEMBL

if TYPE_CHECKING:
    from anndata import AnnData

# names and values of the cellxgene schema, for what a samplesheet may say
ORGANISMS = {"human": "NCBITaxon:9606", "mouse": "NCBITaxon:10090"}
SEXES = {"f": "PATO:0000383", "female": "PATO:0000383", "m": "PATO:0000384", "male": "PATO:0000384"}
LOUPE = ["lineage", "lineage_broad", "celltypist_label", "leiden"]
CHUNK = 2000  # cells
R_SCRIPT = Path(__file__).with_name("read_10x.R")


def to_cellxgene(path: Path, species: str) -> "AnnData":
    """The cohort as the cellxgene schema wants it, as far as the study says it.

    Parameters
    ----------
    path : Path
        ``cohort.h5ad``; it is read whole.
    species : str

    Returns
    -------
    AnnData
        ``X`` log-normalised, counts in ``raw.X``; genes by Ensembl id where all have one, their names in
        ``var['symbol']``; ``obs`` with ``donor_id``, ``suspension_type`` and, where the samplesheet has ``sex``,
        ``sex_ontology_term_id``; ``uns['organism_ontology_term_id']``, ``uns['title']``. Terms of cell types, tissues,
        diseases and assays are the curator's to add.
    """
    import anndata

    cells = anndata.read_h5ad(path)
    var = cast(pd.DataFrame, cells.var)
    ids = var["gene_id"].astype(str)
    index = pd.Index(ids) if ids.str.match(ENSEMBL.pattern).all() and ids.is_unique else var.index
    raw = pd.DataFrame({"symbol": var.index.to_numpy(object)}, index=index.to_numpy(object))
    counts = sparse.csr_matrix(cells.layers["counts"], dtype=np.float32)
    obs = cast(pd.DataFrame, cells.obs)
    obs["donor_id"] = obs["donor"].astype(str).astype("category")
    obs["suspension_type"] = pd.Categorical(["cell"] * len(obs))
    if "sheet_sex" in obs:
        terms = [SEXES.get(value.lower(), "unknown") for value in obs["sheet_sex"].astype(str)]
        obs["sex_ontology_term_id"] = pd.Categorical(terms)
    for layer in list(cells.layers):
        if layer:
            del cells.layers[layer]
    cells.raw = anndata.AnnData(counts, obs=pd.DataFrame(index=cells.obs_names), var=raw)
    cells.var = raw.assign(feature_is_filtered=False)
    if species in ORGANISMS:
        cells.uns["organism_ontology_term_id"] = ORGANISMS[species]
    cells.uns["title"] = (
        f"{obs['donor_id'].nunique()} donors, {', '.join(sorted(obs['compartment'].astype(str).unique()))}"
    )
    return cells


def to_zarr(path: Path, out: Path) -> None:
    """The cohort as it is, as a zarr store."""
    import anndata

    anndata.read_h5ad(path).write_zarr(out)


def to_10x(path: Path, out: Path) -> None:
    """A folder as Cell Ranger writes one, with metadata, the picture and an R script.

    ``matrix.mtx.gz`` (raw counts, genes x cells), ``barcodes.tsv.gz`` (``<sample>:<barcode>``), ``features.tsv.gz``,
    ``obs.csv.gz``, ``obs_classes.csv`` (which of its columns are names), ``umap.csv.gz``, ``read_10x.R``.
    Cells are read some thousand at a time.
    """
    import h5py
    from anndata.io import read_elem, sparse_dataset

    out.mkdir()
    with h5py.File(path) as file:
        obs, var = (cast(pd.DataFrame, read_elem(file[name])) for name in ("obs", "var"))
        picture = np.asarray(read_elem(file["obsm/X_umap"]))
        stored = cast(Any, sparse_dataset(cast(Any, file)["layers/counts"]))
        n_values = int(cast(Any, file)["layers/counts/data"].shape[0])
        with _packed(out / "matrix.mtx.gz") as packed:
            packed.write(b"%%MatrixMarket matrix coordinate integer general\n%\n")
            packed.write(f"{len(var)} {len(obs)} {n_values}\n".encode())
            for start in range(0, len(obs), CHUNK):
                part = sparse.coo_matrix(stored[start : start + CHUNK])
                places = np.column_stack([part.col + 1, part.row + 1 + start, part.data])
                np.savetxt(packed, places, fmt="%d")
    _lines(obs.index, out / "barcodes.tsv.gz")
    rows = zip(var["gene_id"].astype(str), var.index, strict=True)
    _lines([f"{gene_id}\t{name}\tGene Expression" for gene_id, name in rows], out / "features.tsv.gz")
    with _packed(out / "obs.csv.gz") as packed:
        obs.rename_axis("cell").to_csv(packed)
    classes = {"cell": "character"} | {name: _class_of(values) for name, values in obs.items()}
    lines = pd.DataFrame(classes.items(), columns=["column", "class"]).to_csv(index=False, lineterminator="\n")
    write_text(lines, out / "obs_classes.csv")
    with _packed(out / "umap.csv.gz") as packed:
        pd.DataFrame(picture, obs.index, ["UMAP_1", "UMAP_2"]).rename_axis("cell").to_csv(packed)
    write_text(R_SCRIPT.read_text(encoding="utf-8"), out / R_SCRIPT.name)


def _class_of(values: pd.Series) -> str:
    """What a column of cells is in R; names in digits are names."""
    if pd.api.types.is_bool_dtype(values):
        return "logical"
    return "numeric" if pd.api.types.is_numeric_dtype(values) else "character"


def to_loupe(path: Path, out: Path) -> None:
    """A csv for every sample: barcodes as its files have them, and categories that Loupe colours by."""
    import h5py
    from anndata.io import read_elem

    with h5py.File(path) as file:
        obs = cast(pd.DataFrame, read_elem(file["obs"]))
    out.mkdir()
    for sample, rows in obs.groupby("sample", observed=True, sort=False):
        table = rows[["barcode", *LOUPE]].rename(columns={"barcode": "Barcode"})
        table.to_csv(out / f"{sample}.csv", index=False, lineterminator="\n")


def _packed(path: Path) -> gzip.GzipFile:
    """A gzip file without a time in its header."""
    return gzip.GzipFile(path, "wb", 6, mtime=0)


def _lines(lines: Any, path: Path) -> None:
    with _packed(path) as packed:
        packed.write("".join(f"{line}\n" for line in lines).encode())
