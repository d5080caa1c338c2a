import gzip
import shutil

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.io import mmwrite

from compartments.core.errors import UserError
from compartments.core.files import read_json, read_tsv
from compartments.counts import assembly, formats, reading
from compartments.counts.names import make_unique

N_GENES = 40
SYMBOLS = ["CD3E", "CD3E", "MS4A1", *[f"GENE{i}" for i in range(N_GENES - 3)]]
IDS = [f"ENSG{i:011d}.{i % 9}" for i in range(N_GENES)]


def some_counts(n=60, seed=0, n_genes=N_GENES):
    return sp.csr_matrix(np.random.default_rng(seed).poisson(2.0, (n, n_genes)).astype(np.int32))


def names(n):
    return [f"AAAC{i:04d}-1" for i in range(n)]


def write_h5(path, counts, symbols=SYMBOLS, ids=IDS, types=None, barcodes=None, genomes=None, dtype=np.int32):
    """10x v3 layout."""
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        group["data"], group["indices"], group["indptr"] = counts.data.astype(dtype), counts.indices, counts.indptr
        group["shape"] = counts.shape[::-1]
        group["barcodes"] = np.array(barcodes or names(counts.shape[0]), "S")
        features = group.create_group("features")
        features["id"], features["name"] = np.array(ids, "S"), np.array(symbols, "S")
        features["feature_type"] = np.array(types or ["Gene Expression"] * len(ids), "S")
        features["genome"] = np.array(genomes or ["GRCh38"] * len(ids), "S")
    return path


def write_mtx(folder, counts, third_column=True, compressed=True):
    folder.mkdir(parents=True)
    mmwrite(folder / "matrix.mtx", sp.coo_matrix(counts.T), field="integer")
    last = "\tGene Expression" if third_column else ""
    lines = "".join(f"{i}\t{s}{last}\n" for i, s in zip(IDS, SYMBOLS, strict=True))
    (folder / ("features.tsv" if third_column else "genes.tsv")).write_text(lines)
    (folder / "barcodes.tsv").write_text("".join(f"{b}\n" for b in names(counts.shape[0])))
    if compressed:
        for file in list(folder.iterdir()):
            file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes()))
            file.unlink()
    return folder


def equal(found, counts):
    return found.matrix.dtype == np.int32 and (found.matrix != counts).nnz == 0


@pytest.mark.parametrize("layout", ["v2", "v3", "v3 plain", "one level up"])
def test_mtx_folders(tmp_path, layout):
    counts = some_counts()
    folder = tmp_path / "outs" / "GRCh38"
    write_mtx(folder, counts, third_column=layout != "v2", compressed=layout in ("v3", "one level up"))
    found = reading.read_counts(tmp_path / "outs" if layout == "one level up" else folder)
    assert equal(found, counts)
    assert found.symbol[:3].tolist() == ["CD3E", "CD3E-1", "MS4A1"] and found.gene_id[1] == "ENSG00000000001"


def test_h5_float_counts_and_other_features(tmp_path):
    counts = some_counts()
    types = ["Gene Expression"] * (N_GENES - 5) + ["Antibody Capture"] * 3 + ["Peaks"] * 2
    found = reading.read_counts(write_h5(tmp_path / "a.h5", counts, types=types, dtype=np.float32))
    assert equal(found, counts[:, : N_GENES - 5])
    assert found.source.left_out() == {"Antibody Capture": 3, "Peaks": 2}


def test_genomes(tmp_path):
    genomes = ["GRCh38"] * 30 + ["mm10"] * 10
    path = write_h5(tmp_path / "a.h5", some_counts(), genomes=genomes)
    with pytest.raises(UserError, match=r"GRCh38, mm10.*--genome"):
        reading.read_counts(path)
    with pytest.raises(UserError, match="'hg19' is not in the file"):
        reading.read_counts(path, "hg19")
    assert equal(reading.read_counts(path, "GRCh38"), some_counts()[:, :30])


@pytest.mark.parametrize("where", ["X", "dense", "csc", "layers", "raw"])
def test_h5ad(tmp_path, where):
    counts = some_counts()
    data = anndata.AnnData(
        counts.astype(np.float32),
        obs=pd.DataFrame(index=names(60)),
        var=pd.DataFrame({"gene_name": SYMBOLS}, index=IDS),
    )
    if where == "dense":
        data.X = data.X.toarray()
    elif where == "csc":
        data.X = sp.csc_matrix(data.X)
    elif where == "layers":
        data.layers["counts"], data.X = counts, data.X.log1p()
    elif where == "raw":
        data.raw = data.copy()
        data = data[:, :20].copy()
        data.X = data.X.log1p()
    data.write_h5ad(tmp_path / "a.h5ad")
    found = reading.read_counts(tmp_path / "a.h5ad")
    assert equal(found, counts) and found.symbol[1] == "CD3E-1" and found.gene_id[2] == "ENSG00000000002"


def test_h5ad_without_counts(tmp_path):
    data = anndata.AnnData(some_counts().astype(float).log1p(), var=pd.DataFrame(index=make_unique(SYMBOLS)))
    data.write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(UserError, match=r"fractional values .* store raw integer counts"):
        reading.read_counts(tmp_path / "a.h5ad")


def damaged(kind, path):
    """A file with one thing wrong."""
    counts = some_counts()
    if kind == "missing":
        return path
    if kind == "negative":
        counts.data[5] = -1
    if kind == "fractional":
        counts = counts.astype(float)
        counts.data[5] = 0.5
    options = {
        "mouse": {"ids": [i.replace("ENSG", "ENSMUSG") for i in IDS]},
        "mouse symbols": {
            "ids": [f"Gene{i}x" for i in range(N_GENES)],
            "symbols": [f"Abcd{i}" for i in range(N_GENES)],
        },
        "no symbols": {"symbols": IDS},
        "antibodies": {"types": ["Antibody Capture"] * N_GENES},
        "twice": {"barcodes": ["A-1"] * 60},
    }.get(kind, {})
    write_h5(path, counts, dtype=counts.dtype, **options)
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:-2000])
    if kind == "text":
        path.write_text("barcode,gene\n")
    if kind == "empty":
        path.write_bytes(b"")
    if kind in ("indptr", "indices", "data"):
        with h5py.File(path, "a") as file:
            values = file[f"matrix/{kind}"][:]
            del file[f"matrix/{kind}"]
            file[f"matrix/{kind}"] = values[:-1]
    if kind == "other":
        path.unlink()
        with h5py.File(path, "w") as file:
            file["something"] = 1
    return path


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("missing", "no such file"), ("truncated", "damaged or cut off"), ("text", "not an HDF5 file"),
        ("empty", "not an HDF5 file"), ("other", "neither 10x"), ("indptr", "does not fit"),
        ("indices", "does not fit"),
        ("data", "does not fit"),
        ("negative", "negative values such as -1"), ("fractional", "fractional values"),
        ("mouse", "mouse genes"), ("mouse symbols", "mouse-like genes"), ("no symbols", "without gene symbols"),
        ("antibodies", "no gene expression"), ("twice", "occur twice"),
    ],
)  # fmt: skip
def test_bad_files_are_named_before_and_while_reading(execute, tmp_path, kind, word):
    path = damaged(kind, tmp_path / "bad.h5")
    done = execute("inspect_input", "--sample", "S1", "--row", 3, "--column", "raw", "--path", path)
    assert done.returncode == 0
    (line,) = (tmp_path / "problems.txt").read_text().splitlines()
    assert line.startswith("row 3, sample 'S1', column 'raw': ") and word in line and "bad.h5" in line
    with pytest.raises(UserError, match=word):
        reading.read_counts(path)


def test_good_file_has_no_problem(execute, tmp_path):
    write_h5(tmp_path / "a.h5", some_counts())
    both = ("--column", "raw", "--path", "a.h5", "--column", "cellbender", "--path", "a.h5")
    assert execute("inspect_input", "--sample", "S1", "--row", 2, *both[:4]).returncode == 0
    assert (tmp_path / "problems.txt").read_text() == ""
    execute("inspect_input", "--sample", "S1", "--row", 2, *both)
    assert "not a CellBender output" in (tmp_path / "problems.txt").read_text()


def test_cut_gzip_is_a_skip(execute, tmp_path):
    folder = write_mtx(tmp_path / "mtx", some_counts(2000))
    matrix = folder / "matrix.mtx.gz"
    matrix.write_bytes(matrix.read_bytes()[: matrix.stat().st_size // 2])
    done = execute("read_counts", "--sample", "S1", "--raw", folder)
    assert done.returncode == 0 and not (tmp_path / "S1.droplets.h5ad").exists()
    assert "cut off" in read_tsv(tmp_path / "skipped.tsv").loc[0, "reason"]


def raw_and_cells():
    """All droplets of one library and which of them are cells."""
    empties = sp.csr_matrix(np.random.default_rng(1).poisson(0.5, (400, N_GENES)).astype(np.int32))
    cells = sp.csr_matrix(np.random.default_rng(2).poisson(20, (60, N_GENES)).astype(np.int32))
    return sp.vstack([cells, empties]).tocsr(), np.arange(60)


def test_raw_and_filtered_are_told_from_the_data(tmp_path):
    droplets, cells = raw_and_cells()
    raw = reading.read_counts(write_h5(tmp_path / "raw.h5", droplets))
    filtered = reading.read_counts(write_h5(tmp_path / "filtered.h5", droplets[cells]))
    for given, kind, source, n, note in [
        ({"raw": raw}, "raw", "none", 460, None),
        ({"filtered": filtered}, "filtered", "filtered", 60, None),
        ({"raw": raw, "filtered": filtered}, "raw", "filtered", 460, None),
        ({"raw": filtered, "filtered": raw}, "raw", "filtered", 460, "wrong way round"),
        ({"raw": filtered}, "filtered", "filtered", 60, "no empty droplets"),
        ({"filtered": raw}, "raw", "none", 460, "cells are called here"),
        ({"raw": filtered, "filtered": filtered}, "filtered", "filtered", 60, "used as filtered"),
        ({"raw": raw, "filtered": raw}, "raw", "none", 460, "cells are called here"),
    ]:
        data, notes = assembly.assemble("S1", **given)
        assert (data.uns["kind"], data.uns["cell_source"], data.n_obs) == (kind, source, n)
        assert notes == [] if note is None else note in notes[0]
        assert ("is_cell" in data.obs) == (source != "none")


def test_files_of_two_libraries_are_refused(tmp_path):
    droplets, cells = raw_and_cells()
    raw = reading.read_counts(write_h5(tmp_path / "raw.h5", droplets))
    other = write_h5(tmp_path / "filtered.h5", droplets[cells], barcodes=[f"TTTT{i}-1" for i in range(60)])
    with pytest.raises(UserError, match="60 of 60 filtered barcodes"):
        assembly.assemble("S1", raw=raw, filtered=reading.read_counts(other))
    bare = write_h5(tmp_path / "bare.h5", droplets[cells], barcodes=[b.removesuffix("-1") for b in names(60)])
    data, _ = assembly.assemble("S1", raw=raw, filtered=reading.read_counts(bare))
    assert data.obs["is_cell"].sum() == 60


def write_cellbender(path, counts, probability, barcodes=None, version=None):
    write_h5(path, counts, barcodes=barcodes)
    with h5py.File(path, "a") as file:
        file["droplet_latents/cell_probability"] = np.asarray(probability, float)
        file["droplet_latents/barcode_indices_for_latents"] = np.arange(len(probability))
        file["global_latents/ambient_expression"] = np.full(N_GENES, 1 / N_GENES)
        if version:
            file["metadata/cellbender_version"] = version
    return path


def test_cellbender_beside_raw(tmp_path):
    droplets, cells = raw_and_cells()
    corrected = droplets.copy()
    corrected.data = corrected.data - (corrected.data > 10)
    corrected = corrected[:60]
    path = write_cellbender(tmp_path / "cb.h5", corrected, np.r_[np.full(50, 0.99), np.full(10, 0.2)])
    raw = reading.read_counts(write_h5(tmp_path / "raw.h5", droplets))
    data, _ = assembly.assemble("S1", raw=raw, cellbender=reading.read_counts(path))
    assert data.uns["cell_source"] == "cellbender" and data.obs["is_cell"].to_numpy().nonzero()[0].max() == 49
    assert (data.layers["corrected"][:50] != corrected[:50]).nnz == 0 and data.layers["corrected"][50:].nnz == 0
    alone, notes = assembly.assemble("S1", cellbender=reading.read_counts(path))
    assert alone.n_obs == 50 and alone.uns["counts_are_corrected"] and "stand in" in notes[0]
    high = write_cellbender(tmp_path / "high.h5", droplets[cells] + droplets[cells], np.ones(60))
    with pytest.raises(UserError, match="exceed"):
        assembly.assemble("S1", raw=raw, cellbender=reading.read_counts(high))


def test_cellbender_with_overflowing_counts_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"0\.3\.1"):
        formats.describe(write_cellbender(tmp_path / "cb.h5", some_counts(), np.ones(60), version="0.3.1"))
    formats.describe(write_cellbender(tmp_path / "ok.h5", some_counts(), np.ones(60), version="0.4.0"))


def test_names_made_unique():
    assert make_unique(["A", "B", "A", "A", "A-1"]).tolist() == ["A", "B", "A-2", "A-3", "A-1"]


def test_real_files(real_data):
    toy = real_data / "readers" / "10x_v2_mtx_toy"
    raw = reading.read_counts(toy / "raw_gene_bc_matrices")
    data, _ = assembly.assemble("toy", raw=raw, filtered=reading.read_counts(toy / "filtered_gene_bc_matrices"))
    assert data.shape == (1289, 226) and data.obs["is_cell"].sum() == 62 and data.X.sum() == 112_078
    with pytest.raises(UserError, match="another_genome, hg19_chr21"):
        formats.describe(real_data / "readers" / "1.2.0_multiple_genomes.h5")
    assert reading.read_counts(real_data / "readers" / "1.2.0_multiple_genomes.h5", "hg19_chr21").matrix.shape == (
        12,
        343,
    )
    with pytest.raises(UserError, match="mouse genes"):
        formats.describe(real_data / "readers" / "raw_probe_bc_matrix.h5")
    v3 = reading.read_counts(real_data / "readers" / "3.0.0_filtered_feature_bc_matrix.h5")
    assert v3.matrix.shape == (1107, 507) and v3.matrix.nnz == 23_866 and v3.source.chemistry.endswith("v3")
    for path in sorted((real_data / "pbmc_chemistries").glob("*.h5ad")):  # nullable strings
        found, reference = reading.read_counts(path), anndata.read_h5ad(path)
        assert (found.matrix != reference.X).nnz == 0 and (found.barcodes == reference.obs_names).all()
        assert assembly.droplet_kind(found.totals()) == "filtered"


def test_real_cellbender_output(real_data, execute, tmp_path):
    path = shutil.copy(real_data / "csf" / "csf_cellbender_v3_filtered.h5", tmp_path / "cb.h5")
    assert execute("read_counts", "--sample", "csf", "--cellbender", path).returncode == 0
    data, summary = (
        anndata.read_h5ad(tmp_path / "csf.droplets.h5ad"),
        read_json(tmp_path / "samples" / "csf" / "csf.read.json"),
    )
    assert data.shape == (1317, 36_387) and data.X.dtype == np.int32 and data.X.sum() == 2_648_453
    assert data.obs["is_cell"].all() and summary["cell_source"] == "cellbender" and "stand in" in summary["notes"]
