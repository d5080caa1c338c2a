"""What the fuzz throws at the readers of users' files: bytes in, nothing or one line for the user out.

Text goes in as it is. Of HDF5 bytes would try the library itself; here they say what a file holds: which nodes, of
which types, shapes and values, as :class:`Bytes` draws them.
"""

import json
import pickle
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from compartments.core.errors import UserError
from compartments.core.gene_sets import read_gmt
from compartments.core.pairs import read_groups, read_resource
from compartments.core.sheets import read_text
from compartments.counts.formats import describe
from compartments.counts.inspection import look_into
from compartments.counts.reading import read_counts
from compartments.labels.lineages import read_lineage_map
from compartments.labels.markers import read_markers
from compartments.labels.model import load_model
from compartments.labels.overrides import read_override_table
from compartments.study.contrasts import parse_contrasts
from compartments.study.design import make_study
from compartments.study.parameters import as_level, check_parameters, names_in
from compartments.study.samplesheet import parse_samplesheet

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(__file__).with_name("corpus")
SHEET = "sample,donor,compartment,condition,raw\na,a,CSF,t,a.h5\nb,a,blood,t,b.h5\nc,b,CSF,u,c.h5\nd,b,blood,u,d.h5\n"
TYPES = ["i1", "u2", "<i4", ">i8", "f2", "f4", "f8", "?", "S8", "S1", "c8", "str"]
NAMES = [
    "matrix", "data", "indices", "indptr", "shape", "barcodes", "features", "id", "name", "feature_type", "genome",
    "gene_id", "gene_name", "filtered_probes", "genes", "gene_names", "X", "layers", "counts", "raw", "raw.X",
    "raw.var", "obs", "var", "_index", "index", "gene_symbols", "feature_types", "__categories", "codes", "categories",
    "values",
    "mask", "droplet_latents", "cell_probability", "barcode_indices_for_latents", "metadata", "cellbender_version",
    "global_latents", "ambient_expression", "mod", "sample",
]  # fmt: skip
ATTRIBUTES = ["_index", "encoding-type", "h5sparse_format", "shape", "chemistry_description", "TITLE", "column-order"]
WORDS = [
    "csr_matrix",
    "csc_matrix",
    "array",
    "null",
    "categorical",
    "_index",
    "index",
    "GRCh38",
    "Gene Expression",
    "nan",
]


class Bytes:
    """Choices drawn from bytes; zeros when they are spent."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def number(self, most: int = 255) -> int:
        """From 0 to ``most``, which is at most 255."""
        self.at += 1
        return (self.data[self.at - 1] if self.at <= len(self.data) else 0) % (most + 1)

    def choice(self, values: list) -> Any:
        return values[self.number(len(values) - 1)]

    def size(self) -> int:
        """Mostly small; now and then what no file holds."""
        return self.choice([0, 1, 2, 3, 4, 5, 8, 30, 30, 30, 2**16, 2**31, 2**40])


@cache
def valid_10x() -> list[tuple[str, Any]]:
    """Nodes of a sound 10x file of 4 barcodes and 3 genes."""
    names = np.array([b"CD3E", b"LYZ", b"MT-CO1"])
    return [
        ("matrix/barcodes", np.array([b"AAACCCAAACCC-1", b"AAACCCAAACCG-1", b"AAACCCAAACCT-1", b"AAACCCAAACGG-1"])),
        ("matrix/data", np.array([1, 2, 3, 4, 5], np.int32)), ("matrix/indices", np.array([0, 1, 2, 0, 1])),
        ("matrix/indptr", np.array([0, 2, 3, 4, 5])), ("matrix/shape", np.array([3, 4])),
        ("matrix/features/id", np.array([b"ENSG00000198851", b"ENSG00000090382", b"ENSG00000198804"])),
        ("matrix/features/name", names), ("matrix/features/feature_type", np.array([b"Gene Expression"] * 3)),
        ("matrix/features/genome", np.array([b"GRCh38"] * 3)),
    ]  # fmt: skip


@cache
def valid_h5ad() -> list[tuple[str, Any]]:
    """The same as AnnData has it."""
    nodes = dict(valid_10x())
    found = [(f"X/{name}", nodes[f"matrix/{name}"]) for name in ("data", "indices", "indptr")]
    return [
        *found, ("obs/_index", nodes["matrix/barcodes"]), ("var/_index", nodes["matrix/features/name"]),
        ("var/gene_ids", nodes["matrix/features/id"]),
    ]  # fmt: skip


def write_nodes(path: Path, nodes: list[tuple[str, Any]], draw: Bytes) -> None:
    """A file of ``nodes``, changed as ``draw`` says: some left out, some others, some that claim what is not there."""
    with h5py.File(path, "w") as file:
        for name, value in nodes:
            change = draw.number(15)
            if change == 1:
                continue
            _put(file, name, _other(draw) if change == 2 else value, claim=draw.size() if change == 3 else None)
        for _ in range(draw.number(4)):
            _put(file, "/".join(draw.choice(NAMES) for _ in range(1 + draw.number(2))), _other(draw), None)
        places = ["/", *(name for name in ("matrix", "X", "obs", "var") if name in file)]
        for _ in range(draw.number(3)):
            node = file[draw.choice(places)]
            node.attrs[draw.choice(ATTRIBUTES)] = draw.choice([*WORDS, 3, b"csr", h5py.Empty("f"), [4, 3]])


def _other(draw: Bytes) -> Any:
    """A value of a node: of any type and a small shape, nothing, or a group (None)."""
    kind = draw.choice([*TYPES, "empty", "group", "scalar"])
    if kind in ("empty", "group"):
        return h5py.Empty("f") if kind == "empty" else None
    if kind == "scalar":
        return draw.choice([1, -1, 2.5, b"x", "text"])
    shape = (draw.number(5),) if draw.number(3) else (draw.number(5), draw.number(4))
    if kind == "str":
        return np.array([draw.choice(WORDS) for _ in range(int(np.prod(shape)))], object).reshape(shape)
    values = np.array([draw.number() - 5 for _ in range(int(np.prod(shape)))]).reshape(shape)
    with np.errstate(all="ignore"):
        return values.astype(kind)


def _put(file: h5py.File, name: str, value: Any, claim: int | None) -> None:
    try:
        if value is None:
            file.require_group(name)
        elif claim is not None and isinstance(value, np.ndarray):
            file.create_dataset(name, (claim,), value.dtype, chunks=(1024,))
        elif isinstance(value, np.ndarray) and value.dtype == object:
            file.create_dataset(name, data=value, dtype=h5py.string_dtype())
        else:
            file[name] = value
    except (ValueError, TypeError, OSError, RuntimeError, KeyError):
        pass  # what h5py itself does not write


def _read(path: Path, column: str = "raw") -> None:
    """All that the pipeline does with a file of counts: a look, then the counts."""
    problem = look_into(path, column).problem
    if not problem:
        describe(path)
        read_counts(path)


def _of_h5(nodes: Callable[[], list]) -> Callable[[bytes, Path], None]:
    def target(data: bytes, folder: Path) -> None:
        draw = Bytes(data)
        write_nodes(folder / "m.h5", nodes(), draw)
        _read(folder / "m.h5", draw.choice(["raw", "raw", "cellbender"]))

    return target


def _of_folder(file: str) -> Callable[[bytes, Path], None]:
    def target(data: bytes, folder: Path) -> None:
        texts = {"features.tsv": b"ENSG00000198851\tCD3E\tGene Expression\nENSG00000090382\tLYZ\tGene Expression\n"}
        texts |= {"barcodes.tsv": b"AAACCCAAACCC-1\nAAACCCAAACCG-1\n"}
        texts |= {"matrix.mtx": b"%%MatrixMarket matrix coordinate integer general\n2 2 2\n1 1 5\n2 2 3\n"}
        for name, content in (texts | {file: data}).items():
            (folder / name).write_bytes(content)
        _read(folder)

    return target


def _of_file(name: str, read: Callable[[Path], Any]) -> Callable[[bytes, Path], None]:
    def target(data: bytes, folder: Path) -> None:
        (folder / name).write_bytes(data)
        read(folder / name)

    return target


def _sheet(path: Path) -> None:
    sheet = parse_samplesheet(read_text(path), path.name)
    make_study(sheet, reference_condition="u", covariates=[one for one in ("age", "sex") if one in sheet])


def _groups(path: Path) -> None:
    pairs = path.with_name("pairs.tsv")
    pairs.write_text("ligand\treceptor\nCCL2\tCCR2\n")
    read_groups(path, read_resource(str(pairs)))


@cache
def lineage_map() -> Any:
    return read_lineage_map(ROOT / "assets" / "celltypist_immune_all_low_lineage.tsv")


@cache
def schema() -> dict:
    return json.loads((ROOT / "nextflow_schema.json").read_text())


def _parameters(data: bytes, folder: Path) -> None:
    try:
        given = json.loads(data)
    except (ValueError, RecursionError):
        return  # Nextflow writes this file: it is JSON
    if isinstance(given, dict):
        check_parameters(given, schema())
        for value in given.values():
            names_in(value)
            as_level("reference_condition", value, ["0", "01", "FALSE", "1e3", "control"])


TARGETS: dict[str, Callable[[bytes, Path], None]] = {
    "sheet": _of_file("sheet.csv", _sheet),
    "contrasts": _of_file("c.csv", lambda path: parse_contrasts(read_text(path), parse_samplesheet(SHEET))),
    "overrides": _of_file("o.tsv", lambda path: read_override_table(path, lineage_map())),
    "lineage_map": _of_file("map.tsv", read_lineage_map),
    "markers": _of_file("markers.tsv", lambda path: read_markers(path, lineage_map())),
    "pairs": _of_file("pairs.tsv", lambda path: read_resource(str(path))),
    "groups": _of_file("groups.csv", _groups),
    "gmt": _of_file("sets.gmt", read_gmt),
    "matrix": _of_folder("matrix.mtx"),
    "features": _of_folder("features.tsv"),
    "barcodes": _of_folder("barcodes.tsv"),
    "h5": _of_h5(valid_10x),
    "h5ad": _of_h5(valid_h5ad),
    "model": _of_file("model.pkl", load_model),
    "parameters": _parameters,
}
SEEDS = {
    "sheet": [SHEET.encode(), b"sep=;\nsample;donor;compartment;condition;raw;age\na;a;CSF;t;\"a\nb\";31\n"],
    "contrasts": [b"condition,reference,contrast,kind\nt,u,x,between\n"],
    "overrides": [b"sample\tbarcode\tcluster\tlineage\ns1\tAAAC-1\t\tB\n"],
    "lineage_map": [(ROOT / "assets" / "celltypist_immune_all_low_lineage.tsv").read_bytes()[:600]],
    "pairs": [b"ligand\treceptor\nCCL2\tCCR2\n"], "groups": [b"group,role,gene\nx,ligand,CCL2\n"],
    "gmt": [b"A\tfirst\tCD3E\tLYZ\r\nB\t\tCD4\n"],
    "matrix": [b"%%MatrixMarket matrix coordinate real general\n%\n2 2 2\n1 1 5.0\n2 2 3e0\n"],
    "features": [b"gene_id\tgene_name\nENSG1\tCD3E\nENSG2\tLYZ\n"],
    "barcodes": [b"\"AAACCCAAACCC-1\"\nAAACCCAAACCG-1\n"],
    "h5": [bytes(range(64)), b"\x00" * 40], "h5ad": [bytes(range(64)), b"\x00" * 40],
    "markers": [(ROOT / "assets" / "markers.tsv").read_bytes()[:600]],
    "model": [pickle.dumps({"Model": np.ones(2), "Scaler_": None}), pickle.dumps(np.float64(1), 2)],
    "parameters": [b'{"max_mt": 10, "covariates": "age,sex", "strict": true, "reference_condition": 1.0}'],
}  # fmt: skip


def throw(name: str, data: bytes) -> str:
    """Give ``data`` to a target in an empty folder: the line for the user, or empty; anything else is raised."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        try:
            TARGETS[name](data, Path(folder))
        except UserError as error:
            return str(error)
    return ""
