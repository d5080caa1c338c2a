"""Which edges are tested, and why others are not."""

import numpy as np
from scipy import sparse

from compartments.compare.edges import compare_edges
from compartments.core.left_out import LeftOut
from tests.support.signalling import GENES, STEP, make_cohort, score


def test_a_lost_lineage_is_absent_not_zero():
    def lose(rate, row):
        if row["lineage"] == "C" and row["condition"] == "treated" and row["donor"] != "D0":
            row["n_cells"] = 4
        return rate

    study, pseudobulk = make_cohort(change=lose)
    left_out = LeftOut(STEP)
    effects = compare_edges(study, score(study, pseudobulk), left_out).effects
    lost = (effects["source"] == "C") | (effects["target"] == "C")
    assert set(effects.loc[lost, "status"]) == {"absent_in_treated"}
    assert effects.loc[lost, ["log2fc", "p_value"]].isna().all(axis=None)
    assert set(effects.loc[~lost, "status"]) == {"tested"}
    assert any("absent_in_treated" in row["reason"] for row in left_out.rows)


def test_ambient_edges_are_dropped_with_the_reason():
    study, pseudobulk = make_cohort()
    rows = (pseudobulk.obs["lineage"] == "A").to_numpy()
    ambient = np.zeros(pseudobulk.shape)
    ambient[rows, GENES.index("L1")] = 0.3 * pseudobulk.layers["counts"].toarray()[rows, GENES.index("L1")]
    pseudobulk.layers["ambient"] = sparse.csr_matrix(ambient, dtype=np.float32)
    effects = compare_edges(study, score(study, pseudobulk), LeftOut(STEP)).effects
    dropped = (effects["source"] == "A") & effects["ligand"].isin(["L1", "L1_L2"])
    assert set(effects.loc[dropped, "status"]) == {"ambient"}
    assert set(effects.loc[~dropped, "status"]) == {"tested"}
    kept = compare_edges(study, score(study, pseudobulk), LeftOut(STEP), ambient_share_max=0.4).effects
    assert set(kept["status"]) == {"tested"}


def test_unexpressed_partners_are_no_edges():
    def silence(rate, row):
        if row["lineage"] == "A":
            rate[GENES.index("L1")] = 0.01
        return rate

    study, pseudobulk = make_cohort(change=silence)
    effects = compare_edges(study, score(study, pseudobulk), LeftOut(STEP)).effects
    assert not ((effects["source"] == "A") & effects["ligand"].isin(["L1", "L1_L2"])).any()
    assert ((effects["source"] == "B") & (effects["ligand"] == "L1")).any()
