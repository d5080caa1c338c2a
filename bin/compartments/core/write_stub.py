"""Write tiny but valid files under the given names, for `nextflow run -stub`: what they hold means nothing."""

import argparse
from pathlib import Path

CELLS, GENES = 12, 8
COLUMNS = {
    "calls": ["barcode", "total", "is_cell", "source", "fdr"],
    "doublets": ["barcode", "doublet_score", "predicted_doublet"],
    "labels": ["barcode", "celltypist_label", "lineage", "lineage_broad", "probability", "confidence", "model_lineage"],
    "skipped": ["stage", "sample", "lineage", "contrast", "reason"],
    "findings": ["question", "contrast", "lineage", "statement", "estimate", "tier", "verdict", "source"],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", default="stub")
    parser.add_argument("names", nargs="+")
    arguments = parser.parse_args()
    for name in map(Path, arguments.names):
        name.parent.mkdir(parents=True, exist_ok=True)
        if name.name == "samplesheet.csv":
            write_samplesheet(name)
        elif name.suffix == ".h5ad":
            write_h5ad(name, arguments.sample)
        elif name.suffix == ".h5":
            write_h5(name)
        elif name.suffix == ".parquet":
            import pandas as pd

            pd.DataFrame({"sample": [arguments.sample]}).to_parquet(name)
        elif name.suffix == ".json":
            name.write_text(
                f'{{"sample": "{arguments.sample}", "kind": "raw", "cell_source": "none", "failed": false}}\n'
            )
        elif ".tsv" in name.suffixes:
            write_table(name)
        else:
            name.write_text("<!doctype html><title>stub</title>\n" if name.suffix == ".html" else "stub\n")


def write_samplesheet(path):
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


def write_table(path):
    import gzip

    kind = next((kind for kind in COLUMNS if kind in path.name), None)
    text = "\t".join(COLUMNS.get(kind, ["sample", "lineage", "value"])) + "\n"
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    else:
        path.write_text(text)


def write_h5ad(path, sample):
    import anndata
    import numpy as np
    import pandas as pd
    import scipy.sparse as sp

    counts = sp.csr_matrix(np.arange(CELLS * GENES, dtype=np.int32).reshape(CELLS, GENES) % 5)
    anndata.AnnData(
        X=counts,
        obs=pd.DataFrame({"is_cell": True}, index=[f"BARCODE{i:02d}-1" for i in range(CELLS)]),
        var=pd.DataFrame(
            {"gene_id": [f"ENSG{i:011d}" for i in range(GENES)]}, index=[f"GENE{i}" for i in range(GENES)]
        ),
        layers={"counts": counts, "corrected": counts},
        uns={"sample": sample, "kind": "raw", "cell_source": "none", "ambient_method": "none"},
    ).write_h5ad(path)


def write_h5(path):
    import h5py
    import numpy as np

    with h5py.File(path, "w") as handle:
        group = handle.create_group("matrix")
        group["shape"] = np.array([GENES, CELLS], "i4")
        group["data"] = np.ones(CELLS, "i4")
        group["indices"] = np.zeros(CELLS, "i8")
        group["indptr"] = np.arange(CELLS + 1, dtype="i8")
        group["barcodes"] = np.array([f"BARCODE{i:02d}-1" for i in range(CELLS)], "S")
        features = group.create_group("features")
        features["id"] = np.array([f"ENSG{i:011d}" for i in range(GENES)], "S")
        features["name"] = np.array([f"GENE{i}" for i in range(GENES)], "S")
        features["feature_type"] = np.array(["Gene Expression"] * GENES, "S")
