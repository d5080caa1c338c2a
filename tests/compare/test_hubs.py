"""Centrality compared between conditions, and when a hub is called."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from benchmarks.expression_designs import sheet_of, study_of_kind
from compartments.cohort.specimens import averaged
from compartments.compare.centrality import Expression
from compartments.compare.hubs import compare_centrality
from compartments.compare.scored_cells import log_normalise
from compartments.compare.shares import shares
from compartments.core.contract import Contract
from compartments.core.left_out import LeftOut
from compartments.core.matrix import thin
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from compartments.study.study import COMPARTMENTS, MIXED, WITHIN
from tests.support.signalling import (
    DONORS,
    STEP,
    across_of,
    in_arm,
    make_cohort,
    make_networks,
    strength,
)


@pytest.mark.parametrize(
    ("share", "call"),
    [
        (in_arm("treated", "CSF", 3.0), "hub_gained_in_CSF"),
        (in_arm("treated", "blood", 3.0), "hub_gained_in_blood"),
        (lambda row: 1.0, "inconclusive"),
        # up, but far from the top
        (in_arm("treated", "CSF", 0.7, 0.3), "inconclusive"),
        # not in every sample
        (lambda row: 3.0 if row.sample in ("D1_CSF", "D2_CSF", "D3_CSF") else 0.5, "inconclusive"),
    ],
)
def test_hub_rule(share, call):
    study, _ = make_cohort()
    nodes, edges = make_networks(study, share)
    table = compare_centrality(study, nodes, edges, LeftOut(STEP)).effects
    row = table[(table["lineage"] == "A") & (table["term"] == "interaction")].iloc[0]
    assert row["call"] == call
    others = table[(table["lineage"] != "A") & (table["term"] == "interaction")]
    assert not others["call"].eq("hub_gained_in_CSF").any()
    assert table.loc[table["term"] != "interaction", "call"].eq("").all()


def test_a_hub_gained_in_both_compartments_is_called_in_neither():
    study, _ = make_cohort()
    calls = []
    for seed in range(25):
        nodes, edges = make_networks(study, lambda row: 3.0 if row.condition == "treated" else 1.0, seed)
        table = compare_centrality(study, nodes, edges, LeftOut(STEP)).effects
        calls += table.loc[(table["lineage"] == "A") & (table["term"] == "interaction"), "call"].tolist()
    assert np.mean([call != "inconclusive" for call in calls]) <= 0.16  # 25 draws at .05: more than 4 in 1 % of cases


def test_centrality_is_a_difference_of_logit_shares():
    study, _ = make_cohort(3, 4)
    nodes, edges = make_networks(study, in_arm("treated", "CSF", 3.0))
    table = compare_centrality(study, nodes, edges, LeftOut(STEP)).effects
    row = table[(table["lineage"] == "A") & (table["term"] == "interaction")].iloc[0]
    values = {}
    for sample, rows in edges.groupby("sample"):
        out = rows.loc[rows["source"] == "A", "strength"].sum() + rows.loc[rows["target"] == "A", "strength"].sum()
        share = out / (2 * rows["strength"].sum())
        values[sample] = np.log(share / (1 - share))
    change = pd.Series({f"D{d}": values[f"D{d}_CSF"] - values[f"D{d}_blood"] for d in range(7)})
    assert row["estimate"] == pytest.approx(change[:3].mean() - change[3:].mean())
    assert row["estimate_downsampled"] == pytest.approx(row["estimate"])
    assert row["loo_low"] <= row["estimate"] <= row["loo_high"]
    assert row["loo_same_sign"]
    assert row["worst_rank"] == 1


def test_shares_are_recomputed_on_common_lineages():
    study, _ = make_cohort()
    nodes, edges = make_networks(study, in_arm("treated", "CSF", 3.0))
    full = compare_centrality(study, nodes, edges, LeftOut(STEP)).effects
    lacking = (edges["sample"] == "D5_CSF") & ((edges["source"] == "E") | (edges["target"] == "E"))
    fewer = compare_centrality(study, nodes, edges[~lacking], LeftOut(STEP)).effects
    without = edges[~((edges["source"] == "E") | (edges["target"] == "E"))]
    never = compare_centrality(study, nodes, without, LeftOut(STEP)).effects
    keys = ["lineage", "term", "compartment"]
    for table in (full, fewer, never):
        table.set_index(keys, inplace=True)  # noqa: PD002
    a = ("A", "interaction", "CSF")
    assert fewer.loc[a, "estimate"] == pytest.approx(never.loc[a, "estimate"])
    assert fewer.loc[a, "estimate"] != pytest.approx(full.loc[a, "estimate"])
    assert fewer.loc[("E", "interaction", "CSF"), "n_reference"] == 3


def only(edges, sample, lineages):
    """Edges without those of other lineages of a sample."""
    others = ~(edges["source"].isin(lineages) & edges["target"].isin(lineages))
    return edges[~((edges["sample"] == sample) & others)]


def test_samples_of_few_lineages_are_left_out_rather_than_the_lineage():
    study, _ = make_cohort()
    nodes, edges = make_networks(study, in_arm("treated", "CSF", 3.0))
    fewer, left_out = only(only(edges, "D0_CSF", list("AE")), "D5_CSF", list("AB")), LeftOut(STEP)
    row = compare_centrality(study, nodes, fewer, left_out).effects.query("lineage == 'A' and term == 'within:CSF'")
    assert row[["n_condition", "n_reference"]].to_numpy().tolist() == [[3, 3]]
    logit = {}
    for sample, rows in edges[edges["source"].isin(list("ABE")) & edges["target"].isin(list("ABE"))].groupby("sample"):
        share = (
            rows.loc[(rows["source"] == "A") | (rows["target"] == "A"), "strength"].sum() / rows["strength"].sum() / 2
        )
        logit[sample] = np.log(share / (1 - share))
    expected = np.mean([logit[f"D{d}_CSF"] for d in (1, 2, 3)]) - np.mean([logit[f"D{d}_CSF"] for d in (4, 6, 7)])
    assert row["estimate"].item() == pytest.approx(expected)
    reasons = [x["reason"] for x in left_out.rows if x["lineage"] == "A" and "within:CSF" in x["reason"]]
    assert reasons == ["network 'all', within:CSF CSF: only the 6 of 8 samples that share A, B, E"]


def test_half_of_an_arm_is_not_left_out_for_a_network():
    study, _ = make_cohort()
    nodes, edges = make_networks(study, lambda row: 1.0)
    for donor in range(3):
        edges = only(edges, f"D{donor}_CSF", list("AE"))
    left_out = LeftOut(STEP)
    table = compare_centrality(study, nodes, only(edges, "D5_CSF", list("AB")), left_out).effects
    assert table.query("lineage == 'A' and term == 'within:CSF'").empty
    reasons = [x["reason"] for x in left_out.rows if x["lineage"] == "A" and "within:CSF" in x["reason"]]
    assert reasons == ["network 'all', within:CSF CSF: its donors share 2 lineages, a share of a network needs 3"]


def test_without_networks_there_is_an_empty_table():
    study, _ = make_cohort()
    empty = pd.DataFrame(columns=["sample", "network"])
    left_out = LeftOut(STEP)
    table = compare_centrality(study, empty, empty, left_out).effects
    assert list(table) == Contract.of(STEP).names("interactions/centrality_effects.tsv")
    assert len(table) == 0
    assert left_out.rows == []


def test_the_donors_values_are_the_logit_shares():
    study, _ = make_cohort(2, 3)
    nodes, edges = make_networks(study, in_arm("treated", "CSF", 3.0))
    found = compare_centrality(study, nodes, edges, LeftOut(STEP))
    keys = ["network", "lineage", "contrast", "term", "compartment"]
    means = found.donors().groupby([*keys, "condition"])["value"].mean().unstack()
    effects = found.effects.set_index(keys)
    np.testing.assert_allclose((means["treated"] - means["control"])[effects.index], effects["estimate"])


def test_a_donor_left_out_counts_for_the_lineages_that_it_has():
    study, _ = make_cohort(2, 3)
    nodes, edges = make_networks(study, in_arm("treated", "CSF", 3.0))
    lacking = (edges["sample"] == "D4_CSF") & ((edges["source"] == "E") | (edges["target"] == "E"))
    table = compare_centrality(study, nodes, edges[~lacking], LeftOut(STEP)).effects
    rows = table[table["term"] == "within:CSF"].set_index("lineage")
    assert rows.loc["E", "n_reference"] == 2 and rows["loo_low"].notna().all()
    low, high, estimate = (rows.loc["A", column] for column in ("loo_low", "loo_high", "estimate"))
    assert rows.loc["A", "loo_same_sign"] and low <= estimate <= high


def test_without_a_donor_the_others_stay_adjusted():
    """Shares follow age alone: six donors are adjusted for it, and so are the five without each."""
    study, _ = make_cohort(3, 3)
    ages = dict(zip(study.samples["donor"].unique(), [70, 60, 50, 45, 35, 20], strict=True))
    study = make_study(study.samples.assign(age=study.samples["donor"].map(ages)), covariates=["age"])
    older = {row.sample: np.exp((row.age - 45) / 25) for row in study.samples.itertuples()}
    nodes, edges = make_networks(study, lambda row: older[row.sample])
    table = compare_centrality(study, nodes, edges, LeftOut(STEP)).effects.set_index(["term", "lineage"])
    for term in ("within:CSF", "within:blood"):
        row = table.loc[(term, "A")]
        assert abs(row["estimate"]) < 0.2
        assert row["loo_low"] <= row["estimate"] <= row["loo_high"]
        assert max(abs(row["loo_low"]), abs(row["loo_high"])) < 0.3


def logit_shares(rng, reads, kept, n_cells=40, n_lineages=5, n_pairs=40, donors=8):
    """Of one compartment in a null study: reads per cell differ in the first half of its donors, nothing else does.

    ``kept`` is what share of their UMIs the two halves are thinned to.
    """
    genes = [f"{end}{i}" for end in "LR" for i in range(n_pairs)]
    resource = pd.DataFrame({"ligand": genes[:n_pairs], "receptor": genes[n_pairs:]})
    sizes = np.geomspace(0.4, 3, n_lineages)[:, None]  # of cells: small ones lose more genes with fewer reads
    rate = sizes * rng.lognormal(-2.6, 1.2, (n_lineages, len(genes)))
    bounds = np.arange(0, n_lineages * n_cells + 1, n_cells)
    found = []
    for donor in range(donors):
        depth = reads if donor < donors // 2 else 1.0
        cell = depth * np.repeat(rate * rng.lognormal(0, 0.15, rate.shape), n_cells, axis=0)
        counts = np.hstack([rng.poisson(cell), rng.poisson(2000 * depth * np.repeat(sizes, n_cells, axis=0))])
        x = log_normalise(thin(counts, kept[donor >= donors // 2], rng))
        expression = Expression.of(x, [*genes, "other"], resource, {"all": np.ones(n_pairs, bool)})
        share = np.clip(shares(expression.strengths(np.arange(len(cell))[None], bounds)["all"][0]), 1e-6, 1)
        found.append(np.log(share / (1 - share)))
    return np.array(found)


def test_reads_per_cell_change_no_share():
    """Half the reads in one arm: shares of cells above a tenth and means of logs change; thinned, they do not."""
    significant = {}
    for kept in ((1.0, 1.0), (1.0, 0.5)):
        studies = np.array([logit_shares(np.random.default_rng(seed), 0.5, kept) for seed in range(40)])
        significant[kept] = (ttest_ind(studies[:, :4], studies[:, 4:], axis=1).pvalue < 0.05).mean()
    assert significant[1.0, 1.0] > 0.2, significant
    # 200 tests, those of a study correlated: .05 with a standard error of about .02
    assert significant[1.0, 0.5] < 0.09, significant


def test_a_sample_without_a_network_does_not_spoil_the_rank():
    study, _ = make_cohort()
    nodes, edges = make_networks(study, in_arm("treated", "CSF", 3.0))
    rest = [table[table["sample"] != "D0_CSF"] for table in (nodes, edges)]
    table = compare_centrality(study, *rest, LeftOut(STEP)).effects
    row = table[(table["lineage"] == "A") & (table["term"] == "interaction")].iloc[0]
    assert (row["call"], row["worst_rank"], row["n_condition"]) == ("hub_gained_in_CSF", 1, 3)


def silent(tables, samples, among="ABCDE"):
    """Nodes and edges in which no pair is expressed between some lineages of some samples."""
    nodes, edges = (table.copy() for table in tables)
    ends = edges["source"].isin(list(among)) & edges["target"].isin(list(among))
    edges.loc[edges["sample"].isin(samples) & ends, ["strength", "strength_downsampled"]] = 0.0
    nodes["rank"] = nodes["rank"].mask(nodes["sample"].isin(samples) & (len(among) == 5))
    return nodes, edges


@pytest.mark.parametrize("sample", ["D0_CSF", "D2_CSF", "D5_CSF"])
def test_a_sample_whose_network_is_empty_is_left_out_alone(sample):
    """As a sample that has none: its shares are not known, those of the others are."""
    study, _ = make_cohort()
    made, left_out = make_networks(study, in_arm("treated", "CSF", 3.0)), LeftOut(STEP)
    found = compare_centrality(study, *silent(made, [sample]), left_out).effects
    without = [table[table["sample"] != sample] for table in made]
    pd.testing.assert_frame_equal(found, compare_centrality(study, *without, LeftOut(STEP)).effects)
    reasons = {row["reason"] for row in left_out.rows if row["lineage"] == "A"}
    assert reasons == {
        f"network 'all', {term} CSF: no pair is expressed between A, B, C, D, E in 1 of 8 {units}, left out"
        for term, units in (("within:CSF", "samples"), ("interaction", "pairs"))
    }


def test_a_lineage_is_not_lost_in_silence_where_networks_are_empty():
    """Of most donors of an arm, between the lineages that all have: E is in no common network without the others."""
    study, _ = make_cohort()
    left_out, few = LeftOut(STEP), ["D0_CSF", "D1_CSF", "D2_CSF"]
    table = compare_centrality(study, *silent(make_networks(study, lambda row: 1.0), few), left_out).effects
    assert set(table["term"]) == {"within:blood"}
    reasons = [row["reason"] for row in left_out.rows]
    assert len(reasons) == 10
    assert all(reason.endswith("in 3 of 8 samples, too many to leave out") for reason in reasons[:5])


def test_networks_that_are_empty_with_few_cells_have_no_downsampled_share():
    """It was taken for one half, so that the estimate of few cells was of no donor's."""
    study, _ = make_cohort()
    nodes, edges = make_networks(study, in_arm("treated", "CSF", 3.0))
    edges.loc[edges["sample"] == "D0_CSF", "strength_downsampled"] = 0.0
    table = compare_centrality(study, nodes, edges, LeftOut(STEP)).effects.set_index(["term", "lineage"])
    without = [each[each["sample"] != "D0_CSF"] for each in (nodes, edges)]
    smaller = compare_centrality(study, *without, LeftOut(STEP)).effects.set_index(["term", "lineage"])
    np.testing.assert_allclose(table["estimate_downsampled"], smaller["estimate_downsampled"].loc[table.index])
    assert table.loc[("within:CSF", "A"), "n_condition"] == 4


def test_lineages_of_fractions_sorted_in_one_arm_are_no_hubs():
    """Every lineage talks alike to every other; A and B are sorted apart from the rest in treated donors."""
    sheet, networks = ["sample,donor,compartment,condition,filtered,fraction,fraction_share"], []
    for donor in range(6):
        fractions = {"T": "AB", "rest": "CDE"} if donor < 3 else {"": "ABCDE"}
        for fraction, lineages in fractions.items():
            name, condition = f"D{donor}{fraction}", "treated" if donor < 3 else "untreated"
            sheet.append(f"{name},D{donor},CSF,{condition},{name}.h5,{fraction},{0.5 if fraction else ''}")
            pairs = [(name, "all", a, b) for a in lineages for b in lineages if a != b]
            networks.append(pd.DataFrame(pairs, columns=["sample", "network", "source", "target"]))
    study = make_study(parse_samplesheet("\n".join(sheet))).of_specimens()
    edges = pd.concat(networks, ignore_index=True)
    edges["strength"] = np.random.default_rng(0).uniform(0.95, 1.05, len(edges))
    edges = averaged(
        edges.assign(strength_downsampled=edges["strength"]), study.samples, ["network", "source", "target"]
    )
    nodes = edges.rename(columns={"source": "lineage"}).drop_duplicates(["sample", "lineage"]).assign(rank=1)
    table = compare_centrality(study, nodes, edges, LeftOut(STEP)).effects.set_index("lineage")
    assert list(table.index) == list("ABCDE") and table["estimate"].abs().max() < 0.1
    assert table["estimate_downsampled"].abs().max() < 0.1


def study_and_networks(kind, factor=3.0, seed=0, n=None):
    """Of every kind; lineage A talks more where the effect is."""
    study = study_of_kind(sheet_of(kind, n or DONORS[kind]))
    return study, *make_networks(study, lambda row: factor ** strength(row._asdict()), seed)


@pytest.mark.parametrize("kind", DONORS)
def test_a_hub_is_called_in_every_kind_of_contrast(kind):
    study, nodes, edges = study_and_networks(kind)
    table = compare_centrality(study, nodes, edges, LeftOut(STEP)).effects.set_index(["term", "lineage"])
    row = table.loc[(across_of(kind), "A")]
    assert row["call"] == ("hub_in_CSF" if kind == COMPARTMENTS else "hub_gained_in_CSF") and row["worst_rank"] == 1
    odds = {name: np.log(share / (1 - share)) for name, share in nodes_shares(edges).items()}
    changes = contrast_by_hand(kind, study, odds)
    assert row["estimate"] == pytest.approx(changes, abs=0.02 if kind == MIXED else 1e-9)
    assert row["loo_low"] <= row["estimate"] <= row["loo_high"] and row["loo_same_sign"]
    assert not table.loc[across_of(kind)].drop("A")["call"].isin(["hub_in_CSF", "hub_gained_in_CSF"]).any()
    if kind != COMPARTMENTS:
        assert (table.loc["within:CSF", "call"] == "").all()


def nodes_shares(edges):
    """Share of lineage A by sample."""
    own = edges[(edges["source"] == "A") | (edges["target"] == "A")].groupby("sample")["strength"].sum()
    return own / (2 * edges.groupby("sample")["strength"].sum())


def contrast_by_hand(kind, study, odds):
    """CSF minus blood, of what the kind compares, from means over donors."""
    samples = study.samples.assign(value=study.samples["sample"].map(odds))
    wide = samples.pivot(index=["donor", "condition"], columns="compartment", values="value")
    by_condition = (wide["CSF"] - wide["blood"]).unstack()
    if kind == COMPARTMENTS:
        return by_condition["untreated"].mean()
    if kind == "trend":
        return float(np.polyfit([0, 1, 6], by_condition[["baseline", "m1", "m6"]].mean(), 1)[0] * 6)
    change = by_condition["after"] - by_condition["baseline"]
    if kind == "change":
        group = study.samples.drop_duplicates("donor").set_index("donor")["group"]
        first, second = (change[group == name].mean() for name in ("drug", "placebo"))
        return first - second
    return change.mean() if kind == WITHIN else by_condition["after"].mean() - by_condition["baseline"].mean()


def test_a_hub_of_the_reference_compartment_of_one_condition():
    study, nodes, edges = study_and_networks(COMPARTMENTS, 0.3)
    nodes.loc[nodes["lineage"] == "A", "rank"] = np.where(
        nodes.loc[nodes["lineage"] == "A", "sample"].str.contains("blood"), 2, 5
    )
    table = compare_centrality(study, nodes, edges, LeftOut(STEP)).effects.set_index("lineage")
    assert table.loc["A", "call"] == "hub_in_blood" and table.loc["A", "worst_rank"] == 5
    nodes.loc[(nodes["lineage"] == "A") & (nodes["sample"] == "D01_blood_untreated"), "rank"] = 4
    table = compare_centrality(study, nodes, edges, LeftOut(STEP)).effects.set_index("lineage")
    assert table.loc["A", "call"] == "inconclusive"


def test_ranks_before_the_treatment_do_not_count():
    study, nodes, edges = study_and_networks(WITHIN)
    nodes.loc[nodes["sample"].str.contains("baseline") & (nodes["lineage"] == "A"), "rank"] = 5
    table = compare_centrality(study, nodes, edges, LeftOut(STEP)).effects.set_index(["term", "lineage"])
    assert table.loc[("interaction", "A"), ["worst_rank", "call"]].tolist() == [1, "hub_gained_in_CSF"]


def test_a_donor_with_two_units_is_left_out_whole():
    """One donor's CSF is odd under both conditions: an estimate without him is among those without one donor."""
    study = study_of_kind(sheet_of(MIXED, 3))
    nodes, edges = make_networks(study, lambda row: 20.0 if (row.donor, row.condition) == ("D00", "after") else 1.0)
    table = compare_centrality(study, nodes, edges, LeftOut(STEP)).effects.set_index(["term", "lineage"])
    rest = study.subset(study.samples.loc[study.samples["donor"] != "D00", "sample"])
    without = compare_centrality(rest, nodes, edges, LeftOut(STEP)).effects.set_index(["term", "lineage"])
    row = ("within:CSF", "A")
    assert without.loc[row, "n_condition"] == 5 and table.loc[row, "estimate"] > 0.2
    assert table.loc[row, "loo_low"] == pytest.approx(without.loc[row, "estimate"], abs=0.03)


def test_a_lineage_that_most_lack_after_is_named_with_the_condition():
    study, nodes, edges = study_and_networks(WITHIN)
    lost = edges["sample"].str.fullmatch("D0[0-3]_CSF_after") & ((edges["source"] == "E") | (edges["target"] == "E"))
    left_out = LeftOut(STEP)
    table = compare_centrality(study, nodes, edges[~lost], left_out).effects
    assert set(table.loc[table["lineage"] == "E", "term"]) == {"within:blood"}
    reasons = {row["reason"] for row in left_out.rows}
    assert reasons == {
        f"network 'all', {term} CSF: absent in after (1 of 5 donors have it)" for term in ("within:CSF", "interaction")
    }
