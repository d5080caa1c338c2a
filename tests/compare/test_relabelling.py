"""Relabelled donors: which relabellings there are, that a true effect is not in them, what is counted."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from compartments.compare import relabelling
from compartments.compare.relabelling import Level, Scheme, claims_of, new_size, relabelled, scheme_of
from compartments.core.left_out import LeftOut
from compartments.core.vocabulary import ALPHA
from compartments.study.arms import arm_design
from compartments.study.study import Contrast
from tests.support.sheets import sheet, study_of

CONTRAST = Contrast("treated_vs_control", "treated", "control")


def arms(n_condition, n_reference, others=0, **columns):
    """A study of so many donors of each arm, and of donors with a third condition; columns by the donor's number."""
    conditions = ["treated"] * n_condition + ["control"] * n_reference + ["other"] * others
    rows = [
        (f"P{i}", c, condition, *(values(i) for values in columns.values()))
        for i, condition in enumerate(conditions)
        for c in ("CSF", "blood")
    ]
    return study_of(sheet(rows, list(columns)), covariates=list(columns))


@pytest.mark.parametrize(
    ("true", "new", "kept", "possible"),
    [
        ((3, 3), (2, 4), 1, 9),
        ((4, 4), (4, 4), 2, 36),
        ((2, 4), (3, 3), 1, 12),
        ((3, 6), (3, 6), 1, 45),
        ((4, 6), (5, 5), 2, 120),
        ((8, 8), (8, 8), 4, 4900),
    ],
)
def test_both_new_arms_hold_the_same_share_of_each_true_arm(true, new, kept, possible):
    scheme = scheme_of(arms(*true), CONTRAST)
    assert scheme.arms == new and scheme.kept == kept and scheme.effect_left == 0 and scheme.possible() == possible


def test_arms_without_a_common_divisor_keep_their_sizes_and_say_what_is_left():
    scheme = scheme_of(arms(3, 5), CONTRAST)
    assert scheme.arms == (3, 5) and scheme.kept == 1
    assert scheme.effect_left == pytest.approx(2 / 5 - 1 / 3)
    assert new_size(5, 7) == 5


def test_every_relabelling_is_listed_once():
    scheme = scheme_of(arms(4, 4), CONTRAST)
    treated = {f"P{i}" for i in range(4)}
    expected = {frozenset(x) for x in combinations([f"P{i}" for i in range(8)], 4) if len(treated & set(x)) == 2}
    found = scheme.relabellings(36, 0)
    assert len(found) == 36 and set(found) == expected


def test_too_many_relabellings_are_drawn_by_seed():
    scheme = scheme_of(arms(8, 8), CONTRAST)
    drawn = scheme.relabellings(50, 3)
    assert len(set(drawn)) == 50 and drawn == scheme.relabellings(50, 3) != scheme.relabellings(50, 4)
    assert {len(donors & {f"P{i}" for i in range(8)}) for donors in drawn} == {4}


@pytest.mark.parametrize("most", [10, 10_000])
def test_levels_of_a_covariate_keep_their_numbers_of_donors(most):
    study = arms(4, 4, batch=lambda i: f"b{i % 2}", age=lambda i: 30 + i)
    scheme = scheme_of(study, CONTRAST)
    assert len(scheme.levels) == 2 and scheme.effect_left == 0
    found = scheme.relabellings(most, 1)
    even = {f"P{i}" for i in range(0, 8, 2)}
    assert {len(donors & even) for donors in found} == {2}
    assert len(found) == (10 if most == 10 else scheme.possible())


def test_number_of_relabellings_over_levels_agrees_with_the_list():
    scheme = Scheme((Level(("a", "b"), ("c",), 2), Level(("d",), ("e", "f", "g"), 1)), 1)
    listed = scheme.relabellings(1000, 0)
    assert len(listed) == scheme.possible() == len(set(listed)) == 6


def test_donors_alone_in_their_level_cannot_be_relabelled():
    left_out = LeftOut("calibrate")
    study = arms(3, 3, batch=lambda i: f"b{i}")
    table = relabelling.calibrate(study, 5, lambda relabelled: pytest.fail("nothing to ask"), False, left_out, 0)
    assert table.empty
    assert left_out.rows[0]["reason"] == "not calibrated: no donor can be relabelled within the levels of batch"


def test_relabelled_donors_keep_their_samples_together_and_other_conditions_stay():
    study = arms(3, 3, others=2)
    new = relabelled(study, CONTRAST, frozenset(["P0", "P4"]))
    assert (new.samples.groupby("donor")["condition"].nunique() == 1).all()
    by_donor = new.samples.drop_duplicates("donor").set_index("donor")["condition"]
    assert set(by_donor.index[by_donor == "treated"]) == {"P0", "P4"}
    assert by_donor[["P6", "P7"]].tolist() == ["other", "other"]
    assert list(new.contrasts["contrast"]) == [CONTRAST.contrast] and len(study.contrasts) == 2


@pytest.mark.parametrize("true", [(4, 4), (3, 5)])
def test_a_true_effect_is_in_no_relabelling(true):
    """Neither in the difference of the new arms nor in their spread, whether or not these are balanced."""
    study = arms(*true)
    noise = pd.Series(np.random.default_rng(0).normal(size=sum(true)), [f"P{i}" for i in range(sum(true))])
    scheme = scheme_of(study, CONTRAST)
    for donors in scheme.relabellings(10, 0):
        new = relabelled(study, CONTRAST, donors)
        units = new.units("within:blood", "blood")
        design, vector, dropped = arm_design(units, CONTRAST, new.covariates)
        assert not dropped
        fits = []
        for effect in (0, 5):
            y = noise[units["donor"]].to_numpy() + effect * (units[relabelling.TRUE] == "treated").to_numpy()
            b, residual, *_ = np.linalg.lstsq(design.to_numpy(), y, rcond=None)
            fits.append([vector @ b, residual[0]])
        np.testing.assert_allclose(fits[1], fits[0], atol=1e-9)


def effects_of(**columns):
    rows = {"level": "lineage", "contrast": CONTRAST.contrast, "q_value": 1.0, "call": np.nan}
    return pd.DataFrame(rows | columns)


def test_what_is_claimed_of_a_study_is_counted_by_kind():
    within = effects_of(term="within:CSF", compartment="CSF", p_value=[0.01, 0.04, 0.5, np.nan])
    calls = ["relatively_discordant_CSF_retained", "maintained_CSF", "depleted_both", "concordant", "inconclusive"]
    between = effects_of(term="interaction", compartment="CSF", p_value=0.2, q_value=0.04, call=calls)
    coupled = pd.DataFrame({"compartment": ["CSF", "node"], "tier": ["exploratory", "descriptive"]})
    table = claims_of(pd.concat([within, between]), coupled.assign(verdict="partly_uncoupled"))
    found = table.set_index(["term", "claim"])[["tests", "claimed"]].apply(tuple, axis=1).to_dict()
    assert found == {
        ("within:CSF", "p_below_05"): (3, 2),
        ("within:CSF", "q_below_05"): (3, 0),
        ("interaction", "p_below_05"): (5, 0),
        ("interaction", "q_below_05"): (5, 5),
        ("interaction", "depleted_or_increased_both"): (5, 1),
        ("interaction", "discordant_or_maintained"): (5, 2),
        ("interaction", "uncoupled"): (1, 1),
    }


def test_claims_are_averaged_over_relabellings_beside_what_is_expected():
    asked = {"term": "interaction", "compartment": "CSF", "claim": ["p_below_05", "uncoupled"], "tests": [20, 1]}
    numbers = iter([0, 3] + [0] * 34)

    def claims(study):
        return pd.DataFrame(asked | {"claimed": [next(numbers), 0]})

    left_out = LeftOut("calibrate")
    table = relabelling.calibrate(arms(4, 4), 20, claims, False, left_out, 0).set_index("claim")
    first, second = table.loc["p_below_05"], table.loc["uncoupled"]
    assert first["n_expected"] == pytest.approx(1) and first["n_claimed"] == pytest.approx(3 / 36)
    assert first["share_any"] == pytest.approx(1 / 36) and np.isnan(first["share_at_most"])
    assert np.isnan(second["n_expected"]) and second["share_at_most"] == ALPHA and not left_out.rows
    assert (table["n_relabellings"] == 36).all() and table["exact"].all() and (table["effect_left"] == 0).all()


def test_two_donors_are_relabelled_only_if_asked():
    left_out = LeftOut("calibrate")
    nothing = pd.DataFrame(columns=["term", "compartment", "claim", "tests", "claimed"])
    assert relabelling.calibrate(arms(2, 4), 5, lambda study: nothing, False, left_out, 0).empty
    assert left_out.rows[0]["reason"].startswith("not calibrated: 2 treated and 4 control donors; relabelled from 3 of")
    asked = []
    relabelling.calibrate(arms(2, 4), 5, lambda study: asked.append(study) or nothing, True, left_out, 0)
    assert len(asked) == 12 and len(left_out.rows) == 1
    relabelling.calibrate(arms(1, 4), 5, lambda study: nothing, True, left_out, 0)
    assert left_out.rows[1]["reason"] == "not calibrated: 1 treated and 4 control donors; relabelled from 2 of each"


def test_the_number_of_relabellings_follows_donors_and_lineages():
    assert (
        relabelling.how_many(8, 13) == 60 and relabelling.how_many(40, 13) == 23 and relabelling.how_many(100, 30) == 20
    )
