"""Gene-set scores: reading sets, TMM, scores, and their comparison between donors."""

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from scipy import stats
from tests.test_expression import lineage_of, study_of, write_inputs

from compartments.cohort import pseudobulk
from compartments.compare import genesets
from compartments.core import files, gene_sets
from compartments.core.errors import UserError
from compartments.simulate.studies import pseudobulk_study

SETS = {"SET": [f"gene{i:05d}" for i in range(40)], "OTHER": [f"gene{i:05d}" for i in range(100, 140)]}


@pytest.fixture(scope="module")
def simulated():
    return pseudobulk_study(np.random.default_rng(3), 3, 4, n_genes=800, set_size=40, set_log2fc=2.0)


@pytest.fixture(scope="module")
def scored(simulated):
    lineages = [lineage_of(simulated, "A"), lineage_of(simulated, "B")]
    return genesets.score_lineages(lineages, SETS, 0)[0]


def test_tmm_equals_edger():
    """Normalisation factors of edgeR's method on fixed counts, stored from an independent implementation."""
    rng = np.random.default_rng(11)
    base = rng.gamma(0.6, 1, 300) * np.exp(rng.normal(0, 0.4, (6, 300)))
    base[3:, :30] *= 8
    counts = rng.poisson(base / base.sum(1, keepdims=True) * np.array([3000, 8000, 20000, 5000, 12000, 900])[:, None])
    assert counts.sum() == 48806
    expected = [
        1.238316776420481,
        1.0339610262866914,
        1.1293292838401634,
        0.7421246846480898,
        0.8625711994719869,
        1.0803678554351381,
    ]
    np.testing.assert_allclose(pseudobulk.tmm_factors(counts), expected, rtol=1e-12)


@given(st.integers(0, 2**31), st.integers(2, 30))
@settings(max_examples=20, deadline=None)
def test_tmm_ignores_depth_alone(seed, factor):
    """Samples that differ in depth only have factor 1, and the factors have product 1."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(50, 200) + 1
    np.testing.assert_allclose(pseudobulk.tmm_factors(np.vstack([counts, counts * factor, counts])), 1, rtol=1e-9)
    mixed = rng.poisson(rng.gamma(1, 40, 200), (4, 200))
    assert np.log(pseudobulk.tmm_factors(mixed)).sum() == pytest.approx(0, abs=1e-9)


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
    found, skipped = genesets.score_lineage(lineage, {"S": members}, 0)
    assert not skipped and (found["n_genes"] == 12).all() and (found["coverage"] == 1).all()
    values = pseudobulk.log_cpm(lineage.corrected)
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


def test_other_sets_and_order_do_not_change_a_score(simulated):
    lineage = lineage_of(simulated)
    both = genesets.score_lineage(lineage, SETS, 5)[0]
    alone = genesets.score_lineage(lineage, {"SET": SETS["SET"][::-1]}, 5)[0]
    expected = both.loc[both["gene_set"] == "SET", "score"].to_numpy()
    assert np.corrcoef(alone["score"], expected)[0, 1] > 0.99
    again = genesets.score_lineage(lineage, {"SET": SETS["SET"]}, 5)[0]
    np.testing.assert_array_equal(again["score"], expected)


def test_small_and_absent_sets_are_named(simulated):
    sets = {"FEW": SETS["SET"][:9], "ABSENT": SETS["SET"][:15] + [f"x{i}" for i in range(16)], "ALL": list(SETS["SET"])}
    scores, skipped = genesets.score_lineage(lineage_of(simulated), sets, 0)
    assert set(scores["gene_set"]) == {"ALL"}
    assert "9 of 9 genes of FEW detected" in skipped[0]["reason"]
    assert "15 of 31 genes of ABSENT detected" in skipped[1]["reason"]


def test_all_lineages_uses_the_complete_ones(scored):
    partial = scored[~((scored["lineage"] == "B") & (scored["sample"] == "D01_CSF"))]
    joined, skipped = genesets.add_all_lineages(partial, 14)
    pooled = joined[joined["lineage"] == genesets.ALL]
    assert not skipped and (pooled["n_lineages"] == 1).all() and len(pooled) == 2 * 14
    merged = pooled.merge(scored[scored["lineage"] == "A"], on=["sample", "gene_set"])
    np.testing.assert_array_equal(merged["score_x"], merged["score_y"])
    _, skipped = genesets.add_all_lineages(partial[partial["lineage"] == "B"], 14)
    assert "no lineage is scored in all 14 samples" in skipped[0]["reason"]


def test_effects_equal_t_tests(scored, simulated):
    """Headline: two-sample t on within-donor differences, and on the samples of a compartment."""
    study = study_of(simulated)
    effects, skipped = genesets.compare_scores(genesets.add_all_lineages(scored, 14)[0], study, ["SET"])
    assert not skipped
    own = scored[(scored["lineage"] == "A") & (scored["gene_set"] == "SET")].set_index("sample")["score"]
    pairs = study.units("interaction", "CSF")
    difference = own[pairs["sample"]].to_numpy() - own[pairs["reference_sample"]].to_numpy()
    treated = (pairs["condition"] == "treated").to_numpy()
    expected = stats.ttest_ind(difference[treated], difference[~treated])
    row = effects[(effects["lineage"] == "A") & (effects["gene_set"] == "SET")].set_index("term").loc["interaction"]
    assert row["p_value"] == pytest.approx(expected.pvalue) == row["p_plain"]
    low, high = expected.confidence_interval()
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((low, high))
    assert row["estimate"] == pytest.approx(difference[treated].mean() - difference[~treated].mean())
    assert (row["df"], row["n_condition"], row["n_reference"], row["tier"]) == (5, 3, 4, "inferential")
    within = study.units("within:CSF", "CSF")
    arms = [own[within.loc[within["condition"] == level, "sample"]] for level in ("treated", "untreated")]
    row = effects[(effects["lineage"] == "A") & (effects["gene_set"] == "SET")].set_index("term").loc["within:CSF"]
    assert row["p_value"] == pytest.approx(stats.ttest_ind(*arms).pvalue)
    assert list(effects.columns) == genesets.EFFECT_COLUMNS


def test_planted_set_is_called_and_the_other_is_not(scored, simulated):
    effects, _ = genesets.compare_scores(scored, study_of(simulated), ["SET"])
    interaction = effects[effects["term"] == "interaction"].set_index("gene_set")
    assert interaction.loc["SET", "call"].str.match("CSF_(only|higher)").all()
    assert (interaction.loc["OTHER", "call"] == "").all()
    assert (effects.loc[effects["term"] != "interaction", "call"] == "").all()
    assert interaction.loc["SET", "primary"].all() and not interaction.loc["OTHER", "primary"].any()


def test_one_donor_is_descriptive_and_none_is_named(scored, simulated):
    study = study_of(simulated)
    donors = scored["donor"]
    one = scored[~donors.isin(["D01", "D02"])]
    effects, _ = genesets.compare_scores(one, study, ["SET"])
    assert set(effects["tier"]) == {"descriptive"}
    assert effects[["p_value", "q_value", "p_plain", "p_moderated"]].isna().all().all()
    assert effects["estimate"].notna().all() and (effects["call"] == "").all()
    none = scored[~donors.isin(["D01", "D02", "D03"])]
    effects, skipped = genesets.compare_scores(none, study, ["SET"])
    assert len(effects) == 0 and list(effects.columns) == genesets.EFFECT_COLUMNS
    assert {row["reason"] for row in skipped} >= {"not_testable: no pair with condition 'treated'"}
    minimal = scored[donors.isin(["D01", "D04"])]
    effects, _ = genesets.compare_scores(minimal, study, ["SET"])
    assert effects["estimate"].notna().all() and effects["se"].isna().all()


def test_unpaired_donor_counts_within_only(scored, simulated):
    without = scored[scored["sample"] != "D07_blood"]
    effects, _ = genesets.compare_scores(without, study_of(simulated), ["SET"])
    numbers = effects[effects["lineage"] == "A"].groupby("term")["n_reference"].first()
    assert numbers.to_dict() == {"interaction": 3, "within:CSF": 4, "within:blood": 3}


def test_match_depth(simulated):
    lineage = lineage_of(simulated)
    thinned = genesets.match_depth(lineage, 0)
    assert (thinned.corrected <= lineage.corrected).all()
    totals = pd.Series(thinned.corrected.sum(1), index=lineage.samples.index)
    medians = totals.groupby(lineage.samples["compartment"]).median()
    assert medians.max() / medians.min() < 1.01
    np.testing.assert_array_equal(thinned.corrected, genesets.match_depth(lineage, 0).corrected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A\tsource\tX\tY\nB\tsource\n", "line 2"),
        ("A source X Y\n", "line 1"),
        ("A\td\tX\n\nA\td\tY\n", "line 3"),
        ("\n", "no gene set"),
        ("A\td\t\t\n", "line 1"),
    ],
)
def test_gmt_errors(tmp_path, text, expected):
    path = tmp_path / "bad.gmt"
    path.write_text(text)
    with pytest.raises(UserError, match=expected):
        gene_sets.read_gmt(path)


def test_gmt_reading(tmp_path, root):
    path = tmp_path / "own.gmt"
    path.write_text("A\td\tX\tY\tX\t\n\nB\td\tZ\n")
    assert gene_sets.read_gmt(path) == {"A": ["X", "Y"], "B": ["Z"]}
    shipped = gene_sets.read_gmt(root / "assets" / "migration_sets.gmt")
    assert {name: len(shipped[name]) for name in genesets.PREREGISTERED} == {
        "GOBP_LEUKOCYTE_MIGRATION": 314,
        "CSF_MIGRATION_CORE": 41,
    }
    assert genesets.choose_primary(shipped, []) == list(genesets.PREREGISTERED)
    with pytest.raises(UserError, match="A.*own.gmt.*own.gmt"):
        gene_sets.merge_sets([path, path])
    with pytest.raises(UserError, match="did you mean CSF_MIGRATION_CORE"):
        genesets.choose_primary(shipped, ["CSF_MIGRATION_COR"])


def test_executable(tmp_path, execute):
    rng = np.random.default_rng(4)
    lineages = {name: pseudobulk_study(rng, 2, 4, n_genes=200, set_size=40) for name in ("B", "NK")}
    write_inputs(tmp_path, lineages)
    (tmp_path / "sets.gmt").write_text("".join("\t".join([name, "d", *genes]) + "\n" for name, genes in SETS.items()))
    arguments = ["--study", "study.json", "--pseudobulk", "pseudobulk.h5ad", "--gene_sets", "sets.gmt", "--seed", 3]
    contents = []
    for _ in range(2):
        done = execute("score_gene_sets", *arguments, "--primary", "SET")
        assert done.returncode == 0, done.stderr
        contents.append([(tmp_path / name).read_bytes() for name in ("scores.tsv", "effects.tsv", "skipped.tsv")])
    assert contents[0] == contents[1]
    scores, effects = files.read_tsv(tmp_path / "scores.tsv"), files.read_tsv(tmp_path / "effects.tsv")
    assert list(scores.columns) == genesets.SCORE_COLUMNS and list(effects.columns) == genesets.EFFECT_COLUMNS
    assert set(scores["lineage"]) == {"B", "NK", "all"} and len(scores) == 3 * 2 * 12
    assert len(effects) == 3 * 2 * 3
    (tmp_path / "sets.gmt").write_text("SET\n")
    done = execute("score_gene_sets", *arguments)
    assert done.returncode == 2 and done.stderr.startswith("ERROR: ") and "line 1" in done.stderr
    assert done.stderr.count("\n") == 1
