"""Planted edges and decoys, the hub of migration."""

import numpy as np
import pandas as pd
import pytest

from compartments.simulate.edges import HUB_LOG2FC, HUB_UMI, add_log2fc, is_migration_pair, plan_hub


def test_interactions_and_decoys(cohort):
    true = pd.read_csv(cohort / "truth" / "interactions.tsv", sep="\t")
    decoys = pd.read_csv(cohort / "truth" / "decoys.tsv", sep="\t")
    assert len(true) == 15 and len(decoys) == 15
    assert ((true["source"] == "pDC") | (true["target"] == "pDC")).all()

    def genes(table):
        return {gene for column in ("ligand", "receptor") for name in table[column] for gene in name.split("_")}

    assert not genes(true) & genes(decoys)
    effects = pd.read_csv(cohort / "truth" / "expression_effects.tsv", sep="\t")
    where = effects.groupby("kind")["compartment"].agg(set)
    assert (
        where["interaction"] == {"CSF"}
        and where["decoy"] == {"CSF", "blood"}
        and where["de_common"] == {"CSF", "blood"}
    )
    assert not effects.duplicated(["gene", "lineage", "compartment"]).any()


@pytest.mark.parametrize(
    ("ligands", "receptors", "migrates"),
    [
        (("CXCL12",), ("CXCR4",), True),
        (("CXCL12",), ("ITGB1",), False),
        (("XCXCL12",), ("CXCR4",), False),
        (("VCAM1",), ("ITGA4", "ITGB1"), True),
        (("VCAM1",), ("ITGA4", "CD4"), False),
    ],
)
def test_migration_pairs(ligands, receptors, migrates):
    assert is_migration_pair(ligands, receptors, ["VCAM1", "ITGA4", "ITGB1"]) is migrates


def test_hub_rises_to_its_limits():
    typical = pd.DataFrame(
        {"CXCR4": [0.1], "CXCL12": [2.0], "CCR7": [0.0], "CCL5": [10.0], "CD4": [0.1]}, index=["pDC"]
    )
    rise = plan_hub(typical, [])
    assert rise.to_dict() == {"CXCR4": HUB_LOG2FC, "CXCL12": np.log2(HUB_UMI / 2.0)}


def test_change_of_a_complex_is_that_of_its_least_subunit():
    edges = pd.DataFrame({"source": ["B"], "target": ["pDC"], "ligand": ["L"], "receptor": ["R1_R2"]})
    rows = [("L", "B", "CSF", 1.5), ("R1", "pDC", "CSF", 2.0), ("R2", "pDC", "CSF", 1.0), ("L", "B", "blood", 3.0)]
    expression = pd.DataFrame(rows, columns=["gene", "lineage", "compartment", "log2fc"])
    found = add_log2fc(edges, expression, "CSF")
    assert found[["ligand_log2fc", "receptor_log2fc"]].to_numpy().tolist() == [[1.5, 1.0]]
    assert add_log2fc(edges, expression, "blood")["receptor_log2fc"].tolist() == [0.0]
