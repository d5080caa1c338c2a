"""What was not tested, with the reason."""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import sparse

from compartments.compare import pair_scores, untested
from compartments.compare.edges import compare_edges
from compartments.compare.hubs import compare_centrality
from compartments.compare.pathways import compare_groups
from compartments.core.left_out import LeftOut
from compartments.study.study import WITHIN
from tests.support.signalling import GENES, PAIRS, STEP, cohort_of, make_cohort, make_networks, score, strength


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


def test_pairs_of_a_gene_that_a_file_does_not_list_are_not_tested():
    """R1 is not in the CSF files of two treated donors: its pairs are tested within blood only, others everywhere."""
    study, pseudobulk = make_cohort()
    plain = compare_edges(study, score(study, pseudobulk), LeftOut(STEP)).effects
    absent = np.zeros(pseudobulk.shape, np.int32)
    absent[pseudobulk.obs["sample"].isin(["D0_CSF", "D1_CSF"]).to_numpy(), GENES.index("R1")] = 1
    pseudobulk.layers["absent"] = sparse.csr_matrix(absent)
    for layer in ("counts", "corrected", "n_expressing"):
        pseudobulk.layers[layer] = sparse.csr_matrix(pseudobulk.layers[layer].toarray() * (absent == 0))
    scores = score(study, pseudobulk)
    effects = compare_edges(study, scores, LeftOut(STEP)).effects
    of_gene = effects["receptor"].eq("R1") & ~effects["term"].eq("within:blood")
    assert of_gene.any() and (effects.loc[of_gene, "status"] == "not_listed").all()
    assert effects.loc[of_gene, "p_value"].isna().all() and (effects.loc[~of_gene, "status"] == "tested").all()
    keys = ["term", "source", "target", "ligand", "receptor"]
    both = effects[~of_gene].merge(plain, on=keys)
    same = both["term"] != "within:blood"
    np.testing.assert_allclose(both.loc[same, "log2fc_x"], both.loc[same, "log2fc_y"], atol=0.1)
    table = untested.list_untested(study, pseudobulk, scores, [], PAIRS, effects, 10)
    assert set(table["kind"]) == {"not_listed"} and set(table["gene"]) == {"L1, R1", "L2, R1", "L1_L2, R1"} & set(
        table["gene"]
    )
    assert table["n_edges"].sum() == of_gene.sum()
    groups = compare_groups(
        study,
        scores,
        {"of R1": (PAIRS["receptor"] == "R1").to_numpy(), "others": (PAIRS["receptor"] != "R1").to_numpy()},
        LeftOut(STEP),
    ).effects
    assert set(groups.loc[groups["group"] == "of R1", "term"]) == {"within:blood"}
    assert set(groups.loc[groups["group"] == "others", "term"]) == {"within:blood", "within:CSF", "interaction"}
    assert groups["log2fc"].abs().max() < 1.5


def test_of_donors_who_are_their_own_controls_the_condition_is_named():
    def lose(rate, row):
        if row["lineage"] == "C" and strength(row) == 1 and row["donor"] != "D00":
            row["n_cells"] = 4
        return rate

    study, pseudobulk = cohort_of(WITHIN, lose)
    scores = score(study, pseudobulk)
    effects = compare_edges(study, scores, LeftOut(STEP)).effects
    table = untested.list_untested(study, pseudobulk, scores, [], PAIRS, effects, 10)
    lost = table[table["kind"] == "lost_lineage"]
    assert set(lost["term"]) == {"within:CSF", "interaction"} and (lost[["source", "target"]] == "C").any(axis=1).all()
    assert lost["reason"].str.contains("after: .*C in 1 of 5 donors.*: the loss explains").all()
    assert not lost["reason"].str.contains("baseline").any()


def test_lineages_that_only_one_model_can_name_are_tested_within_compartments_only():
    study, pseudobulk = make_cohort()
    study = replace(study, named={"lineage": {"CSF": ["A", "B", "C"], "blood": ["A", "B"]}})
    scores = score(study, pseudobulk)
    effects = compare_edges(study, scores, LeftOut(STEP)).effects
    between = effects["term"].eq("interaction") & (effects["source"].eq("C") | effects["target"].eq("C"))
    assert between.any() and (effects.loc[between, "status"] == "not_named").all()
    assert effects.loc[between, "p_value"].isna().all() and (effects.loc[~between, "status"] == "tested").all()
    table = untested.list_untested(study, pseudobulk, scores, [], PAIRS, effects, 10)
    assert set(table["kind"]) == {"not_named"} and table["n_edges"].sum() == between.sum()
    assert table["reason"].str.startswith("C: not_testable: the model of CSF can name it, that of blood cannot").all()
    groups = compare_groups(study, scores, {"all": np.ones(len(PAIRS), bool)}, LeftOut(STEP)).effects
    of_c = groups["source"].eq("C") | groups["target"].eq("C")
    assert set(groups.loc[of_c, "term"]) == {"within:blood", "within:CSF"}
    left_out = LeftOut(STEP)
    hubs = compare_centrality(study, *make_networks(study, lambda row: 1.0), left_out).effects
    assert set(hubs.loc[hubs["lineage"] == "C", "term"]) == {"within:blood", "within:CSF"}
    assert any(row["lineage"] == "C" and "that of blood cannot" in row["reason"] for row in left_out.rows)
