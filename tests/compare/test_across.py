"""Pairs across compartments."""

import numpy as np
import pytest

from compartments.compare import across
from compartments.core.left_out import LeftOut
from tests.support.signalling import GROUPS, STEP, make_cohort, raise_pair, score


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
