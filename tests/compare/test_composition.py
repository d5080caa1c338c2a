"""Composition: formulas, filters, calls, and every kind of design through the library and the executable."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmarks.studies import count_study
from compartments.compare import abundance, composition, coupling
from compartments.compare.counted import Counted, fit_counts
from compartments.compare.detectable import with_more_donors
from compartments.core import multiple_testing
from compartments.core.left_out import LeftOut
from compartments.core.vocabulary import LN2
from compartments.study.terms import terms_of
from tests.support.cohorts import asked, cohort, long_counts, row_of, study_of

# ------------------------------------------------------------------------------------------- abundances


# ------------------------------------------------------------------------------------------- estimates


def test_rows_are_what_counts_of_the_term_give():
    study, counts, _ = cohort()
    found = composition.compare(study, long_counts(counts))
    samples = study.samples.set_index("sample")
    term = asked(study, "interaction")
    units = term.units
    abundances = abundance.Abundances(counts, counts.sum(axis=1), samples["cells_per_ul"])
    sides = tuple(abundances.of(units[column], list(counts)) for column in ("sample", "reference_sample"))
    treated = (units["condition"] == "treated").to_numpy()
    design = np.column_stack([treated, ~treated]).astype(float)
    counted = Counted(counts.columns, sides, None, 1.0)
    fit, z, s = fit_counts(counted, term, design, np.array([1.0, -1.0]), counts.columns)
    rows = found.effects[found.effects["term"] == "interaction"].set_index("lineage")
    np.testing.assert_allclose(rows["log2fc"], fit["estimate"] / LN2, rtol=1e-8)
    np.testing.assert_allclose(rows["p_value"], fit["p_value"], rtol=1e-8)
    np.testing.assert_allclose(rows["p_plain"], stats.ttest_ind(z[treated], z[~treated]).pvalue, rtol=1e-8)
    half = stats.t.ppf(0.975, fit["df"]) * fit["se"] / LN2
    np.testing.assert_allclose(rows["ci_high"] - rows["log2fc"], half, rtol=1e-8)
    np.testing.assert_allclose(rows["q_value"], multiple_testing.benjamini_hochberg(fit["p_value"]), rtol=1e-8)
    assert (rows["permutation_floor"] == 1 / 15).all() and (rows["p_permutation"] >= 1 / 15 - 1e-12).all()
    assert set(rows["tier"]) == {"exploratory"} and (rows["scale"] == "abs").all()
    # the plain mean difference is recovered from the donors' own values
    own = found.donors[(found.donors["term"] == "interaction") & (found.donors["lineage"] == "pDC")]
    pdc = list(counts).index("pDC")
    np.testing.assert_allclose(own.set_index("donor")["log2_value"].loc[units.index], z[:, pdc] / LN2)
    np.testing.assert_allclose(own.set_index("donor")["variance"].loc[units.index], s[:, pdc] / LN2**2)


def test_planted_effects_are_found():
    study, counts, truth = cohort(arms=(6, 6), seed=3)
    found = composition.compare(study, long_counts(counts))
    inside = []
    for term, column in (("within:CSF", "CSF"), ("within:blood", "blood"), ("interaction", "interaction")):
        rows = found.effects[found.effects["term"] == term].set_index("lineage")
        inside.append(rows["ci_low"].le(truth[column]) & rows["ci_high"].ge(truth[column]))
    assert np.mean(inside) > 0.85
    pdc = row_of(found.effects, term="interaction", lineage="pDC")
    assert pdc["call"] in ("discordant_CSF_retained", "maintained_CSF") and pdc["tier"] == "inferential"
    assert row_of(found.effects, term="interaction", lineage="CD4_T")["call"] == "depleted_both"


def test_relative_scale_is_centred_worded_and_has_a_tipping_point():
    study, counts, truth = cohort(arms=(6, 6), seed=3, absolute=False)
    found = composition.compare(study, long_counts(counts), relative_reference="median")
    for _, rows in found.effects.groupby("term"):
        assert rows["log2fc"].median() == pytest.approx(0, abs=1e-12)
    words = found.effects.loc[found.effects["call"].notna(), "call"]
    assert (words.str.startswith("relatively_") | (words == "inconclusive")).all()
    assert found.summary["synchronous_depletion_of_all"] == "not_identifiable"
    assert "relative to the median lineage" in found.summary["warnings"][0]
    term = next(t for t in found.summary["terms"] if t["term"] == "within:blood")
    assert term["zero_lineage"] in counts
    # the tipping point: proportions times this factor leave no lineage above its reference
    assert 0 < term["tipping_factor"] <= term["tipping_factor_80"]
    # what is relative does not depend on a factor common to a sample
    deeper = counts.copy()
    deeper.loc["D01_CSF"] *= 3
    again = composition.compare(study, long_counts(deeper))
    pick = {"term": "within:blood", "lineage": "pDC"}
    usual = composition.compare(study, long_counts(counts)).effects
    assert row_of(again.effects, **pick)["log2fc"] == row_of(usual, **pick)["log2fc"]


def test_every_choice_of_what_is_unchanged_is_shown_beside_the_chosen_one():
    study, counts, _ = cohort(arms=(4, 4), absolute=False)
    found = composition.compare(study, long_counts(counts), reference_lineages=["B", "NK"])
    references = found.references()
    kinds = references.groupby("relative_reference", sort=False)["chosen"].first()
    assert kinds.to_dict() == {"mode": False, "median": False, "lineages": True, "proportions": False}
    own = references[references["chosen"]].set_index(["term", "lineage"])["log2fc"]
    np.testing.assert_array_equal(own, found.effects.set_index(["term", "lineage"])["log2fc"])
    assert own.unstack("lineage")[["B", "NK"]].mean(axis=1).to_numpy() == pytest.approx(0)
    assert found.summary["relative_reference"] == "lineages"
    other = composition.compare(study, long_counts(counts), relative_reference="proportions").effects
    shares = references[references["relative_reference"] == "proportions"]
    np.testing.assert_array_equal(shares["log2fc"], other["log2fc"])
    assert composition.compare(*absolute()).references().empty


def absolute():
    study, counts, _ = cohort(arms=(2, 2))
    return study, long_counts(counts)


def test_a_lineage_of_which_no_arm_would_have_cells_is_not_testable():
    """Depth, not the condition, says so: what the condition took away stays testable."""
    study, counts, _ = cohort(preset="null", arms=(3, 4))
    counts["rare"] = 0
    counts.loc[[s for s in counts.index if s.startswith(("D01", "D05"))], "rare"] = [2, 4, 2, 4]
    found = composition.compare(study, long_counts(counts))
    row = row_of(found.effects, term="within:CSF", lineage="rare")
    assert row["expected_cells"] < 3 and row["tier"] == "not_testable" and "not testable" in row["note"]
    assert np.isnan(row[["se", "ci_low", "p_value", "p_decrease", "q_value"]].astype(float)).all()
    reasons = [one["reason"] for one in found.left_out.rows if one["lineage"] == "rare"]
    assert any("cells expected in an arm" in reason for reason in reasons)
    assert "rare" not in set(found.calls["lineage"])


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100))
def test_a_common_factor_on_one_compartment_of_all_donors_changes_no_interaction(seed, factor):
    study, counts, _ = cohort(seed=seed)
    scaled = study.samples.assign(
        cells_per_ul=study.samples["cells_per_ul"] * np.where(study.samples["compartment"] == "CSF", factor, 1.0)
    )
    first = composition.compare(study, long_counts(counts)).effects
    second = composition.compare(
        study_of(scaled[["sample", "donor", "compartment", "condition", "cells_per_ul"]]), long_counts(counts)
    )
    np.testing.assert_allclose(second.effects["log2fc"], first["log2fc"], atol=1e-7)
    np.testing.assert_allclose(second.effects["p_value"], first["p_value"], atol=1e-7)


def test_unassigned_cells_count_in_totals_and_are_not_tested():
    study, counts, _ = cohort()
    more = counts.assign(unassigned=counts.sum(axis=1))
    without, found = (composition.compare(study, long_counts(x)).effects for x in (counts, more))
    assert "unassigned" not in set(found["lineage"])
    # twice the cells at the same total per microlitre: half the abundance everywhere, the same differences
    np.testing.assert_allclose(found["log2fc"], without["log2fc"], atol=0.05)
    donors = [composition.compare(study, long_counts(x)).donors for x in (counts, more)]
    own = [d[(d["term"] == "within:blood") & (d["lineage"] == "CD4_T")]["log2_value"].to_numpy() for d in donors]
    np.testing.assert_allclose(own[0] - own[1], 1.0, atol=0.01)


def test_levels_are_corrected_apart_and_marker_level_shares_the_total():
    study, counts, _ = cohort()
    broad = counts.rename(columns={"CD4_T": "T", "CD8_T": "T", "Treg": "T"}).T.groupby(level=0, sort=False).sum().T
    marker = counts.assign(pDC=counts["pDC"] // 2)
    table = pd.concat([long_counts(counts), long_counts(broad, "lineage_broad"), long_counts(marker, "lineage_marker")])
    found = composition.compare(study, table.reset_index(drop=True)).effects
    assert list(found["level"].unique()) == abundance.LEVELS
    for _, rows in found.groupby(["level", "term"]):
        np.testing.assert_allclose(rows["q_value"], multiple_testing.benjamini_hochberg(rows["p_value"]))
    pick = {"term": "interaction", "lineage": "CD4_T"}
    fine, marked = (row_of(found, level=level, **pick) for level in ("lineage", "lineage_marker"))
    assert fine["log2fc"] == pytest.approx(marked["log2fc"], abs=0.02)


# ------------------------------------------------------------------------------------------- designs


def test_one_against_one_gives_the_bare_difference():
    study, counts, _ = cohort(arms=(1, 1))
    found = composition.compare(study, long_counts(counts))
    own = found.donors[(found.donors["term"] == "interaction") & (found.donors["lineage"] == "CD4_T")]
    values = own.set_index("donor")["log2_value"]
    row = row_of(found.effects, term="interaction", lineage="CD4_T")
    assert row["log2fc"] == pytest.approx(values["D01"] - values["D02"])
    assert np.isnan(row["se"]) and np.isnan(row["ci_low"]) and row["tier"] == "descriptive"
    assert found.single_case.empty


def test_unpaired_donors_count_within_and_not_in_the_interaction():
    study, counts, _ = cohort(arms=(3, 5), keep=lambda s: ~s["sample"].isin(["D01_CSF", "D08_blood"]))
    found = composition.compare(study, long_counts(counts))
    arms = found.effects.groupby("term")[["n_condition", "n_reference"]].first()
    assert arms.loc["within:CSF"].tolist() == [2, 5] and arms.loc["within:blood"].tolist() == [3, 4]
    assert arms.loc["interaction"].tolist() == [2, 4]
    pairs = found.donors.loc[found.donors["term"] == "interaction", "donor"].unique()
    assert set(pairs) == {f"D0{i}" for i in range(2, 8)}
    # a call is as sure as its weakest part
    assert set(found.calls["tier"]) == {"exploratory"}


def test_a_compartment_without_the_condition_is_skipped_by_name():
    keep = lambda s: ~((s["compartment"] == "CSF") & (s["condition"] == "treated"))  # noqa: E731
    study, counts, _ = cohort(arms=(3, 4), keep=keep)
    found = composition.compare(study, long_counts(counts))
    assert set(found.effects["term"]) == {"within:blood"} and found.effects["call"].isna().all()
    reasons = " | ".join(row["reason"] for row in found.left_out.rows)
    assert "within:CSF: not testable, no donor with condition 'treated'" in reasons and "interaction" in reasons


def three_conditions(seed=0):
    rng = np.random.default_rng(seed)
    samples, tables = [], []
    for number, (condition, size) in enumerate([("control", 4), ("drug_a", 3), ("drug_b", 2)]):
        effects = {"pDC": -2.0} if condition == "drug_b" else None
        simulated = count_study(rng, size, 1, effects, effects)
        own = simulated.samples[simulated.samples["condition"] == "treated"]
        renamed = own.assign(condition=condition, **{k: f"g{number}" + own[k] for k in ("sample", "donor")})
        samples.append(renamed)
        tables.append(simulated.counts.loc[own["sample"]].set_axis(renamed["sample"].to_numpy()))
    return pd.concat(samples), pd.concat(tables)


def test_three_conditions_share_the_variance():
    samples, counts = three_conditions()
    found = composition.compare(study_of(samples), long_counts(counts))
    assert set(found.effects["contrast"]) == {"drug_a_vs_control", "drug_b_vs_control"}
    assert (found.effects["df_residual"] == 6).all()
    assert set(found.donors.loc[found.donors["contrast"] == "drug_b_vs_control", "condition"]) == {"drug_b", "control"}
    alone = composition.compare(
        study_of(samples[samples["condition"] != "drug_a"]),
        long_counts(counts.loc[lambda x: ~x.index.str.startswith("g1")]),
    )
    assert (alone.effects["df_residual"] == 4).all()


def three_compartments():
    study, counts, _ = cohort(arms=(3, 4))
    node = study.samples[study.samples["compartment"] == "CSF"].assign(compartment="node")
    node["sample"] = node["donor"] + "_node"
    extra = counts.loc[counts.index.str.endswith("_CSF")].set_axis(node["sample"].to_numpy())
    samples = pd.concat([study.samples, node])[["sample", "donor", "compartment", "condition", "cells_per_ul"]]
    return study_of(samples), pd.concat([counts, extra])


def test_every_compartment_is_set_against_the_reference():
    study, counts = three_compartments()
    found = composition.compare(study, long_counts(counts))
    assert set(zip(found.effects["term"], found.effects["compartment"], strict=True)) == {
        ("within:blood", "blood"), ("within:CSF", "CSF"), ("within:node", "node"), ("interaction", "CSF"),
        ("interaction", "node"),
    }  # fmt: skip
    both = [
        found.effects[(found.effects["term"] == "interaction") & (found.effects["compartment"] == x)]
        for x in ("CSF", "node")
    ]
    np.testing.assert_allclose(both[0]["log2fc"], both[1]["log2fc"])
    assert {"discordant_CSF_retained", "discordant_node_retained", "maintained_node"} <= set(found.calls["call"])


def test_covariates_adjust_within_and_in_the_interaction():
    study, counts, _ = cohort(arms=(4, 5))
    batch = study.samples["donor"].map(lambda d: "AB"[int(d[1:]) % 2])
    samples = study.samples[["sample", "donor", "compartment", "condition", "cells_per_ul"]]
    plain = composition.compare(study_of(samples), long_counts(counts)).effects
    adjusted = composition.compare(study_of(samples.assign(batch=batch)), long_counts(counts)).effects
    df = adjusted.groupby("term")["df_residual"].first()
    assert df["within:CSF"] == 6 and df["interaction"] == 6
    own = [x[x["term"] == "interaction"]["log2fc"].to_numpy() for x in (plain, adjusted)]
    assert np.abs(own[0] - own[1]).max() > 0.01
    confounded = samples.assign(batch=np.where(samples["condition"] == "treated", "A", "B"))
    found = composition.compare(study_of(confounded), long_counts(counts))
    assert any("batch is collinear" in text for text in found.summary["warnings"])
    pd.testing.assert_frame_equal(found.effects, plain)


def test_what_age_does_to_one_compartment_is_not_the_condition():
    """Age raises every second lineage in CSF only, and the treated are older: without age it looks like the drug."""
    study, counts, _ = cohort(preset="null", arms=(6, 6), seed=5)
    samples = study.samples[["sample", "donor", "compartment", "condition", "cells_per_ul"]]
    rng = np.random.default_rng(5)
    age = {d: rng.normal() + 2 * (d <= "D06") for d in samples["donor"].unique()}
    samples = samples.assign(age=samples["donor"].map(age))
    csf = samples["compartment"].eq("CSF").to_numpy()
    factor = np.exp(np.where(csf, 0.7 * samples["age"], 0.0))
    aged = counts.copy()
    aged.iloc[:, ::2] = (counts.iloc[:, ::2].to_numpy() * factor[:, None]).round().astype(int)
    found = {
        names: composition.compare(study_of(samples, covariates=list(names)), long_counts(aged)).effects
        for names in ((), ("age",))
    }
    small = {names: (rows.loc[rows["term"] == "interaction", "p_value"] < 0.05).mean() for names, rows in found.items()}
    assert small[("age",)] < 0.2 < small[()]


def test_a_lineage_lost_from_an_arm_is_estimated_and_said_to_be_extrapolated():
    study, counts, _ = cohort(preset="null", arms=(3, 4))
    gone = counts.copy()
    gone.loc[["D01_blood", "D02_blood", "D03_blood"], "pDC"] = 0
    found = composition.compare(study, long_counts(gone))
    row = row_of(found.effects, term="within:blood", lineage="pDC")
    assert (
        row["log2fc"] < -2 and row["note"].startswith("no cell of treated in blood: ") and row["cells_condition"] == 0
    )
    assert row_of(found.effects, term="interaction", lineage="pDC")["note"] == row["note"]
    assert row_of(found.effects, term="within:CSF", lineage="pDC")["note"] == ""


def test_a_lineage_of_one_compartment_only_has_no_interaction():
    study, counts, _ = cohort()
    counts = counts.assign(macrophage=np.where(counts.index.str.endswith("_CSF"), 30, 0))
    found = composition.compare(study, long_counts(counts))
    assert set(found.effects.loc[found.effects["lineage"] == "macrophage", "term"]) == {"within:CSF"}
    reasons = [row["reason"] for row in found.left_out.rows if row["lineage"] == "macrophage"]
    assert len(reasons) == 2 and all("nothing to compare" in reason for reason in reasons)


def test_a_sample_without_cells_is_skipped_and_the_others_go_on():
    study, counts, _ = cohort(arms=(3, 4))
    counts.loc["D05_CSF"] = 0
    found = composition.compare(study, long_counts(counts))
    assert [row["sample"] for row in found.left_out.rows if row["sample"]] == ["D05_CSF"]
    assert "D05" not in set(found.donors.loc[found.donors["term"] == "interaction", "donor"])


# ------------------------------------------------------------------------------------------- calls


# ------------------------------------------------------------------------------------------- executable


def test_what_only_one_model_can_name_is_not_testable_between_compartments():
    """Its interaction, and the difference of the compartments, have no number; within each it is tested as before."""
    study, counts, _ = cohort()
    plain = composition.compare(study, long_counts(counts)).effects
    levels = {"lineage": {"CSF": list(counts), "blood": [name for name in counts if name != "pDC"]}}
    found = composition.compare(replace(study, named=levels), long_counts(counts))
    row = row_of(found.effects, term="interaction", lineage="pDC")
    assert row["tier"] == "not_testable" and np.isnan([row["log2fc"], row["p_value"], row["q_value"]]).all()
    assert row["note"] == "not_testable: the model of CSF can name it, that of blood cannot"
    assert not (found.calls["lineage"] == "pDC").any() and not (found.differences()["lineage"] == "pDC").any()
    assert any(row["lineage"] == "pDC" and "that of blood cannot" in row["reason"] for row in found.left_out.rows)
    within = plain[plain["term"].str.startswith("within:")]
    pd.testing.assert_frame_equal(found.effects[found.effects["term"].str.startswith("within:")], within)


def test_without_its_reference_lineages_a_term_is_not_compared():
    """Not silently relative to something else: B is absent from CSF, and no broad lineage is called B."""
    study, counts, _ = cohort(arms=(4, 4), absolute=False)
    counts.loc[counts.index.str.endswith("CSF"), "B"] = 0
    broad = pd.DataFrame({"T cell": counts.iloc[:, :4].sum(axis=1), "rest": counts.iloc[:, 4:].sum(axis=1)})
    table = pd.concat([long_counts(counts), long_counts(broad, "lineage_broad")])
    found = composition.compare(study, table, reference_lineages=["B"])
    assert set(zip(found.effects["level"], found.effects["term"], strict=True)) == {("lineage", "within:blood")}
    assert row_of(found.effects, lineage="B")["log2fc"] == pytest.approx(0, abs=1e-9)
    reasons = [row["reason"] for row in found.left_out.rows if "--reference_lineages" in row["reason"]]
    assert len(reasons) == 5 and reasons[0] == (
        "lineage, within:CSF: none of --reference_lineages (B) is compared there, so nothing says what is unchanged"
    )


def test_sorted_fractions_without_shares_leave_nothing_to_compare():
    study, counts, _ = cohort(arms=(2, 2))
    names = [name for sample in counts.index for name in (sample, f"{sample}_2")]
    samples = study.samples.loc[study.samples.index.repeat(2)].assign(sample=names, row=range(len(names)))
    sorted_ = replace(study, samples=samples.assign(fraction=["CD4", "CD8"] * len(counts)).reset_index(drop=True))
    twice = counts.loc[counts.index.repeat(2)].set_axis(names)
    found = composition.compare(sorted_, long_counts(twice))
    tables = (found.effects, found.donors, found.calls, found.differences(), found.references())
    assert all(table.empty for table in tables) and len(found.left_out.rows) == len(counts)
    assert "fraction_share of CD4 and CD8 is not given for each" in found.left_out.rows[0]["reason"]


@pytest.mark.parametrize("absolute", [True, False])
def test_a_skipped_sample_does_not_change_how_donors_are_compared(absolute):
    """Six donors before and after, a seventh before only, whose CSF had no cells: all steps take the same term."""
    conditions = [(f"P{i}", condition) for i in range(7) for condition in ("before", "after")[: 1 + (i < 6)]]
    rows = [
        {"sample": f"{d}_{c}_{w}", "donor": d, "compartment": c, "condition": w}
        | ({"cells_per_ul": 3.0 if c == "CSF" else 2000.0} if absolute else {})
        for d, w in conditions
        for c in ("CSF", "blood")
    ]
    study = study_of(pd.DataFrame(rows))
    rng = np.random.default_rng(1)
    means = np.array([100, 800, 200, 300, 50]) * rng.lognormal(0, 0.4, (len(rows), 5))
    counts = pd.DataFrame(rng.poisson(means), [row["sample"] for row in rows], ["B", "T", "NK", "Mono", "DC"])
    found = composition.compare(study, long_counts(counts.drop("P6_CSF_before")))
    terms = {term.name: term for term in terms_of(study.of_specimens())}
    assert terms["interaction"].kind == "mixed"
    power = with_more_donors(found.effects, [0], terms.values()).set_index(["term", "lineage"])
    pd.testing.assert_series_equal(
        power["mde80"], found.effects.set_index(["term", "lineage"])["mde80"], rtol=1e-6, check_exact=False
    )
    _, drivers = coupling.compare(study.of_specimens(), found.effects, found.donors, LeftOut("compare_coupling"))
    assert drivers.loc[drivers["kind"] == "donor", "left_out"].nunique() == 6
