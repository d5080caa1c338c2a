"""Edges compared between conditions, on donors."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks.expression_designs import sheet_of, study_of_kind
from compartments.compare import pair_scores
from compartments.compare.edges import TOP_EDGES, compare_edges, score_top_edges
from compartments.compare.moderated import fit_moderated
from compartments.core.left_out import LeftOut
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from compartments.study.study import COMPARTMENTS, MIXED
from tests.support.cohorts import asked
from tests.support.signalling import (
    DONORS,
    GENES,
    PAIRS,
    STEP,
    across_of,
    cohort_of,
    edge,
    make_bulk,
    make_cohort,
    raise_by_strength,
    raise_pair,
    score,
    strength,
)


def test_an_edge_is_a_difference_in_differences():
    study, pseudobulk = make_cohort(change=raise_pair)
    scores = score(study, pseudobulk)
    effects = compare_edges(study, scores, LeftOut(STEP)).effects
    row = edge(effects)
    assert row["log2fc"] == pytest.approx(2, abs=0.35)
    assert row["q_value"] < 0.01
    assert row["tier"] == "inferential"
    assert (row["n_condition"], row["n_reference"]) == (4, 4)
    assert row["ci_low"] < row["log2fc"] < row["ci_high"]
    assert row["confident_log2fc"] == pytest.approx(row["ci_low"])
    assert abs(edge(effects, term="within:blood")["log2fc"]) < 0.6
    top = effects[effects["term"] == "interaction"].iloc[0]
    assert tuple(top[["source", "target", "ligand", "receptor"]]) == ("A", "B", "L1", "R1")

    rows = effects[(effects["term"] == "interaction") & (effects["status"] == "tested")]
    units = asked(study, "interaction").units
    own, base = (scores.samples.get_indexer(units[c]) for c in ("sample", "reference_sample"))
    place = [scores.lineages.get_indexer(rows[c]) for c in ("source", "target")]
    pair = pd.MultiIndex.from_frame(PAIRS).get_indexer(pd.MultiIndex.from_frame(rows[["ligand", "receptor"]]))
    z = [(scores.ligand[x][:, place[0], pair] + scores.receptor[x][:, place[1], pair]) / 2 for x in (own, base)]
    v = [(scores.v_ligand[x][:, place[0], pair] + scores.v_receptor[x][:, place[1], pair]) / 4 for x in (own, base)]
    design = np.column_stack([units["condition"] == "treated", units["condition"] == "control"]).astype(float)
    # the arms vary alike here, so that the fit with one variance per arm is close to that with one for both
    direct = fit_moderated(z[0] - z[1], design, v[0] + v[1], [1, -1])
    np.testing.assert_allclose(rows["log2fc"], direct["estimate"] / np.log(2), atol=0.02)
    assert np.corrcoef(np.log(rows["p_value"]), np.log(direct["p_value"]))[0, 1] > 0.98


def test_edges_whose_partners_both_change_come_first():
    def change(rate, row):
        if row["condition"] == "treated" and row["compartment"] == "CSF":
            factors = {"A": {"L1": 2.2}, "B": {"L2": 12}, "C": {"R1": 2.2}}
            for gene, factor in factors[row["lineage"]].items():
                rate[GENES.index(gene)] *= factor
        return rate

    study, pseudobulk = make_cohort(n_cells=200, change=change)
    scores = score(study, pseudobulk)
    effects = compare_edges(study, scores, LeftOut(STEP)).effects
    rows = effects[effects["term"] == "interaction"].reset_index(drop=True)
    keys = ["source", "target", "ligand", "receptor"]
    assert tuple(rows.loc[0, ["source", "target", "receptor"]]) == ("A", "C", "R1")
    assert rows.loc[0, "ligand"] in ("L1", "L1_L2")
    single = rows[rows[keys].eq(["B", "A", "L2", "R2"]).all(axis=1)]  # a larger score change, but of one gene only
    assert single["log2fc"].iloc[0] > rows.loc[0, "log2fc"]
    assert single["p_value"].iloc[0] < 0.01 < single["p_both"].iloc[0]
    own = rows["source"] == rows["target"]
    assert not own.is_monotonic_decreasing and own.is_monotonic_increasing
    assert rows.loc[~own, "evidence"].abs().is_monotonic_decreasing
    assert rows.loc[0, "p_both"] < 0.05
    opposed = np.sign(rows["ligand_log2fc"]) != np.sign(rows["receptor_log2fc"])
    assert (rows.loc[opposed, "p_both"] == 1).all() and (rows.loc[~opposed, "p_both"] < 1).all()
    assert (rows["p_both"] <= 1).all()

    # the partner's own test is that of its gene alone, over the donors that have its lineage
    units = asked(study, "interaction").units
    at = [scores.samples.get_indexer(units[c]) for c in ("sample", "reference_sample")]
    k, pair = scores.lineages.get_loc("A"), 0
    z = scores.ligand[at[0], k, pair] - scores.ligand[at[1], k, pair]
    treated = (units["condition"] == "treated").to_numpy()
    plain = (z[treated].mean() - z[~treated].mean()) / np.log(2)
    row = rows[rows[keys].eq(["A", "C", "L1", "R1"]).all(axis=1)].iloc[0]
    assert row["ligand_log2fc"] == pytest.approx(plain, abs=0.1)  # the estimate is weighted
    assert row["log2fc"] == pytest.approx((row["ligand_log2fc"] + row["receptor_log2fc"]) / 2, abs=0.1)


def test_no_change_is_called_at_the_nominal_rate():
    p = []
    for seed in range(12):
        study, pseudobulk = make_cohort(seed=seed)
        effects = compare_edges(study, score(study, pseudobulk), LeftOut(STEP)).effects
        p.append(effects.loc[effects["term"] == "interaction", "p_value"])
    assert np.mean(pd.concat(p) < 0.05) < 0.1


def test_two_against_four_is_exploratory_and_one_is_descriptive():
    for n, word in ((2, "exploratory"), (1, "descriptive")):
        study, pseudobulk = make_cohort(n, 4, change=raise_pair)
        effects = compare_edges(study, score(study, pseudobulk), LeftOut(STEP)).effects
        row = edge(effects)
        assert row["tier"] == word
        assert row["log2fc"] > 1
        assert np.isnan(row["p_value"]) == (word == "descriptive")
    study, pseudobulk = make_cohort(1, 1, change=raise_pair)
    row = edge(compare_edges(study, score(study, pseudobulk), LeftOut(STEP)).effects)
    assert row["log2fc"] > 1
    assert np.isnan(row["se"])


def test_scores_of_the_top_edges_give_their_estimates():
    study, pseudobulk = make_cohort(change=raise_pair)
    scores = score(study, pseudobulk)
    effects = compare_edges(study, scores, LeftOut(STEP)).effects
    top = score_top_edges(study, scores, effects)
    keys = ["source", "target", "ligand", "receptor"]
    tested = effects[(effects["term"] == "interaction") & (effects["status"] == "tested")]
    first = tested[:TOP_EDGES][keys].to_numpy().tolist()
    assert top[keys].drop_duplicates().to_numpy().tolist() == first and ["A", "B", "L1", "R1"] in first
    wide = top.pivot(index=[*keys, "donor", "condition"], columns="compartment", values="score")
    means = (wide["CSF"] - wide["blood"]).groupby([*keys, "condition"]).mean().unstack()
    found = (means["treated"] - means["control"])["A", "B", "L1", "R1"]
    assert found == pytest.approx(edge(effects)["log2fc"], abs=0.15)  # the estimate is weighted
    assert found > 1.5


def test_donors_without_a_lineage_are_left_out_of_its_edges_only():
    def lose(rate, row):
        if row["lineage"] == "C" and row["donor"] == "D0":
            row["n_cells"] = 3
        return rate

    study, pseudobulk = make_cohort(change=lose)
    effects = compare_edges(study, score(study, pseudobulk), LeftOut(STEP)).effects
    lost = (effects["source"] == "C") | (effects["target"] == "C")
    assert set(effects.loc[lost, "n_condition"]) == {3}
    assert set(effects.loc[~lost, "n_condition"]) == {4}


def test_a_donor_without_its_reference_sample_has_no_difference():
    study, pseudobulk = make_cohort(change=raise_pair)
    kept = pseudobulk[pseudobulk.obs["sample"] != "D0_blood"].copy()
    names = [name for name in study.samples["sample"] if name != "D0_blood"]
    scores = pair_scores.score_pseudobulk(kept, names, PAIRS)
    found = compare_edges(study, scores, LeftOut(STEP)).effects.set_index("term")
    assert set(found.loc["interaction", "n_condition"]) == {3} == set(found.loc["within:blood", "n_condition"])
    assert set(found.loc["within:CSF", "n_condition"]) == {4}
    without = study.subset([name for name in names if name != "D0_CSF"])
    expected = compare_edges(without, score(without, kept), LeftOut(STEP)).effects.set_index("term")
    columns = ["log2fc", "p_value", "evidence"]
    # the sample that is left over is among those that sizes are taken from
    pd.testing.assert_frame_equal(found.loc["interaction", columns], expected.loc["interaction", columns], rtol=1e-3)


def test_donors_values_give_the_plain_estimates():
    study, pseudobulk = make_cohort(change=raise_pair)
    found = compare_edges(study, score(study, pseudobulk), LeftOut(STEP))
    keys = ["source", "target", "ligand", "receptor", "contrast", "term", "compartment"]
    means = found.donors().groupby([*keys, "condition"])["value"].mean().unstack()
    tested = found.effects[found.effects["status"] == "tested"].set_index(keys)
    assert len(means) == len(tested)
    plain = (means["treated"] - means["control"])[tested.index]
    np.testing.assert_allclose(plain, tested["log2fc"], atol=0.2)  # the estimate is weighted


@pytest.mark.parametrize("kind", DONORS)
def test_an_effect_in_one_compartment_is_found_in_every_kind_of_contrast(kind):
    study, pseudobulk = cohort_of(kind)
    found = compare_edges(study, score(study, pseudobulk), LeftOut(STEP))
    row = edge(found.effects, term=across_of(kind))
    assert row["log2fc"] == pytest.approx(2, abs=0.35) and row["q_value"] < 0.01 and row["tier"] == "inferential"
    n = 2 * DONORS[kind] if kind == MIXED else DONORS[kind]
    assert (row["n_condition"], row["n_reference"]) == (n, n)
    top = found.effects[found.effects["term"] == across_of(kind)].iloc[0]
    assert tuple(top[["source", "target", "ligand", "receptor"]]) == ("A", "B", "L1", "R1")
    if kind != COMPARTMENTS:
        assert edge(found.effects, term="within:CSF")["log2fc"] == pytest.approx(2, abs=0.35)
        assert abs(edge(found.effects, term="within:blood")["log2fc"]) < 0.4
    values = found.donors()
    values = values[
        values[["source", "target", "ligand", "receptor", "term"]].eq([*"AB", "L1", "R1", across_of(kind)]).all(axis=1)
    ]
    first, *second = values.groupby("condition", sort=False)["value"].mean()
    assert first - sum(second) == pytest.approx(row["log2fc"], abs=0.15)  # the estimate is weighted


@pytest.mark.parametrize("kind", DONORS)
def test_the_top_edges_have_the_samples_that_are_compared(kind):
    study, pseudobulk = cohort_of(kind)
    scores = score(study, pseudobulk)
    top = score_top_edges(study, scores, compare_edges(study, scores, LeftOut(STEP)).effects)
    rows = top[top[["source", "target", "ligand", "receptor"]].eq(["A", "B", "L1", "R1"]).all(axis=1)]
    assert sorted(rows["sample"]) == sorted(study.samples["sample"])
    samples = study.samples.set_index("sample").loc[rows["sample"]]
    raised = np.array([strength(row) == 1 for row in samples.to_dict("records")])
    assert rows.loc[raised, "score"].mean() - rows.loc[~raised, "score"].mean() > 1


def of_compartments(*compartments):
    """Samples of donors before and after in these compartments, the last one the reference."""
    sheet = sheet_of("within", 5)
    csf = sheet[sheet["compartment"] == "CSF"]
    rows = [csf.assign(compartment=c, sample=csf["sample"].str.replace("CSF", c)) for c in compartments]
    return study_of_kind(pd.concat(rows).sort_values(["donor", "compartment"]), reference_compartment=compartments[-1])


@pytest.mark.parametrize("compartments", [["CSF"], ["CSF", "node", "blood"]])
def test_edges_of_one_compartment_and_of_three(compartments):
    """Top edges of the only compartment are those within it; a third compartment has a difference of its own."""
    study = of_compartments(*compartments)
    scores = score(study, make_bulk(study.samples[study.properties], change=raise_by_strength))
    effects = compare_edges(study, scores, LeftOut(STEP)).effects
    top = score_top_edges(study, scores, effects)
    assert edge(effects, term="within:CSF")["log2fc"] == pytest.approx(2, abs=0.35)
    if len(compartments) == 1:
        assert set(effects["term"]) == {"within:CSF"} and set(top["compared"]) == {"CSF"}
        assert len(top) == 10 * TOP_EDGES
    else:
        between = effects[effects["term"] == "interaction"].set_index("compartment", drop=False)
        changes = {c: edge(between.loc[c])["log2fc"] for c in ("CSF", "node")}
        assert changes["CSF"] == pytest.approx(2, abs=0.4) and abs(changes["node"]) < 0.4
        assert set(top.loc[top["compared"] == "node", "compartment"]) == {"node", "blood"}


def test_each_of_three_conditions_is_compared_in_the_donors_that_have_both():
    samples = sheet_of("trend", 5)
    samples = samples[samples["sample"] != "D03_CSF_m6"]
    made = make_study(parse_samplesheet(samples.assign(filtered=samples["sample"]).to_csv(index=False)))
    contrasts = made.contrasts.assign(kind="within")
    study = replace(made, contrasts=contrasts)
    scores = score(study, make_bulk(study.samples[study.properties], change=raise_by_strength))
    effects = compare_edges(study, scores, LeftOut(STEP)).effects.set_index("contrast", drop=False)
    late, early = (edge(effects.loc[f"{condition}_vs_baseline"]) for condition in ("m6", "m1"))
    assert (late["n_condition"], early["n_condition"]) == (4, 5)
    assert late["log2fc"] == pytest.approx(2, abs=0.4) and early["log2fc"] == pytest.approx(1 / 3, abs=0.3)
