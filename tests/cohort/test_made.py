"""How samples were made, by the sums of their lineages."""

import anndata
import numpy as np
import pandas as pd
import scipy.sparse as sp

from compartments.cohort.made import made_of

GENES = [f"RPL{k}" for k in range(3, 40)]


def test_lineages_are_the_classes_of_cells():
    counts = np.full((4, len(GENES) + 1), 600)
    counts[1], counts[3, :-1], counts[3, -1] = 1, 3, 30_000
    obs = {"sample": ["a", "a", "a", "b"], "lineage": ["B", "NK", "unassigned", "T"]}
    bulk = anndata.AnnData(obs=pd.DataFrame(obs, list("1234")), var=pd.DataFrame(index=[*GENES, "MALAT1"]))
    bulk.layers["counts"] = sp.csr_matrix(counts)
    made = made_of(bulk, {"b": "SC3Pv3", "a": ""})
    assert list(made) == ["b", "a"] and made["b"] == ("SC3Pv3", {}, True)
    assert made["a"].profiles == {"B": dict.fromkeys(sorted(GENES), 600)} and not made["a"].nuclei
