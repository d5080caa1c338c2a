"""The one comparison of two arms: against closed forms, and what it does with few or missing donors."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from compartments.compare import moderated
from compartments.compare.engine import Comparison, Measured, compare
from compartments.study.terms import terms_of
from tests.support.cohorts import cohort

LINEAGES = pd.Index(list("abcd"), name="lineage")


def paired(arms=(3, 4)):
    """The term of differences between compartments, and made-up values of its donors."""
    study, _, _ = cohort(arms=arms)
    term = list(terms_of(study))[-1]
    return term, np.random.default_rng(1).normal(size=(len(term.units), len(LINEAGES)))


def test_estimates_are_those_of_the_moderated_fit_in_their_unit():
    term, values = paired()
    variances = np.random.default_rng(2).uniform(0.1, 0.4, values.shape)
    found = compare(term, Measured(LINEAGES, values, variances, unit=2.0)).effects
    treated = term.has("treated")
    fit = moderated.fit_moderated(values, np.column_stack([treated, ~treated]), variances, [1, -1])
    np.testing.assert_allclose(found["estimate"], fit["estimate"] / 2)
    np.testing.assert_allclose(found["p_value"], fit["p_value"])
    np.testing.assert_allclose(found["ci_high"] - found["estimate"], stats.t.ppf(0.975, fit["df"]) * fit["se"] / 2)
    expected = [moderated.minimum_detectable_effect(se, df) for se, df in zip(found["se"], found["df"], strict=True)]
    np.testing.assert_allclose(found["mde80"], expected)
    assert set(found["tier"]) == {"inferential"} and (found["df_residual"] == 5).all()
    assert found["tau2"].nunique() == 1 and found.index.equals(LINEAGES)


def test_the_plain_test_has_the_moderated_one_beside_it():
    term, values = paired()
    plain = compare(term, Measured(LINEAGES, values, plain=True)).effects
    shared = compare(term, Measured(LINEAGES, values)).effects
    treated = term.has("treated")
    np.testing.assert_allclose(plain["p_value"], stats.ttest_ind(values[treated], values[~treated]).pvalue)
    np.testing.assert_array_equal(plain["p_value"], plain["p_plain"])
    for column, name in (("se_moderated", "se"), ("df_moderated", "df"), ("p_moderated", "p_value")):
        np.testing.assert_array_equal(plain[column], shared[name])


def test_features_with_the_same_donors_share_a_fit_and_keep_their_order():
    term, values = paired()
    values[0, [0, 2]] = np.nan
    found = compare(term, Measured(LINEAGES, values))
    assert [list(group.features) for group in found.groups] == [["a", "c"], ["b", "d"]]
    assert list(found.effects.index) == list("abcd")
    assert found.effects["n_condition"].tolist() == [2, 3, 2, 3]
    rest = np.arange(len(values)) != 0
    alone = compare(term.of(rest), Measured(LINEAGES[[0, 2]], values[rest][:, [0, 2]])).effects
    pd.testing.assert_frame_equal(found.effects.loc[["a", "c"]], alone)


@pytest.mark.parametrize(("arms", "tier"), [((1, 1), "descriptive"), ((1, 3), "descriptive"), ((2, 2), "exploratory")])
def test_p_values_only_where_donors_replicate(arms, tier):
    term, values = paired(arms)
    found = compare(term, Measured(LINEAGES, values)).effects
    treated = term.has("treated")
    np.testing.assert_allclose(found["estimate"], values[treated].mean(0) - values[~treated].mean(0))
    assert set(found["tier"]) == {tier}
    assert found[["p_value", "p_plain", "p_moderated"]].isna().all(axis=None) == (tier == "descriptive")
    assert found[["se", "df", "ci_low", "mde80"]].isna().all(axis=None) == (arms == (1, 1))


def test_an_empty_arm_is_named_and_nothing_is_compared():
    term, values = paired()
    values[term.has("treated"), 1] = np.nan
    found = compare(term, Measured(LINEAGES, values))
    assert list(found.effects.index) == ["a", "c", "d"]
    assert [(list(group.features), group.absent) for group in found.groups if group.absent] == [(["b"], "treated")]
    nobody = compare(term, Measured(LINEAGES, np.full_like(values, np.nan)))
    assert nobody.effects.empty and nobody.effects["estimate"].dtype == float and nobody.donors().empty
    nothing = compare(term, Measured(LINEAGES[:0], values[:, :0]))
    assert nothing.effects.empty and nothing.groups == []


def test_donors_are_the_values_that_estimates_rest_on():
    term, values = paired()
    values[0, 0] = np.nan
    found = compare(term, Measured(LINEAGES, values, np.full_like(values, 0.2), unit=2.0))
    donors = Comparison(found.effects, [found]).donors()
    assert len(donors) == values.size - 1 and set(donors["lineage"]) == set("abcd")
    assert (donors["variance"] == 0.2 / 4).all() and set(donors["term"]) == {"interaction"}
    wide = donors.pivot(index="donor", columns="lineage", values="value")
    np.testing.assert_allclose(wide.loc[term.units["donor"]], values / 2)
    condition = donors.drop_duplicates("donor").set_index("donor")["condition"]
    treated = condition[wide.index] == "treated"
    unweighted = compare(term, Measured(LINEAGES, values, unit=2.0)).effects["estimate"]
    np.testing.assert_allclose(wide[treated].mean() - wide[~treated].mean(), unweighted)


def test_covariates_adjust_samples_and_differences_within_donors():
    study, _, _ = cohort(arms=(4, 4))
    study.samples["age"] = np.arange(16.0)
    study = replace(study, covariates=["age"])
    for term in terms_of(study):
        values = np.random.default_rng(3).normal(size=(len(term.units), 4))
        with_age = compare(term, Measured(LINEAGES, values), ["age"]).effects
        assert (with_age["df_residual"] == 5).all()
    few = list(terms_of(cohort(arms=(2, 2))[0]))[0]
    few.units["age"] = np.arange(4.0)
    found = compare(few, Measured(LINEAGES, np.ones((4, 4)) * np.arange(4)[:, None]), ["age"])
    assert len(found.groups[0].dropped) == 1 and "age" in found.groups[0].dropped[0]
