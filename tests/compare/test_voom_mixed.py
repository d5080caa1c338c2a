"""Expression of donors of whom some have both conditions: beside limma, error rates, refits, whom it trusts."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.expression_designs import counts_of, sheet_of, study_of_kind
from compartments.compare.genes import filter_by_expression
from compartments.compare.voom import Weighed, moderated_tests, weigh
from compartments.compare.voom_mixed import MixedFit, of_units
from compartments.study.arms import arm_design
from compartments.study.study import MIXED
from compartments.study.terms import terms_of
from tests.data.make_limma_mixed import blood

LIMMA = json.loads((Path(__file__).parents[1] / "data" / "limma_mixed.json").read_text())


def fitted(made, name="within:blood"):
    """The fit of one term, its vector, and the genes."""
    term = next(term for term in terms_of(study_of_kind(made.samples)) if term.name == name)
    assert term.repeated
    samples = pd.Index(np.concatenate([term.units[column] for column in term.sample_columns]))
    counts = made.counts.set_axis(made.samples["sample"]).loc[samples].to_numpy()
    n, parts = len(term.units), len(term.parts)
    groups = np.concatenate([term.units["condition"] + part.column for part in term.parts])
    design, vector, _ = arm_design(term)
    x = design.to_numpy()
    whole = x if parts == 1 else np.block([[np.eye(n), x], [np.eye(n), np.zeros(x.shape)]])
    genes = np.flatnonzero(filter_by_expression(counts, groups))
    units = of_units(weigh(counts[:, genes], whole, groups), term, samples)
    donors = term.units["donor"].to_numpy(object)
    return MixedFit.of(units, x, donors, np.zeros(n, np.intp)), vector, genes


def test_as_limma_with_a_correlation_of_duplicates():
    fit, vector, genes = fitted(blood())
    found = fit.tests({"c": vector})["c"]
    log2fc, t = (np.array(LIMMA[name])[genes] for name in ("log2fc", "t"))
    assert fit.correlation == pytest.approx(LIMMA["correlation"], abs=0.1)
    assert np.sqrt(np.mean((found["log2fc"] - log2fc) ** 2)) < 0.1 * log2fc.std()
    assert np.corrcoef(found["stat"], t)[0, 1] > 0.98
    assert np.polyfit(t, found["stat"], 1)[0] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("name", ["within:blood", "interaction"])
def test_donors_without_an_effect(name):
    """Of null p-values about .05 are below .05; far fewer if units of one donor were those of several, which they are
    not if the correlation is found."""
    rng, rates, alone = np.random.default_rng(6), [], []
    for _ in range(10):
        fit, vector, _ = fitted(counts_of(rng, sheet_of(MIXED, 3)), name)
        rates.append((fit.tests({"c": vector})["c"]["p_value"] < 0.05).mean())
        ignored = MixedFit(fit.z, fit.sampling, fit.scale, fit.tau2, fit.design, fit.donors, 0.0)
        alone.append((ignored.tests({"c": vector})["c"]["p_value"] < 0.05).mean())
    assert 0.03 < np.mean(rates) < 0.07
    if name == "within:blood":
        assert np.mean(alone) < 0.03


def test_one_donor_with_both_conditions_spoils_nothing():
    """It says nothing of how alike a donor's units are, and counts as two donors."""
    samples = sheet_of(MIXED, 4)
    samples = samples[~samples["donor"].isin(["D01", "D02", "D03"])].reset_index(drop=True)
    fit, vector, _ = fitted(counts_of(np.random.default_rng(9), samples))
    assert fit.correlation == 0 and len(fit.donors) == 10
    assert 0.02 < (fit.tests({"c": vector})["c"]["p_value"] < 0.05).mean() < 0.1


def weighed(z, sampling=0.01):
    return Weighed(z, np.full(z.shape, sampling), np.ones(z.shape[1]))


def test_pairs_alone_are_a_paired_test():
    """Where all donors have both conditions and are all but alike, estimates and errors are those of differences."""
    rng = np.random.default_rng(7)
    z = np.repeat(3 * rng.normal(size=(6, 400)), 2, axis=0) + 0.5 * rng.normal(size=(12, 400))
    donors, after = np.repeat([f"D{i}" for i in range(6)], 2).astype(object), np.tile([1.0, 0.0], 6)
    design, vector = np.column_stack([after, 1 - after]), np.array([1.0, -1.0])
    fit = MixedFit.of(weighed(z), design, donors, np.zeros(12, np.intp))
    assert fit.correlation == pytest.approx(9 / 9.25, abs=0.01)
    found = fit.tests({"c": vector})["c"]
    paired = np.column_stack([np.repeat(np.eye(6), 2, axis=0), after])
    own = np.array([*np.zeros(6), 1.0])
    expected = moderated_tests(weighed(z), paired, {"c": own}, np.ones(12))["c"]
    np.testing.assert_allclose(found["log2fc"], expected["log2fc"], atol=1e-9)
    assert np.median(found["se"] / expected["se"]) == pytest.approx(1, abs=0.1)


def test_refits_without_a_donor():
    """As the whole fit of the others with the same variances; missing where an arm is gone."""
    rng = np.random.default_rng(8)
    donors = np.array(["a", "a", "b", "b", "c", "d"], object)
    after = np.array([1.0, 0, 1, 0, 1, 0])
    design, vector = np.column_stack([after, 1 - after]), np.array([1.0, -1.0])
    fit = MixedFit.of(weighed(rng.normal(size=(6, 80))), design, donors, np.zeros(6, np.intp))
    genes = np.array([3, 50])
    found = fit.without_each_donor(genes, np.array([9.0, 1.0, -1.0]))  # others' coefficients come first
    assert found.shape == (4, 2)
    for row, donor in zip(found, "abcd", strict=True):
        kept = donors != donor
        part = MixedFit(
            fit.z[kept], fit.sampling[kept], fit.scale, fit.tau2[kept], design[kept], donors[kept], fit.correlation
        )
        np.testing.assert_allclose(row, part.tests({"c": vector})["c"]["log2fc"].to_numpy()[genes])
    one = MixedFit.of(
        weighed(rng.normal(size=(4, 80))), design[[0, 1, 3, 5]], donors[[0, 1, 3, 5]], np.zeros(4, np.intp)
    )
    assert np.isnan(one.without_each_donor(genes, vector)[0]).all()


@pytest.mark.parametrize("single", [0, 2])
def test_a_donor_alone_with_a_batch_is_left_out_like_others(single):
    """Such a donor tells nothing of the contrast, be its batch the first, which has no column, or another."""
    donors = np.array(list("aabcdef"), object)
    arms, alone = np.eye(2)[[0, 1, 0, 0, 1, 1, 1]], donors == donors[single]
    data = weighed(np.random.default_rng(3).normal(size=(7, 80)))
    design, genes = np.column_stack([arms, alone != alone[0]]), np.arange(4)
    fit = MixedFit.of(data, design, donors, np.zeros(7, np.intp))
    found = fit.without_each_donor(genes, np.array([1.0, -1.0, 0.0]))
    assert np.isfinite(found).all()
    left = MixedFit(fit.z, fit.sampling, fit.scale, fit.tau2, arms, donors, fit.correlation)
    at = list(dict.fromkeys(donors)).index(donors[single])
    np.testing.assert_allclose(found[at], left.without_each_donor(genes, np.array([1.0, -1.0]))[at])
