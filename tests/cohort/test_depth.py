"""The depth that samples are thinned to: reads count, lineages that come and go do not."""

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from compartments.cohort.depth import MIN_UMIS, common_depth, depth_along

UMIS = {"B": 1500.0, "CD4_T": 2000.0, "Mono": 6000.0, "NK": 1800.0, "pDC": 5000.0}


def bulk(depth, without=(), n_cells=100, seed=0, **changed):
    """Sums of samples of the given depths; ``without`` pairs of sample and lineage, ``changed`` factors of lineages."""
    rng = np.random.default_rng(seed)
    rows = [
        (sample, lineage, n_cells, n_cells * umis * factor * changed.get(lineage, 1.0) * rng.lognormal(0, 0.03))
        for sample, factor in depth.items()
        for lineage, umis in UMIS.items()
        if (sample, lineage) not in without
    ]
    obs = pd.DataFrame(rows, columns=["sample", "lineage", "n_cells", "total"])
    obs.index = obs["sample"] + ":" + obs["lineage"]
    corrected = sparse.csr_matrix(np.rint(obs.pop("total").to_numpy())[:, None])
    return anndata.AnnData(obs=obs, layers={"corrected": corrected}, shape=corrected.shape)


def test_all_are_thinned_to_the_shallowest():
    found = common_depth(bulk({"s1": 1.0, "s2": 0.5, "s3": 1.3, "s4": 0.8, "s5": 1.0})).set_index("sample")
    np.testing.assert_allclose(found["umis_kept"], [0.5, 1.0, 0.5 / 1.3, 0.5 / 0.8, 0.5], rtol=0.06)
    assert found.loc["s2", "umis_kept"] == 1.0
    assert found["relative_depth"].median() == pytest.approx(1.0)
    assert found["umis_per_cell"].median() == pytest.approx(2000, rel=0.05)


def test_lost_lineages_do_not_make_a_sample_deep():
    """Without small cells the median cell of a sample has many more UMIs, and would be thinned for it."""
    lost = [(sample, lineage) for sample in ("s1", "s2") for lineage in ("B", "CD4_T", "NK")]
    found = common_depth(bulk(dict.fromkeys(["s1", "s2", "s3", "s4", "s5"], 1.0), without=lost))
    assert found["umis_kept"].min() > 0.9


def test_one_lineage_that_grows_does_not_either():
    plain, grown = bulk({"s1": 1.0, "s2": 1.0}), bulk({"s3": 1.0, "s4": 1.0}, Mono=3.0)
    found = common_depth(anndata.concat([plain, grown], merge="same"))
    assert found["umis_kept"].min() > 0.9


def test_a_sample_too_shallow_is_left_out_and_not_a_shallow_cohort():
    one = common_depth(bulk({"s1": 1.0, "s2": 0.9, "s3": 0.1, "s4": 1.0})).set_index("sample")
    assert one.loc["s3", "umis_per_cell"] < MIN_UMIS and one.loc["s3", "umis_kept"] == 0
    assert one["umis_kept"].drop("s3").min() > 0.8
    cohort = common_depth(bulk({"s1": 0.1, "s2": 0.09, "s3": 0.07}))
    assert cohort["umis_per_cell"].max() < MIN_UMIS and cohort["umis_kept"].min() > 0.5


def test_a_sample_more_leaves_the_others_as_they_were():
    """Shares go in steps, so that networks of other samples are seldom made anew."""
    depth = {f"s{i}": d for i, d in enumerate(np.random.default_rng(3).uniform(0.8, 1.5, 12))}
    before = common_depth(bulk(depth)).set_index("sample")["umis_kept"]
    after = common_depth(bulk(depth | {"more": 1.2})).set_index("sample")["umis_kept"]
    assert (after.drop("more") == before).mean() > 0.6


def test_few_and_unlabelled_cells_say_nothing():
    data = bulk({"s1": 1.0, "s2": 1.0})
    data.obs.loc[["s1:Mono", "s1:NK"], "n_cells"] = 4
    data.obs["lineage"] = data.obs["lineage"].astype(str).replace("pDC", "unassigned")
    assert common_depth(data)["umis_kept"].min() > 0.9
    data.obs["n_cells"] = 1
    assert common_depth(data)["umis_kept"].tolist() == [0.0, 0.0]


def test_depth_that_goes_with_an_arm_is_said_where_the_chemistry_is_not_known():
    """As of 3' v2 beside v3 in files that do not name it; arms that overlap, or one sample of an arm, say nothing."""
    names = [f"S{k}" for k in range(6)]
    samples = pd.DataFrame({"sample": names, "compartment": "blood", "condition": ["x"] * 3 + ["y"] * 3})
    unknown, known = pd.Series("", names), pd.Series("3' v3", names)

    def said(umis, chemistry=unknown, sheet=samples):
        return depth_along(pd.DataFrame({"sample": sheet["sample"], "umis_per_cell": umis}), sheet, chemistry)

    (line,) = said([2000, 2500, 3000, 4600, 5000, 6000])
    assert line.startswith("in blood every sample of y has more UMIs per cell (from 4,600) than any of x (up to 3,000)")
    assert said([2000, 2500, 3000, 4600, 5000, 6000], known) == []
    assert said([2000, 2500, 3200, 4600, 5000, 6000]) == []
    assert said([2000, 9000], sheet=samples.iloc[[0, 5]]) == []
