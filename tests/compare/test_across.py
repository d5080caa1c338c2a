"""Pairs across compartments."""

import numpy as np
import pytest

from compartments.compare import across
from compartments.core.left_out import LeftOut
from compartments.study.study import COMPARTMENTS, MIXED
from tests.support.signalling import DONORS, GROUPS, STEP, cohort_of, make_cohort, raise_pair, score


def test_cross_compartment_rows_are_hypotheses():
    study, pseudobulk = make_cohort(change=raise_pair)
    table = across.cross_compartments(study, score(study, pseudobulk), GROUPS, LeftOut(STEP))
    assert set(table["tier"]) == {"hypothesis_generating"}
    assert "p_value" not in table
    rows = table[(table["source"] == "A") & (table["target"] == "B") & (table["receptor"] == "R1")]
    rows = rows[rows["ligand"] == "L1"].set_index("ligand_compartment")
    # only the ligand is raised in CSF, only the receptor's cells of blood are looked at: half of the effect
    assert rows.loc["CSF", "log2fc"] == pytest.approx(1, abs=0.4)
    assert rows.loc["CSF", "receptor_compartment"] == "blood"
    np.testing.assert_allclose(rows["log2fc"], rows["mean_condition"] - rows["mean_reference"], atol=0.3)


@pytest.mark.parametrize("kind", [kind for kind in DONORS if kind != COMPARTMENTS])
def test_the_ligand_of_one_compartment_and_the_receptor_of_the_other_in_every_kind(kind):
    """The ligand is raised fourfold in CSF, nothing in blood: half of it in the score from CSF to blood."""
    study, pseudobulk = cohort_of(kind)
    table = across.cross_compartments(study, score(study, pseudobulk), GROUPS, LeftOut(STEP))
    rows = table[table[["source", "target", "ligand", "receptor"]].eq(["A", "A", "L1", "R1"]).all(axis=1)]
    rows = rows.set_index("ligand_compartment")
    assert rows.loc["CSF", "log2fc"] == pytest.approx(1, abs=0.3) and abs(rows.loc["blood", "log2fc"]) < 0.3
    assert rows.loc["CSF", "ci_low"] > 0 > rows.loc["blood", "ci_low"]
    difference = rows["mean_condition"] - rows["mean_reference"]
    np.testing.assert_allclose(rows["log2fc"], difference, atol=0.15)  # a line over time is not its ends
    assert set(rows["n_condition"]) == {2 * DONORS[kind] if kind == MIXED else DONORS[kind]}


def test_of_one_condition_there_is_nothing_to_compare_across():
    study, pseudobulk = cohort_of(COMPARTMENTS)
    left_out = LeftOut(STEP)
    table = across.cross_compartments(study, score(study, pseudobulk), GROUPS, left_out)
    assert table.empty and list(table) == across.COLUMNS
    assert left_out.rows[0]["contrast"] == "CSF_vs_blood" and "all samples have one" in left_out.rows[0]["reason"]
