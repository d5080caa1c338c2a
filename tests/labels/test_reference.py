"""Labelled cells that a model learns from."""

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from compartments.core.errors import UserError
from compartments.core.matrix import log_normalise
from compartments.labels.reference import MOST_CELLS, read_reference

GENES = [f"G{i}" for i in range(12)]


def counts_of(labels):
    return sparse.csr_matrix(np.random.default_rng(0).poisson(1.0, (len(labels), 12)).astype(np.float32))


def made(values, labels, **more):
    obs = pd.DataFrame({"type": labels}, index=[f"c{i}" for i in range(len(labels))])
    return anndata.AnnData(values, obs, pd.DataFrame(index=GENES), **more)


def test_small_labels_are_left_out_and_named(tmp_path):
    labels = ["b"] * 12 + ["a"] * 12 + ["rare"] * 6 + ["few"] * 3 + [None, "Unassigned"] + ["Doublet"] * 12
    counts = counts_of(labels).tolil()
    counts[:, 3] = 0
    counts[0] = 0
    made(counts.tocsr(), labels).write_h5ad(tmp_path / "r.h5ad")
    values, names, genes, notes = read_reference(tmp_path / "r.h5ad", "type")
    assert sorted(set(names)) == ["a", "b"] and len(names) == 23
    assert "G3" not in genes and values.shape == (23, 11) and values.dtype == np.float32
    np.testing.assert_allclose(np.expm1(values.toarray()).sum(1), 1e4, rtol=1e-4)
    assert notes[1].endswith("are left out: few (3), rare (6)") and "15 cells without a label" in notes[2]


def scaled(counts):
    """What a tutorial leaves in X, with the logarithms in raw."""
    dense = counts.toarray()
    return (dense - dense.mean(0)) / dense.std(0)


@pytest.mark.parametrize("kind", ["counts", "layer", "raw", "log1p", "median", "scaled"])
def test_counts_and_logarithms_are_told_from_values(tmp_path, kind):
    """Whichever a file has, wherever: the same values are learned from."""
    labels = ["a"] * 15 + ["b"] * 15
    counts = counts_of(labels)
    logs = log_normalise(counts, np.float32)
    median = logs.copy()  # scanpy's default: one total, but not 10,000
    median.data = np.log1p(np.expm1(median.data) * 0.37).astype(np.float32)
    first = {"counts": counts, "layer": scaled(counts), "median": median, "scaled": scaled(counts)}.get(kind, logs)
    data = made(first, labels, layers={"raw_counts": counts} if kind == "layer" else None)
    if kind in ("raw", "scaled"):
        data.raw = made(counts if kind == "raw" else logs, labels)
    data.write_h5ad(tmp_path / "r.h5ad")
    values, names, genes, notes = read_reference(tmp_path / "r.h5ad", "type")
    np.testing.assert_allclose(values.toarray(), logs.toarray(), rtol=1e-4, atol=1e-4)
    assert list(names) == labels and list(genes) == GENES
    where = {"layer": "layers/raw_counts", "raw": "raw/X", "scaled": "raw/X"}.get(kind, "X")
    what = "counts" if kind in ("counts", "layer", "raw") else "log1p of normalised counts"
    assert notes[0].endswith(f"as {what} in {where}")


def test_many_cells_of_a_label_are_taken_evenly_along_the_file(tmp_path):
    labels = ["a"] * (2 * MOST_CELLS) + ["b"] * 10
    made(counts_of(labels), labels).write_h5ad(tmp_path / "r.h5ad")
    reference = read_reference(tmp_path / "r.h5ad", "type")
    every_other = log_normalise(counts_of(labels), np.float32)[: 2 * MOST_CELLS : 2]
    assert (reference.labels == "a").sum() == MOST_CELLS and (reference.labels == "b").sum() == 10
    np.testing.assert_allclose(reference.values[:MOST_CELLS].toarray(), every_other.toarray(), rtol=1e-5)


@pytest.mark.parametrize("kind", ["counts", "log1p of genes", "log1p of all"])
def test_antibodies_are_no_genes_of_the_model(tmp_path, kind):
    """Nor part of the totals that counts are normalised to."""
    labels = ["a"] * 15 + ["b"] * 15
    counts = counts_of(labels)
    proteins = sparse.csr_matrix(np.random.default_rng(1).poisson(40.0, (30, 2)).astype(np.float32))
    both = sparse.hstack([counts, proteins]).tocsr()
    logs = sparse.hstack([log_normalise(counts, np.float32), log_normalise(proteins, np.float32)]).tocsr()
    values = {"counts": both, "log1p of genes": logs, "log1p of all": log_normalise(both, np.float32)}[kind]
    types = {"feature_types": ["Gene Expression"] * 12 + ["Antibody Capture"] * 2}
    data = anndata.AnnData(values, made(counts, labels).obs, pd.DataFrame(types, index=[*GENES, "CD3", "CD19"]))
    data.write_h5ad(tmp_path / "r.h5ad")
    found, _, genes, notes = read_reference(tmp_path / "r.h5ad", "type")
    assert list(genes) == GENES
    np.testing.assert_allclose(found.toarray(), log_normalise(counts, np.float32).toarray(), rtol=1e-4, atol=1e-4)
    assert "r.h5ad: 2 features are left out: Antibody Capture" in notes


IDS = [f"ENSG{i:011d}" for i in range(12)]
MANGLED = ["MT.CO1", "MT.ND1", "HLA.A", "HLA.DRA", *GENES[4:]]
NAMES = {
    "probes of Flex": ([f"{i}|{g}|abc{n}" for n, (i, g) in enumerate(zip(IDS, GENES, strict=True))], GENES),
    "ids with versions": ([f"{one}.7" for one in IDS], IDS),
    "dots of R": (MANGLED, ["MT-CO1", "MT-ND1", "HLA-A", "HLA-DRA", *GENES[4:]]),
}


@pytest.mark.parametrize("kind", NAMES)
def test_genes_are_named_as_those_of_samples(tmp_path, kind):
    labels = ["a"] * 15 + ["b"] * 15
    data = made(counts_of(labels), labels)
    data.var_names, expected = NAMES[kind]
    data.write_h5ad(tmp_path / "r.h5ad")
    assert list(read_reference(tmp_path / "r.h5ad", "type").genes) == expected


def test_one_genome_is_learned_from(tmp_path):
    labels = ["a"] * 15 + ["b"] * 15
    data = made(counts_of(labels), labels)
    data.var["genome"] = ["GRCh38"] * 7 + ["virus"] * 5
    data.write_h5ad(tmp_path / "r.h5ad")
    assert list(read_reference(tmp_path / "r.h5ad", "type", genome="GRCh38").genes) == GENES[:7]
    with pytest.raises(UserError, match="several genomes in one file .GRCh38, virus.; choose one of them"):
        read_reference(tmp_path / "r.h5ad", "type")
