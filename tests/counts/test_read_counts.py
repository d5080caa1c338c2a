"""From a file to the droplets of a sample."""

import shutil

import anndata
import numpy as np
import pytest

from compartments.core.files import read_json, read_tsv
from tests.bad_inputs import toy
from tests.support.matrices import some_counts, write_cellbender, write_h5, write_mtx


def test_cut_gzip_is_a_skip(execute, tmp_path):
    folder = write_mtx(tmp_path / "mtx", some_counts(2000))
    matrix = folder / "matrix.mtx.gz"
    matrix.write_bytes(matrix.read_bytes()[: matrix.stat().st_size // 2])
    done = execute("read_counts", "--sample", "S1", "--raw", folder)
    assert done.returncode == 0 and not (tmp_path / "S1.droplets.h5ad").exists()
    assert "cut off" in read_tsv(tmp_path / "skipped.tsv").loc[0, "reason"]


def test_real_cellbender_output(real_data, execute, tmp_path):
    path = shutil.copy(real_data / "csf" / "csf_cellbender_v3_filtered.h5", tmp_path / "cb.h5")
    assert execute("read_counts", "--sample", "csf", "--cellbender", path).returncode == 0
    data, summary = (
        anndata.read_h5ad(tmp_path / "csf.droplets.h5ad"),
        read_json(tmp_path / "samples" / "csf" / "csf.read.json"),
    )
    assert data.shape == (1317, 36_387) and data.X.dtype == np.int32 and data.X.sum() == 2_648_453
    assert data.obs["is_cell"].all() and summary["cell_source"] == "cellbender" and "stand in" in summary["notes"]


def test_what_files_give_reason_to_doubt_goes_with_the_cells(execute, tmp_path):
    write_h5(tmp_path / "a.h5", some_counts())
    assert execute("read_counts", "--sample", "S1", "--filtered", "a.h5").returncode == 0
    doubt = "no mitochondrial genes by name"
    assert doubt in anndata.read_h5ad(tmp_path / "S1.droplets.h5ad").uns["count_warnings"]
    assert doubt in read_json(tmp_path / "samples" / "S1" / "S1.read.json")["notes"]


def test_an_output_of_cellbender_is_left_out_of_other_columns(execute, tmp_path):
    write_cellbender(tmp_path / "cb.h5", some_counts(), np.ones(60))
    assert execute("read_counts", "--sample", "S1", "--filtered", "cb.h5").returncode == 0
    assert "put it in column 'cellbender'" in read_tsv(tmp_path / "skipped.tsv").loc[0, "reason"]


def test_a_matrix_with_its_names_in_place_of_their_folder(execute, tmp_path):
    """As GEO has them: files of one prefix, which the pipeline hands over together."""
    counts, folder = some_counts(), write_mtx(tmp_path / "mtx", some_counts())
    files = [path.rename(folder / f"GSM1_p1_{path.name}") for path in sorted(folder.iterdir())]
    assert execute("read_counts", "--sample", "S1", "--filtered", *files).returncode == 0
    assert anndata.read_h5ad(tmp_path / "S1.droplets.h5ad").X.sum() == counts.sum()


@pytest.mark.parametrize("suffix", ["", "-1"])
def test_labels_of_obs_go_with_their_cells(execute, tmp_path, suffix):
    """By barcode, with or without the number of the well that the raw matrix has."""
    bare = [one.removesuffix("-1") + suffix for one in toy.barcodes()[: toy.N_CELLS]]
    kinds = [["Treg", "B"][n % 2] for n in range(toy.N_CELLS)]
    toy.h5ad(tmp_path / "cells.h5ad", toy.cells().astype("float32"), obs=toy.frame(bare, kind=kinds))
    toy.h5(tmp_path / "raw.h5")
    given = ("--sample", "S1", "--raw", "raw.h5", "--filtered", "cells.h5ad", "--labels_key", "kind")
    assert execute("read_counts", *given).returncode == 0
    obs = anndata.read_h5ad(tmp_path / "S1.droplets.h5ad").obs
    assert list(obs.loc[toy.barcodes()[: toy.N_CELLS], "given_label"]) == kinds
    assert (obs.loc[~obs["is_cell"], "given_label"] == "").all()
    assert "50 barcodes have a label" in read_json(tmp_path / "samples" / "S1" / "S1.read.json")["notes"]
