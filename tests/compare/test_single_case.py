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


@pytest.fixture(scope="module", params=[True, False], ids=["per_microlitre", "shares"])
def rare_in_controls(request):
    """Plasma cells of CSF: 20 of 1,187 in the one treated donor, 3 in all of 8 others, 2 of 609 at most."""
    study, counts, _ = cohort(arms=(1, 8), seed=3, absolute=request.param)
    counts = counts.assign(Plasma=5)
    counts.loc[counts.index.str.endswith("_CSF"), "Plasma"] = 0
    counts.loc[["D01_CSF", "D02_CSF", "D05_CSF"], "Plasma"] = [20, 1, 2]
    return study, counts, composition.compare(study, long_counts(counts))


def test_a_lineage_that_the_others_hardly_have_has_the_size_that_was_counted(rare_in_controls):
    """One step from an expectation of a third of a cell made it four times as large, and the donor not unusual."""
    study, counts, found = rare_in_controls
    csf = counts[counts.index.str.endswith("_CSF")]
    case = row_of(found.single_case, term="within:CSF", lineage="Plasma")
    share = csf["Plasma"] / csf.sum(axis=1)
    pooled = csf["Plasma"].iloc[1:].sum() / csf.iloc[1:].to_numpy().sum()
    counted = found.donors.query("term == 'within:CSF' and lineage == 'Plasma' and donor == 'D01'")["log2_seen"].iloc[0]
    if study.absolute:
        assert case["log2_value"] == pytest.approx(counted, abs=0.1)
    # on the relative scale what most lineages lost is added
    assert abs(case["log2fc"] - np.log2(share.iloc[0] / pooled)) < 2
    assert case["ci_low"] > 0 and case["p_value"] < 0.01
    assert case["outside_reference_range"]
    across = row_of(found.single_case, term="interaction", lineage="Plasma")
    assert across["outside_reference_range"] and across["log2fc"] < 8


def test_what_a_figure_shows_of_a_donor_is_what_was_counted(rare_in_controls):
    """Of shares the differences between lineages, since all of a donor are against the same of his lineages."""
    study, counts, found = rare_in_controls
    rows = found.donors.query("level == 'lineage'").set_index(["term", "donor", "lineage"])["log2_seen"]
    logs = np.log2(counts + 0.5).sub(np.log2(counts.sum(axis=1)), axis=0)
    if study.absolute:
        logs = logs.add(np.log2(study.samples.set_index("sample")["cells_per_ul"]), axis=0)
    for donor in ("D01", "D02", "D03", "D05"):
        csf, blood = logs.loc[f"{donor}_CSF"], logs.loc[f"{donor}_blood"]
        for term, wanted in (("within:CSF", csf), ("interaction", csf - blood)):
            off = 0 if study.absolute else wanted["CD4_T"] - rows[term, donor, "CD4_T"]
            assert rows[term, donor, "Plasma"] == pytest.approx(wanted["Plasma"] - off), term
    assert rows["within:CSF"].xs("Plasma", level="lineage").idxmax() == "D01"


@pytest.mark.parametrize("absolute", [True, False])
def test_of_lineages_with_many_cells_both_readings_agree(absolute):
    study, counts, _ = cohort(arms=(2, 4), seed=2, absolute=absolute)
    many = counts[["CD4_T", "CD8_T", "NK", "cMono"]] * 10_000
    donors = composition.compare(study, long_counts(many)).donors
    np.testing.assert_allclose(donors["log2_seen"], donors["log2_value"], atol=1e-3)


def test_half_a_cell_makes_no_donor_unusual():
    """No cell of a lineage among 40, where others have one in 200: the range is not left."""
    study, counts, _ = cohort(preset="null", arms=(1, 4))
    counts = counts.assign(Plasma=(counts.sum(axis=1) // 200).astype(int))
    for sample in ("D01_CSF", "D01_blood"):
        counts.loc[sample] = (counts.loc[sample] / counts.loc[sample].sum() * 40).astype(int)
    counts.loc[["D01_CSF", "D01_blood"], "Plasma"] = 0
    found = composition.compare(study, long_counts(counts)).single_case
    assert not found[found["lineage"] == "Plasma"]["outside_reference_range"].any()


def test_single_case_rows_stop_at_two_donors():
    for arms, expected in (((2, 4), True), ((3, 4), False)):
        study, counts, _ = cohort(arms=arms)
        assert bool(len(composition.compare(study, long_counts(counts)).single_case)) is expected


def test_copies_of_one_control_give_no_p():
    """Nothing varies that a donor could be compared with: no p = 0, and no warning of numpy's."""
    study, counts, _ = cohort(arms=(1, 4), absolute=False)
    for name in ("CSF", "blood"):
        counts.loc[[f"D0{n}_{name}" for n in (3, 4, 5)]] = counts.loc[f"D02_{name}"].to_numpy()
    with np.errstate(divide="raise", invalid="raise"):
        found = composition.compare(study, long_counts(counts)).single_case
    assert found["log2fc"].abs().max() > 1 and found["p_value"].isna().all()
