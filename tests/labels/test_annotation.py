"""Annotation: the model file, the prediction, the rules, on made-up cells and on real ones."""

import os
import pickle
import re
import tracemalloc

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from compartments.cohort.sample import load_annotated
from compartments.core.errors import SampleSkipped, UserError
from compartments.core.files import read_json, read_tsv, write_tsv
from compartments.labels import annotation
from compartments.labels.model import Model, decision_scores, load_model
from compartments.study.samplesheet import parse_samplesheet
from compartments.study.study import make_study

GENES = ["CD3D", "CD3E", "CD3G", "TRAC", "CD4", "IL7R", "FCER1G", "TYROBP", "KLRF1", "GNLY", "NKG7", "KLRD1", "MS4A1"]
GENES += ["CD79A", "LILRA4", "CLEC4C", "IL3RA", "PLD4", "MZB1", "JCHAIN", "HBB", "HBA1", "C1QA", "C1QB", "C1QC", "CD14"]
GENES += ["S100A8", "S100A9", "LYZ", *(f"GENE{i}" for i in range(60))]
PROFILES = {
    "Tcm/Naive helper T cells": {"CD3D": 4, "CD3E": 4, "CD3G": 3, "TRAC": 5, "CD4": 1, "IL7R": 3},
    "CD16+ NK cells": {"FCER1G": 5, "TYROBP": 6, "KLRF1": 3, "GNLY": 20, "NKG7": 20, "KLRD1": 4},
    "Naive B cells": {"MS4A1": 6, "CD79A": 8},
    "pDC": {"LILRA4": 6, "CLEC4C": 3, "IL3RA": 4, "PLD4": 4, "MZB1": 5, "JCHAIN": 8},
    "Plasma cells": {"MZB1": 12, "JCHAIN": 40},
    "Macrophages": {"C1QA": 9, "C1QB": 9, "C1QC": 7, "CD14": 2, "TYROBP": 6, "FCER1G": 4},
    "Classical monocytes": {"CD14": 3, "S100A8": 20, "S100A9": 25, "LYZ": 30, "TYROBP": 6},
}


def simulate(labels, seed=0, background=3.0):
    """Counts of made-up cells: the profile of the label over a common background."""
    rng = np.random.default_rng(seed)
    rate = np.full((len(labels), len(GENES)), 0.0)
    rate[:, GENES.index("GENE0") :] = np.linspace(0.02, 2 * background, 60)
    for i, label in enumerate(labels):
        for gene, value in PROFILES.get(label, {}).items():
            rate[i, GENES.index(gene)] = value
    return sparse.csr_matrix(rng.poisson(rate).astype(np.int32))


def make_model():
    """A logistic model as CellTypist stores it, with one positive weight set per label."""
    labels = list(PROFILES)
    genes = [gene for gene in GENES if not gene.startswith("GENE") or int(gene[4:]) < 5]
    normalised = annotation.normalise(simulate(labels * 40)).toarray()[:, [GENES.index(g) for g in genes]]
    mean, scale = normalised.mean(0), np.where(normalised.std(0) > 0, normalised.std(0), 1)
    centre = (normalised.reshape(40, len(labels), -1).mean(0) - mean) / scale
    coef = centre - centre.mean(0)
    # halfway between a label's own score and the best score of another label
    own = (coef * centre).sum(1)
    others = coef @ centre.T - np.diag(np.full(len(labels), np.inf))
    return Model(
        "made_up.pkl",
        "0" * 64,
        {"version": "v1", "date": "", "details": "", "source": ""},
        np.array(labels),
        np.array(genes),
        coef,
        -(own + np.maximum(others.max(1), 0)) / 2,
        mean,
        scale,
    )


def write_model(model, path):
    """The pickle that CellTypist writes, with real scikit-learn objects."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    classifier, scaler = LogisticRegression(), StandardScaler()
    classifier.classes_ = model.labels.astype(object)
    classifier.features = model.genes.astype(object)
    classifier.coef_, classifier.intercept_ = model.coef, model.intercept
    classifier.n_features_in_ = len(model.genes)
    scaler.mean_, scaler.scale_, scaler.with_mean = model.mean, model.scale, True
    content = {"Model": classifier, "Scaler_": scaler, "description": {**model.description, "number_celltypes": 7}}
    path.write_bytes(pickle.dumps(content))


def write_sample(folder, counts, sample="s1", genes=GENES, gene_id=None):
    """``<sample>.filtered.h5ad`` of the contracts."""
    barcodes = [f"CELL{i:04d}-1" for i in range(counts.shape[0])]
    data = ad.AnnData(
        obs=pd.DataFrame({"contamination": 0.0}, index=barcodes),
        var=pd.DataFrame({"gene_id": gene_id or list(genes), "soup_fraction": 0.0}, index=list(genes)),
        layers={"counts": counts, "corrected": counts.copy()},
        uns={"sample": sample, "ambient_method": "none"},
    )
    data.write_h5ad(folder / f"{sample}.filtered.h5ad")
    return barcodes


@pytest.fixture(scope="module")
def tables(root):
    lineage_map = annotation.read_lineage_map(root / "assets" / "celltypist_immune_all_low_lineage.tsv")
    return lineage_map, annotation.read_markers(root / "assets" / "markers.tsv", lineage_map)


def label(counts, model, tables, compartment="blood", **options):
    return annotation.annotate(counts, GENES, GENES, [model], *tables, compartment, **options)


# --- model files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", range(2, 6))
def test_model_file_comes_back(tmp_path, protocol):
    model = make_model()
    path = tmp_path / "made_up.pkl"
    write_model(model, path)
    path.write_bytes(pickle.dumps(pickle.loads(path.read_bytes()), protocol=protocol))
    read = load_model(path)
    assert list(read.labels) == list(model.labels) and list(read.genes) == list(model.genes)
    np.testing.assert_array_equal(read.coef, model.coef)
    np.testing.assert_array_equal(read.scale, model.scale)
    assert read.description["version"] == "v1"


class _Runs:
    """Unpickling calls ``function(*arguments)``."""

    def __init__(self, function, *arguments):
        self.what = (function, arguments)

    def __reduce__(self):
        return self.what


@pytest.mark.parametrize(
    "function, arguments",
    [
        (os.system, ("touch {marker}",)),
        (eval, ("open('{marker}', 'w')",)),
        (getattr, (os, "system")),
        (np.load, ("{marker}",)),
        (np.fromfile, ("{marker}",)),
    ],
)
def test_a_model_that_runs_code_is_refused(tmp_path, function, arguments):
    marker = tmp_path / "ran"
    arguments = tuple(a.format(marker=marker) if isinstance(a, str) else a.__name__ for a in arguments)
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps({"Model": _Runs(function, *arguments), "Scaler_": None, "description": {}}))
    with pytest.raises(UserError, match="would run"):
        load_model(path)
    assert not marker.exists()


def test_scikit_learn_code_is_not_called(tmp_path):
    path = tmp_path / "evil.pkl"
    marker = tmp_path / "ran"
    # a callable below the sklearn name is replaced by an inert shell
    path.write_bytes(b"csklearn.utils\nos.system\n(S'touch " + str(marker).encode() + b"'\ntR.")
    with pytest.raises(UserError, match="would run"):
        load_model(path)
    path.write_bytes(b"csklearn.utils\nBunch\n(S'x'\ntR.")
    with pytest.raises(UserError, match="not a CellTypist model"):
        load_model(path)
    assert not marker.exists()


@pytest.mark.parametrize("content", [b"", b"not a pickle", pickle.dumps([1, 2]), pickle.dumps({"Model": 1})])
def test_what_is_no_model_is_refused(tmp_path, content):
    path = tmp_path / "x.pkl"
    path.write_bytes(content)
    with pytest.raises(UserError, match="not a"):
        load_model(path)


def test_published_models_are_read(real_data):
    for name, labels in (("Immune_All_Low", 98), ("Immune_All_High", 32), ("Healthy_COVID19_PBMC", 51)):
        model = load_model(real_data / "models" / f"{name}.pkl")
        assert len(model.labels) == labels and model.coef.shape == (labels, len(model.genes))


# --- prediction -----------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 30), st.floats(0.02, 0.6), st.booleans())
def test_sparse_scores_equal_dense_arithmetic(seed, cells, density, binary):
    rng = np.random.default_rng(seed)
    n_labels, genes = (2 if binary else 5), [f"g{i}" for i in range(40)]
    values = sparse.random(cells, 40, density, format="csr", random_state=seed, data_rvs=lambda n: rng.gamma(2, 2, n))
    own = rng.permutation([*genes[:25], "absent1", "absent2"])
    rows = 1 if binary else n_labels
    model = Model(
        "m", "", {}, np.arange(n_labels).astype(str), own, rng.normal(size=(rows, 27)), rng.normal(size=rows),
        rng.normal(size=27), rng.uniform(0.05, 3, 27),
    )  # fmt: skip
    shared = [g for g in genes if g in set(own)]
    at = [list(own).index(g) for g in shared]
    scaled = np.minimum((values[:, [genes.index(g) for g in shared]].toarray() - model.mean[at]) / model.scale[at], 10)
    expected = scaled @ model.coef[:, at].T + model.intercept
    expected = np.hstack([-expected, expected]) if binary else expected
    empty_above_10 = (-model.mean[at] / model.scale[at] > 10).any()
    if not empty_above_10:
        np.testing.assert_allclose(decision_scores(model, values, genes), expected, rtol=1e-9, atol=1e-9)


def test_scores_equal_celltypist(real_data, tmp_path, monkeypatch):
    monkeypatch.setenv("CELLTYPIST_FOLDER", str(tmp_path))
    import celltypist

    data = ad.read_h5ad(real_data / "pbmc4k" / "pbmc4k_2170_cells.h5ad")[:150].copy()
    data.var_names_make_unique()
    normalised = annotation.normalise(sparse.csr_matrix(data.X))
    path = real_data / "models" / "Immune_All_Low.pkl"
    query = ad.AnnData(normalised, obs=data.obs[[]], var=data.var[[]])
    expected = celltypist.annotate(query, model=str(path), mode="best match")
    model = load_model(path)
    scores = decision_scores(model, normalised, data.var_names)
    np.testing.assert_allclose(scores, expected.decision_matrix.to_numpy(), atol=1e-6)
    assert list(model.labels[scores.argmax(1)]) == list(expected.predicted_labels["predicted_labels"].astype(str))


def test_normalise_is_a_copy_and_sums_to_ten_thousand():
    counts = simulate(["pDC", "Plasma cells"])
    counts = sparse.csr_matrix(sparse.vstack([counts, sparse.csr_matrix((1, counts.shape[1]), dtype=np.int32)]))
    before = counts.copy()
    normalised = annotation.normalise(counts)
    np.testing.assert_allclose(np.expm1(normalised.toarray()).sum(1), [1e4, 1e4, 0])
    assert (counts != before).nnz == 0


def test_chunks_do_not_change_labels(monkeypatch, tables):
    counts = simulate(list(PROFILES) * 6, seed=3)
    whole, _ = label(counts, make_model(), tables)
    monkeypatch.setattr(annotation, "CHUNK", 5)
    pieces, _ = label(counts, make_model(), tables)
    pd.testing.assert_frame_equal(whole, pieces)


# --- decisions ------------------------------------------------------------------------------------------------------


def test_close_labels_are_summed_within_lineages():
    mapped = pd.DataFrame(
        {
            "lineage": ["CD4_T", "CD4_T", "CD8_T", "NK"],
            "lineage_broad": ["T", "T", "T", "NK_ILC"],
            "plausible_in": "both",
        },
        index=list("abcd"),
    )
    probability = np.array([[0.3, 0.35, 0.1, 0.4], [0.1, 0.1, 0.1, 0.9], [0.2, 0.25, 0.44, 0.02]])
    chosen, by_lineage, by_broad = annotation.choose_lineage(probability, mapped)
    # the vote was split in cells 1 and 3; cell 2 has a clear winner
    assert list(chosen) == [1, 3, 1]
    np.testing.assert_allclose(by_lineage.loc[0, ["CD4_T", "CD8_T", "NK"]], [0.65, 0.1, 0.4])
    np.testing.assert_allclose(by_broad["T"], [0.75, 0.3, 0.89])


def test_made_up_cells_get_their_lineage(tables):
    names = list(PROFILES) * 20
    labels, summary = label(simulate(names, seed=1), make_model(), tables, "CSF")
    truth = annotation.map_labels(names, tables[0])["lineage"].to_numpy()
    assert (labels["lineage"].to_numpy() == truth).mean() > 0.97
    assert (labels.loc[truth == "Macrophage", "display_label"] == "CSF macrophage-like").mean() > 0.9
    assert (
        labels.loc[truth == "pDC", "marker_pdc"].mean() > 0.9 and not labels.loc[truth == "Plasma", "marker_pdc"].any()
    )
    assert summary["n_cells"] == len(names) and summary["n_implausible"] == 0


def test_macrophages_of_blood_are_counted_as_implausible(tables):
    names = ["Macrophages"] * 20
    labels, summary = label(simulate(names), make_model(), tables, "PBMC")
    assert set(labels["lineage"]) == {"Macrophage"} and set(labels["display_label"]) == {"Macrophages"}
    assert summary["n_implausible"] == 20 and summary["implausible_labels"] == "Macrophages: 20"
    _, elsewhere = label(simulate(names), make_model(), tables, "synovium")
    assert elsewhere["n_implausible"] == 0


def test_haemoglobin_makes_a_cell_erythroid(tables):
    counts = simulate(["Naive B cells"] * 4).tolil()
    total = counts.sum(1).A1 if hasattr(counts.sum(1), "A1") else np.asarray(counts.sum(1)).ravel()
    counts[1, GENES.index("HBB")] = int(total[1] * 0.04)
    counts[2, GENES.index("HBB")] = int(total[2] * 0.06) + 1
    counts[3, GENES.index("HBA1")] = int(total[3])
    labels, summary = label(sparse.csr_matrix(counts), make_model(), tables)
    assert list(labels["lineage"]) == ["B", "B", "Erythroid", "Erythroid"] and summary["n_erythroid_rule"] == 2


def test_cd3_tells_t_from_nk(tables):
    """A model without a useful T label calls cytotoxic T cells NK; CD3 against FCER1G, TYROBP, KLRF1 corrects it."""
    nk = simulate(["CD16+ NK cells"] * 30, seed=2).toarray()
    t_like = nk.copy()
    t_like[:, [GENES.index(g) for g in ("FCER1G", "TYROBP", "KLRF1")]] = 0
    t_like[:, [GENES.index(g) for g in ("CD3D", "CD3E")]] = 2
    sterile = nk.copy()
    sterile[:, GENES.index("CD3E")] = 1
    labels, summary = label(sparse.csr_matrix(np.vstack([nk, t_like, sterile])), make_model(), tables)
    assert set(labels["lineage"][:30]) == {"NK"} and set(labels["lineage"][60:]) == {"NK"}
    assert set(labels["lineage_broad"][30:60]) == {"T"} and summary["n_nk_to_t_by_cd3"] > 0


def test_cells_without_profile_stay_unassigned(tables):
    labels, summary = label(simulate(["none"] * 30), make_model(), tables)
    assert set(labels["lineage"]) == {"unassigned"} and summary["n_low_confidence"] == 30
    empty, _ = label(sparse.csr_matrix((3, len(GENES)), dtype=np.int32), make_model(), tables)
    assert set(empty["confidence"]) == {"low"}


def test_labels_that_are_lineage_names_or_high_labels(tables):
    mapped = annotation.map_labels(
        ["pDC", "CD4_T", "NK_ILC", "Monocytes", "B-cell lineage", "ILC", "No such"], tables[0]
    )
    assert list(mapped["lineage"].fillna("")) == ["pDC", "CD4_T", "NK_ILC", "cMono", "B_prog", "ILC", ""]
    assert list(mapped["lineage_broad"].fillna("")) == ["pDC", "T", "NK_ILC", "Mono_Mac", "B", "NK_ILC", ""]


def test_the_lineage_map_covers_the_published_model(real_data, tables):
    model = load_model(real_data / "models" / "Immune_All_Low.pkl")
    assert annotation.map_labels(model.labels, tables[0])["lineage"].notna().all()
    assert len(tables[0]) == 98


# --- refusals -------------------------------------------------------------------------------------------------------


def test_overlap(tables):
    counts, model = simulate(["pDC"] * 3), make_model()
    with pytest.raises(SampleSkipped, match="Ensembl ids"):
        ids = [f"ENSG{i:011d}.3" for i in range(len(GENES))]
        annotation.annotate(counts, ids, ids, [model], *tables, "blood")
    with pytest.raises(SampleSkipped, match="mouse and human"):
        mouse = [gene.capitalize() for gene in GENES]
        annotation.annotate(counts, mouse, mouse, [model], *tables, "blood")
    few = [gene if i % 3 else f"other{i}" for i, gene in enumerate(GENES)]
    labels, summary = annotation.annotate(counts, few, few, [model], *tables, "blood")
    assert "genes of made_up.pkl are in the data" in summary["warnings"] and summary["model_gene_overlap"] < 0.8
    with pytest.raises(SampleSkipped, match="at least 90% needed"):
        annotation.annotate(counts, few, few, [model], *tables, "blood", min_overlap=0.9)


def test_a_model_with_ensembl_ids_uses_those(tables):
    ids = [f"ENSG{i:011d}" for i in range(len(GENES))]
    model = make_model()
    renamed = Model(**{**vars(model), "genes": np.array([ids[GENES.index(g)] for g in model.genes])})
    counts = simulate(list(PROFILES) * 5)
    by_id, _ = annotation.annotate(counts, GENES, [f"{i}.7" for i in ids], [renamed], *tables, "blood")
    pd.testing.assert_frame_equal(by_id, label(counts, model, tables)[0])


def test_a_model_with_unknown_labels_is_refused(tables):
    model = make_model()
    strange = Model(**{**vars(model), "labels": np.array(["Martian", *model.labels[1:]])})
    with pytest.raises(UserError, match="'Martian'.*lineage_map"):
        label(simulate(["pDC"]), strange, tables)
    # beside another model it is only shown
    labels, summary = annotation.annotate(simulate(["pDC"] * 5), GENES, GENES, [model, strange], *tables, "blood")
    assert "label:made_up" in labels and summary["model_2"] == "made_up.pkl"


def test_bad_tables(tmp_path, tables):
    for text, message in (
        ("celltypist_low\tlineage\n", "lineage_broad"),
        ("celltypist_low\tlineage\tlineage_broad\tplausible_in\na\tx\tX\tboth\na\ty\tX\tboth\n", "row 3.*twice"),
        ("celltypist_low\tlineage\tlineage_broad\tplausible_in\na\tx\tX\tboth\nb\tx\tY\tboth\n", "'x' has 2"),
        ("celltypist_low\tlineage\tlineage_broad\tplausible_in\na\t\tX\tboth\n", "row 2, column lineage: empty"),
    ):
        path = tmp_path / "map.tsv"
        path.write_text(text)
        with pytest.raises(UserError, match=message):
            annotation.read_lineage_map(path)
    path = tmp_path / "markers.tsv"
    path.write_text("lineage\tgene\tsign\npDC\tLILRA4\t+\nNoSuch\tX\t+\n")
    with pytest.raises(UserError, match="row 3, column lineage: 'NoSuch'"):
        annotation.read_markers(path, tables[0])


# --- the executable -------------------------------------------------------------------------------------------------


@pytest.fixture
def sample(tmp_path):
    names = list(PROFILES) * 6
    barcodes = write_sample(tmp_path, simulate(names, seed=5))
    write_model(make_model(), tmp_path / "made_up.pkl")
    return tmp_path, barcodes, names


def test_executable(sample, execute):
    folder, barcodes, names = sample
    overrides = folder / "overrides.tsv"
    overrides.write_text(f"sample\tbarcode\tlineage\ns1\t{barcodes[0]}\tTreg\nother\tX\tB\n")
    options = ("--cells", "s1.filtered.h5ad", "--model", "made_up.pkl", "--compartment", "CSF")
    done = execute("annotate_cells", *options, "--label_overrides", overrides)
    assert done.returncode == 0, done.stderr
    first = (folder / "s1.labels.tsv.gz").read_bytes()
    labels = read_tsv(folder / "s1.labels.tsv.gz")
    assert list(labels["barcode"]) == barcodes
    assert tuple(labels.loc[0, ["lineage", "lineage_broad", "confidence"]]) == ("Treg", "T", "override")
    summary = read_json(folder / "s1.labels.json")
    assert summary["n_overrides"] == 1 and len(summary["model_sha256"]) == 64
    assert (folder / "skipped.tsv").read_text().count("\n") == 1
    execute("annotate_cells", *options, "--label_overrides", overrides)
    assert (folder / "s1.labels.tsv.gz").read_bytes() == first

    doublets = pd.DataFrame({"barcode": barcodes[::-1], "doublet_score": 0.1, "predicted_doublet": False})
    doublets.loc[0, "predicted_doublet"] = True
    write_tsv(doublets, folder / "s1.doublets.tsv.gz")
    joined = load_annotated(*(folder / f"s1.{kind}" for kind in ("filtered.h5ad", "doublets.tsv.gz", "labels.tsv.gz")))
    assert list(joined.obs_names) == barcodes[:-1] and joined.obs["marker_pdc"].dtype == bool
    assert joined.obs["lineage"].iloc[0] == "Treg"


@pytest.mark.parametrize(
    "row, message",
    [
        ("s1\tCELL0000-1\tTregg", "row 2, column lineage: 'Tregg' is no lineage"),
        ("s1\tCELL0000-1\tTreg\ns1\tCELL0000-1\tB", "row 3, column barcode: 'CELL0000-1' is there twice"),
        ("s1\t\tTreg", "row 2, column cluster: '' is empty"),
    ],
)
def test_bad_overrides_through_the_executable(sample, execute, row, message):
    folder, *_ = sample
    (folder / "o.tsv").write_text(f"sample\tbarcode\tlineage\n{row}\n")
    options = (
        "--cells",
        "s1.filtered.h5ad",
        "--model",
        "made_up.pkl",
        "--compartment",
        "CSF",
        "--label_overrides",
        "o.tsv",
    )
    done = execute("annotate_cells", *options)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
    assert not (folder / "s1.labels.tsv.gz").exists()


def test_overrides_by_cluster(tmp_path, tables):
    (tmp_path / "o.tsv").write_text("sample\tbarcode\tcluster\tlineage\n\t\t2\tB\ns1\tc1\t\tpDC\n")
    write_tsv(
        pd.DataFrame({"sample": ["s1", "s1", "s1", "s2"], "barcode": ["c1", "c2", "c3", "c2"], "leiden": [2, 2, 1, 2]}),
        tmp_path / "umap.tsv.gz",
    )
    path, umap = tmp_path / "o.tsv", tmp_path / "umap.tsv.gz"
    rows, lost = annotation.read_overrides(path, "s1", ["c1", "c2", "c3"], tables[0], umap)
    assert rows.to_dict("list") == {"barcode": ["c1", "c2"], "lineage": ["pDC", "B"]} and not lost
    # a row for one sample goes before one for all, whatever the order; a cell that is gone is said, not forgotten
    path.write_text("sample\tbarcode\tcluster\tlineage\ns2\t\t2\tNK\n\t\t2\tB\ns1\tgone\t\tpDC\n")
    assert annotation.read_overrides(path, "s2", ["c2"], tables[0], umap)[0]["lineage"].tolist() == ["NK"]
    rows, lost = annotation.read_overrides(path, "s1", ["c1", "c2"], tables[0], umap)
    assert rows["lineage"].tolist() == ["B", "B"] and lost == ["gone"]
    with pytest.raises(UserError, match="--label_clusters"):
        annotation.read_overrides(tmp_path / "o.tsv", "s1", ["c1"], tables[0])


def test_a_sample_without_cells_is_skipped(tmp_path, execute):
    write_sample(tmp_path, sparse.csr_matrix((0, len(GENES)), dtype=np.int32))
    write_model(make_model(), tmp_path / "made_up.pkl")
    done = execute("annotate_cells", "--cells", "s1.filtered.h5ad", "--model", "made_up.pkl", "--compartment", "CSF")
    assert done.returncode == 0, done.stderr
    assert "s1\t\t\tno cell left" in (tmp_path / "skipped.tsv").read_text()
    assert not (tmp_path / "s1.labels.tsv.gz").exists()


def test_overrides_by_cluster_through_the_executable(sample, execute):
    folder, barcodes, names = sample
    umap = pd.DataFrame({"sample": "s1", "barcode": barcodes, "leiden": [names.index(x) for x in names]})
    write_tsv(umap, folder / "umap.tsv.gz")
    (folder / "o.tsv").write_text(
        f"sample\tbarcode\tcluster\tlineage\n\t\t4\tHSPC\ns1\tgone-1\t\tB\ns1\t{barcodes[4]}\t\tB\n"
    )
    options = ("--cells", "s1.filtered.h5ad", "--model", "made_up.pkl", "--compartment", "CSF")
    done = execute("annotate_cells", *options, "--label_overrides", "o.tsv", "--label_clusters", "umap.tsv.gz")
    assert done.returncode == 0, done.stderr
    labels = read_tsv(folder / "s1.labels.tsv.gz")
    plasma = np.array(names) == "Plasma cells"
    assert list(labels["lineage"][plasma]) == ["B"] + ["HSPC"] * 5 and not (labels["lineage"][~plasma] == "HSPC").any()
    assert set(labels["confidence"][plasma]) == {"override"}
    summary = read_json(folder / "s1.labels.json")
    assert summary["n_overrides"] == 6 and "1 cells of --label_overrides are not in the sample" in summary["warnings"]


CHECKS = {
    "model that runs code": ({"m.pkl": pickle.dumps(os.getcwd)}, ["--model", "m.pkl"], "model m.pkl.*would run"),
    "labels not in the map": ({"map.tsv": "lineage_map"}, ["--lineage_map", "map.tsv"], "not in the lineage map"),
    "unknown sample": (
        {"o.tsv": "s9\tx\t\tB"},
        ["--label_overrides", "o.tsv"],
        "row 2, column sample: 's9' is no sample",
    ),
    "unknown lineage": ({"o.tsv": "s1\tx\t\tBee"}, ["--label_overrides", "o.tsv"], "'Bee' is no lineage; one of B,"),
    "clusters of nowhere": ({"o.tsv": "s1\t\t3\tB"}, ["--label_overrides", "o.tsv"], "give the cohort/umap.tsv.gz"),
    "unknown cluster": (
        {"o.tsv": "\t\t3\tB", "u.tsv": "sample\tbarcode\tleiden\ns1\tx\t1\n"},
        ["--label_overrides", "o.tsv", "--label_clusters", "u.tsv"],
        "row 2, column cluster: '3' is not a cluster of u.tsv",
    ),
    "clusters alone": (
        {"u.tsv": "sample\tbarcode\tleiden\n"},
        ["--label_clusters", "u.tsv"],
        "without --label_overrides",
    ),
    "no such column": (
        {},
        ["--integration_key", "donors"],
        "'donors' is no column of the samplesheet; choose none or one",
    ),
    "all is well": ({"o.tsv": "s1\tx\t\tB"}, ["--label_overrides", "o.tsv", "--integration_key", "donor"], ""),
}


@pytest.mark.parametrize("case", CHECKS)
def test_labels_are_checked_before_any_cell_is_read(tmp_path, execute, root, case):
    files, options, expected = CHECKS[case]
    sheet = "sample,donor,compartment,condition,filtered\n" + "".join(
        f"s{i},d{i // 2},{'CSF' if i % 2 else 'blood'},{'ms' if i < 2 else 'control'},x.h5\n" for i in range(4)
    )
    study = make_study(
        parse_samplesheet(sheet), reference_compartment="", reference_condition="", contrasts=None, covariates=[]
    )
    study.save(tmp_path / "study.json")
    write_model(make_model(), tmp_path / "made_up.pkl")
    default_map = root / "assets" / "celltypist_immune_all_low_lineage.tsv"
    for name, content in files.items():
        if content == "lineage_map":
            kept = [line for line in default_map.read_text().splitlines() if not line.startswith("Naive B cells\t")]
            content = "\n".join(kept) + "\n"
        elif name == "o.tsv":
            content = f"sample\tbarcode\tcluster\tlineage\n{content}\n"
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    given = {"--model": "made_up.pkl", "--lineage_map": default_map, "--markers": root / "assets" / "markers.tsv"}
    given |= dict(zip(options[::2], options[1::2], strict=True))
    arguments = [part for pair in given.items() for part in pair]
    done = execute("check_labels", "--study", "study.json", *arguments, "--problems", "problems.txt")
    assert done.returncode == 0, done.stderr
    said = (tmp_path / "problems.txt").read_text()
    assert re.search(expected, said) if expected else said == ""
    assert said.count("\n") == (1 if expected else 0)


GENE_NAMES = {
    "Ensembl ids alone": (lambda i, name: (f"ENSG{i:011d}",) * 2, "the gene names are Ensembl ids: give a matrix"),
    "versioned ids alone": (lambda i, name: (f"ENSG{i:011d}.7",) * 2, "the gene names are Ensembl ids: give a matrix"),
    "mouse genes": (lambda i, name: (name.capitalize(), f"ENSMUSG{i:011d}"), "as between mouse and human: use a model"),
    "another species": (lambda i, name: (f"dme{i}", f"FBgn{i:07d}"), "use a model of the same species"),
    "ids beside symbols": (lambda i, name: (name, f"ENSG{i:011d}.7"), None),
}


@pytest.mark.parametrize("case", GENE_NAMES)
def test_gene_names_through_the_executable(tmp_path, execute, case):
    rename, reason = GENE_NAMES[case]
    symbols, ids = zip(*(rename(i, name) for i, name in enumerate(GENES)), strict=True)
    write_sample(tmp_path, simulate(list(PROFILES) * 3), genes=symbols, gene_id=list(ids))
    write_model(make_model(), tmp_path / "made_up.pkl")
    done = execute("annotate_cells", "--cells", "s1.filtered.h5ad", "--model", "made_up.pkl", "--compartment", "CSF")
    assert done.returncode == 0, done.stderr
    skipped = read_tsv(tmp_path / "skipped.tsv")
    assert (tmp_path / "s1.labels.tsv.gz").exists() == (reason is None)
    if reason is None:
        assert skipped.empty and not done.stderr
    else:
        # one bad sample does not stop the others: it is left out, with the cause and the fix
        assert (
            list(skipped["sample"]) == ["s1"]
            and reason in skipped["reason"][0]
            and "50% needed" in skipped["reason"][0]
        )
        assert reason in done.stderr and "Traceback" not in done.stderr


def test_repeated_symbols_are_summed(tmp_path, tables, execute):
    """MS4A1 stands for two genes: their counts together are what model and markers see; other names stay apart."""
    counts = simulate(list(PROFILES) * 6, seed=4)
    at = GENES.index("MS4A1")
    half = counts.toarray()
    first = np.random.default_rng(0).binomial(half[:, at], 0.5)
    extra = np.stack([half[:, at] - first, np.ones(len(half), int)], axis=1)
    half[:, at] = first
    split = sparse.csr_matrix(np.hstack([half, extra]).astype(np.int32))
    names = [*GENES, "MS4A1-1", "GENE59-1"]
    model = make_model()
    together, summary = annotation.annotate(split, names, names, [model], *tables, "blood")
    whole = sparse.csr_matrix(np.hstack([counts.toarray(), extra[:, 1:]]).astype(np.int32))
    expected, _ = annotation.annotate(whole, [*GENES, "GENE59-1"], [*GENES, "x"], [model], *tables, "blood")
    pd.testing.assert_frame_equal(together, expected)
    assert summary["n_genes_summed"] == 1
    symbols, _, fold = annotation.fold_repeats(np.array(["A", "A-1", "A-2", "B-1"], object), np.arange(4), {"A", "A-2"})
    assert list(symbols) == ["A", "A-2", "B-1"] and fold.toarray().tolist() == [
        [1, 0, 0],
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
    ]


def test_memory_does_not_grow_with_cells_beyond_the_matrix(monkeypatch, tables):
    """Twice the cells cost what is written about them, not a dense matrix of cells by genes or labels by cells."""
    model = make_model()
    monkeypatch.setattr(annotation, "CHUNK", 100)
    peaks = []
    for n in (100, 300):
        counts = simulate(list(PROFILES) * n)
        tracemalloc.start()
        label(counts, model, tables)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    cells = 200 * len(PROFILES)
    assert (peaks[1] - peaks[0]) / cells < 700, "bytes per further cell; a dense row of 89 genes alone has 712"


# --- real cells -----------------------------------------------------------------------------------------------------


def f1(truth, called):
    return 2 * (truth & called).sum() / (truth.sum() + called.sum())


def test_pbmc_4k(real_data, tables):
    data = ad.read_h5ad(real_data / "pbmc4k" / "pbmc4k_2170_cells.h5ad")
    data.var_names_make_unique()
    counts = sparse.csr_matrix(data.X)
    model = load_model(real_data / "models" / "Immune_All_Low.pkl")
    labels, summary = annotation.annotate(counts, data.var_names, data.var_names, [model], *tables, "PBMC")
    truth, broad = data.obs["Annotation"].astype(str).to_numpy(), labels["lineage_broad"].to_numpy()
    # unassigned cells count as missed
    assert f1(truth == "B", broad == "B") >= 0.99
    assert f1(truth == "MNP", np.isin(broad, ["Mono_Mac", "cDC"])) >= 0.99
    assert f1(np.isin(truth, ["NK", "T_CD4", "T_CD8"]), np.isin(broad, ["T", "NK_ILC"])) >= 0.99
    assert (broad[truth == "?"] == "pDC").all() and summary["n_pdc"] == 20
    assert labels["marker_pdc"].to_numpy()[truth == "?"].all() and summary["n_pdc_marker"] <= 22
    cd3 = np.asarray(counts[:, data.var_names.isin(annotation.CD3_GENES)].sum(1)).ravel()
    nk = np.asarray(counts[:, data.var_names.isin(annotation.NK_GENES)].sum(1)).ravel()
    called = (labels["lineage"] == "NK").to_numpy()
    assert called[(truth == "NK") & (cd3 == 0)].mean() >= 0.97
    assert not (called & (cd3 >= 2) & (cd3 >= nk)).any()


def test_csf_macrophages(real_data, tables):
    with h5py.File(real_data / "csf" / "csf_cellbender_v3_filtered.h5") as file:
        m = file["matrix"]
        counts = sparse.csc_matrix((m["data"][:], m["indices"][:], m["indptr"][:]), shape=m["shape"][:]).T.tocsr()
        genes = pd.Index(m["features/name"][:].astype(str))
    counts = counts[:, ~genes.duplicated()].astype(np.int32)
    genes = genes[~genes.duplicated()]
    model = load_model(real_data / "models" / "Immune_All_Low.pkl")
    labels, summary = annotation.annotate(counts, genes, genes, [model], *tables, "CSF")
    c1q = np.asarray(counts[:, genes.isin(["C1QA", "C1QB", "C1QC"])].sum(1)).ravel()
    assert summary["n_csf_macrophage_like"] > 150
    # most cells full of complement C1q are macrophages, and hardly any other cell is
    assert (labels["display_label"][c1q >= 10] == "CSF macrophage-like").mean() > 0.9
    assert (c1q[labels["lineage"] == "Macrophage"] > 0).mean() > 0.9
    assert "Alveolar macrophages" not in set(labels["display_label"])
