"""Groups of pairs compared between conditions."""

import numpy as np
import pandas as pd
import pytest

from compartments.compare import pathways
from compartments.core.contract import Contract
from compartments.core.left_out import LeftOut
from compartments.study.study import COMPARTMENTS
from tests.support.signalling import (
    DONORS,
    GENES,
    GROUPS,
    PAIRS,
    STEP,
    across_of,
    cohort_of,
    make_cohort,
    score,
    strength,
)


def test_groups_sum_over_sources_and_targets():
    def stronger(rate, row):
        if row["condition"] == "treated" and row["compartment"] == "CSF":
            rate[[GENES.index(g) for g in ("L1", "R1", "L2", "R2")]] *= 3
        return rate

    study, pseudobulk = make_cohort(change=stronger)
    table = pathways.compare_groups(study, score(study, pseudobulk), GROUPS, LeftOut(STEP)).effects
    rows = table[(table["term"] == "interaction") & (table["group"] == "near")]
    assert rows["level"].value_counts().to_dict() == {"all": 1, "source": 3, "target": 3, "pair": 9}
    total = rows[rows["level"] == "all"].iloc[0]
    assert (total["source"], total["target"], total["n_edges"]) == ("all", "all", 18)
    assert total["p_value"] < 0.01
    assert total["log2fc"] == pytest.approx(np.log2(3), abs=0.4)
    assert total["estimate"] > 1
    blood = table[(table["term"] == "within:blood") & (table["group"] == "near") & (table["level"] == "all")]
    assert blood["p_value"].iloc[0] > 0.05


def test_estimates_are_differences_of_the_donors_values():
    study, pseudobulk = make_cohort(2, 3)
    found = pathways.compare_groups(study, score(study, pseudobulk), GROUPS, LeftOut(STEP))
    keys = ["group", "source", "target", "level", "contrast", "term", "compartment"]
    means = found.donors().groupby([*keys, "condition"], observed=True)["value"].mean().unstack()
    effects = found.effects.astype({"level": str}).set_index(keys)
    np.testing.assert_allclose((means["treated"] - means["control"])[effects.index], effects["estimate"])


def test_no_testable_pair_gives_an_empty_table_with_its_columns():
    study, pseudobulk = make_cohort(2, 2)
    left_out = LeftOut(STEP)
    nothing = {"none": np.zeros(len(PAIRS), bool)}
    table = pathways.compare_groups(study, score(study, pseudobulk), nothing, left_out).effects
    assert table.empty and list(table) == Contract.of(STEP).names("interactions/groups.tsv")
    assert [row["reason"] for row in left_out.rows][0].startswith("group 'none', within:blood blood")


@pytest.mark.parametrize("kind", DONORS)
def test_a_group_is_raised_in_every_kind_of_contrast(kind):
    def stronger(rate, row):
        rate[[GENES.index(g) for g in ("L1", "R1", "L2", "R2")]] *= 3 ** strength(row)
        return rate

    study, pseudobulk = cohort_of(kind, stronger)
    table = pathways.compare_groups(study, score(study, pseudobulk), GROUPS, LeftOut(STEP)).effects
    rows = table[(table["group"] == "near") & (table["level"] == "all")].set_index("term")
    assert rows.loc[across_of(kind), "log2fc"] == pytest.approx(np.log2(3), abs=0.4)
    assert rows.loc[across_of(kind), "p_value"] < 0.001 and rows.loc[across_of(kind), "estimate"] > 1
    if kind != COMPARTMENTS:
        assert rows.loc["within:CSF", "p_value"] < 0.001 and rows.loc["within:blood", "p_value"] > 0.05


def test_a_sample_without_a_lineage_costs_no_row_over_all_lineages():
    """It has none in common with the others; without it they have."""
    study, pseudobulk = make_cohort()
    few, left_out = pseudobulk.copy(), LeftOut(STEP)
    few.obs.loc[few.obs["sample"] == "D5_CSF", "n_cells"] = 4
    found = pathways.compare_groups(study, score(study, few), GROUPS, left_out).effects
    rest = study.subset(set(study.samples["sample"]) - {"D5_CSF"})
    expected = pathways.compare_groups(rest, score(rest, few), GROUPS, LeftOut(STEP)).effects
    pd.testing.assert_frame_equal(found, expected)
    assert set(found.loc[found["level"] == "all", "term"]) == {"within:CSF", "within:blood", "interaction"}
    assert [row["reason"] for row in left_out.rows] == [
        f"groups of pairs, {term} CSF: 1 of 8 {units} have no lineage with enough cells, and do not count"
        for term, units in (("within:CSF", "samples"), ("interaction", "pairs"))
    ]


def test_samples_that_share_no_lineage_are_a_reason():
    """Each is compared where it has a lineage; there is no row of all."""
    study, pseudobulk = make_cohort()
    for sample, kept in (("D5_CSF", "A"), ("D6_CSF", "B")):
        lost = pseudobulk.obs["sample"].eq(sample) & pseudobulk.obs["lineage"].ne(kept)
        pseudobulk.obs.loc[lost, "n_cells"] = 4
    left_out = LeftOut(STEP)
    found = pathways.compare_groups(study, score(study, pseudobulk), GROUPS, left_out).effects
    assert set(found.loc[found["level"] == "all", "term"]) == {"within:blood"}
    assert {"within:CSF", "interaction"} <= set(found.loc[found["level"] == "source", "term"])
    assert [row["reason"] for row in left_out.rows] == [
        f"groups of pairs, {term} CSF: no lineage that all 8 {units} have, so none over all lineages"
        for term, units in (("within:CSF", "samples"), ("interaction", "pairs"))
    ]


def test_groups_say_no_more_on_how_arms_vary_than_their_senders_do():
    """Arms of 1 and 3 residual df for each of three senders and all: by Satterthwaite 4 to 12, if they vary alike 8."""
    study, pseudobulk = make_cohort(2, 4)
    many = GROUPS | {"again": GROUPS["near"], "once more": GROUPS["far"]}
    found = pathways.compare_groups(study, score(study, pseudobulk), many, LeftOut(STEP)).effects
    assert found["df"].between(4, 12).all()
