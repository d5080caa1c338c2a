"""Which format a file is, told from its content, never from its name or the samplesheet column."""

import re
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

from compartments.core.errors import UserError
from compartments.counts.hdf5 import column_of, row_names, strings_of, text_of
from compartments.counts.latents import add_latents
from compartments.counts.names import SYMBOL_COLUMNS, check_names, mostly_ensembl
from compartments.counts.opening import READ_ERRORS, first_line, open_text
from compartments.counts.source import GENE_EXPRESSION, Source, Texts
from compartments.counts.values import peek_node, value_problem

ID_COLUMNS = ("gene_ids", "gene_id", "ensembl_id", "ensembl", "feature_id", "id")


def describe(path: str | Path, genome: str | None = None) -> Source:
    """Find the counts of ``path`` and check everything that needs no full read.

    Parameters
    ----------
    path : str or Path
        An h5 or h5ad file, or a 10x mtx folder (or a folder that holds exactly one).
    genome : str, optional
        Which genome to take from a file with several.

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
    if not path.exists():
        raise UserError(f"{path}: no such file or folder; correct the path")
    source = _describe_mtx(_mtx_folder(path)) if path.is_dir() else _describe_h5(path, genome)
    check_names(source)
    return source


def _describe_h5(path: Path, genome: str | None) -> Source:
    if not h5py.is_hdf5(path):
        raise UserError(
            f"{path}: not an HDF5 file, or cut off at its start; expected a 10x h5, an h5ad, a CellBender h5, "
            "or a folder with matrix.mtx, barcodes.tsv and features.tsv"
        )
    try:
        with h5py.File(path, "r") as file:
            if "matrix" in file and isinstance(file["matrix"], h5py.Group):
                return _describe_10x(path, file, "matrix", genome)
            if "var" in file and "obs" in file:
                return _describe_h5ad(path, file)
            genomes = [k for k, v in file.items() if isinstance(v, h5py.Group) and {"indptr", "genes"} <= set(v)]
            if genomes:
                return _describe_10x(path, file, _one_genome(path, genomes, genome), None)
            found = ", ".join(list(file)[:6]) or "nothing"
    except READ_ERRORS as error:
        raise UserError(f"{path}: damaged or cut off ({first_line(error)}); copy or export the file again") from None
    raise UserError(
        f"{path}: HDF5, but neither 10x, h5ad nor CellBender (it holds {found}); convert it to one of these"
    )


def _one_genome(path: Path, genomes: list[str], genome: str | None) -> str:
    """The genome to read, from those a file has; a UserError unless there is one or one was chosen."""
    genomes = sorted(genomes)
    if genome in genomes:
        return genome
    if genome is None and len(genomes) == 1:
        return genomes[0]
    wrong = f"genome '{genome}' is not in the file" if genome else "several genomes in one file"
    raise UserError(f"{path}: {wrong} ({', '.join(genomes)}); choose one of them with --genome")


def _describe_10x(path: Path, file: h5py.File, node: str, genome: str | None) -> Source:
    group = file[node]
    v3 = "features" in group
    features = group["features"] if v3 else group
    barcodes = strings_of(group["barcodes"])
    gene_id = strings_of(features["gene_id" if "gene_id" in features else "id"] if v3 else group["genes"])
    symbol = strings_of(features["gene_name" if "gene_name" in features else "name"] if v3 else group["gene_names"])
    feature_type = np.full(len(gene_id), GENE_EXPRESSION, dtype=object)
    if v3 and "feature_type" in features:
        feature_type = strings_of(features["feature_type"])
    keep = feature_type == GENE_EXPRESSION
    prefix = node
    if v3 and "genome" in features and keep.any():
        genomes = strings_of(features["genome"])
        prefix = _one_genome(path, np.unique(genomes[keep]).tolist(), genome)
        keep &= genomes == prefix
    symbol, gene_id = _without_genome(prefix, symbol, gene_id, keep)
    _check_compressed(path, group, len(barcodes), len(gene_id))
    if "filtered_probes" in features:  # probes that Cell Ranger leaves out of its gene counts
        passed = features["filtered_probes"][:].astype(bool)
        if passed.any():
            feature_type = np.where(keep & ~passed, "Filtered probe", feature_type)
            keep &= passed
    layout, chemistry = "10x h5" if v3 else "10x h5 v2", text_of(file.attrs.get("chemistry_description", ""))
    source = Source(path, layout, node, barcodes, gene_id, symbol, feature_type, keep, chemistry=chemistry)
    if "droplet_latents" in file or "CellBender" in text_of(file.attrs.get("TITLE", "")):
        add_latents(source, file)
    elif "latent_cell_probability" in group:
        raise UserError(
            f"{path}: an output of CellBender 0.2 or older; run CellBender 0.3.2 or later, or give the raw counts"
        )
    return source


def _without_genome(genome: str, symbol: Texts, gene_id: Texts, keep: npt.NDArray[np.bool_]) -> tuple[Texts, Texts]:
    """Symbols and ids without the genome's name in front, which Cell Ranger gives them where there are several."""
    prefix = re.compile(rf"^{re.escape(genome)}_+")
    if sum(bool(prefix.match(s)) for s in symbol[keep][:200]) <= 100:
        return symbol, gene_id
    bare = (np.array([prefix.sub("", name) for name in names], dtype=object) for names in (symbol, gene_id))
    return next(bare), next(bare)


def _describe_h5ad(path: Path, file: h5py.File) -> Source:
    candidates = [n for n in ("layers/counts", "layers/raw_counts", "X", "raw/X", "raw.X") if n in file]
    chosen = next((n for n in candidates if value_problem(peek_node(file[n])) is None), None)
    if chosen is None:
        said = f"no counts in {', '.join(candidates)}" if candidates else "no X, layers['counts'] or raw.X"
        why = f" ({value_problem(peek_node(file[candidates[0]]))} in {candidates[0]})" if candidates else ""
        raise UserError(f"{path}: {said}{why}; store raw integer counts in layers['counts'] or X")
    var = file["raw/var" if chosen == "raw/X" and "raw/var" in file else "raw.var" if chosen == "raw.X" else "var"]
    symbol, gene_id, feature_type = _h5ad_features(var)
    barcodes = row_names(file["obs"])
    shape = len(barcodes), len(symbol)
    matrix = file[chosen]
    by_barcode = True
    if isinstance(matrix, h5py.Group):
        encoding = text_of(matrix.attrs.get("encoding-type", matrix.attrs.get("h5sparse_format", "csr")))
        by_barcode = not encoding.startswith("csc")
        _check_compressed(path, matrix, *(shape if by_barcode else shape[::-1]))
    elif matrix.shape != shape:
        raise UserError(
            f"{path}: {chosen} is {matrix.shape} for {shape[0]} cells and {shape[1]} genes; export it again"
        )
    keep = feature_type == GENE_EXPRESSION
    return Source(path, "h5ad", chosen, barcodes, gene_id, symbol, feature_type, keep, by_barcode)


def _h5ad_features(var: h5py.Group | h5py.Dataset) -> tuple[Texts, Texts, Texts]:
    """Symbols, ids and feature types from ``var`` of an h5ad, whose columns have many names."""
    names = row_names(var)
    columns = {c.lower(): c for c in (var if isinstance(var, h5py.Group) else var.dtype.names)}
    symbol, gene_id = names, names
    if mostly_ensembl(names):
        symbol = next((column_of(var, columns[c]) for c in SYMBOL_COLUMNS if c in columns), names)
    else:
        gene_id = next((column_of(var, columns[c]) for c in ID_COLUMNS if c in columns), names)
    given = next((columns[c] for c in ("feature_types", "feature_type") if c in columns), None)
    feature_type = np.full(len(names), GENE_EXPRESSION, dtype=object)
    if given is not None:
        types = column_of(var, given)
        if (types == GENE_EXPRESSION).any():  # "protein_coding" and the like are not 10x feature types
            feature_type = types
    return symbol, gene_id, feature_type


def _mtx_folder(path: Path) -> Path:
    """``path`` if it holds an mtx, else the one folder below it that does."""

    def holds(folder: Path) -> bool:
        return any((folder / name).exists() for name in ("matrix.mtx", "matrix.mtx.gz"))

    if holds(path):
        return path
    below = sorted({f.parent for f in path.glob("**/matrix.mtx*") if holds(f.parent)})
    if len(below) == 1:
        return below[0]
    if below:
        names = ", ".join(str(f.relative_to(path)) for f in below[:6])
        raise UserError(f"{path}: {len(below)} folders with a matrix.mtx ({names}); name one of them")
    raise UserError(f"{path}: a folder without matrix.mtx or matrix.mtx.gz; name the 10x folder that holds it")


def _describe_mtx(folder: Path) -> Source:
    def find(*names: str) -> Path:
        for name in names:
            for file in (folder / name, folder / f"{name}.gz"):
                if file.exists():
                    return file
        raise UserError(f"{folder}: {' or '.join(names)} (.gz) is missing beside matrix.mtx; copy it there")

    matrix, barcode_file = find("matrix.mtx"), find("barcodes.tsv")
    feature_file = find("features.tsv", "genes.tsv")
    try:
        with open_text(barcode_file) as lines:
            barcodes = np.array([line.rstrip("\r\n").split("\t")[0] for line in lines], dtype=object)
        with open_text(feature_file) as lines:
            rows = [line.rstrip("\r\n").split("\t") for line in lines]
        with open_text(matrix) as lines:
            banner = next(lines, "")
            size = next((line for line in lines if not line.startswith("%")), "")
    except READ_ERRORS as error:
        raise UserError(f"{folder}: damaged or cut off ({first_line(error)}); copy the folder again") from None
    if not banner.startswith("%%MatrixMarket matrix coordinate") or len(size.split()) != 3:
        raise UserError(f"{matrix}: not a MatrixMarket coordinate file; export it again")
    n_rows, n_columns, _ = map(int, size.split())
    if (n_rows, n_columns) != (len(rows), len(barcodes)):
        raise UserError(
            f"{matrix}: {n_rows} features x {n_columns} barcodes, but {feature_file.name} has {len(rows)} and "
            f"{barcode_file.name} {len(barcodes)} lines; the three files must come from one export"
        )
    gene_id = np.array([row[0] for row in rows], dtype=object)
    symbol = np.array([row[1] if len(row) > 1 else row[0] for row in rows], dtype=object)
    kinds = [row[2] if len(row) > 2 and row[2] else GENE_EXPRESSION for row in rows]
    feature_type = np.array(kinds, dtype=object)
    return Source(
        folder, "10x mtx", matrix.name, barcodes, gene_id, symbol, feature_type, feature_type == GENE_EXPRESSION
    )


def _check_compressed(path: Path, group: h5py.Group, n_major: int, n_minor: int) -> None:
    """Shapes of a compressed sparse group, from its small arrays."""
    missing = [name for name in ("data", "indices", "indptr") if name not in group]
    if missing:
        raise UserError(f"{path}: {group.name} lacks '{missing[0]}'; export the file again")
    indptr = group["indptr"]
    n_values = group["data"].shape[0]
    consistent = (
        indptr.shape == (n_major + 1,)
        and group["indices"].shape == (n_values,)
        and int(indptr[0]) == 0
        and int(indptr[-1]) == n_values
    )
    if consistent and "shape" in group:
        consistent = sorted(int(v) for v in group["shape"][:]) == sorted((n_major, n_minor))
    if not consistent:
        raise UserError(
            f"{path}: {group.name} does not fit its {n_major} x {n_minor} names (damaged or cut off); export it again"
        )
