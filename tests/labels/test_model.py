"""The model file: what is read, what is refused, and the scores."""

import os
import pickle
from dataclasses import replace

import anndata as ad
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from compartments.core.errors import UserError
from compartments.core.matrix import log_normalise
from compartments.labels.model import Model, decision_scores, load_model
from tests.support.models import make_model, write_model


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


def test_a_model_that_is_cut_off_or_damaged_is_refused(tmp_path):
    write_model(make_model(), tmp_path / "whole.pkl")
    whole, path = (tmp_path / "whole.pkl").read_bytes(), tmp_path / "x.pkl"
    for end in range(0, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:end])
        with pytest.raises(UserError, match="not a readable pickle"):
            load_model(path)
    for content in (
        b"\x80\x04\x96\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"]K\x01K\x02s.",
        b"h\x05.",
        b"I12x\n.",
        b"\x80\x63.",
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match="not a readable pickle"):
            load_model(path)


def test_a_fault_of_our_own_while_a_model_is_read_keeps_its_traceback(tmp_path, monkeypatch):
    def fault(_self, _module, _name):
        raise AssertionError("ours")

    write_model(make_model(), tmp_path / "whole.pkl")
    monkeypatch.setattr("compartments.labels.model._ModelUnpickler.find_class", fault)
    with pytest.raises(AssertionError, match="ours"):
        load_model(tmp_path / "whole.pkl")


def test_published_models_are_read(real_data):
    for name, labels in (("Immune_All_Low", 98), ("Immune_All_High", 32), ("Healthy_COVID19_PBMC", 51)):
        model = load_model(real_data / "models" / f"{name}.pkl")
        assert len(model.labels) == labels and model.coef.shape == (labels, len(model.genes))


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
    normalised = log_normalise(sparse.csr_matrix(data.X))
    path = real_data / "models" / "Immune_All_Low.pkl"
    query = ad.AnnData(normalised, obs=data.obs[[]], var=data.var[[]])
    expected = celltypist.annotate(query, model=str(path), mode="best match")
    model = load_model(path)
    scores = decision_scores(model, normalised, data.var_names)
    np.testing.assert_allclose(scores, expected.decision_matrix.to_numpy(), atol=1e-6)
    assert list(model.labels[scores.argmax(1)]) == list(expected.predicted_labels["predicted_labels"].astype(str))


def test_versions_of_ensembl_ids_do_not_matter(tmp_path):
    """Of a model, either: else it shares no gene with any data."""
    model = make_model()
    ids = np.array([f"ENSG{i:011d}.{i % 9}" for i in range(len(model.genes))])
    write_model(replace(model, genes=ids), tmp_path / "m.pkl")
    assert list(load_model(tmp_path / "m.pkl").genes) == [one.split(".")[0] for one in ids]
