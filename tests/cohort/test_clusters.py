"""Clusters: their markers, and the vote."""

import numpy as np
import pandas as pd
from scipy import sparse

from compartments.cohort import clusters, embedding


def test_vote_spares_rare_and_confident_cells():
    frame = pd.DataFrame(
        [*[("CD4_T", "CD4_T", "high", 0)] * 6, ("unassigned", "CD8_T", "low", 0), ("unassigned", "pDC", "low", 0)]
        + [("pDC", "pDC", "marker", 0), ("unassigned", "B", "low", 1), ("B", "B", "high", 2), ("NK", "NK", "high", 2)]
        + [("unassigned", "B", "low", 2)],
        columns=["lineage", "model_lineage", "confidence", "cluster"],
    )
    voted = clusters.vote(*(frame[c] for c in frame))
    assert list(voted[6:]) == ["CD4_T", "unassigned", "pDC", "unassigned", "B", "NK", "unassigned"]


def test_cluster_markers_find_the_planted_gene():
    rng = np.random.default_rng(0)
    counts = rng.poisson(1.0, (300, 50))
    codes = np.repeat([0, 1, 2], 100)
    for code in range(3):
        counts[codes == code, code] += 5
    expression = embedding.normalised_matrix(sparse.csr_matrix(counts.astype(np.int32)))
    found = clusters.cluster_markers(expression, codes, [f"g{i}" for i in range(50)])
    assert [names[0] for names in found] == ["g0", "g1", "g2"]
