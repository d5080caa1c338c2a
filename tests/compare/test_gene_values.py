"""Expression of single samples behind the changes of genes."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.studies import pseudobulk_study
from compartments.compare.expression import compare_lineages
from compartments.compare.gene_values import gene_values
from compartments.compare.normalisation import log_cpm
from compartments.core.left_out import LeftOut
from tests.support.pseudobulks import lineage_of, study_of


@pytest.fixture(scope="module")
def compared():
    simulated = pseudobulk_study(np.random.default_rng(6), 3, 4, n_genes=200, fraction_interaction=0.3)
    kept = list(simulated.samples["sample"][1:])
    lineages = [lineage_of(simulated, "A"), lineage_of(simulated, "B", kept)]
    return lineages, compare_lineages(lineages, study_of(simulated), LeftOut("compare_expression")).tables


def test_values_are_those_of_the_tested_genes(compared):
    lineages, tables = compared
    values = gene_values(lineages, tables.values()).set_index(["lineage", "gene"])
    tested = pd.concat(tables.values())[["lineage", "gene"]].drop_duplicates()
    assert len(values) == len(tested) and values.index.is_unique
    for lineage in lineages:
        of_lineage = values.loc[lineage.name]
        wanted = pd.DataFrame(log_cpm(lineage.corrected), lineage.samples.index, lineage.genes)
        np.testing.assert_allclose(of_lineage[wanted.index], wanted[of_lineage.index].T, rtol=1e-6)
    missing = values.columns.difference(lineages[1].samples.index)
    assert len(missing) == 1 and values.loc["B", missing].isna().all().all() and values.loc["A"].notna().all().all()


def test_they_go_with_the_estimates(compared):
    """Where counts are high, the difference of the arms' means is close to the fold change of the fit."""
    lineages, tables = compared
    values = gene_values(lineages[:1], tables.values()).set_index("gene").drop(columns="lineage")
    (table,) = tables.values()
    rows = table[(table["lineage"] == "A") & (table["term"] == "within:CSF") & (table["base_mean"] > 50)]
    samples = lineages[0].samples.query("compartment == 'CSF'")
    arms = [values.loc[rows["gene"], samples.index[samples["condition"] == name]] for name in ("treated", "untreated")]
    change = arms[0].mean(axis=1) - arms[1].mean(axis=1)
    assert np.corrcoef(change, rows["log2fc"])[0, 1] > 0.9 and len(rows) > 20


def test_nothing_compared_is_no_row(compared):
    assert gene_values(compared[0], [pd.DataFrame()]).shape == (0, 0)
