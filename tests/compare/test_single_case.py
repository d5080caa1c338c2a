"""One donor against the donors of the other arm."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from compartments.compare import composition
from tests.support.cohorts import cohort, long_counts, row_of


def test_one_donor_is_descriptive_with_a_single_case_test():
    study, counts, _ = cohort(arms=(1, 4))
    found = composition.compare(study, long_counts(counts))
    assert set(found.effects["tier"]) == {"descriptive"}
    assert found.effects[["p_value", "q_value", "p_plain", "p_permutation"]].isna().all().all()
    assert found.effects[["log2fc", "ci_low", "ci_high"]].notna().all().all()
    assert found.effects["call"].isna().all() and found.calls.empty
    own = found.donors[(found.donors["term"] == "within:CSF") & (found.donors["lineage"] == "NK")]
    values = own.set_index("donor")["log2_value"]
    case = row_of(found.single_case, term="within:CSF", lineage="NK")
    assert case["ci_low"] < case["log2fc"] < case["ci_high"] and case["df"] >= 3
    assert case["log2fc"] == pytest.approx(values["D01"] - values.drop("D01").mean(), abs=0.3)
    assert case["reference_mean"] == pytest.approx(values.drop("D01").mean(), abs=0.3)
    assert bool(case["outside_reference_range"]) == case["k_outside"]


def test_of_lineages_with_many_cells_it_is_the_test_of_crawford_and_howell():
    """Few donors, many cells: the two differ in the variance alone, which is moderated over lineages."""
    study, counts, _ = cohort(arms=(1, 6), seed=2)
    many = counts[["CD4_T", "CD8_T", "NK", "cMono"]] * 10_000
    found = composition.compare(study, long_counts(many), cv_total=0.0)
    cells, totals = (many.loc[many.index.str.endswith("_blood")], study.samples.set_index("sample")["cells_per_ul"])
    z = np.log(cells / cells.sum(axis=1).to_numpy()[:, None] * totals[cells.index].to_numpy()[:, None])
    own = found.single_case[found.single_case["term"] == "within:blood"].set_index("lineage")
    # one case in an arm: the two-sample t test is Crawford and Howell's
    plain = pd.Series({x: stats.ttest_ind(z[x].iloc[:1], z[x].iloc[1:]).statistic for x in own.index})
    difference = z.iloc[0] - z.iloc[1:].mean()
    np.testing.assert_allclose(own["log2fc"], difference[own.index] / np.log(2), atol=0.02)
    ratio = own["t"] / plain
    assert 0.5 < ratio.median() < 2 and (own["df"] > 5).all()


def test_a_shallow_sample_of_the_same_kind_is_not_unusual():
    """40 cells against thousands, nothing changed: the rare lineages that it lacks are not a finding."""
    hits = tested = 0
    for seed in range(12):
        study, counts, _ = cohort(preset="null", arms=(1, 5), seed=seed)
        shallow, rng = counts.copy(), np.random.default_rng(seed)
        for sample in ("D01_CSF", "D01_blood"):
            shallow.loc[sample] = rng.multinomial(40, counts.loc[sample] / counts.loc[sample].sum())
        found = composition.compare(study, long_counts(shallow)).single_case
        hits += (found["p_value"] < 0.05).sum()
        tested += len(found)
    assert hits / tested < 0.08


def test_single_case_rows_stop_at_two_donors():
    for arms, expected in (((2, 4), True), ((3, 4), False)):
        study, counts, _ = cohort(arms=arms)
        assert bool(len(composition.compare(study, long_counts(counts)).single_case)) is expected
