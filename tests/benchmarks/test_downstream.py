"""Pseudobulks and cells of unlike donors are what their settings say; nothing that is measured draws them."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from benchmarks import downstream, source
from benchmarks.compare import bench_downstream, downstream_expression, downstream_tests
from benchmarks.downstream import LINEAGES, Setting, cells_of, draw, profiles, pseudobulk

EQUAL = Setting("edges", (8, 8))
CSF = np.tile([True, False], 16)


@cache
def many(differs, n=40):
    return [draw(replace(EQUAL, differs=differs), 1, number, profiles()[0][:100]) for number in range(n)]


def logs(studies):
    """ln rates, shape (studies, samples, lineages, genes), of genes that all lineages have."""
    there = (studies[0].rate > 0).all((0, 1))
    return np.log([x.rate[..., there] for x in studies])


def test_a_number_is_a_study():
    genes = profiles()[0][:20]
    first, again, other = (draw(EQUAL, 1, number, genes) for number in (3, 3, 4))
    assert (first.rate == again.rate).all() and (first.cells == again.cells).all()
    assert (first.rate != other.rate).any()


def test_nothing_that_is_measured_draws():
    folder = source.ROOT / "bin" / "compartments" / "compare"
    compare = [f"compartments.compare.{path.stem}" for path in folder.glob("*.py")]
    assert source.digest(["benchmarks.downstream"]) == source.digest(["benchmarks.downstream"], without=compare)


@pytest.mark.parametrize("differs", downstream.DIFFERS)
def test_arms_differ_in_what_is_named_and_in_nothing_else(differs):
    studies = many(differs)
    treated, found = studies[0].treated, logs(studies)
    gap, error = [], []
    for own in (CSF, ~CSF):
        arms = [found[:, own & arm].mean(1) for arm in (treated, ~treated)]
        gap.append((arms[0] - arms[1]).mean(0))
        error.append((arms[0] - arms[1]).std(0) / np.sqrt(len(studies)))
    assert np.sqrt(np.mean((gap[1] / error[1]) ** 2)) < 1.25
    if differs != "covariate":  # whose slopes differ from study to study
        assert np.sqrt(np.mean((gap[0] / error[0]) ** 2)) < 1.25
    spread = [found[:, CSF & arm].std(1).mean() for arm in (treated, ~treated)]
    assert spread[0] / spread[1] == pytest.approx({"spread": 2}.get(differs, 1), abs=0.2)
    umis = np.mean([x.umis / x.umis[~treated].mean(0) for x in studies], axis=(0, 2))
    reads = downstream.READS.get(differs, 1.0)
    assert umis[treated & CSF].mean() == pytest.approx(reads, abs=0.1)
    assert umis[treated & ~CSF].mean() == pytest.approx(1, abs=0.1)
    cells = np.mean([x.cells.sum(1) for x in studies], axis=0)
    few = cells[treated & CSF].mean() / cells[~treated & CSF].mean()
    assert few < 0.1 if differs == "cells few" else few == pytest.approx(1, abs=0.4)
    lacking = np.mean([x.cells[:, LINEAGES.index(downstream.ABSENT)] == 0 for x in studies])
    assert lacking == pytest.approx(0.3, abs=0.08) if differs == "absent lineage" else lacking < 0.1


def test_covariate_and_outlier_are_there():
    aged = many("covariate")
    assert np.mean([x.age[:8].mean() - x.age[8:].mean() for x in aged]) == pytest.approx(1, abs=0.35)
    assert all(list(x.study().covariates) == ["age"] for x in aged[:2]) and not many("equal")[0].study().covariates
    slopes = [np.abs(np.corrcoef(x.age, logs([x])[0, own, 0].T)[0, 1:]).mean() for x in aged for own in (CSF, ~CSF)]
    assert np.mean(slopes[::2]) > np.mean(slopes[1::2]) + 0.1
    for differs, furthest in (("outlier", True), ("equal", False)):
        found = logs(many(differs))[:, CSF]
        size = np.sqrt(((found - np.median(found, axis=1, keepdims=True)) ** 2).mean((2, 3)))
        assert (np.median(size.max(1) / np.median(size, axis=1)) > 2) == furthest


def test_pseudobulks_add_up_and_have_the_ambient_counts_asked_for():
    for differs, taken in (("ambient removed", 0.08), ("ambient left", 0.0), ("equal", 0.008)):
        drawn = many(differs)[0]
        bulk = pseudobulk(drawn, np.random.default_rng(1), ("CD4_T", "cMono"))
        counts, corrected, ambient = (bulk.layers[name].toarray() for name in ("counts", "corrected", "ambient"))
        assert (counts == corrected + ambient).all()
        expressing = bulk.layers["n_expressing"].toarray()
        assert (expressing <= np.minimum(bulk.obs["n_cells"].to_numpy()[:, None], corrected)).all()
        inside = ((bulk.obs["condition"] == "treated") & (bulk.obs["compartment"] == "CSF")).to_numpy()
        assert ambient[inside].sum() / counts[inside].sum() == pytest.approx(taken, abs=0.005)
        assert set(bulk.obs["ambient_method"]) == {"none" if differs == "ambient left" else "soupem"}
        assert bulk.obs["n_cells"].sum() == drawn.cells[:, [0, 3]].sum()


def test_cells_are_like_pseudobulks():
    drawn = many("equal")[0]
    counts, lineages = cells_of(drawn, np.random.default_rng(1), 0)
    assert len(counts) == np.minimum(drawn.cells[0], downstream.MOST_CELLS).sum()
    own = counts[lineages == "CD4_T"]
    assert own.sum(1).mean() == pytest.approx(drawn.umis[0, 0], rel=0.25)
    highest = drawn.rate[0, 0].argmax()
    assert own[:, highest].mean() == pytest.approx(drawn.umis[0, 0] * drawn.rate[0, 0, highest], rel=0.5)


def test_figures_of_a_table():
    table = pd.DataFrame(
        {"lineage": ["CD4_T", "cDC2", "pDC"], "p_value": [0.01, 0.5, np.nan], "q_value": [0.04, 0.5, 1]}
    )
    found = downstream_tests.errors("it", table)
    assert found["type-I error, it"] == (1, 2) and found["studies with a false hit at q < .05, it"] == (True, 1)
    drawn = many("absent lineage")[0]
    found = downstream_tests.tested_lineages("it", "interaction", table, drawn, ("CD4_T", "NK", "cDC2"))
    assert found["share of lineages tested, it"] == (2, 3)
    assert found["type-I error, it, the absent lineage"] == (0, 1)
    here = drawn.enough("within:CSF") & drawn.enough("within:blood")
    assert (drawn.enough("interaction") <= here).all() and not drawn.enough("interaction", 1e6).any()


def test_false_discoveries_are_told_from_true_ones():
    effect = np.zeros((len(LINEAGES), 4))
    effect[0, :2] = 1.5
    rows = pd.DataFrame({"lineage": "CD4_T", "gene": list("abd"), "q_value": [0.01, 0.2, 0.04], "p_value": 0.1})
    found = downstream_expression._discoveries("it", rows, pd.Index(list("abcd")), effect)
    assert found["FDP at q < .05, it"] == [0.5, 1] and found["power, 1.5 log2, it"] == [1, 2]


def test_settings_have_names_of_their_own_and_gates():
    every = [setting for table in bench_downstream.SIZES for setting in bench_downstream.settings(table)]
    assert len({setting.name for setting in every}) == len(every)
    assert bench_downstream.gate_of("type-I error, groups over lineages, interaction", EQUAL) == "<= .08"
    assert bench_downstream.gate_of("type-I error, interaction", EQUAL) == ".03-.07"
    assert bench_downstream.gate_of("type-I error, network all, interaction", Setting("hubs", (8, 8))) == ".02-.08"
    assert bench_downstream.gate_of("studies with a false hit at q < .05, within CSF", EQUAL) == "<= .08"
    for table, pieces in bench_downstream.PIECES.items():
        assert {setting.table for setting in pieces.repeated()} == {table}
        assert set(pieces.repeated()) <= set(pieces.settings())
