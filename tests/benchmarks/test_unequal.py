"""Studies of unlike donors are what their settings say; figures and errors are computed as they are named."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import pieces, source, unequal, unequal_table
from benchmarks.compare import bench_unequal, unequal_figures
from benchmarks.unequal import MODELS, Setting, study

EQUAL = Setting("lognormal", (8, 8))


def many(setting, n=60):
    if not unequal.available(setting.model):
        pytest.skip("real data not found: set COMPARTMENTS_TEST_DATA")
    return [study(setting, 1, number) for number in range(n)]


def logs(studies):
    """ln abundance, shape (studies, 2, donors, lineages)."""
    return np.array(
        [np.log((x.cells + 0.5) / x.cells.sum(-1, keepdims=True)) + np.log(x.per_ul)[..., None] for x in studies]
    )


def test_a_number_is_a_study():
    first, again, other = (study(EQUAL, 1, number) for number in (3, 3, 4))
    assert (first.cells == again.cells).all() and (first.cells != other.cells).any()
    relative = study(replace(EQUAL, scale="rel"), 1, 3)
    assert (first.cells == relative.cells).all()
    assert "cells_per_ul" not in relative.samples(replace(EQUAL, scale="rel"))


@pytest.mark.parametrize("model", MODELS)
def test_arms_differ_in_what_is_planted_and_in_nothing_else(model):
    """Under the null and under the faults the arms' mean logs agree; a loss is seen in its lineages and side."""
    common = slice(0, 4) if model != "real" else [2, 3, 8, 10]  # without the bias of few cells
    for fault in ("none", "spread", "absent"):
        found = logs(many(Setting(model, (8, 8), fault=fault)))[..., common]
        gap = (found[:, :, :8] - found[:, :, 8:]).mean((0, 2))
        error = (found[:, :, :8].mean(2) - found[:, :, 8:].mean(2)).std(0) / np.sqrt(60)
        assert (np.abs(gap) < 4 * error + 0.02).all(), fault
    lost = many(Setting(model, (8, 8), truth="lost"))
    planted = list(unequal.targets(lost[0].proportions).values())[:2]
    found = logs(lost)
    gap = ((found[:, :, :8] - found[:, :, 8:]).mean((0, 2)) / np.log(2))[:, planted]
    assert gap[0] == pytest.approx(unequal.LOSS, abs=0.5) and np.abs(gap[1]).max() < 0.4
    assert (lost[0].truth[0, planted] == unequal.LOSS).all() and (lost[0].truth[1] == 0).all()


@pytest.mark.parametrize("model", MODELS)
def test_cells_expected_are_what_comes(model):
    """On the mean over studies, up to the difference between a mean and the mean of logs."""
    studies = many(Setting(model, (4, 4), "shallow"))
    assert max(x.cells[0, :4].sum(-1).max() for x in studies) <= unequal.SHALLOW[1]
    assert min(x.cells[0, 4:].sum(-1).min() for x in studies) >= unequal.OTHERS[0] - 1
    came = np.mean([np.stack([x.cells[:, :4].sum(1), x.cells[:, 4:].sum(1)], axis=1) for x in studies], axis=0)
    expected = np.mean([x.expected for x in studies], axis=0)
    assert np.allclose(came.sum(-1), expected.sum(-1))
    frequent = expected > 10
    assert np.median(came[frequent] / expected[frequent]) == pytest.approx(1, abs=0.25)


def test_faults_are_there():
    wide = logs(many(replace(EQUAL, fault="spread")))[..., 0]
    assert wide[:, 0, :8].std() / wide[:, 0, 8:].std() == pytest.approx(2, abs=0.3)
    absent = many(replace(EQUAL, fault="absent"))
    at = absent[0].absent
    rare = np.array([x.cells[:, :, at] < 10 for x in absent])
    assert rare.mean() == pytest.approx(0.3, abs=0.06) and (rare[:, 0] == rare[:, 1]).mean() > 0.98
    aged = many(replace(EQUAL, fault="covariate"))
    assert np.mean([x.age[:8].mean() - x.age[8:].mean() for x in aged]) == pytest.approx(1, abs=0.25)
    gap = (logs(aged)[:, :, :8] - logs(aged)[:, :, 8:]).mean((0, 2))
    assert gap[0, 0] == pytest.approx(unequal.COVARIATE_EFFECT, abs=0.25) and abs(gap[1, 0]) < 0.15
    for setting, furthest in ((replace(EQUAL, fault="outlier"), True), (EQUAL, False)):
        found = logs(many(setting))
        size = np.sqrt(((found - np.median(found, axis=2, keepdims=True)) ** 2).mean((1, 3)))
        assert (np.median(size.max(1) / np.median(size, axis=1)) > 2) == furthest


@pytest.mark.parametrize("model", ["dirichlet", "lognormal"])
def test_compartments_are_correlated_as_asked(model):
    for asked in unequal.CORRELATIONS:
        deviations = unequal.DONORS[model](np.random.default_rng(0), 5000, asked)[2][..., 2]
        assert np.corrcoef(deviations)[0, 1] == pytest.approx(asked, abs=0.04)


@pytest.mark.parametrize(
    ("word", "own", "base", "true"),
    [
        ("depleted_both", -1, -2, True), ("depleted_both", -1, 0, False), ("increased_both", 1, 0.5, True),
        ("concordant", -2, -2.5, True), ("concordant", 0, -2, False), ("discordant_CSF_retained", -1, -2, True),
        ("discordant_blood_retained", -1, -2, False), ("maintained_CSF", -0.5, -2, True),
        ("maintained_CSF", -1.5, -3, False), ("maintained_blood", -2, 0, True),
        ("relatively_discordant_blood_increased", 0, 1, True), ("discordant_CSF_increased", 1, 2, False),
    ],
)  # fmt: skip
def test_words_are_judged_by_the_truth(word, own, base, true):
    assert unequal_figures.word_is_true(word, own, base) is true


def test_error_of_a_rate_over_studies():
    """Studies are the unit: lineages of a study that fall together count as one."""
    alone = np.column_stack([np.tile([1, 0, 0, 0], 25), np.ones(100)])
    assert pieces.ratio(alone) == pytest.approx((0.25, np.sqrt(0.25 * 0.75 / 99)))
    together = alone * 12
    assert pieces.ratio(together) == pytest.approx(pieces.ratio(alone))


def test_settings_have_names_of_their_own_and_gates():
    names = [setting.name for setting in bench_unequal.settings()]
    assert len(names) == len(set(names))
    assert bench_unequal.gate_of("type-I error, interaction, rare lineages", EQUAL) == ".03-.07"
    assert bench_unequal.gate_of("studies with a wrong yes, question 2", replace(EQUAL, arms=(3, 6))) == ""


def test_the_digest_is_of_all_code_that_is_imported():
    whole = source.digest(["benchmarks.compare.unequal_figures"])
    assert whole == source.digest(["benchmarks.compare.unequal_figures"])
    assert whole != source.digest(["benchmarks.compare.unequal_figures"], without=["compartments.compare.moderated"])
    assert whole == source.digest(["benchmarks.compare.unequal_figures"], without=["compartments.compare.expression"])


def test_real_donors_that_come_twice_make_arms_differ_as_by_chance():
    """Variance of the difference between arms over what the donors' spread foretells; .34 if they came in turn."""
    rng, values = np.random.default_rng(1), np.arange(9.0)
    dealt = values[np.array([unequal._dealt(rng, 9, 16) for _ in range(4000)])]
    difference = dealt[:, :8].mean(1) - dealt[:, 8:].mean(1)
    foretold = dealt.var(1, ddof=1).mean() * 2 / 8
    assert 0.93 < difference.var() / foretold < 1.07


def test_table_of_the_page():
    """Over two settings the mean by studies, and its error; bold beyond the gate by two errors."""

    def row(setting, value, n, gate=".03-.07", metric="type-I error, interaction"):
        keys = {"step": "unequal", "metric": metric, "se": "0.02", "gate": gate}
        return keys | {"setting": setting, "value": str(value), "n": str(n)}

    names = ("2v4 real, null, equal depth, r 0.5, abs", "2v4 real, null, random depth, r 0.5, abs")
    rows = [row(names[0], 0.05, 30), row(names[1], 0.15, 10)]
    rows += [row("8v8 dirichlet, null, shallow depth, r 0.5, abs", 0.12, 40)]
    text = "".join(unequal_table.section(rows))
    assert "| truth, scale | figure | 2v4 | 8v8 |" in text
    assert "| null, abs | type-I error, interaction | 0.075 (0.016) | **0.120 (0.020)** |" in text
    assert unequal_table.pooled([row(names[0], 0.12, 9, "<= .07")]) == "**0.120 (0.020)**"
    assert unequal_table.pooled([row(names[0], 0.01, 9, "<= .07")]) == "0.010 (0.020)"
    assert unequal_table.section([]) == []
