"""Studies of donors that are their own controls are what their settings say."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks import designs, designs_table
from benchmarks.compare import bench_designs
from benchmarks.designs import Setting, study

PLAIN = Setting("within", 6, scale="abs")


def logs(drawn):
    """log2 abundance, shape (2, conditions, donors, lineages)."""
    return np.log2((drawn.cells + 0.5) / drawn.cells.sum(-1, keepdims=True)) + np.log2(drawn.per_ul)[..., None]


@pytest.mark.parametrize("model", designs.MODELS)
@pytest.mark.parametrize("asked", designs.CORRELATIONS)
def test_samples_of_a_donor_are_correlated_as_asked(model, asked):
    deviations = designs.DONORS[model](np.random.default_rng(0), 4000, asked)[..., 2].reshape(4, -1)
    found = np.corrcoef(deviations)
    both = asked * designs.KEPT
    expected = [[1, designs.KEPT, asked, both], [designs.KEPT, 1, both, asked]]
    assert found[:2] == pytest.approx(np.array(expected), abs=0.05)
    assert found[2, 3] == pytest.approx(designs.KEPT, abs=0.05) and abs(deviations.mean()) < 0.03


def test_a_number_is_a_study_on_either_scale():
    first, again, other = (study(PLAIN, 1, number) for number in (3, 3, 4))
    assert (first.cells == again.cells).all() and (first.cells != other.cells).any()
    assert (study(replace(PLAIN, scale="rel"), 1, 3).cells == first.cells).all()
    assert "cells_per_ul" not in first.samples(replace(PLAIN, scale="rel"))


@pytest.mark.parametrize(
    ("design", "donors", "samples", "both"),
    [("within", 6, 24, 6), ("mixed", 9, 24, 3), ("change", 12, 48, 12), ("one condition", 6, 12, 0)],
)
def test_each_design_has_its_samples(design, donors, samples, both):
    setting = Setting(design, 6)
    drawn = study(setting, 1, 0)
    sheet = drawn.samples(setting)
    assert (sheet["donor"].nunique(), len(sheet)) == (donors, samples)
    assert (sheet.groupby("donor")["condition"].nunique() == 2).sum() == both
    assert not sheet.duplicated(["donor", "compartment", "condition"]).any()
    assert ("group" in sheet) == (design == "change")
    table = drawn.table(sheet)
    row = sheet.iloc[-1]
    at = int(row["donor"][1:]) - 1, ("CSF", "blood").index(row["compartment"])
    condition = 0 if row["condition"] in ("after", designs.ONE_CONDITION) else 1
    assert (table.loc[row["sample"]] == drawn.cells[at[1], condition, at[0]]).all()


@pytest.mark.parametrize("design", designs.DESIGNS)
@pytest.mark.parametrize("n", [3, 6])
def test_missing_samples_are_out_of_sheet_and_table(design, n):
    whole, missing = Setting(design, n), Setting(design, n, missing=designs.MISSING)
    full = len(study(whole, 1, 0).samples(whole))
    patterns = set()
    for number in range(20):
        drawn = study(missing, 1, number)
        sheet = drawn.samples(missing)
        assert len(sheet) == full - round(designs.MISSING * full) == len(drawn.table(sheet))
        assert sheet.value_counts(["compartment", "condition", *(["group"] if design == "change" else [])]).min() >= 2
        patterns.add(drawn.there.tobytes())
    assert len(patterns) > 2


@pytest.mark.parametrize("model", designs.MODELS)
def test_what_is_planted_is_found_and_nothing_else(model):
    """Changes within donors, by donors' differences of logs; common lineages, without the bias of few cells."""
    for design in ("within", "mixed", "change", "one condition"):
        setting = Setting(design, 12, model, depth="random" if design == "within" else "equal", scale="abs")
        gaps = []
        for number in range(40):
            drawn = study(setting, 1, number)
            z = logs(drawn)
            if design == "one condition":
                gaps.append(np.nanmean(z[0, 0] - z[1, 0], axis=0)[None])
                continue
            change = np.where(drawn.there.all(1)[..., None], z[:, 0] - z[:, 1], np.nan)
            gap = np.nanmean(change[:, drawn.treated], axis=1)
            gaps.append(gap - np.nanmean(change[:, ~drawn.treated], axis=1) if design == "change" else gap)
        common = designs.PROPORTIONS > 0.04
        found, error = np.mean(gaps, 0)[:, common], np.std(gaps, 0)[:, common] / np.sqrt(40)
        planted = list(drawn.truth.values())[: len(found)]
        assert (np.abs(found - np.stack(planted)[:, common]) < 4 * error + 0.03).all(), design
        assert np.stack(planted)[0, common].min() == setting.loss


def test_cells_expected_are_what_comes():
    setting = Setting("change", 6, depth="random", missing=0.2)
    came, expected = 0, 0
    for number in range(60):
        drawn = study(setting, 1, number)
        there = (drawn.cells * drawn.there[..., None]) / 60
        came = came + np.stack([there[:, :, group].sum(2) for group in (drawn.treated, ~drawn.treated)], axis=2)
        expected = expected + drawn.expected / 60
    assert np.allclose(came.sum(-1), expected.sum(-1))
    assert np.median(came / expected) == pytest.approx(1, abs=0.15)


def test_settings_have_names_of_their_own_and_gates():
    names = [setting.name for setting in bench_designs.settings()]
    assert len(names) == len(set(names)) == 84
    gates = {
        "type-I error, interaction beside lost lineages": ".03-.07",
        "type-I error of rare lineages, interaction": "",
        "type-I error of crumblr, interaction": "",
        "coverage, compartments": ".92-.97",
        "power above the best other's, within CSF, all three": "",
        "power above the best other's, within CSF, all three, lower 95 % limit": "",
        "power above the best other's, within CSF, all three, upper 95 % limit": ">= -.03",
        "studies with a false word": "<= .05",
    }
    assert {figure: bench_designs.gate_of(figure, PLAIN) for figure in gates} == gates


def test_figures_of_a_study(monkeypatch):
    """Of a table whose every entry is known: two of nine unchanged lineages rejected, all intervals around -1."""
    monkeypatch.setattr(Setting, "loss", -2)
    setting = Setting("within", 6, scale="abs")
    drawn = study(setting, 1, 0)
    lost = drawn.truth["within CSF"] < 0
    p = np.where(lost, 0.001, 0.5)
    p[[0, 1, 11]] = 0.01, 0.01, np.nan
    table = pd.DataFrame({"p_value": p, "p_decrease": p / 2, "p_increase": 1 - p / 2, "log2fc": -1.0})
    table = table.assign(ci_low=-2.5, ci_high=0.5, call="inconclusive")
    table.loc[[0, 2], "call"] = "depleted_both", "discordant_blood_retained"
    found = bench_designs.figures(setting, drawn, dict.fromkeys(setting.terms.values(), table))
    within = {name.split(", within")[0]: tuple(x) for name, x in found.items() if "within" in name}
    assert within["type-I error"] == (2 + 5, 8 + 11) and within["type-I error of rare lineages"] == (1, 1 + 2)
    assert within["coverage"] == (22, 22) and within["share tested"] == (22, 24)
    assert tuple(found["coverage of changed lineages, interaction"]) == (3, 3)
    assert within["bias, log2"] == (-8 + 3 - 11, 22)
    assert within["one-sided error, decrease"] == (2 + 5, 19)
    assert found["false words per lineage"] == (1, 12) and found["studies with a false word"] == (True, 1)


@pytest.mark.parametrize(("design", "answer"), [("within", False), ("mixed", True)])
def test_what_cannot_replicate_is_not_asked_for(design, answer):
    setting = Setting(design, 3)
    drawn = study(setting, 1, 0)
    there = drawn.there.copy()
    there[0, 0, :2] = False  # one donor with both conditions in CSF is left
    if design == "mixed":
        there = np.concatenate([there, drawn.there], axis=2)
    lacking = drawn._replace(there=there, treated=np.full(there.shape[2], True))
    assert bench_designs.replicated(setting, lacking, "within CSF") == answer
    assert bench_designs.replicated(setting, lacking, "within blood")


def test_table_of_the_page():
    """Ours against the best of two others; over two settings the mean difference and its lower limit."""

    def rows(setting, gap):
        powers = {"this pipeline": 0.7 + gap, "a": 0.7, "b": 0.2}
        found = {f"power, {x}, interaction, {i} % lineage": v for x, v in powers.items() for i in (1, 3)}
        found |= {"power above the best other's, interaction, all three": gap, "type-I error, interaction": 0.08}
        keys = {"step": "designs", "setting": setting, "se": "0.02"}
        return [
            keys | {"metric": m, "value": str(v), "pass": "MISSED" * m.startswith("type")} for m, v in found.items()
        ]

    text = "".join(designs_table.section(rows("within 6, lost, x", -0.04) + rows("within 3, lost, y", 0.02)))
    assert "| within 6, x | **0.080** | - | - | - | 0.66; 0.70 (a); -0.04 (0.02) |" in text
    assert "| within | - | -0.010 (-0.038) |" in text
    assert designs_table.section([]) == []
