"""Where an h5ad has its counts, and whose names they have."""

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from compartments.core.errors import UserError
from compartments.counts.inspection import look_into
from compartments.counts.reading import read_counts
from tests.support.matrices import N_GENES, equal, names, plain_names, some_counts

COUNTS = some_counts()
SYMBOLS, IDS = plain_names()
OBS = pd.DataFrame(index=names(60))


def written(path, matrix=COUNTS, index=SYMBOLS, obs=OBS, raw=None, layers=None, **columns):
    var = pd.DataFrame(columns, index=pd.Index(index, dtype=object))
    data = anndata.AnnData(sp.csr_matrix(matrix, dtype=np.float32), obs=obs, var=var, layers=layers)
    if raw is not None:
        data.raw = anndata.AnnData(sp.csr_matrix(COUNTS, dtype=np.float32), obs=obs, var=raw)
    data.write_h5ad(path)
    return path


@pytest.mark.parametrize(
    ("index", "columns"),
    [
        (SYMBOLS, {"gene_ids": IDS}),
        (IDS, {"feature_name": SYMBOLS}),
        ([str(n) for n in range(N_GENES)], {"gene_symbols": SYMBOLS, "gene_ids": IDS}),  # rows
        ([str(900 + n) for n in range(N_GENES)], {"Gene_Name": [f" {s} " for s in SYMBOLS], "Ensembl_ID": IDS}),
        (IDS, {"feature_name": IDS, "symbol": SYMBOLS}),
    ],
)
def test_names_are_symbols_wherever_they_stand(tmp_path, index, columns):
    found = read_counts(written(tmp_path / "a.h5ad", index=index, **columns))
    assert equal(found, COUNTS) and found.symbol.tolist() == SYMBOLS and found.gene_id.tolist() == IDS


def test_names_of_raw_come_from_var_where_it_has_none(tmp_path):
    logged = COUNTS.astype(float).log1p()
    for raw in (pd.DataFrame(index=IDS), pd.DataFrame(index=[str(n) for n in range(N_GENES)])):
        found = read_counts(written(tmp_path / "a.h5ad", logged, IDS, raw=raw, feature_name=SYMBOLS))
        assert equal(found, COUNTS) and found.symbol.tolist() == SYMBOLS and found.source.node == "raw/X"


def test_a_gene_without_symbol_goes_by_its_id(tmp_path):
    for missing in ("nan", "NA", "", None):
        path = written(tmp_path / "a.h5ad", index=IDS, gene_name=[missing, *SYMBOLS[1:]])
        assert read_counts(path).symbol.tolist() == [IDS[0], *SYMBOLS[1:]]
    with h5py.File(path, "a") as file:  # categories as anndata 0.6 wrote them
        del file["var/gene_name"]
        file["var/gene_name"] = np.arange(-1, N_GENES - 1, dtype=np.int8)
        file["var/__categories/gene_name"] = SYMBOLS[1:]
    assert read_counts(path).symbol.tolist() == [IDS[0], *SYMBOLS[1:]]


def test_counts_of_all_genes_go_before_those_of_some(tmp_path):
    some = {"counts": COUNTS[:, :20]}
    path = written(tmp_path / "a.h5ad", COUNTS[:, :20], SYMBOLS[:20], raw=pd.DataFrame(index=SYMBOLS), layers=some)
    found = read_counts(path)
    assert equal(found, COUNTS) and "raw/X, which has more genes than layers/counts" in found.source.notes[0]


def test_counts_of_variable_genes_beside_all_genes_normalised_are_told(tmp_path):
    path = written(tmp_path / "a.h5ad", COUNTS[:, :20], SYMBOLS[:20], raw=pd.DataFrame(index=SYMBOLS))
    assert not any("alone" in doubt for doubt in look_into(path, "raw").warnings)  # counts of all genes are read
    with h5py.File(path, "a") as file:
        file["raw/X/data"][:] = np.log1p(file["raw/X/data"][:])
    assert equal(read_counts(path), COUNTS[:, :20])
    doubts = look_into(path, "raw").warnings
    assert any("counts are of the 20 genes of X alone: raw/X lists 40 but holds no counts (frac" in d for d in doubts)


def test_counts_in_a_layer_of_another_name(tmp_path):
    logged = COUNTS.astype(float).log1p()
    assert equal(read_counts(written(tmp_path / "a.h5ad", logged, layers={"UMIs": COUNTS})), COUNTS)
    with pytest.raises(UserError, match="is it layers/mine"):
        read_counts(written(tmp_path / "b.h5ad", logged, layers={"mine": COUNTS}))


def test_two_matrices_of_counts_are_told(tmp_path):
    fewer = COUNTS.copy()
    fewer.data = fewer.data - (fewer.data > 2)
    path = written(tmp_path / "a.h5ad", layers={"counts": fewer})
    assert equal(read_counts(path), sp.csr_matrix(fewer))
    said = f"read from layers/counts (total {fewer.sum():,}); X holds others of the same genes (total {COUNTS.sum():,})"
    assert any(said in doubt for doubt in look_into(path, "raw").warnings)
    for same in (COUNTS, sp.csc_matrix(COUNTS), COUNTS.toarray()):
        path = written(tmp_path / "b.h5ad", layers={"counts": same})
        assert not any("others" in doubt for doubt in look_into(path, "raw").warnings)


@pytest.mark.parametrize("names", [("spliced", "unspliced"), ("mature", "nascent")])
def test_counts_apart_in_layers(tmp_path, names):
    rest = COUNTS.copy()
    rest.data = rest.data // 3
    layers = dict(zip(names, (COUNTS - rest, rest), strict=True))
    doubts = look_into(written(tmp_path / "a.h5ad", COUNTS - rest, layers=dict(layers)), "raw").warnings
    assert any(f"from X, which are those of layers/{names[0]}: layers/{names[1]} is not" in doubt for doubt in doubts)
    doubts = look_into(written(tmp_path / "b.h5ad", layers=dict(layers)), "raw").warnings
    assert not any("those of layers" in doubt for doubt in doubts)
    line = (
        f"no counts in X (no value but 0 in X); store the sum of layers {names[0]} and {names[1]} in layers['counts']"
    )
    for empty in (0 * COUNTS, np.zeros(COUNTS.shape)):
        path = written(tmp_path / "c.h5ad", layers=dict(layers))
        with h5py.File(path, "a") as file:
            del file["X"]
            anndata.io.write_elem(file, "X", empty)
        assert line in look_into(path, "raw").problem


def test_counts_in_raw_beside_an_empty_x(tmp_path):
    assert equal(read_counts(written(tmp_path / "a.h5ad", 0 * COUNTS, raw=pd.DataFrame(index=SYMBOLS))), COUNTS)


@pytest.mark.parametrize("in_raw", [True, False])
def test_x_without_values(tmp_path, in_raw):
    path = written(tmp_path / "a.h5ad", raw=pd.DataFrame(index=SYMBOLS) if in_raw else None)
    with h5py.File(path, "a") as file:
        del file["X"]
        file["X"] = h5py.Empty("f")
    if in_raw:
        assert look_into(path, "raw")[0] == "" and equal(read_counts(path), COUNTS)
    else:
        assert "no X, layers['counts'] or raw.X" in look_into(path, "raw")[0]


@pytest.mark.parametrize("dtype", [np.float16, np.uint8, ">i4", np.float64])
@pytest.mark.parametrize("dense", [True, False])
def test_numbers_of_every_size(tmp_path, dtype, dense):
    path = written(tmp_path / "a.h5ad")
    with h5py.File(path, "a") as file:
        if dense:
            del file["X"]
            file["X"] = COUNTS.toarray().astype(dtype)
        else:
            del file["X/data"]
            file["X/data"] = COUNTS.data.astype(dtype)
    assert look_into(path, "raw")[0] == "" and equal(read_counts(path), COUNTS)


def test_what_is_the_wrong_way_round_or_another_kind_of_file(tmp_path):
    bases = ["".join("ACGT"[(n >> 2 * i) & 3] for i in range(12)) + "-1" for n in range(60)]
    turned = anndata.AnnData(COUNTS.T.tocsr(), obs=pd.DataFrame(index=IDS), var=pd.DataFrame(index=bases))
    turned.write_h5ad(tmp_path / "turned.h5ad")
    assert "transpose it (adata.T)" in look_into(tmp_path / "turned.h5ad", "raw")[0]
    with h5py.File(written(tmp_path / "a.h5mu"), "a") as file:
        file.create_group("mod/prot")
    assert "an h5mu without one of RNA (it holds prot); name the modality" in look_into(tmp_path / "a.h5mu", "raw")[0]
    assert (
        "named by numbers (0, 1, 2 ...)"
        in (look_into(written(tmp_path / "n.h5ad", index=[str(n) for n in range(N_GENES)]), "raw")[0])
    )


def test_cells_of_several_samples_are_told(tmp_path):
    obs = OBS.assign(donor_id=pd.Categorical(np.repeat(["p1", "p2", "p3"], 20)), cell_type="T")
    doubts = look_into(written(tmp_path / "a.h5ad", obs=obs), "raw").warnings
    assert any("obs column 'donor_id' has 3 values (p1, p2, p3)" in doubt for doubt in doubts)
    doubts = look_into(written(tmp_path / "b.h5ad", obs=OBS.assign(sample="p1")), "raw").warnings
    assert not any("obs column" in doubt for doubt in doubts)
