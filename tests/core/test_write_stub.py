"""Stubs: every file that a stub block asks for opens, and the steps behind take it."""

import gzip
import json
import re

import anndata
import h5py
import numpy as np
import pandas as pd

from compartments.counts import reading


def stub_names(root):
    """Every file name that a stub block of the modules asks for."""
    found = set()
    for module in (root / "modules").glob("*.nf"):
        text = module.read_text().replace("\\\\\n", " ")
        for line in re.findall(r"^\s*sc-compartments write_stub (.+)$", text, re.M):
            line = re.sub(r"--sample '[^']*'", "", line).replace("${meta.sample}", "S1")
            found |= set(line.split())
    return sorted(found)


def test_every_stub_file_opens(root, execute, tmp_path):
    names = stub_names(root)
    assert len(names) > 40 and not [name for name in names if "$" in name]
    done = execute("write_stub", "--sample", "S1", *names)
    assert done.returncode == 0, done.stderr
    for name in names:
        path = tmp_path / name
        if name.endswith(".h5ad"):
            data = anndata.read_h5ad(path)
            assert data.n_obs and data.uns["sample"] == "S1"
            assert {"counts", "corrected"} <= set(data.layers) and data.layers["counts"].dtype == np.int32
        elif name.endswith(".parquet"):
            assert len(pd.read_parquet(path)) == 1
        elif name.endswith(".h5"):
            with h5py.File(path) as handle:
                assert "matrix" in handle
        elif name.endswith(".json"):
            assert isinstance(json.loads(path.read_text()), dict)
        elif name.endswith((".tsv", ".tsv.gz", ".csv")):
            text = gzip.decompress(path.read_bytes()).decode() if name.endswith(".gz") else path.read_text()
            assert text.splitlines()[0].count("," if name.endswith(".csv") else "\t") >= 1, name
        else:
            assert path.read_text()


def test_stub_matrices_are_counts_for_the_readers(execute, tmp_path):
    execute("write_stub", "cohort/samplesheet.csv", "S1.droplets.h5ad")
    sheet = pd.read_csv(tmp_path / "cohort" / "samplesheet.csv")
    assert len(sheet) == 12
    counts = reading.read_counts(tmp_path / "cohort" / sheet["raw"][0])
    assert counts.matrix.sum() > 0 and len(counts.barcodes) == counts.matrix.shape[0]


def test_stub_samplesheet_passes_the_design_check(execute, tmp_path):
    execute("write_stub", "cohort/samplesheet.csv")
    done = execute("check_design", "--samplesheet", "cohort/samplesheet.csv")
    assert done.returncode == 0, done.stderr
    assert set(pd.read_csv(tmp_path / "design.tsv", sep="\t")["tier"]) == {"exploratory"}
