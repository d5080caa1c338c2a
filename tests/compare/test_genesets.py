"""Gene-set scores: reading sets, TMM, scores, and their comparison between donors."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from benchmarks.expression_designs import sheet_of, study_of_kind
from benchmarks.studies import pseudobulk_study
from compartments.cohort import pseudobulk
from compartments.compare import donor_scores, genesets, normalisation
from compartments.core import gene_sets
from compartments.core.contract import Contract
from compartments.core.errors import UserError
from compartments.core.left_out import LeftOut
from compartments.study.study import COMPARTMENTS, MIXED
from tests.support.cohorts import asked
from tests.support.pseudobulks import lineage_of, study_of
from tests.support.signalling import DONORS, across_of, strength

STEP = "score_gene_sets"
CONTRACT = Contract.of(STEP)
EFFECTS = CONTRACT.names("migration/effects.tsv")
SETS = {"SET": [f"gene{i:05d}" for i in range(40)], "OTHER": [f"gene{i:05d}" for i in range(100, 140)]}


@pytest.fixture(scope="module")
def simulated():
    return pseudobulk_study(np.random.default_rng(3), 3, 4, n_genes=800, set_size=40, set_log2fc=2.0)


@pytest.fixture(scope="module")
def scored(simulated):
    lineages = [lineage_of(simulated, "A"), lineage_of(simulated, "B")]
    return genesets.score_lineages(lineages, SETS, 0, LeftOut(STEP))


def test_score_by_hand(simulated):
    """Mean z of the set minus mean z of its controls; with every gene outside the set a control, no seed enters."""
    lineage = lineage_of(simulated)
    lineage = pseudobulk.Lineage(
        "T",
        lineage.samples,
        lineage.genes[:60],
        lineage.corrected[:, :60],
        lineage.counts[:, :60],
        lineage.ambient[:, :60],
    )
    members = list(lineage.genes[:12])
    left_out = LeftOut(STEP)
    found = genesets.score_lineage(lineage, {"S": members}, 0, left_out)
    assert not left_out.rows and (found["n_genes"] == 12).all() and (found["coverage"] == 1).all()
    values = normalisation.log_cpm(lineage.corrected)
    detected = ((lineage.corrected > 0).sum(0) >= 2) & (values.std(0) > 0)
    genes, values = lineage.genes[detected], values[:, detected]
    z = stats.zscore(values)
    ranks = values.mean(0).argsort(kind="stable").argsort(kind="stable")
    bins = ranks * 25 // len(genes)
    inside = genes.isin(members)
    controls = []
    for gene in np.flatnonzero(inside):
        pool = np.flatnonzero(~inside & (bins == bins[gene]))
        controls.append(z[:, pool if len(pool) else ~inside].mean(1) if len(pool) else None)
    whole = [c for c in controls if c is not None]
    if len(whole) == len(controls):
        np.testing.assert_allclose(found["score"], z[:, inside].mean(1) - np.mean(controls, axis=0), atol=1e-10)
    else:  # a bin of set genes only draws from all others, by seed: the mean of the rest must be close
        assert np.corrcoef(found["score"], z[:, inside].mean(1) - np.mean(whole, axis=0))[0, 1] > 0.9


def test_genes_that_a_file_does_not_list_do_not_count(simulated):
    """Scores are those of the other genes, whatever zeros stand for the absent ones."""
    lineage = lineage_of(simulated)
    absent = np.zeros(lineage.corrected.shape, bool)
    absent[0, 3:40:3] = True
    counts = np.where(absent, 0, lineage.corrected)
    left_out = LeftOut(STEP)
    cut = donor_scores.without_ambient(replace(lineage, corrected=counts, absent=absent), left_out)
    assert list(cut.genes) == list(lineage.genes[~absent[0]])
    np.testing.assert_array_equal(cut.corrected, lineage.corrected[:, ~absent[0]])
    assert left_out.rows[0]["reason"].startswith("13 genes do not count in scores: the files of some samples")


def test_other_sets_and_order_do_not_change_a_score(simulated):
    lineage = lineage_of(simulated)
    both = genesets.score_lineage(lineage, SETS, 5, LeftOut(STEP))
    alone = genesets.score_lineage(lineage, {"SET": SETS["SET"][::-1]}, 5, LeftOut(STEP))
    expected = both.loc[both["gene_set"] == "SET", "score"].to_numpy()
    assert np.corrcoef(alone["score"], expected)[0, 1] > 0.99
    again = genesets.score_lineage(lineage, {"SET": SETS["SET"]}, 5, LeftOut(STEP))
    np.testing.assert_array_equal(again["score"], expected)


def test_small_and_absent_sets_are_named(simulated):
    sets = {"FEW": SETS["SET"][:9], "ABSENT": SETS["SET"][:15] + [f"x{i}" for i in range(16)], "ALL": list(SETS["SET"])}
    left_out = LeftOut(STEP)
    scores = genesets.score_lineage(lineage_of(simulated), sets, 0, left_out)
    assert set(scores["gene_set"]) == {"ALL"}
    assert "9 of 9 genes of FEW detected" in left_out.rows[0]["reason"]
    assert "15 of 31 genes of ABSENT detected" in left_out.rows[1]["reason"]


def test_all_lineages_uses_the_complete_ones(scored):
    partial = scored[~((scored["lineage"] == "B") & (scored["sample"] == "D01_CSF"))]
    left_out = LeftOut(STEP)
    joined = donor_scores.add_all_lineages(partial, 14, left_out)
    pooled = joined[joined["lineage"] == donor_scores.ALL]
    assert not left_out.rows and (pooled["n_lineages"] == 1).all() and len(pooled) == 2 * 14
    merged = pooled.merge(scored[scored["lineage"] == "A"], on=["sample", "gene_set"])
    np.testing.assert_array_equal(merged["score_x"], merged["score_y"])
    donor_scores.add_all_lineages(partial[partial["lineage"] == "B"], 14, left_out)
    assert "no lineage is scored in all 14 samples" in left_out.rows[0]["reason"]


def test_effects_equal_t_tests(scored, simulated):
    """Two-sample t on within-donor differences, and on the samples of a compartment; the headline is near Welch's."""
    study = study_of(simulated)
    left_out = LeftOut(STEP)
    joined = donor_scores.add_all_lineages(scored, 14, left_out)
    effects = genesets.compare_scores(joined, study, ["SET"], left_out).effects
    assert not left_out.rows
    own = scored[(scored["lineage"] == "A") & (scored["gene_set"] == "SET")].set_index("sample")["score"]
    pairs = asked(study, "interaction").units
    difference = own[pairs["sample"]].to_numpy() - own[pairs["reference_sample"]].to_numpy()
    treated = (pairs["condition"] == "treated").to_numpy()
    expected = stats.ttest_ind(difference[treated], difference[~treated])
    row = effects[(effects["lineage"] == "A") & (effects["gene_set"] == "SET")].set_index("term").loc["interaction"]
    assert row["p_plain"] == pytest.approx(expected.pvalue)
    welch = stats.ttest_ind(difference[treated], difference[~treated], equal_var=False)
    assert abs(np.log(row["p_value"] / welch.pvalue)) < 1.5
    assert row["ci_low"] < row["estimate"] < row["ci_high"]
    assert row["estimate"] == pytest.approx(difference[treated].mean() - difference[~treated].mean())
    assert (row["n_condition"], row["n_reference"], row["tier"]) == (3, 4, "inferential") and row["df"] <= 5
    within = asked(study, "within:CSF").units
    arms = [own[within.loc[within["condition"] == level, "sample"]] for level in ("treated", "untreated")]
    row = effects[(effects["lineage"] == "A") & (effects["gene_set"] == "SET")].set_index("term").loc["within:CSF"]
    assert row["p_plain"] == pytest.approx(stats.ttest_ind(*arms).pvalue)
    assert set(effects) == set(EFFECTS)


def test_planted_set_is_called_and_the_other_is_not(scored, simulated):
    effects = genesets.compare_scores(scored, study_of(simulated), ["SET"], LeftOut(STEP)).effects
    interaction = effects[effects["term"] == "interaction"].set_index("gene_set")
    assert interaction.loc["SET", "call"].str.match("CSF_(only|higher)").all()
    assert (interaction.loc["OTHER", "call"] == "").all()
    assert (effects.loc[effects["term"] != "interaction", "call"] == "").all()
    assert interaction.loc["SET", "primary"].all() and not interaction.loc["OTHER", "primary"].any()


def test_one_donor_is_descriptive_and_none_is_named(scored, simulated):
    study = study_of(simulated)
    donors = scored["donor"]
    one = scored[~donors.isin(["D01", "D02"])]
    effects = genesets.compare_scores(one, study, ["SET"], LeftOut(STEP)).effects
    assert set(effects["tier"]) == {"descriptive"}
    assert effects[["p_value", "q_value", "p_plain", "p_moderated"]].isna().all().all()
    assert effects["estimate"].notna().all() and (effects["call"] == "").all()
    none = scored[~donors.isin(["D01", "D02", "D03"])]
    left_out = LeftOut(STEP)
    effects = genesets.compare_scores(none, study, ["SET"], left_out).effects
    assert len(effects) == 0 and list(effects.columns) == EFFECTS
    assert {row["reason"] for row in left_out.rows} >= {"not_testable: no pair with condition 'treated'"}
    minimal = scored[donors.isin(["D01", "D04"])]
    effects = genesets.compare_scores(minimal, study, ["SET"], LeftOut(STEP)).effects
    assert effects["estimate"].notna().all() and effects["se"].isna().all()


def test_unpaired_donor_counts_within_only(scored, simulated):
    without = scored[scored["sample"] != "D07_blood"]
    effects = genesets.compare_scores(without, study_of(simulated), ["SET"], LeftOut(STEP)).effects
    numbers = effects[effects["lineage"] == "A"].groupby("term")["n_reference"].first()
    assert numbers.to_dict() == {"interaction": 3, "within:CSF": 4, "within:blood": 3}


def test_gmt_reading(tmp_path, root):
    path = tmp_path / "own.gmt"
    path.write_text("A\td\tX\tY\tX\t\n\nB\td\tZ\n")
    assert gene_sets.read_gmt(path) == {"A": ["X", "Y"], "B": ["Z"]}
    shipped = gene_sets.read_gmt(root / "assets" / "migration_sets.gmt")
    assert {name: len(shipped[name]) for name in genesets.PREREGISTERED} == {
        "GOBP_LEUKOCYTE_MIGRATION": 314,
        "CSF_MIGRATION_CORE": 41,
    }
    assert genesets.choose_primary(shipped) == list(genesets.PREREGISTERED)
    with pytest.raises(UserError, match="A.*own.gmt.*own.gmt"):
        gene_sets.merge_sets([path, path])
    assert genesets.choose_primary({"A": ["X"], "B": ["Z"]}) == ["A", "B"]


def test_the_donors_values_are_the_scores_and_their_differences(scored, simulated):
    found = genesets.compare_scores(scored, study_of(simulated), ["SET"], LeftOut(STEP))
    keys = ["lineage", "gene_set", "contrast", "term", "compartment"]
    means = found.donors().groupby([*keys, "condition"])["value"].mean().unstack()
    effects = found.effects.set_index(keys)
    np.testing.assert_allclose((means["treated"] - means["untreated"])[effects.index], effects["estimate"])


def test_genes_that_are_ambient_do_not_count(simulated):
    """A tenth of one arm's counts comes from another lineage that makes the set: its score rises by soup alone."""
    lineage = lineage_of(simulated, "A")
    rng = np.random.default_rng(0)
    mix = np.where(lineage.genes.isin(SETS["OTHER"]), 1.0, 0.0) / 40
    arm = lineage.samples["condition"].eq("treated") & lineage.samples["compartment"].eq("CSF")
    size = np.where(arm, lineage.corrected.sum(1) / 9, 0)[:, None]
    leaked = rng.poisson(size * mix)
    counts = lineage.corrected + leaked
    layers = sparse.csr_array(counts), sparse.csr_array(leaked.astype(np.float32))
    leaky = pseudobulk.Lineage("A", lineage.samples, lineage.genes, counts, *layers)
    left_out = LeftOut(STEP)
    clean = donor_scores.without_ambient(leaky, left_out)
    assert "genes do not count in scores" in left_out.rows[0]["reason"]
    assert clean.genes.isin(SETS["OTHER"]).sum() < 20 and clean.genes.isin(SETS["SET"]).sum() > 35
    scores = genesets.score_lineage(leaky, SETS, 0, LeftOut(STEP)).set_index(["gene_set", "sample"])["score"]["OTHER"]
    assert scores[arm].min() > scores[~arm].max()
    genesets.score_lineage(clean, SETS, 0, left_out)
    assert "genes of OTHER detected" in left_out.rows[1]["reason"]


def scores_of(study, effect=1.5, seed=0):
    """Scores of two sets in two lineages: donors differ, the first set is raised where the effect is."""
    rng = np.random.default_rng(seed)
    donors = {donor: rng.normal(0, 0.5, 4) for donor in study.samples["donor"].unique()}
    rows = []
    for sample in study.samples.to_dict("records"):
        for k, (lineage, gene_set) in enumerate((k, s) for k in "AB" for s in ("SET", "OTHER")):
            score = donors[sample["donor"]][k] + rng.normal(0, 0.1) + effect * strength(sample) * (gene_set == "SET")
            rows.append({**sample, "lineage": lineage, "gene_set": gene_set, "score": score})
    return pd.DataFrame(rows)


@pytest.mark.parametrize("kind", DONORS)
def test_a_set_raised_in_one_compartment_is_called_in_every_kind_of_contrast(kind):
    study = study_of_kind(sheet_of(kind, DONORS[kind]))
    found = genesets.compare_scores(scores_of(study), study, ["SET"], LeftOut(STEP))
    table = found.effects.set_index(["gene_set", "term", "lineage"]).sort_index()
    assert set(found.effects) == set(EFFECTS)
    rows = table.loc[("SET", across_of(kind))]
    assert (rows["estimate"] - 1.5).abs().max() < 0.4 and (rows["p_value"] < 0.01).all()
    words = ["CSF_higher"] if kind == COMPARTMENTS else ["CSF_higher", "CSF_only"]
    assert rows["call"].isin(words).all() and (rows["call_q"] < 0.05).all()
    assert (table.loc["OTHER", "call"] == "").all()
    if kind != COMPARTMENTS:
        assert (table.loc[("SET", "within:CSF"), "estimate"] - 1.5).abs().max() < 0.4
        assert table.loc[("SET", "within:blood"), "estimate"].abs().max() < 0.4
    values = found.donors().groupby(["gene_set", "term", "lineage", "condition"], sort=False)["value"].mean()
    first, *second = values.xs(("SET", across_of(kind), "A"), level=[0, 1, 2])
    assert first - sum(second) == pytest.approx(rows.loc["A", "estimate"], abs=0.15 if kind == MIXED else 1e-9)


def test_a_set_raised_in_the_reference_compartment_is_called_there():
    sheet = sheet_of(MIXED, DONORS[MIXED])
    studies = study_of_kind(sheet), study_of_kind(sheet, reference_compartment="CSF")
    scores = scores_of(studies[0])
    first, second = (genesets.compare_scores(scores, study, ["SET"], LeftOut(STEP)).effects for study in studies)
    first, second = (
        table[table["term"] == "interaction"].set_index(["gene_set", "lineage"]) for table in (first, second)
    )
    assert set(second["compartment"]) == {"blood"} and (second.loc["SET", "estimate"] < 0).all()
    assert second.loc["SET", "call"].isin(["CSF_only", "CSF_higher"]).all()
    names = ["call", "call_p", "call_q"]
    pd.testing.assert_frame_equal(second.loc[first.index, names], first[names])


def test_of_one_condition_the_compartment_that_is_higher_is_called():
    study = study_of_kind(sheet_of(COMPARTMENTS, 5))
    effects = genesets.compare_scores(scores_of(study, -1.5), study, ["SET"], LeftOut(STEP)).effects
    assert set(effects.loc[effects["gene_set"] == "SET", "call"]) == {"blood_higher"}


def test_of_donors_without_one_of_the_conditions_nothing_is_compared():
    study = study_of_kind(sheet_of("within", 5))
    left_out = LeftOut(STEP)
    scores = scores_of(study)
    fewer = scores[~((scores["lineage"] == "B") & (scores["condition"] == "after"))]
    effects = genesets.compare_scores(fewer, study, ["SET"], left_out).effects
    assert set(effects["lineage"]) == {"A"}
    assert {row["reason"] for row in left_out.rows} == {
        "not_testable: no donor has it in all samples that are compared"
    }
    one = scores[scores["compartment"] == "CSF"]
    alone = study.subset(one["sample"].unique())
    assert set(genesets.compare_scores(one, alone, ["SET"], LeftOut(STEP)).effects["term"]) == {"within:CSF"}


def test_what_only_one_model_can_name_is_scored_but_not_compared_between_compartments(scored, simulated):
    """The other lineage's rows are those of itself alone, and the mean over lineages is of it."""
    study = replace(study_of(simulated), named={"lineage": {"CSF": ["A", "B"], "blood": ["A"]}})
    left_out = LeftOut(STEP)
    joined = donor_scores.add_all_lineages(scored, 14, left_out, study.named_by_one("CSF")["lineage"])
    pooled = joined[joined["lineage"] == donor_scores.ALL].set_index(["sample", "gene_set"])["score"]
    alone = scored[scored["lineage"] == "A"].set_index(["sample", "gene_set"])["score"]
    pd.testing.assert_series_equal(pooled.sort_index(), alone.sort_index())
    effects = genesets.compare_scores(scored, study, ["SET"], left_out).effects
    assert set(effects.loc[effects["lineage"] == "B", "term"]) == {"within:blood", "within:CSF"}
    assert set(effects.loc[effects["lineage"] == "A", "term"]) == {"within:blood", "within:CSF", "interaction"}
    (row,) = left_out.rows
    assert (row["lineage"], row["contrast"]) == ("B", "treated_vs_untreated interaction CSF")
    assert row["reason"] == "not_testable: the model of CSF can name it, that of blood cannot"
