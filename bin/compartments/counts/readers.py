"""Count matrices as they come: 10x h5 (v2, v3, probes), 10x mtx folders, h5ad, finished CellBender outputs.

Reading has two halves. :func:`describe` opens a file, finds counts and names and refuses what cannot be used; it
needs h5py and numpy only, so a run can be checked before anything is computed. :func:`read_counts` loads the matrix.
Formats are told from the content, never from the file name or the samplesheet column.
"""

import gzip
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from compartments.core.errors import UserError

GENE_EXPRESSION = "Gene Expression"
CELL_PROBABILITY = 0.5
EMPTY_UMIS = 100  # barcodes up to this total are taken for empty droplets (Lun et al. 2019)
MOST_CELLS = 80_000  # no single 10x channel yields more cells
SYMBOL_COLUMNS = (
    "gene_symbols",
    "gene_symbol",
    "symbol",
    "gene_names",
    "gene_name",
    "feature_name",
    "hgnc_symbol",
    "name",
)
ID_COLUMNS = ("gene_ids", "gene_id", "ensembl_id", "ensembl", "feature_id", "id")
LATENTS = ("cell_probability", "background_fraction", "cell_size", "droplet_efficiency")
ENSEMBL = re.compile(r"^(ENS[A-Z]*G\d{6,})(\.\d+)?(_PAR_Y)?$")
READ_ERRORS = (OSError, EOFError, zlib.error, KeyError, ValueError, RuntimeError, UnicodeDecodeError)


@dataclass
class Source:
    """Where the counts of one file are, and the names of their rows and columns.

    Attributes
    ----------
    path : Path
        The h5 file, or the folder that holds the mtx.
    format : str
        ``10x h5``, ``10x h5 v2``, ``10x mtx``, ``h5ad`` or ``CellBender h5``.
    node : str
        Group or dataset of the counts within the h5, or name of the mtx file.
    barcodes : ndarray of str, shape (n_barcodes,)
    gene_id, symbol, feature_type : ndarray of str, shape (n_features,)
        Every feature of the file; ids without version.
    keep : ndarray of bool, shape (n_features,)
        The gene expression features (of the genome asked for).
    by_barcode : bool
        Whether the stored compressed axis is the barcodes.
    latents : dict of str to ndarray, shape (n_barcodes,)
        CellBender's droplet latents, NaN where a droplet was not analysed.
    ambient : ndarray of float or None, shape (n_features,)
        CellBender's ambient expression.
    chemistry : str
        As the file states it, or empty.
    """

    path: Path
    format: str
    node: str
    barcodes: np.ndarray
    gene_id: np.ndarray
    symbol: np.ndarray
    feature_type: np.ndarray
    keep: np.ndarray
    by_barcode: bool = True
    latents: dict = field(default_factory=dict)
    ambient: np.ndarray | None = None
    chemistry: str = ""

    def left_out(self):
        """Features that are not gene expression, as {feature type: number}."""
        types, numbers = np.unique(self.feature_type[~self.keep], return_counts=True)
        return {str(t) or "other genome": int(n) for t, n in zip(types, numbers, strict=True)}


def describe(path, genome=None):
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
    if path.is_dir():
        source = _describe_mtx(_mtx_folder(path))
    else:
        source = _describe_h5(path, genome)
    _check_names(source)
    return source


def _describe_h5(path, genome):
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
        raise UserError(f"{path}: damaged or cut off ({_first_line(error)}); copy or export the file again") from None
    raise UserError(
        f"{path}: HDF5, but neither 10x, h5ad nor CellBender (it holds {found}); convert it to one of these"
    )


def _one_genome(path, genomes, genome):
    """The genome to read, from those a file has; a UserError unless there is one or one was chosen."""
    genomes = sorted(genomes)
    if genome in genomes:
        return genome
    if genome is None and len(genomes) == 1:
        return genomes[0]
    wrong = f"genome '{genome}' is not in the file" if genome else "several genomes in one file"
    raise UserError(f"{path}: {wrong} ({', '.join(genomes)}); choose one of them with --genome")


def _describe_10x(path, file, node, genome):
    group = file[node]
    features = group["features"] if "features" in group else group
    v3 = "features" in group
    barcodes = _strings(group["barcodes"])
    gene_id = _strings(features["gene_id" if "gene_id" in features else "id"] if v3 else group["genes"])
    symbol = _strings(features["gene_name" if "gene_name" in features else "name"] if v3 else group["gene_names"])
    feature_type = np.full(len(gene_id), GENE_EXPRESSION, dtype=object)
    if v3 and "feature_type" in features:
        feature_type = _strings(features["feature_type"])
    keep = feature_type == GENE_EXPRESSION
    if v3 and "genome" in features and keep.any():
        names = _strings(features["genome"])
        chosen = _one_genome(path, np.unique(names[keep]).tolist(), genome)
        keep &= names == chosen
        node_genome = chosen
    else:
        node_genome = node
    prefix = re.compile(rf"^{re.escape(node_genome)}_+")
    if keep.any() and sum(bool(prefix.match(s)) for s in symbol[keep][:200]) > 100:
        symbol = np.array([prefix.sub("", s) for s in symbol], dtype=object)
        gene_id = np.array([prefix.sub("", s) for s in gene_id], dtype=object)
    _check_compressed(path, group, len(barcodes), len(gene_id))
    if "filtered_probes" in features:  # probes that Cell Ranger leaves out of its gene counts
        passed = features["filtered_probes"][:].astype(bool)
        if passed.any():
            feature_type = np.where(keep & ~passed, "Filtered probe", feature_type)
            keep &= passed
    source = Source(
        path, "10x h5" if v3 else "10x h5 v2", node, barcodes, gene_id, symbol, feature_type, keep,
        chemistry=_text(file.attrs.get("chemistry_description", "")),
    )  # fmt: skip
    if "droplet_latents" in file or "CellBender" in _text(file.attrs.get("TITLE", "")):
        _add_cellbender(source, file)
    elif "latent_cell_probability" in group:
        raise UserError(
            f"{path}: an output of CellBender 0.2 or older; run CellBender 0.3.2 or later, or give the raw counts"
        )
    return source


def _add_cellbender(source, file):
    source.format = "CellBender h5"
    version = ""
    for node in (file, *(file[k] for k in ("metadata", "droplet_latents") if k in file)):
        for key, value in node.attrs.items():
            if "cellbender" in key.lower() and "version" in key.lower():
                version = _text(value)
        for key in node:
            if "version" in key.lower() and isinstance(node[key], h5py.Dataset):
                version = _text(np.ravel(node[key][()])[0])
    if version.lstrip("v").startswith("0.3.1"):
        raise UserError(
            f"{source.path}: written by CellBender 0.3.1, whose counts can overflow; run it with 0.3.2 or later"
        )
    latents = file["droplet_latents"]
    n = len(source.barcodes)
    where = latents["barcode_indices_for_latents"][:] if "barcode_indices_for_latents" in latents else np.arange(n)
    for key in LATENTS:
        if key not in latents:
            continue
        values = latents[key][:].astype(float)
        full = np.full(n, np.nan)
        if len(values) == n:
            full = values
        elif len(values) == len(where) and where.max(initial=-1) < n:
            full[where] = values
        else:
            raise UserError(
                f"{source.path}: CellBender's {key} has {len(values)} values for {n} barcodes; export it again"
            )
        source.latents[key] = full
    if "cell_probability" not in source.latents:
        raise UserError(
            f"{source.path}: CellBender output without cell probabilities; give its output of 0.3.2 or later"
        )
    if "global_latents" in file and "ambient_expression" in file["global_latents"]:
        ambient = file["global_latents"]["ambient_expression"][:].astype(float)
        source.ambient = ambient if len(ambient) == len(source.symbol) else None


def _describe_h5ad(path, file):
    candidates = [n for n in ("layers/counts", "layers/raw_counts", "X", "raw/X", "raw.X") if n in file]
    chosen = next((n for n in candidates if _value_problem(_peek(file[n])) is None), None)
    if chosen is None:
        said = f"no counts in {', '.join(candidates)}" if candidates else "no X, layers['counts'] or raw.X"
        why = f" ({_value_problem(_peek(file[candidates[0]]))} in {candidates[0]})" if candidates else ""
        raise UserError(f"{path}: {said}{why}; store raw integer counts in layers['counts'] or X")
    var = file["raw/var" if chosen == "raw/X" and "raw/var" in file else "raw.var" if chosen == "raw.X" else "var"]
    names = _index(var)
    columns = {c.lower(): c for c in (var if isinstance(var, h5py.Group) else var.dtype.names)}
    symbol, gene_id = names, names
    if _mostly_ensembl(names):
        symbol = next((_column(var, columns[c]) for c in SYMBOL_COLUMNS if c in columns), names)
    else:
        gene_id = next((_column(var, columns[c]) for c in ID_COLUMNS if c in columns), names)
    feature_type = np.full(len(names), GENE_EXPRESSION, dtype=object)
    for column in ("feature_types", "feature_type"):
        if column in columns:
            found = _column(var, columns[column])
            if (found == GENE_EXPRESSION).any():  # "protein_coding" and the like are not 10x feature types
                feature_type = found
            break
    barcodes = _index(file["obs"])
    matrix = file[chosen]
    by_barcode = True
    if isinstance(matrix, h5py.Group):
        encoding = _text(matrix.attrs.get("encoding-type", matrix.attrs.get("h5sparse_format", "csr")))
        by_barcode = not encoding.startswith("csc")
        rows, columns_ = (len(barcodes), len(names)) if by_barcode else (len(names), len(barcodes))
        _check_compressed(path, matrix, rows, columns_)
    elif matrix.shape != (len(barcodes), len(names)):
        raise UserError(
            f"{path}: {chosen} is {matrix.shape} for {len(barcodes)} cells and {len(names)} genes; export it again"
        )
    return Source(
        path, "h5ad", chosen, barcodes, gene_id, symbol, feature_type, feature_type == GENE_EXPRESSION, by_barcode
    )


def _mtx_folder(path):
    """``path`` if it holds an mtx, else the one folder below it that does."""

    def holds(folder):
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


def _describe_mtx(folder):
    def find(*names):
        for name in names:
            for file in (folder / name, folder / f"{name}.gz"):
                if file.exists():
                    return file
        raise UserError(f"{folder}: {' or '.join(names)} (.gz) is missing beside matrix.mtx; copy it there")

    matrix, barcode_file = find("matrix.mtx"), find("barcodes.tsv")
    feature_file = find("features.tsv", "genes.tsv")
    try:
        with _open_text(barcode_file) as lines:
            barcodes = np.array([line.rstrip("\r\n").split("\t")[0] for line in lines], dtype=object)
        with _open_text(feature_file) as lines:
            rows = [line.rstrip("\r\n").split("\t") for line in lines]
        with _open_text(matrix) as lines:
            banner = next(lines, "")
            size = next((line for line in lines if not line.startswith("%")), "")
    except READ_ERRORS as error:
        raise UserError(f"{folder}: damaged or cut off ({_first_line(error)}); copy the folder again") from None
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


def _check_compressed(path, group, n_major, n_minor):
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


def _check_names(source):
    """Refuse what names alone give away, and tidy ids and symbols."""
    if not source.keep.any():
        kinds = ", ".join(source.left_out()) or "none"
        raise UserError(
            f"{source.path}: no gene expression features (it has: {kinds}); give the gene expression counts"
        )
    if len(source.barcodes) == 0:
        raise UserError(f"{source.path}: no barcodes")
    repeated = len(source.barcodes) - len(set(source.barcodes))
    if repeated:
        raise UserError(
            f"{source.path}: {repeated} barcodes occur twice: several samples in one file? Give one file per sample"
        )
    source.gene_id = np.array([_unversioned(g) for g in source.gene_id], dtype=object)
    source.symbol = np.array(
        [_unversioned(s) if s else g for s, g in zip(source.symbol, source.gene_id, strict=True)], dtype=object
    )
    symbols = source.symbol[source.keep]
    if foreign := foreign_species(source.gene_id[source.keep], symbols):
        raise UserError(
            f"{source.path}: {foreign} genes ({', '.join(symbols[:3])} ...), human gene symbols are expected; "
            "map them to human orthologues or leave the sample out"
        )
    if _mostly_ensembl(symbols):
        raise UserError(
            f"{source.path}: Ensembl ids without gene symbols ({symbols[0]} ...); add the symbols "
            f"(h5ad: a var column such as '{SYMBOL_COLUMNS[0]}'; mtx: second column of features.tsv)"
        )


def foreign_species(gene_id, symbol):
    """Name of the species when genes are plainly not human, else an empty string.

    Ensembl ids decide where there are any; else symbols in Title case (Cd3e), as mouse and rat have them.
    """
    prefixes = [m.group(1) for g in gene_id if (m := re.match(r"^(?:DEPRECATED_)?(ENS[A-Z]*G)\d{6,}", g))]
    if len(prefixes) > len(gene_id) / 2:
        human = sum(p == "ENSG" for p in prefixes)
        mouse = sum(p == "ENSMUSG" for p in prefixes)
        if human < len(prefixes) / 2:
            return "mouse" if mouse > len(prefixes) / 2 else "non-human"
        return ""
    title = sum(bool(re.match(r"^[A-Z][a-z][a-z0-9]", s)) for s in symbol)
    return "mouse-like" if title > len(symbol) / 2 else ""


def make_unique(names):
    """Repeated names get ``-1``, ``-2`` ...; the first keeps its name. Array of str in, array of str out."""
    taken = set(names)
    seen = {}
    out = np.array(names, dtype=object)
    for i, name in enumerate(names):
        if name in seen:
            while (candidate := f"{name}-{seen[name]}") in taken:
                seen[name] += 1
            taken.add(candidate)
            out[i] = candidate
        else:
            seen[name] = 1
    return out


def peek_values(source, most=1_000_000):
    """Up to ``most`` of the stored values, from several places of the matrix: ndarray of float, shape (<= most,)."""
    try:
        if source.format == "10x mtx":
            with _open_text(source.path / source.node) as lines:
                body = (line for line in lines if not line.startswith("%"))
                next(body)
                few = (line.split() for line, _ in zip(body, range(most // 5), strict=False))
                return np.array([float(parts[2]) if len(parts) > 2 else 1.0 for parts in few])
        with h5py.File(source.path, "r") as file:
            node = file[source.node]
            return _peek(node, most)
    except (*READ_ERRORS, IndexError) as error:
        raise UserError(f"{source.path}: damaged or cut off ({_first_line(error)}); copy or export it again") from None


def _peek(node, most=1_000_000):
    data = node["data"] if isinstance(node, h5py.Group) else node
    if data.ndim == 2:
        return np.ravel(data[: max(1, most // max(1, data.shape[1]))]).astype(float)
    n, part = data.shape[0], most // 4
    if n <= most:
        return data[:].astype(float)
    starts = np.linspace(0, n - part, 4).astype(int)
    return np.concatenate([data[s : s + part] for s in starts]).astype(float)


def _value_problem(values):
    """``negative``, ``fractional`` ... with an example, or None when ``values`` can be counts."""
    if values.size and not np.isfinite(values).all():
        return "values that are no numbers"
    if values.size and values.min() < 0:
        return f"negative values such as {values.min():.4g}"
    broken = values[values != np.floor(values)]
    return f"fractional values such as {broken[0]:.4g}" if broken.size else None


def check_values(source, values):
    """Raise a UserError when ``values`` (ndarray) cannot be counts."""
    if problem := _value_problem(np.asarray(values)):
        raise UserError(f"{source.path}: {problem}, not counts; give raw integer counts, neither normalised nor scaled")


@dataclass
class Counts:
    """Counts of one file: gene expression only, symbols unique.

    Attributes
    ----------
    matrix : csr_matrix of int32, shape (n_barcodes, n_genes)
    barcodes : ndarray of str, shape (n_barcodes,)
    symbol, gene_id : ndarray of str, shape (n_genes,)
    source : Source
        Where they came from.
    """

    matrix: object
    barcodes: np.ndarray
    symbol: np.ndarray
    gene_id: np.ndarray
    source: Source

    def totals(self):
        """UMIs per barcode: ndarray of int64, shape (n_barcodes,)."""
        return np.asarray(self.matrix.sum(1, dtype=np.int64)).ravel()

    def take(self, barcodes):
        """The same counts of some barcodes (boolean mask or positions)."""
        return Counts(self.matrix[barcodes], self.barcodes[barcodes], self.symbol, self.gene_id, self.source)


def read_counts(path, genome=None):
    """Read every barcode's gene expression counts.

    Parameters and errors are those of :func:`describe`.

    Returns
    -------
    Counts
        Non-zeros and totals are those of the file's gene expression features; int64 index pointers where there are
        2**31 non-zeros or more.
    """
    import scipy.sparse as sp

    source = describe(path, genome)
    shape = (len(source.barcodes), len(source.symbol))
    try:
        if source.format == "10x mtx":
            from scipy.io import mmread

            # spelled out: by a name ending in .gz the reader decompresses too, but reports a cut file as a parse error
            with _open_binary(source.path / source.node) as handle:
                matrix = mmread(handle).T.tocsr()
        else:
            with h5py.File(source.path, "r") as file:
                node = file[source.node]
                if isinstance(node, h5py.Dataset):
                    check_values(source, node[:])
                    matrix = sp.csr_matrix(node[:])
                else:
                    parts = (node["data"][:], node["indices"][:], node["indptr"][:])
                    if (
                        parts[1].size
                        and not 0 <= parts[1].min() <= parts[1].max() < shape[1 if source.by_barcode else 0]
                    ):
                        raise UserError(f"{source.path}: indices outside the matrix (damaged); export the file again")
                    if (np.diff(parts[2]) < 0).any():
                        raise UserError(f"{source.path}: index pointers go backwards (damaged); export the file again")
                    matrix = (
                        sp.csr_matrix(parts, shape=shape) if source.by_barcode else sp.csc_matrix(parts, shape=shape)
                    )
    except READ_ERRORS as error:
        raise UserError(f"{source.path}: damaged or cut off ({_first_line(error)}); copy or export it again") from None
    check_values(source, matrix.data)
    if matrix.data.size and matrix.data.max() > np.iinfo(np.int32).max:
        raise UserError(f"{source.path}: a count above 2^31, which no cell has; give raw integer counts")
    matrix = matrix.tocsr()
    matrix.sum_duplicates()
    expected = _kept_total(matrix, source.keep)
    matrix = matrix if source.keep.all() else matrix[:, np.flatnonzero(source.keep)]
    matrix.eliminate_zeros()
    matrix.sort_indices()
    matrix = sp.csr_matrix((matrix.data.astype(np.int32), matrix.indices, matrix.indptr), shape=matrix.shape)
    found = int(matrix.data.sum(dtype=np.int64)), int(matrix.nnz)
    if found != expected:
        raise RuntimeError(f"{source.path}: totals and non-zeros {found} after reading, {expected} in the file")
    return Counts(matrix, source.barcodes, make_unique(source.symbol[source.keep]), source.gene_id[source.keep], source)


def _kept_total(matrix, keep):
    """Total and non-zeros of the columns ``keep``, straight from the stored triplets."""
    data = matrix.data if keep.all() else matrix.data[keep[matrix.indices]]
    return int(data.sum(dtype=np.int64 if data.dtype.kind in "iu" else np.float64)), int(np.count_nonzero(data))


def droplet_kind(totals):
    """Whether a matrix holds all droplets or only cells, from its UMI totals.

    Parameters
    ----------
    totals : ndarray of int, shape (n_barcodes,)
        UMIs of every barcode of the file, zeros included.

    Returns
    -------
    str
        ``raw`` if at least a fifth of the barcodes (and 100 of them) have at most ``EMPTY_UMIS`` UMIs and at most a
        tenth of the UMIs of the tenth largest barcode, or if there are more barcodes than one channel has cells; else
        ``filtered``.
    """
    ordered = np.sort(np.asarray(totals))[::-1]
    if len(ordered) > MOST_CELLS:
        return "raw"
    large = ordered[min(len(ordered), 10) - 1]  # a sample of few cells has no more large barcodes than that
    empty = (ordered <= EMPTY_UMIS) & (ordered * 10 <= large)
    return "raw" if empty.sum() >= max(100, 0.2 * len(ordered)) else "filtered"


def assemble(sample, raw=None, filtered=None, cellbender=None):
    """Join what one sample has into the droplets that the later steps work on.

    What a matrix is, all droplets or cells only, is told by :func:`droplet_kind`, not by the column it came in: cells
    given as ``raw`` are taken as cells, droplets given as ``filtered`` get their cells called.

    Parameters
    ----------
    sample : str
    raw, filtered, cellbender : Counts, optional
        At least one.

    Returns
    -------
    AnnData
        ``droplets.h5ad`` of the contracts.
    list of str
        Notes: what was taken differently from how it was given.

    Raises
    ------
    UserError
        If the inputs do not belong together: barcodes or genes unknown to the raw matrix, corrected counts above raw
        ones.
    """
    import anndata
    import pandas as pd
    import scipy.sparse as sp

    notes = []
    if raw is not None and filtered is not None and set(raw.barcodes) < set(filtered.barcodes):
        raw, filtered = filtered, raw
        notes.append("raw and filtered were given the wrong way round: exchanged")
    if filtered is not None and raw is None and droplet_kind(filtered.totals()) == "raw":
        raw, filtered = filtered, None
        notes.append("the filtered matrix holds all droplets: used as raw, cells are called here")
    elif raw is not None and filtered is None and droplet_kind(raw.totals()) == "filtered":
        raw, filtered = None, raw
        notes.append("the raw matrix holds cells only, no empty droplets: used as filtered")
    elif raw is not None and filtered is not None and len(raw.barcodes) == len(filtered.barcodes):
        if droplet_kind(raw.totals()) == "raw":
            filtered = None
            notes.append("the filtered matrix holds all droplets of the raw one: cells are called here")
        else:
            raw = None
            notes.append("the raw matrix holds the cells of the filtered one only: used as filtered")

    base = raw or filtered or cellbender
    is_cell, cell_source = None, "none"
    if filtered is not None:
        where = _positions(base, filtered.barcodes, "filtered")
        is_cell, cell_source = np.isin(np.arange(len(base.barcodes)), where), "filtered"
    corrected = None
    if cellbender is not None:
        probability = cellbender.source.latents["cell_probability"]
        called = cellbender.take(np.flatnonzero(np.nan_to_num(probability) > CELL_PROBABILITY))
        if base is filtered:  # cells of the filtered matrix that CellBender did not keep have no corrected counts
            known = np.isin(called.barcodes, filtered.barcodes)
            if not known.all():
                notes.append(
                    f"{int((~known).sum())} cells of CellBender are not in the filtered matrix and are left out"
                )
            called = called.take(np.flatnonzero(known))
        where = _positions(base, called.barcodes, "CellBender")
        is_cell, cell_source = np.isin(np.arange(len(base.barcodes)), where), "cellbender"
        corrected = _corrected_like(base, called, where)
        if base is cellbender:
            notes.append("only a CellBender output was given: its corrected counts stand in for raw counts")

    matrix = base.matrix
    keep = base.totals() > 0
    if base is not raw and is_cell is not None:
        keep &= is_cell
    if not keep.any():
        raise UserError(f"{base.source.path}: no barcode with counts; give the output of a run that found some")
    data = anndata.AnnData(
        matrix[keep],
        obs=pd.DataFrame(index=pd.Index(base.barcodes[keep], dtype=object)),
        var=pd.DataFrame({"gene_id": base.gene_id}, index=pd.Index(base.symbol, dtype=object)),
    )
    if is_cell is not None:
        data.obs["is_cell"] = is_cell[keep]
    if corrected is not None:
        data.layers["corrected"] = sp.csr_matrix(corrected[keep])
    data.uns = {
        "sample": sample,
        "kind": "raw" if base is raw else "filtered",
        "cell_source": cell_source,
        "counts_are_corrected": base is cellbender,
        "chemistry": next((c.source.chemistry for c in (raw, filtered) if c and c.source.chemistry), ""),
    }
    return data, notes


@dataclass
class Droplets:
    """``droplets.h5ad`` read back without anndata (which costs seconds to import).

    Attributes
    ----------
    sample, kind, cell_source : str
    matrix : csr_matrix of int32, shape (n_barcodes, n_genes)
    barcodes : ndarray of str, shape (n_barcodes,)
    totals : ndarray of int64, shape (n_barcodes,)
    is_cell : ndarray of bool or None, shape (n_barcodes,)
    """

    sample: str
    kind: str
    cell_source: str
    matrix: object
    barcodes: np.ndarray
    totals: np.ndarray
    is_cell: np.ndarray | None


def read_droplets(path):
    """Read ``droplets.h5ad``: :class:`Droplets`."""
    import scipy.sparse as sp

    with h5py.File(path, "r") as file:
        group = file["X"]
        parts = (group["data"][:], group["indices"][:], group["indptr"][:])
        matrix = sp.csr_matrix(parts, shape=tuple(group.attrs["shape"]))
        is_cell = file["obs/is_cell"][:].astype(bool) if "is_cell" in file["obs"] else None
        words = (_text(file["uns"][key][()]) for key in ("sample", "kind", "cell_source"))
        totals = np.asarray(matrix.sum(1, dtype=np.int64)).ravel()
        return Droplets(*words, matrix, _index(file["obs"]), totals, is_cell)


def _positions(base, barcodes, name):
    """Positions of ``barcodes`` in ``base``, with or without the well suffix (-1)."""
    index = {b: i for i, b in enumerate(base.barcodes)}
    missing = [b for b in barcodes if b not in index]
    if missing:
        bare = {re.sub(r"-\d+$", "", b): i for b, i in index.items()}
        if len(bare) == len(index) and all(re.sub(r"-\d+$", "", b) in bare for b in barcodes):
            return np.array([bare[re.sub(r"-\d+$", "", b)] for b in barcodes], dtype=int)
        raise UserError(
            f"{base.source.path}: {len(missing)} of {len(barcodes)} {name} barcodes are not in it ({missing[0]} ...); "
            "give files of one and the same library"
        )
    return np.array([index[b] for b in barcodes], dtype=int)


def _corrected_like(base, called, where):
    """CellBender's counts in the rows and columns of ``base``: csr_matrix of int32, zero outside its cells."""
    import scipy.sparse as sp

    if called.symbol.shape == base.symbol.shape and (called.gene_id == base.gene_id).all():
        columns = np.arange(len(base.symbol))
    else:
        index = {g: i for i, g in enumerate(zip(base.gene_id, base.symbol, strict=True))}
        names = list(zip(called.gene_id, called.symbol, strict=True))
        columns = np.array([index.get(name, -1) for name in names])
        counted = np.asarray(called.matrix.sum(0)).ravel() > 0
        if (columns[counted] < 0).any():
            unknown = called.symbol[counted & (columns < 0)]
            raise UserError(
                f"{called.source.path}: {len(unknown)} of its genes are not in {base.source.path} ({unknown[0]} ...); "
                "give the matrix that CellBender was run on"
            )
    coo = called.matrix.tocoo()
    corrected = sp.csr_matrix((coo.data, (where[coo.row], columns[coo.col])), shape=base.matrix.shape, dtype=np.int32)
    above = (corrected - base.matrix) > 0
    if above.nnz:
        raise UserError(
            f"{called.source.path}: {above.nnz} corrected counts exceed those of {base.source.path}; "
            "give the matrix that CellBender was run on"
        )
    return corrected


def _column(frame, name):
    if isinstance(frame, h5py.Dataset):
        return _decode(frame[name])
    node = frame[name]
    legacy = frame.get("__categories")
    if legacy is not None and name in legacy:
        return _strings(legacy[name])[node[:]]
    return _strings(node)


def _index(frame):
    """Row names of an h5ad data frame, of today's and of the old compound encoding."""
    if isinstance(frame, h5py.Dataset):
        return _decode(frame["index" if "index" in frame.dtype.names else frame.dtype.names[0]])
    return _strings(frame[_text(frame.attrs.get("_index", "_index"))])


def _strings(node):
    """Strings of an HDF5 node: plain, nullable or categorical. Array of object (str)."""
    if isinstance(node, h5py.Group):
        if "codes" in node:
            codes = node["codes"][:]
            return np.where(codes < 0, "", np.append(_strings(node["categories"]), "")[codes])
        values = _strings(node["values"])
        return np.where(node["mask"][:], "", values) if "mask" in node else values
    return _decode(node[:])


def _decode(values):
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8").astype(object)
    return np.array([_text(v) for v in values.tolist()], dtype=object)


def _text(value):
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size else ""
    return value.decode("utf-8") if isinstance(value, bytes) else "" if isinstance(value, h5py.Empty) else str(value)


def _unversioned(name):
    match = ENSEMBL.match(name)
    return match.group(1) + (match.group(3) or "") if match else name


def _mostly_ensembl(names):
    return sum(bool(ENSEMBL.match(n)) for n in names) > len(names) / 2


def _open_binary(path):
    return gzip.open(path, "rb") if _is_gzip(path) else open(path, "rb")


def _open_text(path):
    return gzip.open(path, "rt") if _is_gzip(path) else open(path)


def _is_gzip(path):
    with open(path, "rb") as handle:
        return handle.read(2) == b"\x1f\x8b"


def _first_line(error):
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
