"""What the condition does to expression."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from compartments.core.gene_sets import read_gmt
from compartments.simulate.effects import condition_factors, plan_expression
from compartments.simulate.presets import DROPLET_BASE, effects_in
from compartments.simulate.settings import Settings
from compartments.simulate.sources import ProfileSource


@pytest.fixture(scope="module")
def source(root):
    return ProfileSource(root / "assets" / "profiles.tsv.gz", 2000)


def planned(source, root, preset, base=DROPLET_BASE):
    settings = dataclasses.replace(Settings(), preset=preset)
    gene_sets = read_gmt(root / "assets" / "migration_sets.gmt")
    return plan_expression(np.random.default_rng(1), settings, source, base, effects_in(preset, base), gene_sets)


@pytest.mark.parametrize("preset", ["null", "synchronous", "uncoupled"])
def test_presets_that_change_no_expression(source, root, preset):
    expression, edges = planned(source, root, preset)
    assert expression.empty and list(expression) == ["gene", "lineage", "compartment", "log2fc", "kind"]
    assert edges.empty and list(edges) == ["source", "target", "ligand", "receptor", "kind"]


def test_without_pdc_nothing_is_planted_but_genes_change(source, root):
    expression, edges = planned(source, root, "alemtuzumab", DROPLET_BASE.drop(index="pDC"))
    assert edges.empty and set(expression["kind"]) == {"migration", "de_common", "de_interaction"}


def test_decoys_change_alike_in_all_compartments(source, root):
    expression, edges = planned(source, root, "decoys")
    assert set(edges["kind"]) == {"decoy"} and set(expression["kind"]) == {"decoy", "migration", "de_common"}
    wide = expression.pivot(index=["gene", "lineage"], columns="compartment", values="log2fc")
    assert (wide["CSF"] == wide["blood"]).all()


def test_factors_of_a_compartment_and_the_highest_of_all(source):
    gene, lineage = source.genes[5], source.lineages[2]
    rows = [(gene, lineage, "CSF", 2.0), (gene, lineage, "blood", -1.0)]
    expression = pd.DataFrame(rows, columns=["gene", "lineage", "compartment", "log2fc"])
    for compartment, factor in (("CSF", 4.0), ("blood", 0.5), (None, 4.0), ("lymph", 1.0)):
        factors = condition_factors(expression, source, compartment)
        assert factors[2, 5] == factor and (np.delete(factors.ravel(), 2 * len(source.genes) + 5) == 1).all()
