"""Coupling: published formulas, verdicts, drivers, and concordance of expression."""

import numpy as np
import pytest

from benchmarks.studies import count_study
from compartments.compare import composition, coupling, heterogeneity
from compartments.compare.weighted import fit_weighted
from compartments.core.left_out import LeftOut
from tests.support.cohorts import analysed, asked, coupled, long_counts, study_of
from tests.support.pseudobulks import expression_table


def concordant(table):
    """Concordance of one table of expression, and the reasons for what it lacks."""
    left_out = LeftOut("compare_coupling")
    return coupling.expression_concordance(table, "t", "blood", left_out), left_out.rows


@pytest.mark.parametrize("preset", ["alemtuzumab", "synchronous", "uncoupled", "null"])
def test_verdicts_of_known_truths(preset):
    study, found = analysed(preset, arms=(6, 6), seed=2)
    table, drivers, skipped = coupled(study, found)
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
    _, drivers, _ = coupled(study, found)
    donors = drivers[drivers["kind"] == "donor"].set_index("left_out")
    assert set(donors.index) == set(study.samples["donor"])
    fewer = study.subset(study.samples.loc[study.samples["donor"] != "D03", "sample"])
    own = found.donors[(found.donors["term"] == "interaction") & (found.donors["donor"] != "D03")]
    values = own.pivot(index="donor", columns="lineage", values="log2_value")
    variance = own.pivot(index="donor", columns="lineage", values="variance")
    treated = asked(fewer, "interaction").units.loc[values.index, "condition"] == "treated"
    ln2, treated = np.log(2), treated.to_numpy()
    design, contrast = np.column_stack([treated, ~treated]).astype(float), np.array([1.0, -1.0])
    z, s = values.to_numpy() * ln2, variance.to_numpy() * ln2**2
    fit = fit_weighted(z, s, design, contrast, treated.astype(int), values.index.to_numpy())
    tau, _ = heterogeneity.dersimonian_laird(fit["estimate"] / ln2, fit["se"] / ln2)
    assert donors.loc["D03", "tau_u"] == pytest.approx(tau, rel=1e-6, abs=1e-9)


def test_without_a_donor_the_others_stay_adjusted():
    """Five donors have too few degrees of freedom to ask for age; what six were adjusted for, they are, too."""
    simulated = count_study(np.random.default_rng(4), 3, 3)
    ages = dict(zip(simulated.samples["donor"].unique(), [61, 35, 48, 27, 70, 52], strict=True))
    study = study_of(simulated.samples.assign(age=simulated.samples["donor"].map(ages)), covariates=["age"])
    found = composition.compare(study, long_counts(simulated.counts))
    drivers = coupled(study, found)[1].set_index("left_out")
    own = found.donors[(found.donors["term"] == "interaction") & (found.donors["donor"] != "D02")]
    z, s = (
        own.pivot(index="donor", columns="lineage", values=name).to_numpy() * factor
        for name, factor in (("log2_value", np.log(2)), ("variance", np.log(2) ** 2))
    )
    names = own["donor"].drop_duplicates().sort_values()
    treated, age = names.isin(["D01", "D03"]).to_numpy(), names.map(ages).to_numpy() / 10
    design = np.column_stack([treated, ~treated, age]).astype(float)
    fit = fit_weighted(z, s, design, np.array([1.0, -1.0, 0.0]), treated.astype(int), names.to_numpy())
    tau, _ = heterogeneity.dersimonian_laird(fit["estimate"] / np.log(2), fit["se"] / np.log(2))
    assert drivers.loc["D02", "tau_u"] == pytest.approx(tau, rel=1e-6, abs=1e-9)


def test_relative_scale_is_exploratory_and_has_no_mean():
    study, found = analysed(absolute=False)
    row = coupled(study, found)[0].iloc[0]
    assert row["tier"] == "exploratory" and np.isnan(row["mean_u"]) and row["scale"] == "rel"


def test_one_donor_cannot_tell():
    study, found = analysed(arms=(1, 4))
    row = coupled(study, found)[0].iloc[0]
    assert row["verdict"] == "cannot_tell" and row["tier"] == "descriptive" and np.isnan(row["p_value"])
    study, found = analysed(arms=(1, 1))
    table, drivers, skipped = coupled(study, found)
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


def test_concordance_of_expression():
    rng = np.random.default_rng(3)
    same, skipped = concordant(expression_table(rng))
    assert same.loc[0, "ccc"] > 0.98 and same.loc[0, "same_direction"] == 1 and not skipped
    opposite, _ = concordant(expression_table(rng, slope=-1.0))
    assert opposite.loc[0, "ccc"] < -0.9 and opposite.loc[0, "n_interaction"] > 50
    assert opposite.loc[0, "tier"] == "descriptive"
    few = expression_table(rng).assign(q_value=1.0)
    table, skipped = concordant(few)
    assert (
        np.isnan(table.loc[0, "ccc"])
        and table.loc[0, "n_genes"] == 0
        and "0 genes with q < 0.1" in skipped[0]["reason"]
    )


def test_concordance_leaves_out_what_only_one_model_can_name():
    table, left_out = expression_table(np.random.default_rng(3)), LeftOut("compare_coupling")
    (lineage,) = table["lineage"].unique()
    unnamed = {"CSF": {lineage: "not_testable: why"}}
    assert coupling.expression_concordance(table, "t", "blood", left_out, unnamed).empty
    assert [(row["lineage"], row["reason"]) for row in left_out.rows] == [
        (lineage, "concordance of expression: not_testable: why")
    ]


def test_concordance_of_several_contrasts_stands_in_one_table():
    table = expression_table(np.random.default_rng(3))
    left_out = LeftOut("compare_coupling")
    joined = coupling.concordance([("t", table), ("u", table)], "blood", left_out)
    assert joined["contrast"].tolist() == ["t", "u"] and joined["ccc"].nunique() == 1
    assert coupling.concordance([], "blood", left_out).shape == (0, 0)
