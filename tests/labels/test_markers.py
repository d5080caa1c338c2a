"""What markers alone decide."""

import numpy as np
from scipy import sparse

from tests.support.models import GENES, label, make_model, simulate


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
