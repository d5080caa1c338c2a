"""Expression adjusted for covariates: contrasts of the same donors may differ in what they can be adjusted for."""

from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.expression_designs import counts_of
from compartments.compare import expression
from compartments.core.left_out import LeftOut
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from tests.support.pseudobulks import lineage_of


def compare_one(lineage, study):
    """Tables, what they rest on, and the reasons for what has none, of one lineage."""
    left_out = LeftOut("compare_expression")
    return *expression.compare_lineage(lineage, study, left_out), left_out.rows


def sites_of(sites):
    """Study of donors by condition, each at a site (``batch``), and its counts of one lineage; C is the reference."""
    rows = [(f"{t}{i}", c, t, site) for t in sites for i, site in enumerate(sites[t]) for c in ("CSF", "blood")]
    samples = pd.DataFrame(rows, columns=["donor", "compartment", "condition", "batch"])
    samples.insert(0, "sample", samples["donor"] + "_" + samples["compartment"])
    study = make_study(
        parse_samplesheet(samples.assign(filtered=samples["sample"] + ".h5").to_csv(index=False)),
        reference_condition="C",
    )
    return study, lineage_of(counts_of(np.random.default_rng(5), samples, n_genes=120))


def test_a_contrast_that_cannot_be_adjusted_leaves_the_others_as_they_are():
    """B has a site of its own, which A and C have not: A is compared adjusted for sites, B is not, as each alone."""
    study, lineage = sites_of({"A": ["s1", "s1", "s3", "s3"], "B": ["s2"] * 3, "C": ["s1", "s1", "s3", "s3"]})
    tables, _, skipped = compare_one(lineage, study)
    found = {(table["contrast"].iloc[0], table["term"].iloc[0]): table for table in tables}
    assert len(found) == 6
    said = {row["contrast"] for row in skipped if "batch is collinear" in row["reason"]}
    assert said == {f"B_vs_C {term}" for term in ("within:CSF", "within:blood", "interaction CSF")}
    for contrast, rows in study.contrasts.groupby("contrast"):
        for alone in compare_one(lineage, replace(study, contrasts=rows))[0]:
            pd.testing.assert_frame_equal(found[contrast, alone["term"].iloc[0]], alone)


def test_a_covariate_left_out_is_named_with_its_contrast():
    """The design is the same for both: sites add nothing to the conditions, but B cannot be told from its own."""
    study, lineage = sites_of({"A": ["s1"] * 3, "B": ["s2"] * 3, "C": ["s1"] * 3})
    _, fits, skipped = compare_one(lineage, study)
    assert len(fits) == 6
    said = {row["contrast"] for row in skipped if "batch is collinear" in row["reason"]}
    assert said == {f"B_vs_C {term}" for term in ("within:CSF", "within:blood", "interaction CSF")}
