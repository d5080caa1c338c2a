"""Gene names that data and model share."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from compartments.core.errors import SampleSkipped
from compartments.labels import annotation, genes
from compartments.labels.model import Model
from tests.support.models import GENES, PROFILES, label, make_model, simulate


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
    symbols, _, fold = genes.fold_repeats(np.array(["A", "A-1", "A-2", "B-1"], object), np.arange(4), {"A", "A-2"})
    assert list(symbols) == ["A", "A-2", "B-1"] and fold.toarray().tolist() == [
        [1, 0, 0],
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
    ]
