"""What the table of clusters says."""

import anndata
import numpy as np
import pandas as pd

from compartments.cohort import clusters


def test_clusters_are_described_and_conflicts_told():
    n = 30
    obs = pd.DataFrame(
        {
            "leiden": np.repeat(["0", "1"], n),
            "lineage": np.repeat(["CD4_T", "cMono"], n),
            "marker_lineage": ["CD4_T"] * n + ["Granulocyte"] * (n - 5) + ["cMono"] * 5,
            "marker_agrees": [True] * n + [False] * (n - 5) + [True] * 5,
            "donor": np.tile(["d0", "d1", "d2"], 2 * n // 3),
            "compartment": "blood",
            "sample": np.tile(["s0", "s1", "s2"], 2 * n // 3),
            "doublet_score": 0.01,
        },
        index=[f"c{i}" for i in range(2 * n)],
    )
    markers = pd.DataFrame({"name": ["0", "0", "1"], "rank": [1, 2, 1], "gene": ["CD3D", "CD3E", "FCGR3B"]})
    table = clusters.cluster_table(anndata.AnnData(obs=obs), markers).set_index("cluster")
    assert table.loc[0, "markers"] == "CD3D, CD3E" and table.loc[1, "markers"] == "FCGR3B"
    assert table.loc[0, "remark"] == "" and table.loc[0, "marker_agreement"] == 1
    assert list(table["n_contradicted"]) == [0, 25] and list(table["likely_lineage"]) == ["", "Granulocyte"]
    assert table.loc[1, "remark"] == "markers of 25 of 30 cells name another, mostly Granulocyte"
