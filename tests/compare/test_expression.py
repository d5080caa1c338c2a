"""Pseudobulk differential expression: designs, filters, robustness, calls."""

import os
import signal
import types
from dataclasses import replace

import anndata
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from scipy import sparse

from benchmarks.expression_designs import counts_of, sheet_of, study_of_kind
from benchmarks.studies import pseudobulk_study
from compartments.cohort import pseudobulk
from compartments.cohort.ambient_genes import assume_ambient
from compartments.compare import deseq, expression
from compartments.core.errors import WorkerKilled
from compartments.core.left_out import LeftOut
from compartments.study.arms import arm_design
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from compartments.study.study import CHANGE, COMPARTMENTS, MIXED, TREND, WITHIN
from compartments.study.terms import terms_of
from tests.support.pseudobulks import lineage_of, pairs_of, study_of


def compare_one(lineage, study):
    """Tables, what they rest on, and the reasons for what has none, of one lineage."""
    left_out = LeftOut("compare_expression")
    return *expression.compare_lineage(lineage, study, left_out), left_out.rows


@pytest.fixture(scope="module")
def compared(simulated):
    return compare_one(lineage_of(simulated), study_of(simulated))


@given(st.lists(st.sampled_from(["treated", "untreated", "other"]), min_size=4, max_size=10), st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_interaction_design_is_a_difference_in_differences(conditions, seed):
    """Of full rank; least squares on it gives the difference of mean within-donor differences, for any pair of arms."""
    conditions = ["treated", "untreated", *conditions]
    term = pairs_of(conditions)
    pairs = term.units
    matrix, vector, _ = expression.unit_design(term)
    assert np.linalg.matrix_rank(matrix) == matrix.shape[1] == len(pairs) + len(set(conditions))
    assert list(matrix.index) == [*pairs["reference_sample"], *pairs["sample"]]
    own, arms = np.eye(len(pairs)), pd.get_dummies(pairs["condition"], dtype=float)[list(dict.fromkeys(conditions))]
    np.testing.assert_array_equal(matrix, np.block([[own, 0 * arms], [own, arms]]))
    value = pd.Series(np.random.default_rng(seed).normal(size=len(matrix)), index=matrix.index)
    beta = np.linalg.lstsq(matrix.to_numpy(), value.to_numpy(), rcond=None)[0]
    difference = (
        pd.Series(value[pairs["sample"]].to_numpy() - value[pairs["reference_sample"]].to_numpy())
        .groupby(np.array(conditions))
        .mean()
    )
    assert beta @ vector == pytest.approx(difference["treated"] - difference["untreated"])
    swapped = expression.unit_design(pairs_of(conditions, "untreated", "treated"))[1]
    np.testing.assert_array_equal(swapped, -vector)


@pytest.mark.parametrize("kind", [WITHIN, MIXED, CHANGE, COMPARTMENTS, TREND])
def test_design_of_samples_answers_as_that_of_their_units(kind):
    """Of full rank; least squares on it gives what those of the units give, whatever the samples and covariates."""
    rng, samples = np.random.default_rng(3), sheet_of(kind, 6)
    study = study_of_kind(samples.assign(age=rng.normal(50, 9, len(samples)).round(2)), covariates=["age"])
    y = pd.DataFrame({"y": rng.normal(size=len(samples))}, index=samples["sample"])
    terms = list(terms_of(study))
    assert [term.repeated for term in terms] == [kind == MIXED] * len(terms)
    for term in terms:
        design, vector, dropped = expression.unit_design(term, ["age"])
        assert np.linalg.matrix_rank(design) == design.shape[1] == design.columns.nunique() == len(vector)
        assert not dropped and len(design) == len(term.units) * len(term.parts)
        found = np.linalg.lstsq(design.to_numpy(), y.loc[design.index].to_numpy(), rcond=None)[0].T @ vector
        between, difference, _ = arm_design(term, ["age"])
        expected = np.linalg.lstsq(between.to_numpy(), term.values(y), rcond=None)[0].T @ difference
        np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize(
    ("kind", "effects"),
    [
        (WITHIN, {"within:blood": 0.5, "within:CSF": 2.0, "interaction": 1.5}),
        # the placebo group changes by a fifth of the drug's
        (CHANGE, {"within:blood": 0.4, "within:CSF": 1.6, "interaction": 1.2}),
        (COMPARTMENTS, {"compartments": 3.0}),
        # a rise in proportion to time, of 6 in all: the slope times the time from first to last
        (TREND, {"within:blood": 3.0, "within:CSF": 12.0, "interaction": 9.0}),
    ],
)
def test_planted_effects_without_noise(kind, effects):
    """What a donor has of its own in a compartment cancels; between compartments also what a condition does in both."""
    samples, rng = sheet_of(kind, 3), np.random.default_rng(4)
    time = samples["condition"].map({"baseline": 0, "after": 1, "m1": 1, "m6": 6}).fillna(0)
    dose = samples.get("group", pd.Series("drug", samples.index)).map({"drug": 1.0, "placebo": 0.2})
    csf = samples["compartment"] == "CSF"
    own = pd.factorize(samples["donor"] + samples["compartment"] * (kind != COMPARTMENTS))[0]
    both = pd.factorize(samples["donor"] + samples["condition"])[0]
    y = rng.normal(size=99)[own] + dose * time * np.where(csf, 2.0, 0.5) + 3.0 * csf
    shared = y + rng.normal(size=99)[both]
    found = {}
    for term in terms_of(study_of_kind(samples)):
        design, vector, _ = expression.unit_design(term)
        values = pd.Series(shared if term.across else y).set_axis(samples["sample"])[design.index]
        found[term.name] = np.linalg.lstsq(design.to_numpy(), values.to_numpy(), rcond=None)[0] @ vector
    assert found == pytest.approx(effects)


KINDS = {  # donors, engine, residual df, donors per arm
    WITHIN: (4, "voom", 3, (4, 4)),
    MIXED: (3, "voom_mixed", 8, (6, 6)),
    CHANGE: (4, "pydeseq2", 6, (4, 4)),
    COMPARTMENTS: (6, "pydeseq2", 5, (6, 6)),
    TREND: (4, "voom", 3, (4, 4)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_contrast_finds_what_changed(kind):
    """Genes that rise in CSF alone are called; no others; the table says what it rests on."""
    donors, engine, df, arms = KINDS[kind]
    samples, changed = sheet_of(kind, donors), np.arange(12)
    if kind == TREND:
        samples = samples.iloc[::-1].reset_index(drop=True)  # CSF before blood, the last time first
        samples = samples.sort_values("compartment", kind="stable", ignore_index=True)
    made = counts_of(np.random.default_rng(5), samples, 120, changed, log2fc=3.0)
    tables, fits, skipped = compare_one(lineage_of(made), study_of_kind(made.samples))
    assert not skipped and len(tables) == (1 if kind == COMPARTMENTS else 3)
    for table, fit in zip(tables, fits, strict=True):
        raised = table["gene"].isin([f"G{i}" for i in changed]).to_numpy()
        found = (table["q_value"] < 0.05).to_numpy()
        assert {fit["engine"]} == set(table["engine"]) == {engine} and not fit["spread_differs"]
        assert (fit["residual_df"], fit["n_condition"], fit["n_reference"]) == (df, *arms)
        if table["term"].iloc[0] == "within:blood":
            assert found.mean() < 0.03
            continue
        assert found[raised].mean() > 0.8 and found[~raised].mean() < 0.03
        assert np.median(table["log2fc"][raised]) == pytest.approx(3, abs=0.4)
        assert (table["log2fc_shrunken"].abs() <= table["log2fc"].abs() + 0.05).all()
        assert table["robust"][raised & found].mean() > 0.9
        if table["term"].iloc[0] == "interaction":
            assert table["call"][raised].str.startswith("CSF_").mean() > 0.6 and (table["call"][~raised] == "").all()


@pytest.mark.parametrize(
    ("kind", "lost", "reasons"),
    [
        (WITHIN, ["D00", "D01"], {"1 pair, needs 2", "1 donor, needs 2"}),
        (CHANGE, ["D00", "D01"], {"1 pair with group 'drug', needs 2", "1 donor with group 'drug', needs 2"}),
        (MIXED, [], {f"1 {unit} with condition 'baseline', needs 2" for unit in ("sample", "pair")}),
        (COMPARTMENTS, ["D00", "D01"], {"1 pair, needs 2"}),
    ],
)
def test_too_few_donors_are_a_reason(kind, lost, reasons):
    """The design is never fitted; the reason counts what there is, in words of the design."""
    samples = sheet_of(kind, 3 if kind != MIXED else 2)
    if kind == MIXED:
        lost = samples.loc[samples["condition"] == "baseline", "donor"].unique()[1:]
    made = counts_of(np.random.default_rng(1), samples, 60)
    keep = samples.loc[~samples["donor"].isin(lost) | ((kind == MIXED) & (samples["condition"] == "after")), "sample"]
    tables, fits, skipped = compare_one(lineage_of(made, keep=set(keep)), study_of_kind(made.samples))
    assert not tables and not fits
    assert {row["reason"] for row in skipped} == {f"not_testable: {reason}" for reason in reasons}


@pytest.mark.parametrize("kind", [CHANGE, COMPARTMENTS])
def test_donors_without_all_samples_count_by_those_that_they_have(kind):
    """Beside the complete ones, which alone are counted; what changed is found, little else is."""
    samples, changed = sheet_of(kind, 5), np.arange(12)
    made = counts_of(np.random.default_rng(11), samples, 120, changed, log2fc=3.0)
    lost = samples.index[(samples["compartment"] == "CSF") & samples["donor"].isin(["D01", "D03"])]
    keep = set(samples["sample"].drop(lost if kind == COMPARTMENTS else lost[::2]))
    tables, fits, skipped = compare_one(lineage_of(made, keep=keep), study_of_kind(made.samples))
    assert not skipped
    for table, fit in zip(tables, fits, strict=True):
        if table["term"].iloc[0] == "within:blood":
            assert (fit["engine"], fit["n_condition"]) == ("pydeseq2", 5)
            continue
        assert (fit["engine"], fit["n_condition"]) == ("voom_mixed", 3) and 0 <= fit["donor_correlation"] < 1
        raised, found = table["gene"].isin([f"G{i}" for i in changed]), table["q_value"] < 0.05
        assert found[raised].mean() > 0.8 and found[~raised].mean() < 0.05
        assert np.median(table["log2fc"][raised]) == pytest.approx(3, abs=0.4)
        assert table["robust"][raised & found].mean() > 0.9


def test_q_over_lineages_where_compartments_are_compared():
    """Of one family over lineages: differences between compartments, with or without a condition."""
    study = study_of_kind(sheet_of(COMPARTMENTS, 3))
    table = pd.DataFrame({"term": "compartments", "compartment": "CSF", "p_value": [0.01, 0.04]})
    two = expression._over_lineages([table, table.assign(p_value=[0.03, 0.5])], study)
    np.testing.assert_allclose(two["q_global"], [0.04, 0.16 / 3, 0.16 / 3, 0.5])
    within = expression._over_lineages([table.assign(term="within:CSF")], study)
    assert within["q_global"].isna().all()


def test_effects_are_recovered(compared, simulated):
    found, fits, skipped = compared
    assert not skipped and len(found) == 3
    interaction = next(table for table in found if table["term"].iloc[0] == "interaction")
    truth = simulated.truth["interaction_log2fc"].reindex(interaction["gene"]).to_numpy()
    changed = truth != 0
    assert np.median(interaction["log2fc"][changed] / truth[changed]) == pytest.approx(1, abs=0.15)
    assert (interaction["q_value"][changed] < 0.05).mean() > 0.6
    assert (interaction["q_value"][~changed] < 0.05).mean() < 0.02
    # shrinkage pulls effects that are not there towards zero
    assert (interaction["log2fc_shrunken"].abs() <= interaction["log2fc"].abs() + 0.05)[~changed].mean() > 0.9
    assert set(interaction["tier"]) == {"inferential"}
    assert {fit["residual_df"] for fit in fits} == {5}


def test_robust_marks_what_one_donor_does_not_carry():
    """An effect of one treated donor is not robust, nor is a small one; one that all treated donors share is."""
    conditions = np.array(["treated"] * 3 + ["untreated"] * 4)
    matrix = np.column_stack([conditions == "treated", conditions == "untreated"]).astype(float)
    base = np.full(7, 200)
    shared, single, small = base.copy(), base.copy(), base.copy()
    shared[:3], single[0], small[:3] = 1600, 20_000, 250
    counts = np.column_stack([shared, single, small, base])
    vector, dispersions = np.array([1.0, -1]), np.full(4, 0.05)

    def refit(genes):
        donors = np.arange(7)
        return deseq.leave_one_donor_out(counts[:, genes], matrix, vector, donors, np.ones(7), dispersions[genes])

    table = pd.DataFrame({"log2fc": [3.0, 5, 0.3, 0], "p_value": [0.01, 0.01, 0.01, np.nan]})
    found = expression.robust_genes(table, np.full(4, np.nan), refit)
    assert list(found[:3]) == [True, False, False] and found[3] is pd.NA


def test_three_conditions_and_unpaired_donors():
    """Three arms share one fit; a donor without blood counts in CSF only; an arm of one donor is refused by name."""
    made = pseudobulk_study(np.random.default_rng(2), 4, 5, n_genes=200)
    samples = made.samples
    samples.loc[samples["donor"].isin(["D03", "D04"]), "condition"] = "other"
    changed = types.SimpleNamespace(counts=made.counts, samples=samples)
    study = study_of(changed)
    keep = set(samples["sample"]) - {"D01_blood", "D09_blood"}
    found, fits, skipped = compare_one(lineage_of(changed, keep=keep), study)
    tested = {
        (fit["contrast"], fit["term"]): (fit["n_condition"], fit["n_reference"], fit["residual_df"]) for fit in fits
    }
    assert tested["treated_vs_untreated", "within:CSF"] == (2, 5, 6)
    assert tested["other_vs_untreated", "within:blood"] == (2, 4, 4)
    assert tested["other_vs_untreated", "interaction"] == (2, 4, 4)
    assert ("treated_vs_untreated", "interaction") not in tested
    reasons = {row["contrast"]: row["reason"] for row in skipped}
    assert reasons["treated_vs_untreated interaction CSF"].startswith("not_testable: 1 pair with condition 'treated'")
    assert "treated_vs_untreated within:blood" in reasons


def test_a_failing_lineage_loses_only_itself(simulated):
    broken = lineage_of(simulated, "broken")
    counts = broken.corrected.copy()
    counts[0] = 0
    counts[0, :3] = 10_000  # shares no size with the other samples
    broken = pseudobulk.Lineage("broken", broken.samples, broken.genes, counts, broken.counts, broken.ambient)
    left_out = LeftOut("compare_expression")
    lineages = [broken, lineage_of(simulated, "good")]
    results = expression.compare_lineages(lineages, study_of(simulated), left_out)
    assert {fit["lineage"] for fit in results.fits} >= {"good"}
    assert len([fit for fit in results.fits if fit["lineage"] == "good"]) == 3
    assert all(row["lineage"] == "broken" and row["reason"] for row in left_out.rows)
    assert set(results.tables["treated_vs_untreated"]["lineage"]) >= {"good"}


def test_a_gene_that_some_files_do_not_list_is_tested_where_all_have_it(simulated):
    """Not counted is not zero: none of these genes is in a table, the others' numbers are those without them."""
    whole, study = lineage_of(simulated), study_of(simulated)
    unlisted = np.zeros(len(whole.genes), bool)
    unlisted[np.argsort(-whole.corrected.sum(0), kind="stable")[5:200:5]] = True  # from the most abundant ones on
    of_file = (whole.samples["condition"] == "treated") & (whole.samples["compartment"] == "CSF")
    absent = np.outer(of_file, unlisted)
    counts = np.where(absent, 0, whole.corrected)
    cut = replace(whole, corrected=counts, counts=sparse.csr_array(counts), absent=absent)
    tables, _, reasons = compare_one(cut, study)
    expected, _, _ = compare_one(whole.of_genes(~unlisted), study)
    plain, _, _ = compare_one(whole, study)
    for table, without, before in zip(tables, expected, plain, strict=True):
        other = before if table["term"].iloc[0] == "within:blood" else without
        pd.testing.assert_frame_equal(table.drop(columns=["call", "call_p", "call_q"]), other[list(table.columns[:-3])])
    blind, _, _ = compare_one(replace(cut, absent=None), study)
    false = [table[table["gene"].isin(whole.genes[unlisted]) & (table["q_value"] < 0.05)] for table in blind]
    assert sum(map(len, false)) >= unlisted.sum()  # what zeros would have claimed
    said = {row["contrast"]: row["reason"] for row in reasons}
    assert set(said) == {"within:CSF", "interaction CSF"}
    assert all(
        reason == f"{unlisted.sum()} genes are not tested: the files of some samples do not list them "
        "(cohort/genes.tsv)"
        for reason in said.values()
    )


@pytest.mark.parametrize("error", [ValueError("no luck"), np.linalg.LinAlgError("Singular matrix")])
def test_what_a_fit_dies_of_is_a_reason(simulated, monkeypatch, error):
    def broken(counts, design, vectors):
        raise error

    monkeypatch.setattr(expression, "fit_pydeseq2", broken)
    found, fits, skipped = compare_one(lineage_of(simulated), study_of(simulated))
    assert not found and not fits and len(skipped) == 3
    assert {row["reason"] for row in skipped} == {f"not fitted: {type(error).__name__}: {error}"}


def test_a_killed_process_is_one_line(simulated, monkeypatch):
    monkeypatch.setattr(expression, "_with_reasons", dies)
    lineages = [lineage_of(simulated, name) for name in ("one", "other")]
    with pytest.raises(WorkerKilled, match="one of 2 processes .* most likely out of memory: give the step more"):
        expression.compare_lineages(lineages, study_of(simulated), LeftOut("compare_expression"), cpus=2)


def dies(*_):
    """As a process that the kernel kills."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_bug_keeps_its_traceback(simulated, monkeypatch):
    def broken(counts, design, vectors):
        return counts["no such gene"]

    monkeypatch.setattr(expression, "fit_pydeseq2", broken)
    with pytest.raises(KeyError, match="no such gene"):
        compare_one(lineage_of(simulated), study_of(simulated))


def unequal(rng, n_treated, n_untreated, spread=1.0, few=1.0, slope=0.0, n_genes=500):
    """Donors without an effect; treated ones vary ``spread`` times as much, have ``few`` of the CSF counts, are older.

    Age moves half of the genes, in CSF alone, by N(0, ``slope``) ln per standard deviation.
    """
    n = n_treated + n_untreated
    donor, csf = np.repeat(np.arange(n), 2), np.tile([1, 0], n)
    treated = donor < n_treated
    age = rng.normal(size=n) + 1.5 * (np.arange(n) < n_treated)
    own = np.sqrt(rng.chisquare(10, n_genes) / 10)
    noise = (0.3 * rng.normal(size=(n, n_genes)))[donor] + 0.2 * rng.normal(size=(2 * n, n_genes))
    noise = noise * own * np.where(treated, spread, 1.0)[:, None]
    noise += np.outer(csf * age[donor], rng.normal(0, slope, n_genes) * (rng.random(n_genes) < 0.5))
    mean = rng.lognormal(5.5, 1, n_genes) * rng.lognormal(0, 0.4, (2 * n, 1))
    mean[(csf == 1) & treated] *= few
    samples = pd.DataFrame(
        {
            "sample": [f"D{d}_{'CSF' if c else 'blood'}" for d, c in zip(donor, csf, strict=True)],
            "donor": [f"D{d}" for d in donor],
            "compartment": np.where(csf == 1, "CSF", "blood"),
            "condition": np.where(treated, "treated", "untreated"),
            "n_cells": 100,
            "age": np.round(50 + 10 * age[donor], 2),
        }
    )
    counts = pd.DataFrame(rng.poisson(mean * np.exp(noise)), columns=[f"G{i}" for i in range(n_genes)])
    return types.SimpleNamespace(counts=counts, samples=samples)


def outcome(monkeypatch, made, covariates=()):
    """Tables by term, what they rest on, reasons; without refits, which do not touch p."""
    monkeypatch.setattr(expression, "robust_genes", lambda table, *_: pd.array([pd.NA] * len(table), dtype="boolean"))
    sheet = made.samples.drop(columns="n_cells").assign(filtered="x.h5")
    study = make_study(parse_samplesheet(sheet.to_csv(index=False)), covariates=covariates)
    tables, fits, skipped = compare_one(lineage_of(made), study)
    return {table["term"].iloc[0]: table for table in tables}, fits, skipped


def rejected(tables, term):
    return np.mean([(found[term]["p_value"] < 0.05).mean() for found in tables])


def test_an_arm_of_few_cells_is_tested(monkeypatch):
    """Size factors far below .05 are no reason to lose a term; its error rate holds."""
    rng, found, smallest = np.random.default_rng(6), [], []
    for arms in [(2, 4), (2, 4), (4, 4)]:
        tables, fits, skipped = outcome(monkeypatch, unequal(rng, *arms, few=0.02))
        assert not skipped and len(tables) == 3
        found.append(tables)
        smallest.append(min(fit["size_factor_min"] for fit in fits))
    assert min(smallest) < 0.05
    assert all(0.03 < rejected(found, term) < 0.07 for term in ("within:CSF", "interaction"))


def test_a_covariate_of_one_compartment_enters_the_interaction(monkeypatch):
    """Age acts in CSF and differs between arms: adjusted for, the interaction keeps its error rate."""
    rng, adjusted, plain = np.random.default_rng(7), [], []
    for _ in range(2):
        made = unequal(rng, 4, 6, slope=0.4)
        adjusted.append(outcome(monkeypatch, made, ["age"])[0])
        plain.append(outcome(monkeypatch, made)[0])
    assert 0.03 < rejected(adjusted, "interaction") < 0.07 < rejected(plain, "interaction")


@given(st.lists(st.sampled_from(["one", "two", "three"]), min_size=6, max_size=6), st.integers(2, 4))
@settings(max_examples=30, deadline=None)
def test_an_interaction_with_covariates_is_never_singular(batches, n_treated):
    """Of full rank with 3 residual df or without the covariate, with a reason for each that is not fitted."""
    conditions = ["treated"] * n_treated + ["untreated"] * (6 - n_treated)
    pairs = pairs_of(conditions, batch=batches, age=np.arange(6.0) ** 2, same="x")
    plain, _, _ = expression.unit_design(pairs)
    matrix, vector, dropped = expression.unit_design(pairs, ["batch", "age", "same"])
    assert np.linalg.matrix_rank(matrix) == matrix.shape[1] == len(vector)
    fitted = sum(any(x.startswith(f"arm:{c}") for x in matrix) for c in ("batch", "age"))
    assert fitted + len(dropped) == 2 - (len(set(batches)) == 1)
    assert len(matrix) - matrix.shape[1] >= 3 or matrix.shape == plain.shape


def test_where_one_arm_varies_more_the_honest_p_stands(monkeypatch):
    """PyDESeq2 errs where a treated arm varies twice as much; the table shows and names the fit that allows for it."""
    rng, found, own = np.random.default_rng(8), [], []
    fit = expression.fit_pydeseq2

    def kept(*given):
        result = fit(*given)
        own.extend(table["p_value"].to_numpy() for table in result[0].values())
        return result

    monkeypatch.setattr(expression, "fit_pydeseq2", kept)
    for _ in range(2):
        tables, fits, _ = outcome(monkeypatch, unequal(rng, 2, 4, spread=2.0))
        assert {table["engine"].iloc[0] for table in tables.values()} == {"voom"}
        found.append(tables)
    rates = [rejected(found, term) for term in ("within:CSF", "within:blood", "interaction")]
    assert 0.03 < np.mean(rates) < 0.07 < np.mean(np.concatenate(own) < 0.05)
    warnings = expression.Compared({}, fits).summary(10, 1)["warnings"]
    assert len(warnings) == 3 and all("T (variance" in line and "voom" in line for line in warnings)
    equal, fits, _ = outcome(monkeypatch, unequal(rng, 4, 4))
    assert {table["engine"].iloc[0] for table in equal.values()} == {"pydeseq2"}
    assert not expression.Compared({}, fits).summary(10, 1)["warnings"]


def test_a_sample_that_shares_no_genes_is_left_out_alone(monkeypatch):
    made = unequal(np.random.default_rng(9), 3, 4)
    made.counts.iloc[0] = 0  # D0, treated, CSF
    made.counts.iloc[0, :3] = 10_000
    tables, fits, skipped = outcome(monkeypatch, made)
    assert {(row["sample"], row["contrast"]) for row in skipped} == {
        ("D0_CSF", "within:CSF"), ("D0_CSF", "interaction CSF")
    }  # fmt: skip
    assert all(row["reason"] == "3 of the genes tested were counted, needs 20" for row in skipped)
    assert {fit["term"]: fit["n_condition"] for fit in fits} == {"within:blood": 3, "within:CSF": 2, "interaction": 2}
    assert len(tables) == 3


def test_covariate_that_does_not_fit_is_named(simulated):
    sheet = simulated.samples.drop(columns="n_cells").assign(filtered="x.h5")
    sheet["batch"] = np.where(sheet["condition"] == "treated", "one", "two")
    study = make_study(parse_samplesheet(sheet.to_csv(index=False)))
    _, fits, skipped = compare_one(lineage_of(simulated), study)
    assert len(fits) == 3
    assert any("batch is collinear with" in row["reason"] for row in skipped)


def leaking(rng, n_treated, n_untreated, share, n_genes=200, markers=15):
    """Lineages A and B, which makes the first genes; in treated CSF ``share`` of A is the mix of both."""
    made = unequal(rng, n_treated, n_untreated, n_genes=n_genes)
    rate = made.counts.to_numpy().clip(1)
    of_b = rate * np.where(np.arange(n_genes) < markers, 300.0, 1)
    leak = (share / (1 - share)) * rate.sum(1, keepdims=True) * of_b / of_b.sum(1, keepdims=True)
    into = made.samples["compartment"].eq("CSF") & made.samples["condition"].eq("treated")
    blocks = {"A": rate + rng.poisson(leak) * into.to_numpy()[:, None], "B": rng.poisson(of_b)}
    obs = pd.concat([made.samples.assign(lineage=name, ambient_method="none") for name in blocks], ignore_index=True)
    counts = sparse.csr_array(np.vstack(list(blocks.values())).astype(np.int64))
    layers = {"counts": counts, "corrected": counts, "ambient": sparse.csr_array(counts.shape, dtype=np.float32)}
    obs.index = obs["sample"] + ":" + obs["lineage"]
    return study_of(made), anndata.AnnData(obs=obs, var=pd.DataFrame(index=made.counts.columns), layers=layers)


def test_ambient_that_nobody_removed_makes_no_findings(monkeypatch):
    """A tenth of B's genes in one arm's CSF passes for a change in A, unless it is assumed and said."""
    monkeypatch.setattr(expression, "robust_genes", lambda table, *_: pd.array([pd.NA] * len(table), dtype="boolean"))
    study, data = leaking(np.random.default_rng(10), 6, 6, share=0.1)
    false = []
    for assumed in (False, True):
        samples = assume_ambient(data) if assumed else []
        left_out = LeftOut("compare_expression")
        lineages = [x for x in pseudobulk.lineages(data, 10, left_out) if x.name == "A"]
        found = expression.compare_lineages(lineages, study, left_out, 1, samples)
        false.append((found.tables["treated_vs_untreated"]["q_value"] < 0.05).sum())
        said = [row for row in left_out.rows if "no ambient RNA was removed from" in row["reason"]]
        assert [row["lineage"] for row in said] == ["A"] * assumed
    assert false[1] <= 1 < 5 < false[0]


def test_what_only_one_model_can_name_is_tested_within_compartments(compared, simulated):
    tables, _, skipped = compared
    lineage, study = lineage_of(simulated), study_of(simulated)
    named = {"lineage": {"CSF": [lineage.name], "blood": []}}
    found, _, reasons = compare_one(lineage, replace(study, named=named))
    within = [table for table in tables if table["term"].iloc[0] != "interaction"]
    assert [table["term"].iloc[0] for table in found] == [table["term"].iloc[0] for table in within]
    for one, other in zip(found, within, strict=True):
        pd.testing.assert_series_equal(one["p_value"], other["p_value"])
    (reason,) = [row["reason"] for row in reasons if row not in skipped]
    assert reason == "not_testable: the model of CSF can name it, that of blood cannot"
