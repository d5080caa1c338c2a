"""References that no model can be trained on, and one that can."""

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from compartments.labels.model import load_model
from tests.bad_inputs.record import call

MAP = "assets/celltypist_immune_all_low_lineage.tsv"
NAMES = ["CD4_T"] * 20 + ["B"] * 20
MADE_WRONG = {
    "no such column": ({}, "lineage", "column 'lineage' is no column of obs; it has type$"),
    "a column misspelt": ({}, "Type", "column 'Type' is no column of obs; did you mean 'type'?"),
    "no column": ({}, "", "label_reference_column is missing; name the column of obs with the labels: it has type$"),
    "few cells": (
        {"labels": NAMES[:25] + ["pDC"] * 2},
        "type",
        r"with 10 cells \('CD4_T' has 20, 'B' has 5, 'pDC' has",
    ),
    "no labels": ({"labels": [None, "unknown"] * 20}, "type", r"fewer than two labels with 10 cells \(no cell has"),
    "scaled": ({"change": lambda x: x - 0.3}, "type", r"no counts in X \(negative values .* or log1p of counts"),
    "of another kind": ({"change": lambda x: x * 0.37}, "type", "as log1p the cells of X would have from .* counts"),
    "logarithms of some genes": (
        {"change": lambda x: np.log1p(1e4 * x / x.sum(1, keepdims=True))[:, :9]},
        "type",
        "as log1p the cells of X would have from .* counts",
    ),
    "labels without a lineage": (
        {"labels": ["CD4 T"] * 20 + ["Bee"] * 20},
        "type",
        r"no lineage in the lineage map for 'Bee'.*, 'CD4 T' \(did you mean 'CD4_T'\?\); rename these .*--lineage_map$",
    ),
}


def write(folder, labels=NAMES, change=None, name="r.h5ad"):
    """A reference of ``labels``."""
    counts = np.random.default_rng(0).poisson(1.0, (len(labels), 20)).astype(np.float32)
    counts[np.array(labels) == labels[0], :5] += 2
    values = counts if change is None else change(counts)
    obs = pd.DataFrame({"type": labels}, index=[f"c{i}" for i in range(len(labels))])
    var = pd.DataFrame(index=[f"G{i}" for i in range(values.shape[1])])
    anndata.AnnData(sparse.csr_matrix(values.astype(np.float32)), obs, var).write_h5ad(folder / name)


def train(folder, root, column, name="r.h5ad"):
    given = ("--label_reference", name, "--label_reference_column", column, "--lineage_map", root / MAP)
    done = call("train_model", *given, "--problems", "problems.txt", "--notes", "notes.txt", folder=folder)
    assert not done.fell and done.code == 0, done.fell + done.said
    return (folder / "problems.txt").read_text(), (folder / "notes.txt").read_text()


@pytest.mark.parametrize("case", MADE_WRONG)
def test_what_no_model_can_be_trained_on_is_told_in_one_line(tmp_path, root, case):
    made, column, expected = MADE_WRONG[case]
    write(tmp_path, **made)
    said, notes = train(tmp_path, root, column)
    assert pd.Series([said.strip()]).str.contains(expected)[0], said
    assert said.startswith("--label_reference r.h5ad") and said.count("\n") == 1 and not notes
    assert not (tmp_path / "model.pkl").exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "--label_reference r.h5ad: there is no such file"),
        (b"\x1f\x8b\x08 of R", "--label_reference r.h5ad: no h5ad (not HDF5 at all); save the labelled cells"),
        ("cut", "--label_reference r.h5ad: damaged or cut off"),
        ("10x", "--label_reference r.h5ad: HDF5, but no h5ad of one kind of data (it holds matrix)"),
    ],
)
def test_a_file_that_is_no_h5ad_is_told_in_one_line(tmp_path, root, content, expected):
    from tests.bad_inputs import toy

    path = tmp_path / "r.h5ad"
    if content == "10x":
        toy.h5(path)
    elif content == "cut":
        write(tmp_path)
        path.write_bytes(path.read_bytes()[:-2000])
    elif content:
        path.write_bytes(content)
    said, _ = train(tmp_path, root, "type")
    assert said.startswith(expected) and said.count("\n") == 1, said


def test_the_model_says_what_it_was_trained_on(tmp_path, root):
    write(tmp_path, [*NAMES, "pDC", "?"])
    said, notes = train(tmp_path, root, "type")
    assert not said
    assert notes.splitlines() == [
        "note: r.h5ad: 40 cells of 2 labels are learned from, as counts in X",
        "note: r.h5ad: labels with fewer than 10 cells are left out: pDC (1)",
        "note: r.h5ad: 1 cells without a label or counts are left out",
        "note: model.pkl: 2 labels, 20 genes",
    ]
    model = load_model(tmp_path / "model.pkl")
    assert list(model.labels) == ["B", "CD4_T"]
    assert model.description["details"] == "40 cells of r.h5ad by type, seed 1"
