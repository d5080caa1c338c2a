"""Whether a model knows the tissue of a sample."""

from dataclasses import replace

import anndata
import numpy as np
import pytest
from scipy import sparse

from compartments.counts.reading import read_counts
from compartments.labels.annotation import annotate
from compartments.labels.catalogue import read_catalogue
from compartments.labels.fit import judge_fit, reference_distance
from compartments.labels.model import load_model
from compartments.simulate.sources import ProfileSource
from tests.support.models import GENES, PROFILES, label, make_model, simulate

NON_IMMUNE = ("Patient1-specific", "Patient6-specific", "Ciliated cells", "Fibroblasts", "Smooth muscle cells")


@pytest.fixture(scope="module")
def catalogue(root):
    return read_catalogue(root / "assets" / "celltypist_models.tsv")


def judged(counts, genes, model, tables, catalogue, compartment):
    labels, summary = annotate(counts, genes, genes, [model], *tables, compartment)
    distance = reference_distance(counts, genes, genes, model)
    return judge_fit(labels, summary, distance, model, tables[0], catalogue, compartment)


def test_distance_is_that_of_the_means_less_what_few_cells_are_off_by_chance():
    """Cells of the model's own making are at 0, whatever their number; one gene k SD off is at k / sqrt(genes)."""
    model, rng = make_model(), np.random.default_rng(1)
    for n in (30, 3000):
        assert reference_distance(simulate(list(PROFILES) * (n // 7 + 1), seed=2), GENES, GENES, model) < 0.06
    counts = simulate(list(PROFILES) * 50, seed=3)
    moved = replace(model, mean=model.mean + np.where(np.arange(len(model.genes)) == 3, 2.0, 0) * model.scale)
    expected = 2 / np.sqrt(len(model.genes))
    assert reference_distance(counts, GENES, GENES, moved) == pytest.approx(expected, abs=0.02)
    order = rng.permutation(len(GENES))
    again = reference_distance(counts[:, order], list(np.array(GENES)[order]), list(np.array(GENES)[order]), moved)
    assert again == pytest.approx(reference_distance(counts, GENES, GENES, moved))


def test_few_cells_and_few_genes_are_not_judged(tables, catalogue):
    model, counts = make_model(), simulate(list(PROFILES) * 5)
    assert reference_distance(counts[:19], GENES, GENES, model) is None
    assert reference_distance(sparse.csr_matrix(counts[:, :10]), GENES[:10], GENES[:10], model) is None
    labels, summary = label(counts[:7], model, tables)
    fit = judge_fit(labels, summary, None, model, tables[0], catalogue, "blood")
    assert fit["model_fit"] is None and fit["model_doubt"] == ""


@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("name", ["Immune_All_Low", "Healthy_COVID19_PBMC"])
def test_blood_and_csf_fit_immune_models_and_tumour_epithelium_does_not(real_data, tables, catalogue, name, half):
    """Thresholds are of every other cell; the rest, which they were not set on, is judged alike."""
    model = load_model(real_data / "models" / f"{name}.pkl")
    for compartment, place in (("blood", "pbmc_chemistries/1k_PBMC_v3_filt.h5ad"), ("tumour", "tissue")):
        path = real_data / place
        data = anndata.read_h5ad(path if path.is_file() else path / "lung_tumour_blood_145_cells.h5ad")
        data.var_names_make_unique()
        if compartment == "tumour":
            # 28 cells: all of them in the first half, those of the other half twice in the second
            rows = np.flatnonzero(data.obs["truth"].isin(NON_IMMUNE))
            rows = rows if half == 0 else np.repeat(rows[1::2], 2)
        else:
            rows = np.arange(half, data.n_obs, 2)
        counts = sparse.csr_matrix(sparse.csr_matrix(data.X)[rows].astype(np.int32))
        fit = judged(counts, list(data.var_names), model, tables, catalogue, compartment)
        assert fit["model_fit"] == ("yes" if compartment == "blood" else "doubtful"), fit
        if compartment == "tumour":
            assert fit["model_doubt"].startswith(f"{name}.pkl may not know this tissue: its mean cell is 1.")
            assert "cells have markers of what the model does not know (Epithelial" in fit["model_doubt"]


@pytest.mark.parametrize("name", ["Immune_All_Low", "Healthy_COVID19_PBMC"])
def test_cerebrospinal_fluid_fits_immune_models(real_data, tables, catalogue, name):
    data = read_counts(real_data / "csf" / "csf_cellbender_v3_filtered.h5")
    cells = data.matrix[np.diff(data.matrix.indptr) >= 200][1::2]  # the half that no threshold was set on
    model = load_model(real_data / "models" / f"{name}.pkl")
    fit = judged(cells.astype(np.int32), list(data.symbol), model, tables, catalogue, "CSF")
    assert fit["model_fit"] == "yes" and fit["model_distance"] < 0.4, fit


@pytest.mark.parametrize(("share", "told"), [(0.6, True), (0.02, False)])
def test_granulocytes_are_told_where_the_model_has_no_label_for_them(real_data, tables, catalogue, root, share, told):
    """Of a model of mononuclear cells in whole blood."""
    model = load_model(real_data / "models" / "Healthy_COVID19_PBMC.pkl")
    source, rng = ProfileSource(root / "assets" / "profiles.tsv.gz", 8000), np.random.default_rng(4)
    ones, n = np.ones(len(source.genes)), 300
    number = {"Granulocyte": round(n * share), "CD4_T": round(n * (1 - share) / 2), "cMono": round(n * (1 - share) / 2)}
    blocks = [source.draw(rng, name, of_it, ones, ones, ones, 2500) for name, of_it in number.items()]
    counts = sparse.csr_matrix(sparse.vstack(blocks)).astype(np.int32)
    fit = judged(counts, list(source.genes), model, tables, catalogue, "blood")
    assert ("what the model does not know (Granulocyte" in fit["model_doubt"]) == told, fit
