"""What was not tested, with the reason."""

import numpy as np
import pandas as pd
from scipy import sparse

from compartments.compare import pair_scores, untested
from compartments.compare.edges import compare_edges
from compartments.core.left_out import LeftOut
from compartments.study.study import WITHIN
from tests.support.signalling import PAIRS, STEP, cohort_of, make_cohort, score, strength


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
