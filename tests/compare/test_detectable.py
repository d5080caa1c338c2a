"""Power of a design: closed forms, the published table of minimum detectable effects, and more donors."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.expression_designs import sheet_of, study_of_kind
from compartments.compare import detectable
from compartments.compare.moderated import minimum_detectable_effect
from compartments.core.errors import UserError
from compartments.study.study import CHANGE, COMPARTMENTS, MIXED, TREND, WITHIN
from compartments.study.terms import terms_of
from tests.support.signalling import across_of


def effects(n_condition=2, n_reference=4, se=0.6, prior=4.0, arms=8.0):
    residual = n_condition + n_reference - 2.0
    return pd.DataFrame(
        {
            "level": "lineage", "lineage": ["NK", "pDC"], "contrast": "t", "term": "interaction", "compartment": "CSF",
            "se": [se, np.nan], "df": min(residual + prior, arms), "df_residual": residual,
            "df_prior": prior, "df_arms": arms,
            "n_condition": n_condition,
            "n_reference": n_reference,
        }
    )  # fmt: skip


def test_this_cohort_and_more_donors():
    table = detectable.with_more_donors(effects()).set_index("more_donors")
    assert set(table["lineage"]) == {"NK"} and table.index.tolist() == [0, 1, 2, 3, 4]
    assert table.loc[0, "mde80"] == pytest.approx(minimum_detectable_effect(0.6, 8.0))
    assert table.loc[0, "fold_mde80"] == pytest.approx(2 ** table.loc[0, "mde80"])
    assert table.loc[2, "se"] == pytest.approx(0.6 * np.sqrt((1 / 4 + 1 / 6) / (1 / 2 + 1 / 4)))
    # what the other lineages add stays, the residual df and those of the arms grow
    assert table["df"].tolist() == [8, 10, 12, 14, 16]
    assert (table["mde80"].diff().dropna() < 0).all()
    assert table["tier"].tolist() == ["exploratory"] + ["inferential"] * 4
    assert table.loc[0, "permutation_floor"] == pytest.approx(1 / 15)


def test_the_arms_own_variances_limit_the_degrees_of_freedom():
    table = detectable.with_more_donors(effects(prior=30.0, arms=6.0), [0, 2])
    assert table["df"].tolist() == [6, 12]


@pytest.mark.parametrize("kind", [WITHIN, COMPARTMENTS, TREND])
def test_a_donor_added_where_each_is_its_own_control_is_one_more(kind):
    study = study_of_kind(sheet_of(kind, 4))
    keys = {"contrast": study.contrasts["contrast"].iloc[0], "term": across_of(kind)}
    rows = effects(4, 4, prior=4.0).assign(df_residual=3.0, df_arms=6.0, df=6.0, **keys)
    table = detectable.with_more_donors(rows, terms=terms_of(study)).set_index("more_donors")
    assert table.loc[4, "se"] == pytest.approx(0.6 / np.sqrt(2)) and table.loc[4, "n_reference"] == 8
    assert table["df"].tolist() == pytest.approx([6, 8, 9, 10, 11])
    assert table["permutation_floor"].tolist() == [2 / 2**n for n in range(4, 9)]
    assert table["tier"].tolist() == ["exploratory"] + ["inferential"] * 4


def test_groups_of_changes_are_arms_and_donors_with_two_units_are_one():
    study = study_of_kind(sheet_of(CHANGE, 3))
    rows = effects(3, 3).assign(contrast=study.contrasts["contrast"].iloc[0])
    table = detectable.with_more_donors(rows, [0, 1], terms_of(study))
    pd.testing.assert_frame_equal(table, detectable.with_more_donors(rows, [0, 1]))
    # one donor with both conditions, one with each alone: units leave 2 df, donors 2, and no exchange is exact
    study = study_of_kind(sheet_of(MIXED, 1))
    rows = effects(2, 2).assign(contrast=study.contrasts["contrast"].iloc[0])
    table = detectable.with_more_donors(rows, [0, 1], terms_of(study))
    assert table["permutation_floor"].isna().all() and table["tier"].tolist() == ["exploratory", "inferential"]
    study = study_of_kind(sheet_of(MIXED, 2))
    rows = effects(4, 4).assign(contrast=study.contrasts["contrast"].iloc[0], df_residual=5.0)  # one covariate
    table = detectable.with_more_donors(rows, [0], terms_of(study))
    assert table["tier"].tolist() == ["inferential"]
    table = detectable.with_more_donors(rows.assign(df_residual=4.0), [0], terms_of(study))
    assert table["tier"].tolist() == ["exploratory"]


def test_mde_has_its_power_in_simulated_t_tests():
    rng = np.random.default_rng(0)
    mde = minimum_detectable_effect(np.sqrt(1 / 4 + 1 / 6), 8.0)
    z = rng.normal(size=(10, 20_000))
    z[:4] += mde
    assert (stats.ttest_ind(z[:4], z[4:]).pvalue < 0.05).mean() == pytest.approx(0.8, abs=0.015)


@pytest.mark.parametrize(
    ("arms", "cells", "expected"),
    [
        ((2, 4), 1000, 1.70),
        ((4, 4), 1000, 1.37),
        ((6, 6), 1000, 1.11),
        ((2, 4), 5, 2.87),
        ((4, 4), 5, 2.32),
        ((6, 6), 5, 1.87),
    ],
)
def test_before_a_study_is_near_the_figures_of_the_methods(arms, cells, expected):
    """Those were computed with more prior df, so ours are larger, the more so the fewer the donors."""
    table = detectable.before_a_study(*arms, cells=[cells], more=[0]).set_index("term")
    assert expected * 0.97 <= table.loc["interaction", "mde80"] <= expected * 1.15


def test_before_a_study_falls_with_cells_and_donors():
    table = detectable.before_a_study(2, 4)
    for _, rows in table.groupby(["term", "more_donors"]):
        assert rows["mde80"].is_monotonic_decreasing
    assert len(table) == 5 * 4 * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 4), "--condition 0"), ((2, -1), "--reference -1"), ((2, 4, [0.0]), "--cells 0"),
        ((2, 4, [5], [0], -0.1), "--sd_donor -0.1"),
    ],
)  # fmt: skip
def test_impossible_designs_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        detectable.before_a_study(*arguments)


def test_one_against_one_has_no_mde():
    table = detectable.before_a_study(1, 1, [100], [0, 1])
    assert table.loc[table["more_donors"] == 0, "mde80"].isna().all()
    assert table.loc[table["more_donors"] == 1, "mde80"].notna().all()


def test_before_a_study_of_the_same_donors_what_they_share_cancels():
    """The change within donors has no variance between them; the difference of two changes twice that of one."""
    table = detectable.before_a_study(5, 5, [100], [0, 3], sd_donor=9.0, design=WITHIN).set_index(
        ["term", "more_donors"]
    )
    variance = 0.3**2 + 1 / 100 + detectable.CV_TOTAL**2
    for n, more in ((5, 0), (8, 3)):
        assert table.loc[("within", more), "se"] == pytest.approx(np.sqrt(2 * variance / n) / np.log(2))
        assert table.loc[("interaction", more), "se"] == pytest.approx(np.sqrt(4 * variance / n) / np.log(2))
        assert (table.xs(more, level=1)["df"] == 2 * (n - 1)).all()
    assert table.loc[("within", 0), ["permutation_floor", "tier"]].tolist() == [1 / 16, "inferential"]
    between = detectable.before_a_study(5, 5, [100], [0], sd_donor=0.0).set_index("term")
    assert table.loc[("within", 0), "se"] == pytest.approx(between.loc["within", "se"])
    with pytest.raises(UserError, match="--design within is of the same donors"):
        detectable.before_a_study(3, 4, design=WITHIN)


def test_over_designs_is_the_same_engine_with_power():
    found = detectable.over_designs([4], [2000.0, 20.0], 0.01, fold=3.0)
    planned = detectable.before_a_study(4, 4, [20.0], [0]).set_index("term")
    own = detectable.before_a_study(4, 4, [20.0], [0], design="within").set_index("term")
    rows = found[found["lineage_cells"] == 20].set_index(["design", "term"])
    for design, one in (("between", planned), ("within", own)):
        for term in ("within", "interaction"):
            assert rows.loc[(design, term), "mde80"] == pytest.approx(one.loc[term, "mde80"])
    few = found[found["lineage_cells"] == 0.2]
    assert few["tier"].eq("not_testable").all() and few["power"].isna().all()


def test_power_at_the_detectable_effect_is_as_promised():
    found = detectable.over_designs([2, 5, 12], [3000.0], 0.02)
    for row in found.itertuples():
        again = detectable.over_designs([row.donors], [3000.0], 0.02, fold=row.fold_mde80)
        same = again[(again["design"] == row.design) & (again["term"] == row.term)]
        assert same["power"].iloc[0] == pytest.approx(0.8, abs=1e-6)


def test_power_against_simulated_t_tests():
    row = detectable.over_designs([5], [2000.0], 0.05, fold=2.0).iloc[0]
    rng = np.random.default_rng(7)
    error = row["se"] * np.sqrt(rng.chisquare(row["df"], 40_000) / row["df"])
    t = rng.normal(1.0, row["se"], 40_000) / error
    found = (t > stats.t.ppf(0.975, row["df"])).mean()
    assert row["power"] == pytest.approx(found, abs=0.01)
