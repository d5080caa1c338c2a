"""Scores of pseudobulks whatever they are of."""

import anndata
import numpy as np
import pandas as pd
import pytest

from benchmarks.studies import pseudobulk_study
from compartments.compare import donor_scores
from compartments.compare.normalisation import log_cpm
from compartments.core.left_out import LeftOut
from tests.support.pseudobulks import lineage_of, write_inputs


@pytest.fixture(scope="module")
def lineage():
    return lineage_of(pseudobulk_study(np.random.default_rng(1), 2, 3, n_genes=300), "A")


def test_genes_are_standardised_over_the_samples(lineage):
    genes, means, z = donor_scores.standardised(lineage)
    detected = (lineage.corrected > 0).sum(0) >= 2
    values = pd.DataFrame(log_cpm(lineage.corrected)[:, detected], columns=lineage.genes[detected])[genes]
    np.testing.assert_allclose(means, values.mean())
    np.testing.assert_allclose(z, (values - values.mean()) / values.std(ddof=0))
    assert z.shape == (10, len(genes)) and 0 < len(genes) <= 300


def test_what_has_no_mean_over_lineages_is_named_three_times_and_counted():
    names = [f"TF{i}" for i in range(6)]
    scores = pd.DataFrame([(s, n, "A") for s in ("S1", "S2") for n in names], columns=["sample", "source", "lineage"])
    scores = scores.assign(kind="regulator", donor="D", compartment="CSF", condition="x", score=1.0, n_genes=5)
    scores = scores.assign(coverage=1.0, n_cells=20)
    left_out = LeftOut("score_activities")
    found = donor_scores.add_all_lineages(scores, 3, left_out, (), ["kind", "source"])
    assert set(found["lineage"]) == {"A"}
    (row,) = left_out.rows
    assert row["reason"].startswith("TF0, TF1, TF2 and 3 more: no lineage is scored in all 3 samples")


def test_one_sample_without_lineages_does_not_cost_the_mean_over_them(tmp_path):
    """All lineages of a poor sample are too small; the other samples keep what every one of them has."""
    study = write_inputs(tmp_path, {"A": pseudobulk_study(np.random.default_rng(1), 2, 3, n_genes=300)})
    data = anndata.read_h5ad(tmp_path / "pseudobulk.h5ad")
    first = data.obs["sample"].iloc[0]
    data.obs["n_cells"] = data.obs["n_cells"].mask(data.obs["sample"] == first, 3)
    data.write_h5ad(tmp_path / "pseudobulk.h5ad")
    left_out = LeftOut("score_gene_sets")
    (lineage,), _, n = donor_scores.read_lineages(str(tmp_path / "pseudobulk.h5ad"), study, 10, left_out)
    assert n == len(lineage.samples) == 9
    assert {"sample": first, "lineage": "", "reason": "no lineage of 10 cells: without scores"}.items() <= (
        left_out.rows[-1].items()
    )
