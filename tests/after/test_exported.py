"""Cells in the forms that other tools read."""

import shutil
import subprocess

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.io

from compartments.after import exported
from tests.support.published import write_cohort
from tests.support.samples import make_study_of, write_sample

R = shutil.which("Rscript")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """The cohort's file of four samples, and its content."""
    folder, rng = tmp_path_factory.mktemp("cohort"), np.random.default_rng(5)
    study = make_study_of(2)
    for row in study.samples.itertuples():
        write_sample(folder, row.sample, rng, donor=int(row.donor[1:]))
    write_cohort(folder, study)
    path = folder / "cohort/cohort.h5ad"
    return path, ad.read_h5ad(path)


def test_counts_in_raw_for_cellxgene(cohort, tmp_path):
    path, cells = cohort
    exported.to_cellxgene(path, "human").write_h5ad(tmp_path / "c.h5ad")
    found = ad.read_h5ad(tmp_path / "c.h5ad")
    assert (cells.layers["counts"] != found.raw.X).nnz == 0 and (found.X != cells.X).nnz == 0
    assert found.raw.X.dtype == np.float32 and set(found.layers) <= {None}
    assert list(found.obs["donor_id"]) == list(cells.obs["donor"]) and set(found.obs["suspension_type"]) == {"cell"}
    by_sex = dict(zip(cells.obs["sheet_sex"], found.obs["sex_ontology_term_id"], strict=True))
    assert by_sex == {"F": "PATO:0000383", "M": "PATO:0000384"}
    assert found.uns["organism_ontology_term_id"] == "NCBITaxon:9606" and "X_umap" in found.obsm
    assert not found.var["feature_is_filtered"].any() and list(found.var["symbol"]) == list(cells.var_names)


def test_a_folder_as_of_cell_ranger(cohort, tmp_path):
    path, cells = cohort
    exported.to_10x(path, tmp_path / "x")
    counts = scipy.io.mmread(tmp_path / "x/matrix.mtx.gz").T.tocsr()
    assert (counts != cells.layers["counts"]).nnz == 0
    features = pd.read_csv(tmp_path / "x/features.tsv.gz", sep="\t", header=None)
    assert list(features[1]) == list(cells.var_names) and set(features[2]) == {"Gene Expression"}
    obs = pd.read_csv(tmp_path / "x/obs.csv.gz", index_col=0)
    assert list(obs.index) == list(cells.obs_names) and list(obs["lineage"]) == list(cells.obs["lineage"])
    first = (tmp_path / "x/matrix.mtx.gz").read_bytes()
    exported.to_10x(path, tmp_path / "y")
    assert (tmp_path / "y/matrix.mtx.gz").read_bytes() == first


@pytest.mark.skipif(R is None, reason="R is not installed")
def test_names_stay_names_in_r(cohort, tmp_path):
    """R takes 001 for 1, T for true and NA for a gap, unless it is told."""
    cells = cohort[1][:4].copy()
    cells.obs = cells.obs.assign(donor=["001", "1e5", "T", "NA"], lineage=["NA", "T", "B, naive", "01"], flag=True)
    cells.obs["share"] = [0.5, np.nan, 1.0, 2.0]
    cells.write_h5ad(tmp_path / "c.h5ad")
    exported.to_10x(tmp_path / "c.h5ad", tmp_path / "x")
    reading = (tmp_path / "x/read_10x.R").read_text().partition("umap <-")[0]
    (tmp_path / "r.R").write_text(reading + "cat(obs$donor, obs$lineage, obs$share, obs$flag, sep = ';')\n")
    done = subprocess.run([R, tmp_path / "r.R", tmp_path / "x", "sce", "-"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "001;1e5;T;NA;NA;T;B, naive;01;0.5;NA;1;2;TRUE;TRUE;TRUE;TRUE"


@pytest.mark.long
@pytest.mark.skipif(R is None, reason="R is not installed")
@pytest.mark.parametrize(("kind", "package"), [("seurat", "Seurat"), ("sce", "SingleCellExperiment")])
def test_the_script_reads_it_in_r(cohort, tmp_path, kind, package):
    if subprocess.run([R, "-e", f"library({package})"], capture_output=True).returncode:
        pytest.skip(f"{package} is not installed")
    path, cells = cohort
    exported.to_10x(path, tmp_path / "x")
    script = [R, tmp_path / "x/read_10x.R", tmp_path / "x", kind, tmp_path / "o.rds"]
    done = subprocess.run(script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    asked = "x <- readRDS('o.rds'); suppressMessages(library(PACKAGE)); cat(dim(x), sum(VALUES), table(x$lineage))"
    values = {"seurat": "x[['RNA']]@counts", "sce": "counts(x)"}[kind]
    asked = asked.replace("PACKAGE", package).replace("VALUES", values)
    done = subprocess.run([R, "-e", asked], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    numbers = [cells.n_vars, cells.n_obs, int(cells.layers["counts"].sum())]
    numbers += cells.obs["lineage"].astype(str).value_counts().sort_index().tolist()
    assert " ".join(map(str, numbers)) in done.stdout


def test_a_zarr_store(cohort, tmp_path):
    path, cells = cohort
    exported.to_zarr(path, tmp_path / "c.zarr")
    found = ad.read_zarr(tmp_path / "c.zarr")
    assert (found.layers["counts"] != cells.layers["counts"]).nnz == 0 and list(found.obs) == list(cells.obs)


def test_labels_for_loupe(cohort, tmp_path):
    path, cells = cohort
    exported.to_loupe(path, tmp_path / "loupe")
    assert sorted(one.stem for one in (tmp_path / "loupe").iterdir()) == ["D0_CSF", "D0_blood", "D1_CSF", "D1_blood"]
    table = pd.read_csv(tmp_path / "loupe/D1_CSF.csv")
    own = cells.obs[cells.obs["sample"] == "D1_CSF"]
    assert list(table["Barcode"]) == list(own["barcode"]) and list(table["lineage"]) == list(own["lineage"])
