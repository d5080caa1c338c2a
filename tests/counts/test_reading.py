"""Counts as they are in the file, in every format."""

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from compartments.core.errors import UserError
from compartments.counts import assembly, formats, reading
from tests.support.matrices import IDS, N_GENES, SYMBOLS, equal, names, plain_names, some_counts, write_h5, write_mtx


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


@pytest.mark.parametrize("named", ["ENSG00000000005.12_PAR_Y", "ENSGR0000000005.6"])
def test_a_pseudoautosomal_gene_is_one_on_x_and_y(tmp_path, named):
    """As GENCODE names it on Y, since release 25 and before."""
    counts, ids, symbols, plain = some_counts(), list(IDS), list(SYMBOLS), plain_names()[1]
    ids[9], symbols[9] = named, SYMBOLS[5]
    found = reading.read_counts(write_h5(tmp_path / "a.h5", counts, ids=ids, symbols=symbols))
    kept = np.delete(np.arange(N_GENES), 9)
    assert found.gene_id.tolist() == [plain[n] for n in kept] and SYMBOLS[5] in found.symbol
    whole = counts.toarray()
    whole[:, 5] += whole[:, 9]
    assert equal(found, sp.csr_matrix(whole[:, kept]))


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
    probes = formats.describe(real_data / "readers" / "raw_probe_bc_matrix.h5")
    assert probes.species == "mouse"
    v3 = reading.read_counts(real_data / "readers" / "3.0.0_filtered_feature_bc_matrix.h5")
    assert v3.matrix.shape == (1107, 507) and v3.matrix.nnz == 23_866 and v3.source.chemistry.endswith("v3")
    for path in sorted((real_data / "pbmc_chemistries").glob("*.h5ad")):  # nullable strings
        found, reference = reading.read_counts(path), anndata.read_h5ad(path)
        assert (found.matrix != reference.X).nnz == 0 and (found.barcodes == reference.obs_names).all()
        assert assembly.droplet_kind(found.totals()) == "filtered"


def rewritten(path, **parts):
    """A 10x h5 with some of its arrays replaced."""
    write_h5(path, some_counts())
    with h5py.File(path, "a") as file:
        for name, values in parts.items():
            del file[f"matrix/{name}"]
            file[f"matrix/{name}"] = values
    return path


def test_doubled_entries_are_added_up_without_overflow(tmp_path):
    counts = some_counts()
    indices, indptr = np.r_[counts.indices[0], counts.indices], np.r_[0, counts.indptr[1:] + 1]
    data = np.r_[200, 200, counts.data[1:]].astype(np.uint8)
    found = reading.read_counts(rewritten(tmp_path / "a.h5", data=data, indices=indices, indptr=indptr))
    expected = counts.toarray()
    expected[0, counts.indices[0]] = 400
    assert np.array_equal(found.matrix.toarray(), expected)
    data = np.r_[2**31 - 1, 2**31 - 1, counts.data[1:]].astype(np.int32)
    with pytest.raises(UserError, match=r"above 2\^31"):
        reading.read_counts(rewritten(tmp_path / "b.h5", data=data, indices=indices, indptr=indptr))


def test_order_of_entries_and_signs_of_zeros_do_not_matter(tmp_path):
    counts = some_counts()
    order = np.concatenate([np.arange(a, b)[::-1] for a, b in zip(counts.indptr, counts.indptr[1:], strict=False)])
    data = counts.data[order].astype(np.float32)
    data[3], expected = -0.0, counts.copy()
    expected.data[order[3]] = 0
    expected.eliminate_zeros()
    found = reading.read_counts(rewritten(tmp_path / "a.h5", data=data, indices=counts.indices[order]))
    assert equal(found, expected) and found.matrix.has_sorted_indices


def test_genes_in_rows_and_in_columns(tmp_path):
    counts = some_counts()
    by_gene = counts.tocsc()
    parts = {"data": by_gene.data, "indices": by_gene.indices, "indptr": by_gene.indptr}
    assert equal(reading.read_counts(rewritten(tmp_path / "a.h5", **parts)), counts)


def test_probes_of_a_gene_are_added_up(tmp_path):
    counts = some_counts()
    ids = [f"ENSG{i // 2:011d}" for i in range(N_GENES)]
    symbols = [f"GENE{i // 2}" for i in range(N_GENES)]
    found = reading.read_counts(write_h5(tmp_path / "a.h5", counts, symbols, ids))
    assert equal(found, sp.csr_matrix(counts[:, ::2] + counts[:, 1::2]))
    assert found.symbol.tolist() == symbols[::2] and found.gene_id.tolist() == ids[::2]
    apart = reading.read_counts(write_h5(tmp_path / "b.h5", counts, symbols, symbols))  # symbols alone are no ids
    assert equal(apart, counts) and apart.symbol[:2].tolist() == ["GENE0", "GENE0-1"]


def test_names_that_are_too_few(tmp_path):
    path = write_h5(tmp_path / "a.h5", some_counts())
    with h5py.File(path, "a") as file:
        del file["matrix/features/genome"]
        file["matrix/features/genome"] = np.array([b"GRCh38"] * 3)
    with pytest.raises(UserError, match="40 ids but not as many names"):
        reading.read_counts(path)
