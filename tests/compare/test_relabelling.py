"""Relabelled donors: which relabellings there are, that a true effect is not in them, what is counted."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from benchmarks.designs import Setting
from benchmarks.designs import study as draw
from benchmarks.expression_designs import sheet_of, study_of_kind
from compartments.compare import composition, relabelling
from compartments.compare.relabelling import Level, Scheme, claims_of, new_size, relabelled, scheme_of
from compartments.core.left_out import LeftOut
from compartments.core.vocabulary import ALPHA
from compartments.study.arms import arm_design
from compartments.study.study import CHANGE, COMPARTMENTS, MIXED, TREND, WITHIN, Contrast
from compartments.study.terms import terms_of
from tests.support.cohorts import long_counts
from tests.support.cohorts import study_of as of_samples
from tests.support.sheets import sheet, study_of

KINDS = [WITHIN, MIXED, CHANGE, COMPARTMENTS, TREND]
CONTRAST = Contrast("treated_vs_control", "treated", "control")


def new(turned, n_condition):
    """Donors with the new condition, of those of :func:`arms` that are turned."""
    return turned ^ {f"P{i}" for i in range(n_condition)}


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
    ("true", "size", "kept", "possible"),
    [
        ((3, 3), (2, 4), 1, 9),
        ((4, 4), (4, 4), 2, 36),
        ((2, 4), (3, 3), 1, 12),
        ((3, 6), (3, 6), 1, 45),
        ((4, 6), (5, 5), 2, 120),
        ((8, 8), (8, 8), 4, 4900),
    ],
)
def test_both_new_arms_hold_the_same_share_of_each_true_arm(true, size, kept, possible):
    scheme = scheme_of(arms(*true), CONTRAST)
    assert scheme.arms == size and scheme.kept == kept and scheme.effect_left == 0 and scheme.possible() == possible


def test_arms_without_a_common_divisor_keep_their_sizes_and_say_what_is_left():
    scheme = scheme_of(arms(3, 5), CONTRAST)
    assert scheme.arms == (3, 5) and scheme.kept == 1
    assert scheme.effect_left == pytest.approx(2 / 5 - 1 / 3)
    assert new_size(5, 7) == 5


def test_every_relabelling_is_listed_once():
    scheme = scheme_of(arms(4, 4), CONTRAST)
    treated = {f"P{i}" for i in range(4)}
    expected = {frozenset(x) for x in combinations([f"P{i}" for i in range(8)], 4) if len(treated & set(x)) == 2}
    found = [new(turned, 4) for turned in scheme.relabellings(36, 0)]
    assert len(found) == 36 and set(found) == expected


def test_too_many_relabellings_are_drawn_by_seed():
    scheme = scheme_of(arms(8, 8), CONTRAST)
    drawn = scheme.relabellings(50, 3)
    assert len(set(drawn)) == 50 and drawn == scheme.relabellings(50, 3) != scheme.relabellings(50, 4)
    assert {len(new(turned, 8) & {f"P{i}" for i in range(8)}) for turned in drawn} == {4}


@pytest.mark.parametrize("most", [10, 10_000])
def test_levels_of_a_covariate_keep_their_numbers_of_donors(most):
    study = arms(4, 4, batch=lambda i: f"b{i % 2}", age=lambda i: 30 + i)
    scheme = scheme_of(study, CONTRAST)
    assert len(scheme.levels) == 2 and scheme.effect_left == 0
    found = scheme.relabellings(most, 1)
    even = {f"P{i}" for i in range(0, 8, 2)}
    assert {len(new(turned, 4) & even) for turned in found} == {2}
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
    other = relabelled(study, CONTRAST, frozenset(["P1", "P2", "P4"]))
    assert (other.samples.groupby("donor")["condition"].nunique() == 1).all()
    by_donor = other.samples.drop_duplicates("donor").set_index("donor")["condition"]
    assert set(by_donor.index[by_donor == "treated"]) == {"P0", "P4"}
    assert by_donor[["P6", "P7"]].tolist() == ["other", "other"]
    assert list(other.contrasts["contrast"]) == [CONTRAST.contrast] and len(study.contrasts) == 2


def estimate_of(term, covariates, values):
    """Contrast of a term and the squares that its fit leaves, by least squares on the units' values."""
    design, vector, dropped = arm_design(term, covariates)
    assert not dropped
    b, residual, *_ = np.linalg.lstsq(design.to_numpy(), term.values(values)[:, 0], rcond=None)
    return [vector @ b, residual[0]]


def with_effect(study, contrast, effect, rng):
    """A value of each sample, with the effect that the contrast asks for in all of them."""
    samples = study.samples
    value = rng.normal(size=samples["donor"].nunique())[pd.factorize(samples["donor"])[0]]
    true = samples["condition"] == contrast.condition
    if contrast.kind == TREND:
        true = samples["condition"].map(study.order)
    elif contrast.kind == CHANGE:
        true &= samples["group"] == contrast.group
    elif contrast.kind == COMPARTMENTS:
        true = samples["compartment"] == contrast.condition
    # as large in CSF as in blood, and half as large again
    share = 1 + 0.5 * (samples["compartment"] == "CSF") if contrast.kind != COMPARTMENTS else 1
    value = value + rng.normal(size=len(samples)) + effect * true * share
    return pd.DataFrame({"value": value.to_numpy()}, index=samples["sample"])


@pytest.mark.parametrize(("kind", "n"), [("4, 4", 0), ("3, 5", 0), *((k, n) for k in KINDS for n in (5, 6))])
def test_a_true_effect_is_in_no_relabelling(kind, n):
    """Neither in the difference of the new arms nor in their spread, whether or not these are balanced."""
    study = study_of_kind(sheet_of(kind, n)) if n else arms(*map(int, kind.split(",")))
    contrast = next(study.asked())
    scheme = scheme_of(study, contrast)
    for turned in scheme.relabellings(8, 0):
        changed = relabelled(study, contrast, turned)
        for term in terms_of(changed):
            fits = [
                estimate_of(term, changed.covariates, with_effect(study, contrast, effect, np.random.default_rng(1)))
                for effect in (0, 5)
            ]
            np.testing.assert_allclose(fits[1], fits[0], atol=1e-9)


@pytest.mark.parametrize(
    ("kind", "n", "size", "possible", "left"),
    [
        (WITHIN, 6, (6, 6), 20, 0),
        (WITHIN, 5, (5, 5), 10, 1 / 5),
        (COMPARTMENTS, 6, (6, 6), 20, 0),
        (TREND, 6, (6, 6), 20, 0),
        (CHANGE, 4, (4, 4), 36, 0),
        # six donors with both, three and three with one, of whom new arms are of two and four
        (MIXED, 6, (12, 12), 20 * 400, 0),
    ],
)
def test_half_of_the_donors_that_are_their_own_controls_are_turned(kind, n, size, possible, left):
    study = study_of_kind(sheet_of(kind, n))
    contrast = next(study.asked())
    scheme = scheme_of(study, contrast)
    assert scheme.arms == size and scheme.possible() == possible and scheme.effect_left == pytest.approx(left)
    found = scheme.relabellings(40, 0)
    assert len(found) == len(set(found)) == min(possible, 40)
    if kind not in (CHANGE, MIXED):
        assert {len(turned) for turned in found} == {n // 2}
    if kind == MIXED:
        own = {f"D{i:02d}" for i in range(n)}
        assert {len(turned & own) for turned in found} == {n // 2}


def test_exchanged_labels_of_each_kind():
    """Conditions of a donor, its compartments, its group, or its times in reverse; other samples stay."""
    expected = {
        WITHIN: ("condition", ["baseline", "after"]),
        COMPARTMENTS: ("compartment", ["blood", "CSF"]),
        CHANGE: ("group", ["placebo"]),
        TREND: ("condition", ["m6", "m1", "baseline"]),
    }
    for kind, (column, values) in expected.items():
        study = study_of_kind(sheet_of(kind, 5))
        changed = relabelled(study, next(study.asked()), frozenset(["D01"]))
        before, after = (one.samples.set_index("sample")[column] for one in (study, changed))
        assert set(after.index[before != after].str[:3]) == {"D01"} and changed.contrasts["kind"].tolist() == [kind]
        assert after[before.index.str.startswith("D01")].drop_duplicates().tolist() == values


def test_donors_with_one_condition_do_not_count_where_each_is_its_own_control():
    sheet = sheet_of(MIXED, 5)
    study = study_of_kind(sheet)
    study = replace(study, contrasts=study.contrasts.assign(kind=WITHIN))
    scheme = scheme_of(study, next(study.asked()))
    assert scheme.own == tuple(f"D{i:02d}" for i in range(5)) and not scheme.levels


def test_too_few_donors_of_their_own_control_are_not_relabelled():
    left_out = LeftOut("calibrate")
    nothing = pd.DataFrame(columns=["term", "compartment", "claim", "tests", "claimed"])
    asked = []
    for n, wanted in ((4, False), (4, True), (3, True)):
        study = study_of_kind(sheet_of(WITHIN, n))
        relabelling.calibrate(study, 5, lambda study: asked.append(study) or nothing, wanted, left_out, 0)
    first, second = (row["reason"] for row in left_out.rows)
    assert first.endswith("4 donors that are their own controls; relabelled from 5, or with --calibrate on from 4")
    assert second.endswith("3 donors that are their own controls; relabelled from 4") and len(asked) == 6


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


@pytest.mark.parametrize(
    ("design", "truth"), [("within", "null"), ("within", "synchronous"), ("one condition", "lost")]
)
def test_donors_that_are_their_own_controls_claim_little_when_turned(design, truth):
    """Whether or not there is an effect, which the true labels show."""
    setting = Setting(design, 5, truth=truth, scale="abs")
    drawn = draw(setting, 0, 0)
    samples = drawn.samples(setting)
    counts = long_counts(drawn.table(samples))
    if design == "within":
        samples = samples[samples["compartment"] == "blood"]
    study, counts = of_samples(samples), counts[counts["sample"].isin(samples["sample"])]

    def claims(study):
        effects = composition.compare(study, counts).effects
        return claims_of(effects, pd.DataFrame(columns=["tier"]))

    table = relabelling.calibrate(study, counts["lineage"].nunique(), claims, False, LeftOut("calibrate"), 0)
    at_05, at_q = (table[table["claim"] == claim].iloc[0] for claim in ("p_below_05", "q_below_05"))
    assert at_05["n_relabellings"] == 10 and at_05["n_claimed"] <= 2 * at_05["n_expected"] and at_q["n_claimed"] <= 0.5
    true = claims(study).set_index("claim").loc["q_below_05", "claimed"]
    assert true == 0 if truth == "null" else true >= 3
