"""Where an h5ad has its counts, and the names that belong to them."""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import h5py
import numpy as np

from compartments.core.errors import UserError
from compartments.counts.hdf5 import check_claim, column_of, row_names, text_of
from compartments.counts.names import SYMBOL_COLUMNS, mostly_ensembl, mostly_numbers, tidy
from compartments.counts.opening import READ_ERRORS
from compartments.counts.source import SEVERAL, Source, Texts
from compartments.counts.symbols import looks_like_barcodes
from compartments.counts.values import node_problem

ID_COLUMNS = ("gene_ids", "gene_id", "ensembl_id", "ensembl", "ensembl_gene_id", "feature_id", "id")
TYPE_COLUMNS = ("feature_types", "feature_type", "modality")
COUNTS_LAYERS = ("counts", "raw_counts", "raw", "count", "rawcounts", "umi", "umis", "umi_counts")
PARTS = (("spliced", "unspliced"), ("mature", "nascent"))  # layers that are counts of one gene together
RNA = ("rna", "gex", "gene expression", "gene_expression")  # names of modalities
STEP = 4_000_000  # values in memory at a time
NUMBER = re.compile(r"-?\d+\.0")
SAMPLE_COLUMNS = {
    "sample", "sample_id", "sampleid", "sample_name", "orig.ident", "donor", "donor_id", "patient", "patient_id",
    "individual", "subject", "library", "library_id", "gem_group", "gem_id",
    "batch", "hash.id", "hash_id", "assignment",
}  # fmt: skip


def describe_h5ad(path: Path, file: h5py.File) -> Source:
    """The counts of an h5ad, or of the RNA of an h5mu, with the most genes, and their names.

    Raises
    ------
    UserError
        If it has no counts, no RNA, or they do not fit its names.
    """
    group = expression_in(path, file)
    chosen, notes = counts_in(path, group)
    source = describe_matrix(path, group, chosen)
    source.notes += notes
    source.warnings += _genes_without_counts(group, chosen) + _other_counts(group, chosen)
    if group.name != "/":
        source.node = f"{group.name}/{chosen}"
        source.notes.append(f"of the modalities of the h5mu {group.name} is read")
    _tell_samples(source, group["obs"])
    said = file.get("uns/chemistry")  # of a 10x h5 that held a whole study
    if isinstance(said, h5py.Dataset) and said.shape == ():
        source.chemistry = text_of(said[()])
    return source


def expression_in(path: Path, file: h5py.File) -> h5py.Group:
    """The group that is laid out as an h5ad: the file, or of an h5mu its modality of RNA; a UserError without one."""
    if "mod" not in file:
        return file
    found = [name for name in file["mod"] if name.lower() in RNA]
    if len(found) != 1:
        raise UserError(
            f"{path}: an h5mu {'with several modalities' if found else 'without one'} of RNA (it holds "
            f"{', '.join(file['mod']) or 'nothing'}); name the modality of gene counts 'rna'"
        )
    return file["mod"][found[0]]


def obs_columns(obs: h5py.Group | h5py.Dataset) -> list[str]:
    """Names of the columns of ``obs``, in their order where the file says it."""
    index = text_of(obs.attrs.get("_index", "_index"))
    ordered = [text_of(name) for name in obs.attrs.get("column-order", [])]
    return ordered or [name for name in _columns(obs).values() if name not in (index, "index", "__categories")]


def labels_in(source: Source, key: str) -> Texts:
    """The user's label of each barcode, by a column of obs; empty where a cell has none.

    Raises
    ------
    UserError
        No obs, or no such column.
    """
    if source.format != "h5ad":
        raise UserError(
            f"{source.path}: a {source.format} has no obs with labels (--labels_key); give an h5ad, or name the cells "
            "in --label_overrides"
        )
    with h5py.File(source.path, "r") as file:
        obs = expression_in(source.path, file)["obs"]
        if key not in obs_columns(obs):
            raise UserError(
                f"{source.path}: obs has no column '{key}' (--labels_key); it has {', '.join(obs_columns(obs)[:20])}"
            )
        return obs_column(obs, key)


def obs_column(obs: h5py.Group | h5py.Dataset, name: str) -> Texts:
    """A column of ``obs`` as text: whole numbers without a point, empty where there is no value."""
    values = [value.strip() for value in column_of(obs, name)]
    plain = [value.removesuffix(".0") if NUMBER.fullmatch(value) else value for value in values]
    return np.array(["" if value.lower() in ("nan", "<na>") else value for value in plain], dtype=object)


def describe_matrix(path: Path, file: h5py.File, chosen: str) -> Source:
    """A matrix of an h5ad, such as ``layers/counts``, and its names; a UserError if they do not fit."""
    barcodes = row_names(file["obs"])
    in_raw = chosen in ("raw/X", "raw.X")
    own = file["var"]
    there = file["raw/var"] if in_raw and "raw/var" in file else file["raw.var"] if chosen == "raw.X" else own
    symbol, gene_id = _names(there)
    if in_raw and (mostly_ensembl(symbol) or mostly_numbers(symbol)):
        symbol, gene_id = _names_by(own, row_names(there), symbol, gene_id)
    _check_orientation(path, barcodes, symbol)
    shape = len(barcodes), len(symbol)
    matrix = file[chosen]
    by_barcode = True
    if isinstance(matrix, h5py.Group):
        by_barcode = not _encoding(matrix).startswith("csc")
        check_compressed(path, matrix, *(shape if by_barcode else shape[::-1]))
    elif matrix.shape != shape:
        raise UserError(
            f"{path}: {chosen} is {matrix.shape} for {shape[0]} cells and {shape[1]} genes; export it again"
        )
    else:
        check_claim(matrix)
    types, genome = (_column(there, names, len(symbol)) for names in (TYPE_COLUMNS, ("genome",)))
    source = Source(path, "h5ad", chosen, barcodes, gene_id, symbol, types, np.ones(len(symbol), bool), by_barcode)
    source.genome = genome if (genome != "").any() else None
    return source


def counts_in(path: Path, file: h5py.File) -> tuple[str, list[str]]:
    """Which matrix holds counts, the one with most genes if several do, and a note if that is not the first of them.

    Raises
    ------
    UserError
        If none does.
    """
    n_barcodes = len(row_names(file["obs"]))
    layers, there = _layers(file), _asked(file)
    problems = {node: node_problem(file[node], n_barcodes) or _emptiness(file[node]) for node in there}
    sound = [node for node in there if not problems[node]]
    if not sound:
        said = f"no counts in {', '.join(there)}" if there else "no X, layers['counts'] or raw.X"
        why = f" ({problems[there[0]]} in {there[0]})" if there else ""
        others = sorted(set(layers.values()) - set(there))
        if apart := next((pair for pair in PARTS if set(pair) <= set(layers)), None):
            raise UserError(f"{path}: {said}{why}; store the sum of layers {' and '.join(apart)} in layers['counts']")
        hint = next((f"; is it {name}? name that layer 'counts'" for name in others if _sound(file[name])), "")
        raise UserError(f"{path}: {said}{why}; store raw integer counts in layers['counts'] or X{hint}")
    largest = max(sound, key=lambda node: _n_genes(file, node))
    if _n_genes(file, largest) == _n_genes(file, sound[0]):
        return sound[0], []
    return largest, [f"counts are read from {largest}, which has more genes than {sound[0]}"]


def _other_counts(file: h5py.Group, chosen: str) -> list[str]:
    """Warnings of other counts of the same genes than those that are read."""
    found, layers = [], _layers(file)
    for node in _asked(file):
        like = node != chosen and _n_genes(file, node) == _n_genes(file, chosen)
        if not like or not _sound(file[node]) or _emptiness(file[node]) or _alike(file[node], file[chosen]):
            continue
        read, other = (sum(int(part.sum(dtype=np.float64)) for part in _parts(file[one])) for one in (chosen, node))
        if read != other:
            found.append(
                f"counts are read from {chosen} (total {read:,}); {node} holds others of the same genes (total "
                f"{other:,}): if those are the raw counts, store them in layers['counts'] and nothing beside"
            )
    for whole, rest in PARTS:
        if {whole, rest} <= set(layers) and chosen != layers[whole] and _alike(file[layers[whole]], file[chosen]):
            found.append(
                f"counts are read from {chosen}, which are those of {layers[whole]}: {layers[rest]} is not counted; if "
                "reads of introns should count, as of nuclei, store the sum of both in layers['counts']"
            )
    return found


def _alike(one: h5py.Group | h5py.Dataset, other: h5py.Group | h5py.Dataset) -> bool:
    """Whether two matrices store the same, as far as their numbers of values and the first of them tell."""
    stored = [node["data"] if isinstance(node, h5py.Group) else node for node in (one, other)]
    return stored[0].shape == stored[1].shape and all(
        np.array_equal(*parts) for parts in zip(*(islice(_parts(node), 1) for node in (one, other)), strict=True)
    )


def _emptiness(node: h5py.Group | h5py.Dataset) -> str:
    """What is wrong with a matrix that has no value but 0; empty if it has some."""
    return "" if any(part.any() for part in _parts(node)) else "no value but 0"


def _parts(node: h5py.Group | h5py.Dataset) -> Iterator[np.ndarray]:
    """Stored values, some at a time."""
    values = node["data"] if isinstance(node, h5py.Group) else node
    check_claim(values)
    step = max(1, STEP // max(1, int(np.prod(values.shape[1:]))))
    for start in range(0, values.shape[0], step):
        yield values[start : start + step]


def _genes_without_counts(file: h5py.Group, chosen: str) -> list[str]:
    """A warning where ``raw`` lists more genes than the counts that are read, and has no counts of them."""
    there = [node for node in ("raw/X", "raw.X") if node in file and node != chosen and not _is_null(file[node])]
    for node in there:
        all_genes, read = _n_genes(file, node), _n_genes(file, chosen)
        problem = node_problem(file[node], len(row_names(file["obs"]))) if all_genes > read else ""
        if problem:
            said = (
                f"counts are of the {read:,} genes of {chosen} alone: {node} lists {all_genes:,} but holds no counts "
                f"({problem}); if {chosen} is cut to variable genes, store raw integer counts of all genes"
            )
            return [said]
    return []


def _layers(file: h5py.Group) -> dict[str, str]:
    """Name of each layer in small letters -> where it is."""
    return {name.lower(): f"layers/{name}" for name in file["layers"]} if "layers" in file else {}


def _asked(file: h5py.Group) -> list[str]:
    """Where counts may be, the likeliest first."""
    layers = _layers(file)
    nodes = [*(layers[name] for name in COUNTS_LAYERS if name in layers), "X", "raw/X", "raw.X"]
    return [node for node in nodes if node in file and not _is_null(file[node])]


def _sound(node: h5py.Group | h5py.Dataset) -> bool:
    return not _is_null(node) and node_problem(node, 0) == ""


def _is_null(node: h5py.Group | h5py.Dataset) -> bool:
    return isinstance(node, h5py.Dataset) and (node.shape is None or node.ndim != 2)


def _n_genes(file: h5py.File, node: str) -> int:
    names = "raw/var" if node == "raw/X" and "raw/var" in file else "raw.var" if node == "raw.X" else "var"
    return len(row_names(file[names]))


def _encoding(matrix: h5py.Group) -> str:
    return text_of(matrix.attrs.get("encoding-type", matrix.attrs.get("h5sparse_format", "csr")))


def _columns(frame: h5py.Group | h5py.Dataset) -> dict[str, str]:
    return {name.lower(): name for name in (frame if isinstance(frame, h5py.Group) else frame.dtype.names)}


def _names(var: h5py.Group | h5py.Dataset) -> tuple[Texts, Texts]:
    """Symbols and ids from ``var``, whose columns have many names: the row names, unless these are ids or numbers."""
    names, columns = row_names(var), _columns(var)
    by_name = [columns[c] for c in SYMBOL_COLUMNS if c in columns]
    ids = next((tidy(column_of(var, columns[c])) for c in ID_COLUMNS if c in columns), names)
    if not mostly_ensembl(names) and not mostly_numbers(names):
        return names, ids
    symbols = (tidy(column_of(var, name)) for name in by_name)
    found = next((s for s in symbols if not mostly_ensembl(s) and not mostly_numbers(s)), names)
    return found, names if mostly_ensembl(names) else ids


def _names_by(own: h5py.Group | h5py.Dataset, index: Texts, symbol: Texts, gene_id: Texts) -> tuple[Texts, Texts]:
    """Names for the features of ``raw``, which has ids or numbers only, from ``var``: by row name, else by place."""
    symbols, ids = _names(own)
    if mostly_ensembl(symbols) or mostly_numbers(symbols):
        return symbol, gene_id
    of_row = dict(zip(row_names(own), zip(symbols, ids, strict=True), strict=True))
    if len(symbols) == len(index) and not any(name in of_row for name in index[:100]):
        return symbols, ids
    pairs = [of_row.get(name, (s, g)) for name, s, g in zip(index, symbol, gene_id, strict=True)]
    return np.array([s for s, _ in pairs], dtype=object), np.array([g for _, g in pairs], dtype=object)


def _column(frame: h5py.Group | h5py.Dataset, names: tuple[str, ...], n: int) -> Texts:
    """The first of some columns that is there, as texts; empty texts if none is."""
    columns = _columns(frame)
    found = next((columns[name] for name in names if name in columns), None)
    return np.full(n, "", dtype=object) if found is None else column_of(frame, found)


def _check_orientation(path: Path, barcodes: Texts, names: Texts) -> None:
    if mostly_ensembl(barcodes) or (looks_like_barcodes(names) and not looks_like_barcodes(barcodes)):
        raise UserError(
            f"{path}: genes in obs ({barcodes[0]} ...) and cells in var ({names[0]} ...); transpose it (adata.T)"
        )


def _tell_samples(source: Source, obs: h5py.Group | h5py.Dataset) -> None:
    """A warning where a column of ``obs`` says that the cells are of several samples."""
    for lower, name in _columns(obs).items():
        if lower not in SAMPLE_COLUMNS:
            continue
        try:
            values = sorted(set(column_of(obs, name)) - {""})
        except READ_ERRORS:  # a column that is not needed
            continue
        if len(values) > 1:
            source.warnings.append(
                f"obs column '{name}' has {len(values)} values ({', '.join(values[:4])}): if the cells are of several "
                f"samples, {SEVERAL}"
            )
            return


def check_compressed(path: Path, group: h5py.Group, n_major: int, n_minor: int) -> None:
    """Shapes of a compressed sparse group, from its small arrays; a UserError if they do not fit its names."""
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
        consistent = sorted(int(v) for v in group["shape"][:2]) == sorted((n_major, n_minor))
    if not consistent:
        raise UserError(
            f"{path}: {group.name} does not fit its {n_major} x {n_minor} names (damaged or cut off); export it again"
        )
    if not n_values:
        raise UserError(f"{path}: no barcode with counts; give the output of a run that found some")
    for name in ("data", "indices", "indptr"):
        check_claim(group[name])
