"""Coupling: published formulas, verdicts, drivers, concordance of expression, and the executable."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from compartments.compare import composition, coupling
from compartments.core.files import read_tsv, write_tsv
from compartments.simulate.studies import count_study, preset_effects
from compartments.study.samplesheet import parse_samplesheet
from compartments.study.study import make_study


def analysed(preset="alemtuzumab", arms=(4, 4), seed=1, absolute=True):
    effects = preset_effects(preset)
    simulated = count_study(np.random.default_rng(seed), *arms, effects["CSF"], effects["blood"])
    samples = simulated.samples if absolute else simulated.samples.drop(columns="cells_per_ul")
    study = make_study(parse_samplesheet(samples.assign(filtered="x.h5ad").to_csv(index=False)))
    long = simulated.counts.rename_axis("sample").reset_index().melt("sample", var_name="lineage", value_name="n_cells")
    return study, composition.compare(study, long.assign(level="lineage"))


def test_dersimonian_laird_on_published_numbers():
    """BCG vaccine trials (Colditz 1994): tau^2 = 0.3088 and Q = 152.23 on 12 df, as printed by metafor."""
    positive = np.array([4, 6, 3, 62, 33, 180, 8, 505, 29, 17, 186, 5, 27])
    n_treated = positive + [119, 300, 228, 13536, 5036, 1361, 2537, 87886, 7470, 1699, 50448, 2493, 16886]
    control = np.array([11, 29, 11, 248, 47, 372, 10, 499, 45, 65, 141, 3, 29])
    n_control = control + [128, 274, 209, 12619, 5761, 1079, 619, 87892, 7232, 1600, 27197, 2338, 17825]
    ratio = np.log(positive / n_treated) - np.log(control / n_control)
    variance = 1 / positive - 1 / n_treated + 1 / control - 1 / n_control
    tau, q = coupling.dersimonian_laird(ratio, np.sqrt(variance))
    assert q == pytest.approx(152.2330, abs=1e-3)
    assert tau**2 == pytest.approx(0.3088, abs=1e-4)
    # many df: the Q-profile interval of metafor, tau^2 in 0.1197 to 1.1115
    low, high = coupling.tau_interval(ratio, np.sqrt(variance), np.full(13, 1e9))
    assert (low**2, high**2) == (pytest.approx(0.1197, abs=2e-4), pytest.approx(1.1115, abs=2e-3))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=3, max_size=12), st.integers(0, 1000))
def test_dersimonian_laird_is_the_moment_estimate(estimate, seed):
    estimate = np.array(estimate)
    se = np.random.default_rng(seed).uniform(0.1, 1, len(estimate))
    tau, q = coupling.dersimonian_laird(estimate, se)
    w = 1 / se**2
    mean = np.average(estimate, weights=w)
    assert q == pytest.approx((w * (estimate - mean) ** 2).sum(), abs=1e-9)
    # expected Q at tau^2 is the observed one
    expected = len(w) - 1 + tau**2 * (w.sum() - (w**2).sum() / w.sum())
    assert expected == pytest.approx(max(q, len(w) - 1), rel=1e-9)
    assert coupling.dersimonian_laird(estimate + 5, se)[0] == pytest.approx(tau, abs=1e-6)


def test_q_test_is_welchs():
    """Welch's anova of samples of unequal size and variance: the same Q, factor and degrees of freedom."""
    rng = np.random.default_rng(0)
    groups = [rng.normal(0, s, n) for s, n in ((1, 5), (2, 9), (0.5, 7), (1.5, 6))]
    estimate = np.array([g.mean() for g in groups])
    se = np.array([g.std(ddof=1) / np.sqrt(len(g)) for g in groups])
    df = np.array([len(g) - 1 for g in groups])
    q = coupling.cochran_q(estimate, se, 0.0)
    expected = stats.f_oneway(*groups, equal_var=False)
    assert coupling.q_test(q, se, df) == pytest.approx(expected.pvalue, rel=1e-10)


def test_q_test_and_interval_agree_and_cover():
    rng = np.random.default_rng(1)
    rejected, covered = [], []
    for _ in range(400):
        s2 = rng.chisquare(8, 13) / 8 * 0.36
        u = rng.normal(0, 0.6, 13)
        se = np.sqrt(s2)
        rejected.append(coupling.q_test(coupling.cochran_q(u, se, 0.0), se, np.full(13, 8.0)) < 0.05)
        spread = u + rng.normal(0, 0.9, 13)
        low, high = coupling.tau_interval(spread, se, np.full(13, 8.0))
        covered.append(low <= 0.9 <= high)
    assert 0.02 <= np.mean(rejected) <= 0.08 and 0.91 <= np.mean(covered) <= 0.985


def test_concordance_correlation_by_definition():
    x, y = np.random.default_rng(2).normal(size=(2, 3, 9))
    for i in range(3):
        expected = 2 * np.cov(x[i], y[i])[0, 1]
        expected /= x[i].var(ddof=1) + y[i].var(ddof=1) + (x[i].mean() - y[i].mean()) ** 2
        assert coupling.concordance_correlation(x[i], y[i]) == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(
        coupling.concordance_correlation(x, y), [coupling.concordance_correlation(x[i], y[i]) for i in range(3)]
    )
    assert coupling.concordance_correlation(x[0], x[0]) == pytest.approx(1)
    assert coupling.concordance_correlation(x[0], -x[0] + 2 * x[0].mean()) == pytest.approx(-1)
    assert np.isnan(coupling.concordance_correlation([1.0], [1.0]))


@pytest.mark.parametrize("preset", ["alemtuzumab", "synchronous", "uncoupled", "null"])
def test_verdicts_of_known_truths(preset):
    study, found = analysed(preset, arms=(6, 6), seed=2)
    table, drivers, skipped = coupling.compare(study, found.effects, found.donors)
    row = table.iloc[0]
    expected = {
        "alemtuzumab": ["partly_uncoupled"], "uncoupled": ["uncoupled"], "null": ["cannot_tell"],
        "synchronous": ["coupled", "cannot_tell"],
    }  # fmt: skip
    assert row["verdict"] in expected[preset], row.to_dict()
    assert row["tau_low"] <= row["tau_u"] <= row["tau_high"] and not skipped
    # concordance only where there is something to agree on
    assert np.isnan(row["ccc"]) == (row["n_depleted_reference"] < 3)
    if preset == "alemtuzumab":
        lineages = drivers[drivers["kind"] == "lineage"].set_index("left_out")
        assert lineages["change"].idxmax() == "pDC" and row["drivers"].split(",")[0] == "pDC"
        assert row["mean_u_low"] < row["mean_u"] < row["mean_u_high"]


def test_leave_one_donor_out_equals_the_analysis_without_that_donor():
    study, found = analysed()
    _, drivers, _ = coupling.compare(study, found.effects, found.donors)
    donors = drivers[drivers["kind"] == "donor"].set_index("left_out")
    assert set(donors.index) == set(study.samples["donor"])
    fewer = study.subset(study.samples.loc[study.samples["donor"] != "D03", "sample"])
    own = found.donors[(found.donors["term"] == "interaction") & (found.donors["donor"] != "D03")]
    values = own.pivot(index="donor", columns="lineage", values="log2_value")
    variance = own.pivot(index="donor", columns="lineage", values="variance")
    treated = fewer.units("interaction", "CSF").loc[values.index, "condition"] == "treated"
    from compartments.compare.moderated import fit_moderated

    ln2 = np.log(2)
    fit = fit_moderated(values * ln2, np.column_stack([np.ones(7), treated]), variance * ln2**2)
    tau, _ = coupling.dersimonian_laird(fit["estimate"] / ln2, fit["se"] / ln2)
    assert donors.loc["D03", "tau_u"] == pytest.approx(tau, rel=1e-6, abs=1e-9)


def test_relative_scale_is_exploratory_and_has_no_mean():
    study, found = analysed(absolute=False)
    row = coupling.compare(study, found.effects, found.donors)[0].iloc[0]
    assert row["tier"] == "exploratory" and np.isnan(row["mean_u"]) and row["scale"] == "rel"


def test_one_donor_cannot_tell():
    study, found = analysed(arms=(1, 4))
    row = coupling.compare(study, found.effects, found.donors)[0].iloc[0]
    assert row["verdict"] == "cannot_tell" and row["tier"] == "descriptive" and np.isnan(row["p_value"])
    study, found = analysed(arms=(1, 1))
    table, drivers, skipped = coupling.compare(study, found.effects, found.donors)
    assert table.empty and drivers.empty and "no residual degrees of freedom" in skipped[0]["reason"]


BASE = {
    "tier": "inferential", "p_value": 0.5, "q_discordant": 0.4, "p_uncoupled": 0.5, "n_changed": 8, "n_shared": 5,
    "n_discordant": 0, "tau_high": 0.3,
    "mean_u_low": -0.2, "mean_u_high": 0.3, "scale": "abs",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({}, "coupled"),
        ({"scale": "rel", "mean_u_low": np.nan, "mean_u_high": np.nan}, "coupled"),
        ({"tau_high": 0.6}, "cannot_tell"),
        ({"mean_u_high": 1.1}, "cannot_tell"),
        ({"n_changed": 2}, "cannot_tell"),
        ({"p_value": 0.01, "p_uncoupled": 0.02}, "partly_uncoupled"),
        ({"n_discordant": 1, "p_uncoupled": 0.02}, "partly_uncoupled"),
        ({"n_discordant": 1, "p_uncoupled": 0.02, "n_shared": 0}, "uncoupled"),
        # one of two tests just below .05 is not evidence, and not coupling either
        ({"n_discordant": 1, "q_discordant": 0.03, "p_uncoupled": 0.06}, "cannot_tell"),
        ({"p_value": 0.03, "p_uncoupled": 0.06}, "cannot_tell"),
        ({"tier": "descriptive", "p_value": 0.001}, "cannot_tell"),
    ],
)
def test_verdict_rule(change, word):
    verdict, reason = coupling.verdict(BASE | change, 1.0)
    assert verdict == word and reason


def test_simes():
    assert coupling.simes([0.01, 0.9]) == pytest.approx(0.02)
    assert coupling.simes([0.04, 0.03]) == pytest.approx(0.04)
    assert coupling.simes([np.nan, 0.03]) == 0.03 and np.isnan(coupling.simes([np.nan]))
    p = np.random.default_rng(0).random((20_000, 2))
    assert np.mean([coupling.simes(row) < 0.05 for row in p]) == pytest.approx(0.05, abs=0.005)


def expression_table(rng, n=200, slope=1.0):
    base = rng.normal(0, 2, n)
    own = slope * base + rng.normal(0, 0.1, n)
    parts = [("within:blood", "blood", base), ("within:CSF", "CSF", own), ("interaction", "CSF", own - base)]
    return pd.concat(
        pd.DataFrame(
            {
                "lineage": "T", "gene": [f"g{i}" for i in range(n)], "term": term, "compartment": compartment,
                "log2fc": value, "q_value": np.where(np.abs(value) > 1.5, 0.01, 0.9), "base_mean": 5.0,
            }
        )
        for term, compartment, value in parts
    )  # fmt: skip


def test_concordance_of_expression():
    rng = np.random.default_rng(3)
    same, skipped = coupling.expression_concordance(expression_table(rng), "t", "blood")
    assert same.loc[0, "ccc"] > 0.98 and same.loc[0, "same_direction"] == 1 and not skipped
    opposite, _ = coupling.expression_concordance(expression_table(rng, slope=-1.0), "t", "blood")
    assert opposite.loc[0, "ccc"] < -0.9 and opposite.loc[0, "n_interaction"] > 50
    assert opposite.loc[0, "tier"] == "descriptive"
    few = expression_table(rng).assign(q_value=1.0)
    table, skipped = coupling.expression_concordance(few, "t", "blood")
    assert (
        np.isnan(table.loc[0, "ccc"])
        and table.loc[0, "n_genes"] == 0
        and "0 genes with q < 0.1" in skipped[0]["reason"]
    )


def test_executable(tmp_path, execute):
    study, found = analysed()
    study.save(tmp_path / "study.json")
    write_tsv(found.effects, tmp_path / "effects.tsv")
    write_tsv(found.donors, tmp_path / "donors.tsv")
    expression_table(np.random.default_rng(4)).to_parquet(tmp_path / "treated_vs_untreated.parquet")
    options = ["--study", "study.json", "--composition", "effects.tsv", "--donors", "donors.tsv"]
    done = execute("compare_coupling", *options, "--expression", "treated_vs_untreated.parquet")
    assert done.returncode == 0, done.stderr
    names = ["coupling.tsv", "drivers.tsv", "concordance.tsv", "skipped.tsv"]
    first = {name: (tmp_path / name).read_bytes() for name in names}
    table = read_tsv(tmp_path / "coupling.tsv", coupling.COUPLING)
    direct = coupling.compare(study, found.effects, found.donors)[0]
    assert table["tau_u"].iloc[0] == pytest.approx(direct["tau_u"].iloc[0], rel=1e-6, abs=1e-8)
    assert read_tsv(tmp_path / "concordance.tsv")["contrast"].tolist() == ["treated_vs_untreated"]
    execute("compare_coupling", *options, "--expression", "treated_vs_untreated.parquet")
    assert first == {name: (tmp_path / name).read_bytes() for name in names}
    write_tsv(found.effects.drop(columns="se"), tmp_path / "effects.tsv")
    bad = execute("compare_coupling", *options)
    assert bad.returncode == 2 and "column 'se' is missing" in bad.stderr and len(bad.stderr.splitlines()) == 1
