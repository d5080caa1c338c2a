"""Zarr stores and looms are read as the h5ad of the same content; without their names they are one line."""

import anndata
import h5py
import numpy as np
import pytest
import zarr

from compartments.core.errors import UserError
from compartments.counts.formats import describe
from compartments.counts.h5ad import labels_in
from compartments.counts.reading import counts_of, read_counts
from tests.bad_inputs import toy


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def data(x):
    obs = toy.frame(toy.barcodes()[: toy.N_CELLS], kind=["Treg", "B"] * 25)
    return anndata.AnnData(x, obs=obs, var=toy.frame(toy.symbols(), gene_ids=toy.ids()))


def is_toy(source):
    found = counts_of(source)
    assert (found.matrix != toy.cells()).nnz == 0
    assert list(found.barcodes) == toy.barcodes()[: toy.N_CELLS] and list(found.gene_id) == toy.ids()
    assert list(found.symbol) == toy.symbols() and list(labels_in(source, "kind")) == ["Treg", "B"] * 25


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("form", ["csr", "csc", "dense"])
def test_a_zarr_store(tmp_path, version, form, monkeypatch):
    monkeypatch.setattr("compartments.counts.conversions.MOST", 1000)
    monkeypatch.setattr(anndata.settings, "zarr_write_format", version)
    x = toy.cells().astype(np.float32)
    data({"csr": x, "csc": x.tocsc(), "dense": x.toarray()}[form]).write_zarr(tmp_path / "a.zarr")
    is_toy(describe(tmp_path / "a.zarr"))


def test_counts_in_a_layer_of_a_store(tmp_path):
    stored = data(toy.logged())
    stored.layers["counts"] = toy.cells()
    stored.write_zarr(tmp_path / "a.zarr")
    is_toy(describe(tmp_path / "a.zarr"))


def loom(path, rows=None, **without):
    with h5py.File(path, "w") as file:
        file["matrix"] = toy.cells().T.toarray().astype(np.int32)
        text = h5py.string_dtype()
        rows = rows or {"Gene": toy.symbols(), "Accession": toy.ids()}
        columns = {"CellID": toy.barcodes()[: toy.N_CELLS], "kind": ["Treg", "B"] * 25}
        for group, attributes in (("row_attrs", rows), ("col_attrs", columns)):
            made = file.create_group(group)
            for name in attributes.keys() - set(without.get(group, ())):
                made.create_dataset(name, data=np.array(attributes[name], dtype=object), dtype=text)
    return path


def test_a_loom(tmp_path, monkeypatch):
    monkeypatch.setattr("compartments.counts.conversions.MOST", 5000)
    is_toy(describe(loom(tmp_path / "a.loom")))


@pytest.mark.parametrize(
    ("ids", "symbols"),
    [("Gene", "gene_name"), ("Gene", "Symbol"), ("ensembl_ids", "gene_names"), ("Accession", "Gene")],
)
def test_symbols_and_ids_of_a_loom_are_told_by_themselves(tmp_path, ids, symbols):
    is_toy(describe(loom(tmp_path / "a.loom", {ids: toy.ids(), symbols: toy.symbols()})))


@pytest.mark.parametrize(
    ("without", "line"),
    [
        (
            {"row_attrs": ["Gene", "Accession"]},
            r"a.loom: a loom without names of its 400 genes: it has no row attribute; give",
        ),
        ({"col_attrs": ["CellID"]}, "a loom without names of its 50 cells; give them as column attribute 'CellID'"),
    ],
)
def test_a_loom_without_names_is_one_line(tmp_path, without, line):
    with pytest.raises(UserError, match=line):
        describe(loom(tmp_path / "a.loom", **without))


def test_a_loom_of_no_counts_is_one_line(tmp_path):
    path = toy.replace(loom(tmp_path / "a.loom"), "matrix", toy.cells().T.toarray() * 0.3)
    with pytest.raises(UserError, match="fractional values such as .* in its main matrix, not counts"):
        describe(path)


def test_stores_that_are_none_are_one_line(tmp_path):
    zarr.open_group(tmp_path / "b.zarr", mode="w").create_array("x", data=np.arange(3))
    with pytest.raises(UserError, match=r"b.zarr: a zarr store without obs and var, no AnnData \(it holds x\)"):
        describe(tmp_path / "b.zarr")
    data(toy.cells()).write_zarr(tmp_path / "c.zarr")
    for part in (tmp_path / "c.zarr" / "X" / "data").rglob("*"):
        if part.is_file() and part.name not in ("zarr.json", ".zarray", ".zattrs"):
            part.write_bytes(b"x")
    with pytest.raises(UserError, match="damaged or cut off"):
        describe(tmp_path / "c.zarr")


def test_an_h5mu_is_read_by_its_rna(tmp_path):
    path = toy.h5ad(tmp_path / "rna.h5ad", toy.cells().astype(np.float32))
    with h5py.File(path, "r") as rna, h5py.File(tmp_path / "a.h5mu", "w") as file:
        for name in ("obs", "var"):
            rna.copy(name, file)
        rna.copy("/", file.create_group("mod"), "rna")
        rna.copy("/", file["mod"], "prot")
    found = read_counts(tmp_path / "a.h5mu")
    assert (found.matrix != toy.cells()).nnz == 0 and "/mod/rna is read" in found.source.notes[0]


def test_an_h5mu_without_rna_is_one_line(tmp_path):
    path = toy.h5ad(tmp_path / "rna.h5ad", toy.cells().astype(np.float32))
    with h5py.File(path, "r") as rna, h5py.File(tmp_path / "a.h5mu", "w") as file:
        for name in ("obs", "var"):
            rna.copy(name, file)
        for name in ("prot", "atac"):
            rna.copy("/", file.require_group("mod"), name)
    with pytest.raises(UserError, match=r"a.h5mu: an h5mu without one of RNA .it holds .*prot.*name the modality"):
        describe(tmp_path / "a.h5mu")
