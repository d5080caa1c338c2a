"""Which edges are tested, and why others are not."""

import numpy as np
import pytest
from scipy import sparse

from compartments.compare.edges import compare_edges
from compartments.core.left_out import LeftOut
from compartments.study.study import CHANGE, COMPARTMENTS, MIXED, TREND, WITHIN
from tests.support.signalling import DONORS, GENES, STEP, across_of, cohort_of, make_cohort, score, strength


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


LOST_IN = {WITHIN: "after", MIXED: "after", CHANGE: "drug", COMPARTMENTS: "CSF", TREND: "m6"}


@pytest.mark.parametrize("kind", DONORS)
def test_a_lineage_is_absent_in_the_samples_that_lack_it(kind):
    """Most donors lose it in CSF where the effect is; in blood it can be tested."""

    def lose(rate, row):
        if row["lineage"] == "C" and strength(row) == 1 and row["donor"] != "D00":
            row["n_cells"] = 4
        return rate

    study, pseudobulk = cohort_of(kind, lose)
    effects = compare_edges(study, score(study, pseudobulk), LeftOut(STEP)).effects
    lost = (effects["source"] == "C") | (effects["target"] == "C")
    there = effects["term"].isin(["within:CSF", across_of(kind)])
    assert set(effects.loc[lost & there, "status"]) == {f"absent_in_{LOST_IN[kind]}"}
    assert set(effects.loc[~(lost & there), "status"]) == {"tested"}


def test_a_lineage_that_too_few_have_before_and_after_is_not_testable():
    """Each condition has it in half of the donors or more, no donor in both."""

    def lose(rate, row):
        if row["lineage"] == "C" and (row["donor"] < "D02") == (row["condition"] == "after"):
            row["n_cells"] = 4
        return rate

    study, pseudobulk = cohort_of(WITHIN, lose, n=4)
    effects = compare_edges(study, score(study, pseudobulk), LeftOut(STEP)).effects
    lost = (effects["source"] == "C") | (effects["target"] == "C")
    assert set(effects.loc[lost, "status"]) == {"not_testable"} and set(effects.loc[~lost, "status"]) == {"tested"}
