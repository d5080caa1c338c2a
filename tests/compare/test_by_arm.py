"""Arms whose donors differ in spread."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from compartments.compare.by_arm import ByArm
from compartments.compare.engine import Measured, compare, compare_every
from compartments.study.terms import terms_of
from tests.support.cohorts import study_of
from tests.support.signalling import make_cohort


def term_of(n_condition, n_reference, genes=1):
    study, _ = make_cohort(n_condition, n_reference, n_cells=1)
    return next(iter(terms_of(study)))


def values(rng, n, spread, features=400):
    return rng.normal(0, 1, (sum(n), features)) * np.repeat([spread, 1.0], n)[:, None]


@pytest.mark.parametrize("n", [(2, 4), (8, 8)])
def test_a_treated_arm_twice_as_variable_does_not_raise_the_error(n):
    """One variance for both arms takes up to three times .05 for significant."""
    term, names = term_of(*n), pd.RangeIndex(400)
    rates = {Measured: [], ByArm: []}
    for seed in range(12):
        z = values(np.random.default_rng(seed), n, 2.0)
        for kind, found in rates.items():
            found.append((compare(term, kind(names, z, np.full_like(z, 0.1))).effects["p_value"] < 0.05).mean())
    if n == (2, 4):
        assert np.mean(rates[Measured]) > 0.1
    assert 0.035 < np.mean(rates[ByArm]) < 0.065, rates


def test_where_the_arms_vary_alike_nothing_is_lost():
    term, names = term_of(2, 4), pd.RangeIndex(400)
    power = {Measured: [], ByArm: []}
    for seed in range(8):
        z = values(np.random.default_rng(seed), (2, 4), 1.0) + 3 * term.has("treated")[:, None]
        for kind, found in power.items():
            found.append((compare(term, kind(names, z, np.full_like(z, 0.1))).effects["p_value"] < 0.05).mean())
    assert np.mean(power[ByArm]) > np.mean(power[Measured]) - 0.03


def test_features_that_vary_together_say_less():
    """Forty copies of one feature know the variances of the arms no better than one: degrees of freedom as Welch's."""
    term = term_of(3, 4)
    one = values(np.random.default_rng(5), (3, 4), 2.0, 1)
    copies, names = np.repeat(one, 40, axis=1), pd.RangeIndex(40)
    apart = compare(term, ByArm(names, copies, own=True)).effects
    together = compare(term, ByArm(names, copies, together=np.full(40, "A"), own=True)).effects
    welch = stats.ttest_ind(one[term.has("treated"), 0], one[~term.has("treated"), 0], equal_var=False)
    assert apart["df"].max() == 5
    assert together["df"].to_numpy() == pytest.approx(np.full(40, welch.df), rel=0.25)
    assert (together["p_plain"] == apart["p_plain"]).all()


def test_own_variance_of_a_feature():
    term, names = term_of(4, 4), pd.RangeIndex(30)
    z = values(np.random.default_rng(2), (4, 4), 1.0, 30) * np.geomspace(0.3, 3, 30)
    own, shared = (compare(term, ByArm(names, z, own=alone)).effects for alone in (True, False))
    assert (own["df"] == 6).all() and (shared["df"] > 6).all()
    plain = compare(term, Measured(names, z, plain=True)).effects
    assert np.corrcoef(np.log(own["p_value"]), np.log(plain["p_value"]))[0, 1] > 0.95


def test_without_residual_degrees_of_freedom_only_the_difference():
    term = term_of(1, 1)
    found = compare(term, ByArm(pd.RangeIndex(2), np.array([[1.0, 2.0], [0.5, 1.0]]))).effects
    np.testing.assert_allclose(found["estimate"], [0.5, 1.0])
    assert found["p_value"].isna().all() and found["se"].isna().all()


def test_the_scale_of_the_values_does_not_matter():
    term, names = term_of(4, 4), pd.RangeIndex(50)
    z = values(np.random.default_rng(3), (4, 4), 3.0, 50)
    small, large = (compare(term, ByArm(names, z * unit)).effects for unit in (0.01, 1.0))
    np.testing.assert_allclose(small["p_value"], large["p_value"])
    np.testing.assert_allclose(small["estimate"] * 100, large["estimate"])


def of_design(kind, donors=12):
    """Terms of one kind, of donors of whom a third lack a sample of some term."""
    times = {"change": ("before", "after"), "trend": ("before", "m1", "m6"), "compartments": ("before",)}[kind]
    rows = [
        {"sample": f"d{d}_{c}_{t}", "donor": f"d{d}", "compartment": c, "condition": t}
        for d in range(donors) for c in ("blood", "CSF") for t in times
    ]  # fmt: skip
    sheet = pd.DataFrame(rows)
    sheet["group"] = np.where(pd.factorize(sheet["donor"])[0] % 2, "drug", "control")
    sheet = sheet[~sheet["sample"].isin([f"d{d}_{c}_{times[0]}" for d, c in enumerate(("blood", "CSF") * 2)])]
    given = {"change": {"reference_condition": "before"}, "trend": {"condition_order": ",".join(times), "trend": True}}
    study = study_of(sheet if kind == "change" else sheet.drop(columns="group"), **given.get(kind, {}))
    return sheet, [term for term in terms_of(study) if term.kind == kind]


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("kind", ["change", "trend", "compartments"])
def test_donors_that_lack_a_sample_count_and_raise_no_error(kind, own):
    sheet, terms = of_design(kind)
    donors, names = pd.factorize(sheet["donor"])[0], pd.RangeIndex(200)
    rates, widths = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        z = pd.DataFrame(rng.normal(0, 1, (len(sheet), 200)) + rng.normal(0, 1, (12, 200))[donors], sheet["sample"])
        for term in terms:
            assert term.whole is not None
            every = compare_every(term, lambda of, z=z: ByArm(names, of.values(z), own=own)).effects
            complete = compare(term, ByArm(names, term.values(z), own=own)).effects
            rates.append((every["p_value"] < 0.05).mean())
            widths.append(((every["ci_high"] - every["ci_low"]) / (complete["ci_high"] - complete["ci_low"])).median())
            same = ["n_condition", "n_reference", "tier", "p_plain", "df_residual"]
            pd.testing.assert_frame_equal(every[same], complete[same])
    assert 0.03 < np.mean(rates) < 0.065 and np.mean(widths) < 0.97, (np.mean(rates), np.mean(widths))
