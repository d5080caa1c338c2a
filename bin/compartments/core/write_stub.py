"""Write tiny but valid files under the given names, for `nextflow run -stub`: what they hold means nothing."""

import json
from argparse import Namespace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from compartments.core.contract import PACKAGES
from compartments.core.options import Options
from compartments.core.tenx import write_10x_h5

STEP = "write_stub"
CELLS, GENES = 12, 8


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--sample", default="stub", help="name of the sample that the files are of")
    parser.add_argument("names", nargs="+", help="files to write; the ending says of which kind")
    return parser.parse_args()


def main() -> None:
    """Write a file of its kind under each name."""
    options = arguments()
    for name in map(Path, options.names):
        name.parent.mkdir(parents=True, exist_ok=True)
        if name.name == "samplesheet.csv":
            write_samplesheet(name)
        elif name.suffix == ".h5ad":
            write_h5ad(name, options.sample)
        elif name.suffix == ".h5":
            write_h5(name)
        elif name.suffix == ".parquet":
            import pandas as pd

            pd.DataFrame({"sample": [options.sample]}).to_parquet(name)
        elif name.suffix == ".json":
            summary = {"sample": options.sample, "kind": "raw", "cell_source": "none", "failed": False}
            name.write_text(json.dumps(summary) + "\n")
        elif ".tsv" in name.suffixes:
            write_table(name)
        else:
            name.write_text("<!doctype html><title>stub</title>\n" if name.suffix == ".html" else "stub\n")


def header(place: str) -> list[str]:
    """Columns that the contract of any step has for a table; a made-up header for one between two steps."""
    for path in sorted(PACKAGES.glob("*/*.json")):
        for file, listed in json.loads(path.read_text(encoding="utf-8"))["tables"].items():
            names = [name for name, need in listed if not need and "*" not in name]
            if names and fnmatchcase(place, file):
                return names
    return ["sample", "lineage", "value"]


def write_samplesheet(path: Path) -> None:
    """Six donors, two of them treated, and a matrix for each of their samples."""
    rows = ["sample,donor,compartment,condition,raw,simulated"]
    for number in range(6):
        for compartment in ("CSF", "blood"):
            sample = f"d{number}_{compartment}"
            matrix = path.parent / f"{sample}.h5"
            write_h5(matrix)
            rows.append(
                f"{sample},d{number},{compartment},{'alemtuzumab' if number < 2 else 'untreated'},{matrix.name},true"
            )
    path.write_text("\n".join(rows) + "\n")


def write_table(path: Path) -> None:
    """A table without rows."""
    import gzip

    text = "\t".join(header(str(path))) + "\n"
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    else:
        path.write_text(text)


def write_h5ad(path: Path, sample: str) -> None:
    """Cells of a sample, with all layers that steps read: anndata's layout (0.1.0), whose import takes a second."""
    import h5py
    import numpy as np

    def encoded(parent: h5py.Group, name: str, value: Any, kind: str, version: str) -> None:
        node = parent.create_dataset(name, data=value)
        node.attrs.update({"encoding-type": kind, "encoding-version": version})

    def group(parent: h5py.Group, name: str, kind: str, version: str = "0.1.0", **attributes: Any) -> h5py.Group:
        node = parent.require_group(name)
        node.attrs.update({"encoding-type": kind, "encoding-version": version, **attributes})
        return node

    counts = np.arange(CELLS * GENES, dtype=np.int32).reshape(CELLS, GENES) % 5
    pointers = np.concatenate([[0], (counts > 0).sum(axis=1).cumsum()])
    text = h5py.string_dtype()
    with h5py.File(path, "w") as file:
        group(file, "/", "anndata")
        for name in ("layers", "obsm", "obsp", "uns", "varm", "varp"):
            group(file, name, "dict")
        for name in ("X", "layers/counts", "layers/corrected"):
            matrix = group(file, name, "csr_matrix", shape=counts.shape)
            matrix.update({"data": counts[counts > 0], "indices": counts.nonzero()[1], "indptr": pointers})
        names = {"obs": [f"BARCODE{i:02d}-1" for i in range(CELLS)], "var": [f"GENE{i}" for i in range(GENES)]}
        for name, column in (("obs", "is_cell"), ("var", "gene_id")):
            order = np.array([column], dtype=text)
            table = group(file, name, "dataframe", "0.2.0", _index="_index", **{"column-order": order})
            encoded(table, "_index", np.array(names[name], dtype=text), "string-array", "0.2.0")
        encoded(file["obs"], "is_cell", np.ones(CELLS, bool), "array", "0.2.0")
        ids = np.array([f"ENSG{i:011d}" for i in range(GENES)], dtype=text)
        encoded(file["var"], "gene_id", ids, "string-array", "0.2.0")
        said = {"sample": sample, "kind": "raw", "cell_source": "none", "ambient_method": "none"}
        for name, value in said.items():
            encoded(file["uns"], name, value, "string", "0.2.0")


def write_h5(path: Path) -> None:
    """A matrix as Cell Ranger writes it."""
    import numpy as np
    import scipy.sparse as sp

    genes = np.zeros(CELLS, np.int64)
    counts = sp.csr_matrix((np.ones(CELLS, np.int32), genes, np.arange(CELLS + 1)), shape=(CELLS, GENES))
    barcodes = [f"BARCODE{i:02d}-1" for i in range(CELLS)]
    names, ids = [f"GENE{i}" for i in range(GENES)], [f"ENSG{i:011d}" for i in range(GENES)]
    write_10x_h5(path, counts, barcodes, names, ids, origin="stub")
