"""Interactions compared between conditions, on donors."""

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from compartments.compare import across, pair_scores, pathways, untested
from compartments.compare.edges import TOP_EDGES, compare_edges, score_top_edges
from compartments.compare.hubs import compare_centrality
from compartments.compare.liana import COLUMNS
from compartments.compare.moderated import fit_moderated
from compartments.core.contract import Contract
from compartments.core.left_out import LeftOut
from compartments.study.design import make_study

GENES = ["L1", "L2", "R1", "R2", "R3", *(f"G{i}" for i in range(40))]
PAIRS = pd.DataFrame({"ligand": ["L1", "L2", "L1_L2", "L1", "L2"], "receptor": ["R1", "R2", "R1", "R2_R3", "R3"]})
STEP = "compare_interactions"
LINEAGES = ["A", "B", "C"]
GROUPS = {"near": np.array([True, True, False, False, False]), "far": np.array([False, False, True, True, True])}


def make_cohort(n_condition=4, n_reference=4, seed=0, n_cells=60, change=None):
    """A study and its pseudobulk; ``change(rate, row)`` may alter the expected counts per cell of a sample's lineage.

    ``rate`` is an array over ``GENES``; ``row`` has donor, compartment, condition, lineage.
    """
    rng = np.random.default_rng(seed)
    base = rng.gamma(2.0, 1.0, (len(LINEAGES), len(GENES))) + 0.5
    sheet, obs, counts, expressing = [], [], [], []
    for d in range(n_condition + n_reference):
        condition = "treated" if d < n_condition else "control"
        donor = np.exp(rng.normal(0, 0.2, base.shape))
        for compartment in ("blood", "CSF"):
            place = {"donor": f"D{d}", "compartment": compartment, "condition": condition}
            sample = f"D{d}_{compartment}"
            sheet.append({"sample": sample, **place, "row": len(sheet) + 2})
            for k, lineage in enumerate(LINEAGES):
                row = {"sample": sample, "lineage": lineage, "n_cells": n_cells, **place}
                rate = base[k] * donor[k] * np.exp(rng.normal(0, 0.1, len(GENES)))
                if change:
                    rate = change(rate, row)
                cells = rng.poisson(rate, (row["n_cells"], len(GENES)))
                obs.append(row)
                counts.append(cells.sum(0))
                expressing.append((cells > 0).sum(0))
    counts = sparse.csr_matrix(np.array(counts))
    layers = {"counts": counts, "corrected": counts.copy(), "n_expressing": sparse.csr_matrix(np.array(expressing))}
    layers["ambient"] = sparse.csr_matrix(counts.shape, dtype=np.float32)
    obs = pd.DataFrame(obs)
    obs.index = obs["sample"] + ":" + obs["lineage"]
    pseudobulk = anndata.AnnData(obs=obs, var=pd.DataFrame(index=GENES), layers=layers)
    return make_study(pd.DataFrame(sheet)), pseudobulk


def score(study, pseudobulk, **options):
    return pair_scores.score_pseudobulk(pseudobulk, study.samples["sample"], PAIRS, **options)


def raise_pair(rate, row):
    """L1 in A and R1 in B doubled twice in treated CSF."""
    if row["condition"] == "treated" and row["compartment"] == "CSF":
        gene = {"A": "L1", "B": "R1"}.get(row["lineage"])
        if gene:
            rate[GENES.index(gene)] *= 4
    return rate


def edge(table, source="A", target="B", ligand="L1", receptor="R1", term="interaction"):
    chosen = table[["source", "target", "ligand", "receptor", "term"]].eq([source, target, ligand, receptor, term])
    return table[chosen.all(axis=1)].iloc[0]


def test_scores_are_log_cpm_of_the_weakest_subunit():
    study, pseudobulk = make_cohort()
    scores = score(study, pseudobulk)
    row = pseudobulk["D1_CSF:B"]
    counts = pd.Series(row.layers["corrected"].toarray()[0], GENES)
    expected = np.log(counts * 1e6 / counts.sum() + pair_scores.CPM_OFFSET)
    i, k = scores.samples.get_loc("D1_CSF"), scores.lineages.get_loc("B")
    np.testing.assert_allclose(scores.ligand[i, k], [expected[p.split("_")].min() for p in PAIRS["ligand"]])
    np.testing.assert_allclose(scores.receptor[i, k], [expected[p.split("_")].min() for p in PAIRS["receptor"]])


def test_sampling_variance_is_that_of_repeated_draws():
    study, _ = make_cohort(1, 1)
    rng = np.random.default_rng(3)
    rate = rng.gamma(2.0, 20.0, len(GENES))
    drawn, variances = [], []
    names = study.samples["sample"]
    for _ in range(300):
        counts = sparse.csr_matrix(rng.poisson(np.tile(rate, (4, 1))))
        obs = pd.DataFrame({"sample": names, "lineage": "A", "n_cells": 50}).set_index(names + ":A", drop=False)
        layers = dict.fromkeys(("counts", "corrected", "n_expressing", "ambient"), counts)
        pseudobulk = anndata.AnnData(obs=obs, var=pd.DataFrame(index=GENES), layers=layers)
        scores = score(study, pseudobulk)
        drawn.append(scores.ligand[:, 0, :2])
        variances.append(scores.v_ligand[:, 0, :2])
    observed, claimed = np.array(drawn).reshape(-1, 2).var(0), np.array(variances).reshape(-1, 2).mean(0)
    np.testing.assert_allclose(claimed, observed, rtol=0.2)


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
    units = study.units("interaction", "CSF")
    own, base = (scores.samples.get_indexer(units[c]) for c in ("sample", "reference_sample"))
    place = [scores.lineages.get_indexer(rows[c]) for c in ("source", "target")]
    pair = pd.MultiIndex.from_frame(PAIRS).get_indexer(pd.MultiIndex.from_frame(rows[["ligand", "receptor"]]))
    z = [(scores.ligand[x][:, place[0], pair] + scores.receptor[x][:, place[1], pair]) / 2 for x in (own, base)]
    v = [(scores.v_ligand[x][:, place[0], pair] + scores.v_receptor[x][:, place[1], pair]) / 4 for x in (own, base)]
    design = np.column_stack([units["condition"] == "treated", units["condition"] == "control"]).astype(float)
    direct = fit_moderated(z[0] - z[1], design, v[0] + v[1], [1, -1])
    np.testing.assert_allclose(rows["log2fc"], direct["estimate"] / np.log(2), rtol=1e-9)
    np.testing.assert_allclose(rows["p_value"], direct["p_value"], rtol=1e-9)


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
    units = study.units("interaction", "CSF")
    at = [scores.samples.get_indexer(units[c]) for c in ("sample", "reference_sample")]
    k, pair = scores.lineages.get_loc("A"), 0
    z = scores.ligand[at[0], k, pair] - scores.ligand[at[1], k, pair]
    treated = (units["condition"] == "treated").to_numpy()
    plain = (z[treated].mean() - z[~treated].mean()) / np.log(2)
    row = rows[rows[keys].eq(["A", "C", "L1", "R1"]).all(axis=1)].iloc[0]
    assert row["ligand_log2fc"] == pytest.approx(plain, abs=0.1)  # the estimate is weighted
    assert row["log2fc"] == pytest.approx((row["ligand_log2fc"] + row["receptor_log2fc"]) / 2, abs=0.1)


def test_what_is_not_tested_is_listed_with_the_reason():
    def lose(rate, row):
        if row["lineage"] == "C" and row["condition"] == "treated" and row["donor"] != "D0":
            row["n_cells"] = 4
        return rate

    study, pseudobulk = make_cohort(change=lose)
    rows = (pseudobulk.obs["lineage"] == "A").to_numpy()
    ambient = np.zeros(pseudobulk.shape)
    ambient[rows, 0] = 0.3 * pseudobulk.layers["counts"].toarray()[rows, 0]
    pseudobulk.layers["ambient"] = sparse.csr_matrix(ambient, dtype=np.float32)
    resource = pd.concat([PAIRS, pd.DataFrame({"ligand": ["NOGENE_L1"], "receptor": ["R1"]})], ignore_index=True)
    scores = pair_scores.score_pseudobulk(pseudobulk, study.samples["sample"], resource)
    effects = compare_edges(study, scores, LeftOut(STEP)).effects
    table = untested.list_untested(study, pseudobulk, scores, ["NOGENE"], resource, effects, 10, 0.2)
    assert set(table["kind"]) == {"few_cells", "unknown_gene", "lost_lineage", "ambient"}
    few = table[table["kind"] == "few_cells"]
    assert set(few["lineage"]) == {"C"} and len(few) == 6
    assert few["reason"].str.startswith("4 cells, fewer than 10").all()
    assert table.loc[table["kind"] == "unknown_gene", ["gene", "n_edges"]].to_numpy().tolist() == [["NOGENE", 1]]
    lost = table[table["kind"] == "lost_lineage"]
    assert ((lost["source"] == "C") | (lost["target"] == "C")).all()
    assert lost["reason"].str.contains("treated: .*C in 1 of 4 donors.*: the loss explains").all()
    high = table[table["kind"] == "ambient"]
    assert set(high["lineage"]) == {"A"} and set(high["gene"]) == {"L1", "L1_L2"}
    assert high["reason"].str.startswith("ligand: 30%").all()
    assert (
        table.loc[table["kind"].isin(["lost_lineage", "ambient"]), "n_edges"].sum()
        == (effects["status"] != "tested").sum()
    )


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


def test_a_lost_lineage_is_absent_not_zero():
    def lose(rate, row):
        if row["lineage"] == "C" and row["condition"] == "treated" and row["donor"] != "D0":
            row["n_cells"] = 4
        return rate

    study, pseudobulk = make_cohort(change=lose)
    left_out = LeftOut(STEP)
    effects = compare_edges(study, score(study, pseudobulk), left_out).effects
    lost = (effects["source"] == "C") | (effects["target"] == "C")
    assert set(effects.loc[lost, "status"]) == {"absent_in_treated"}
    assert effects.loc[lost, ["log2fc", "p_value"]].isna().all(axis=None)
    assert set(effects.loc[~lost, "status"]) == {"tested"}
    assert any("absent_in_treated" in row["reason"] for row in left_out.rows)


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


def test_ambient_edges_are_dropped_with_the_reason():
    study, pseudobulk = make_cohort()
    rows = (pseudobulk.obs["lineage"] == "A").to_numpy()
    ambient = np.zeros(pseudobulk.shape)
    ambient[rows, GENES.index("L1")] = 0.3 * pseudobulk.layers["counts"].toarray()[rows, GENES.index("L1")]
    pseudobulk.layers["ambient"] = sparse.csr_matrix(ambient, dtype=np.float32)
    effects = compare_edges(study, score(study, pseudobulk), LeftOut(STEP)).effects
    dropped = (effects["source"] == "A") & effects["ligand"].isin(["L1", "L1_L2"])
    assert set(effects.loc[dropped, "status"]) == {"ambient"}
    assert set(effects.loc[~dropped, "status"]) == {"tested"}
    kept = compare_edges(study, score(study, pseudobulk), LeftOut(STEP), ambient_share_max=0.4).effects
    assert set(kept["status"]) == {"tested"}


def test_unexpressed_partners_are_no_edges():
    def silence(rate, row):
        if row["lineage"] == "A":
            rate[GENES.index("L1")] = 0.01
        return rate

    study, pseudobulk = make_cohort(change=silence)
    effects = compare_edges(study, score(study, pseudobulk), LeftOut(STEP)).effects
    assert not ((effects["source"] == "A") & effects["ligand"].isin(["L1", "L1_L2"])).any()
    assert ((effects["source"] == "B") & (effects["ligand"] == "L1")).any()


def test_groups_sum_over_sources_and_targets():
    def stronger(rate, row):
        if row["condition"] == "treated" and row["compartment"] == "CSF":
            rate[[GENES.index(g) for g in ("L1", "R1", "L2", "R2")]] *= 3
        return rate

    study, pseudobulk = make_cohort(change=stronger)
    table = pathways.compare_groups(study, score(study, pseudobulk), GROUPS, LeftOut(STEP)).effects
    rows = table[(table["term"] == "interaction") & (table["group"] == "near")]
    assert rows["level"].value_counts().to_dict() == {"all": 1, "source": 3, "target": 3, "pair": 9}
    total = rows[rows["level"] == "all"].iloc[0]
    assert (total["source"], total["target"], total["n_edges"]) == ("all", "all", 18)
    assert total["p_value"] < 0.01
    assert total["log2fc"] == pytest.approx(np.log2(3), abs=0.4)
    assert total["estimate"] > 1
    blood = table[(table["term"] == "within:blood") & (table["group"] == "near") & (table["level"] == "all")]
    assert blood["p_value"].iloc[0] > 0.05


def make_networks(study, share, seed=0):
    """Nodes and edges of all samples; ``share(row)`` is how much stronger lineage A talks than the others."""
    rng = np.random.default_rng(seed)
    names = ["A", "B", "C", "D", "E"]
    nodes, edges = [], []
    for row in study.samples.itertuples():
        s = rng.uniform(0.9, 1.1, (5, 5))
        s[0] *= share(row)
        s[:, 0] *= share(row)
        np.fill_diagonal(s, 0)
        strength = (s.sum(0) + s.sum(1)) / (2 * s.sum())
        rank = pd.Series(strength).rank(ascending=False).astype(int)
        nodes.append(pd.DataFrame({"sample": row.sample, "network": "all", "lineage": names, "rank": rank}))
        a, b = np.nonzero(~np.eye(5, dtype=bool))
        place = {"sample": row.sample, "network": "all", "source": np.array(names)[a], "target": np.array(names)[b]}
        edges.append(pd.DataFrame(place | {"strength": s[a, b], "strength_downsampled": s[a, b]}))
    return pd.concat(nodes, ignore_index=True), pd.concat(edges, ignore_index=True)


def in_arm(condition, compartment, high, low=1.0):
    return lambda row: high if (row.condition, row.compartment) == (condition, compartment) else low


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


def test_cross_compartment_rows_are_hypotheses():
    study, pseudobulk = make_cohort(change=raise_pair)
    table = across.cross_compartments(study, score(study, pseudobulk), GROUPS)
    assert set(table["tier"]) == {"hypothesis_generating"}
    assert "p_value" not in table
    rows = table[(table["source"] == "A") & (table["target"] == "B") & (table["receptor"] == "R1")]
    rows = rows[rows["ligand"] == "L1"].set_index("ligand_compartment")
    # only the ligand is raised in CSF, only the receptor's cells of blood are looked at: half of the effect
    assert rows.loc["CSF", "log2fc"] == pytest.approx(1, abs=0.4)
    assert rows.loc["CSF", "receptor_compartment"] == "blood"
    np.testing.assert_allclose(rows["log2fc"], rows["mean_condition"] - rows["mean_reference"], atol=0.3)


def test_executable(execute, tmp_path, root):
    study, pseudobulk = make_cohort(change=raise_pair)
    study.save(tmp_path / "study.json")
    pseudobulk.write_h5ad(tmp_path / "pseudobulk.h5ad")
    pairs, migration, groups = (tmp_path / f"{name}.tsv" for name in ("pairs", "migration", "pathways"))
    PAIRS.to_csv(pairs, sep="\t", index=False)
    migration.write_text("group\trole\tgene\nchemokine\tligand\tL1\nchemokine\treceptor\tR1\n")
    groups.write_text("group\tligand\treceptor\nmine\tL2\tR2\nstrange\tX\tY\n")
    nodes, edges = make_networks(study, in_arm("treated", "CSF", 3.0))
    measures = set(Contract.of(STEP).names("interactions/centrality.tsv")) - {"donor", "compartment", "condition"}
    nodes = nodes.reindex(columns=sorted(measures))
    for kind, table in (("centrality", nodes), ("network", edges)):
        for sample, rows in table.groupby("sample"):
            rows.to_csv(tmp_path / f"{sample}.{kind}.tsv", sep="\t", index=False)
    liana = pd.DataFrame({c: ["A"] for c in ("source", "target", "ligand_complex", "receptor_complex")})
    liana = liana.assign(**dict.fromkeys(COLUMNS[4:], 0.5), present=True).astype({"source": "category"})
    for sample in ("D0_CSF", "D5_blood"):
        liana.assign(sample=sample).to_parquet(tmp_path / f"{sample}.liana.parquet")
    results = tmp_path / "interactions"
    command = ["compare_interactions", "--study", "study.json", "--pseudobulk", "pseudobulk.h5ad"]
    command += ["--lr_resource", pairs, "--migration_pairs", migration, "--groups", groups]
    command += ["--centrality", *sorted(tmp_path.glob("*.centrality.tsv"))]
    command += ["--networks", *sorted(tmp_path.glob("*.network.tsv")), "--liana", *tmp_path.glob("*.liana.parquet")]
    done = execute(*command)
    assert done.returncode == 0, done.stderr
    effects = pd.read_csv(results / "effects.tsv", sep="\t")
    assert edge(effects)["q_value"] < 0.01
    found = pd.read_csv(results / "groups.tsv", sep="\t")
    assert set(found["group"]) == {"chemokine", "mine"}
    hubs = pd.read_csv(results / "centrality_effects.tsv", sep="\t")
    assert hubs["call"].eq("hub_gained_in_CSF").sum() == 1
    joined = pd.read_parquet(results / "liana.parquet")
    assert joined["sample"].tolist() == ["D0_CSF", "D5_blood"]
    assert joined["condition"].tolist() == ["treated", "control"]
    assert len(pd.read_csv(results / "network.tsv", sep="\t")) == len(edges)
    assert len(pd.read_csv(results / "cross_compartment.tsv", sep="\t"))
    assert list(pd.read_csv(results / "not_testable.tsv", sep="\t"))[-1] == "reason"
    assert "'strange'" in (tmp_path / "skipped.tsv").read_text()
    tables = {p.name: p.read_bytes() for p in results.glob("*effects.tsv")} | {
        "g": (results / "groups.tsv").read_bytes()
    }
    assert execute(*command).returncode == 0
    again = {p.name: p.read_bytes() for p in results.glob("*effects.tsv")} | {
        "g": (results / "groups.tsv").read_bytes()
    }
    assert tables == again

    groups.write_text("group\tligand\nmine\tL2\n")
    bad = execute(*command)
    assert bad.returncode == 2
    assert "column 'receptor' missing" in bad.stderr
    assert len(bad.stderr.strip().splitlines()) == 1
    pairs.write_text("ligand\treceptor\nCcl5\tCcr5\n")
    groups.write_text("group\tligand\treceptor\nmine\tL2\tR2\n")
    bad = execute(*command)
    assert bad.returncode == 2
    assert "none of its 2 genes" in bad.stderr
    assert len(bad.stderr.strip().splitlines()) == 1


def test_unpaired_donors_have_no_interaction_but_within_terms():
    study, pseudobulk = make_cohort()
    kept = [f"D{d}_{'CSF' if d % 2 else 'blood'}" for d in range(8)]
    study = study.subset(kept)
    pseudobulk = pseudobulk[pseudobulk.obs["sample"].isin(kept)].copy()
    scores = score(study, pseudobulk)
    effects = compare_edges(study, scores, LeftOut(STEP)).effects
    assert set(effects["term"]) == {"within:CSF", "within:blood"}
    assert set(effects["tier"]) == {"exploratory"}
    left_out = LeftOut(STEP)
    table = pathways.compare_groups(study, scores, GROUPS, left_out).effects
    assert set(table["term"]) == {"within:CSF", "within:blood"}
    assert any("interaction" in row["reason"] for row in left_out.rows)
    nodes, edges = make_networks(study, lambda row: 1.0)
    hubs = compare_centrality(study, nodes, edges, LeftOut(STEP)).effects
    assert set(hubs["term"]) == {"within:CSF", "within:blood"}
    assert len(across.cross_compartments(study, scores, GROUPS)) == 0


def test_without_networks_there_is_an_empty_table():
    study, _ = make_cohort()
    empty = pd.DataFrame(columns=["sample", "network"])
    left_out = LeftOut(STEP)
    table = compare_centrality(study, empty, empty, left_out).effects
    assert list(table) == Contract.of(STEP).names("interactions/centrality_effects.tsv")
    assert len(table) == 0
    assert left_out.rows == []
