"""One donor against the donors of the other arm."""

import pytest

from compartments.compare import composition, moderated
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
    t, df, p = moderated.single_case_t(values["D01"], values.drop("D01"))
    case = row_of(found.single_case, term="within:CSF", lineage="NK")
    assert (case["t"], case["df"], case["p_value"]) == pytest.approx((t, df, p))
    assert case["ci_low"] < case["log2fc"] < case["ci_high"]
    outside = not values.drop("D01").min() <= values["D01"] <= values.drop("D01").max()
    assert case["outside_reference_range"] == outside and case["k_outside"] == outside


def test_single_case_rows_stop_at_two_donors():
    for arms, expected in (((2, 4), True), ((3, 4), False)):
        study, counts, _ = cohort(arms=arms)
        assert bool(len(composition.compare(study, long_counts(counts)).single_case)) is expected
