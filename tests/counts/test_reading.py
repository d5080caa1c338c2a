"""Counts as they are in the file, in every format."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from compartments.core.errors import UserError
from compartments.counts import assembly, formats, reading
from tests.support.matrices import IDS, N_GENES, SYMBOLS, equal, names, some_counts, write_h5, write_mtx


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
