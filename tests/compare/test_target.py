"""The target gene: its relation to depletion."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from compartments.cohort.pseudobulk import lineages
from compartments.compare.target import target_relation, target_tables
from compartments.core.left_out import LeftOut
from compartments.study.study import CHANGE, COMPARTMENTS, Contrast
from tests.support.signalling import GENES, make_cohort


def test_target_relation():
    target = pd.DataFrame(
        {
            "gene": "CD52",
            "lineage": ["T", "B", "pDC"],
            "compartment": "blood",
            "condition": "untreated",
            "mean_log2_cpm": [9.0, 8, 4],
            "percent_expressing": [90.0, 95, 10],
        }
    )
    effects = pd.DataFrame({"level": "lineage", "lineage": ["T", "B", "pDC"], "log2fc": [-3.0, -2, -0.5]})
    effects = effects.assign(contrast="c", term="within:blood", compartment="blood", scale="abs")
    contrasts = [Contrast("c", "treated", "untreated")]
    found = target_relation(target, effects, contrasts).set_index("measure")
    assert found.loc["mean_log2_cpm", "rho"] == pytest.approx(-1)
    assert found.loc["percent_expressing", "rho"] == pytest.approx(-0.5)
    assert (found["n_lineages"] == 3).all()


def test_the_baseline_is_that_of_the_design():
    """Of compartments that are compared the reference compartment; of a change of changes the reference condition."""
    target = pd.DataFrame(
        {
            "gene": "CD52",
            "lineage": ["T", "B", "pDC"] * 2,
            "compartment": ["blood"] * 3 + ["CSF"] * 3,
            "condition": "before",
            "mean_log2_cpm": [9.0, 8, 4, 4, 8, 9],
            "percent_expressing": [90.0, 95, 10, 10, 95, 90],
        }
    )
    effects = pd.DataFrame({"level": "lineage", "lineage": ["T", "B", "pDC"], "log2fc": [-3.0, -2, -0.5]})
    effects = effects.assign(contrast="c", compartment="CSF", scale="rel")
    for contrast, term, rho in (
        (Contrast("c", "CSF", "blood", COMPARTMENTS), "compartments", -1),
        (Contrast("c", "after", "before", CHANGE, "drug", "placebo"), "within:CSF", 1),
    ):
        found = target_relation(target, effects.assign(term=term), [contrast]).set_index("measure")
        assert found.loc["mean_log2_cpm", "rho"] == pytest.approx(rho)
        assert (found["n_lineages"] == 3).all() and (found["compartment"] == "CSF").all()


def test_no_effect_within_a_compartment_gives_no_relation():
    target = pd.DataFrame({"gene": ["CD52"], "lineage": "T", "compartment": "blood", "condition": "untreated"})
    effects = pd.DataFrame({"level": ["lineage"], "lineage": "T", "term": "interaction", "contrast": "c"})
    contrasts = [Contrast("c", "treated", "untreated")]
    assert target_relation(target, effects.assign(compartment="CSF", scale="abs", log2fc=-1.0), contrasts).empty


def test_without_a_target_gene_that_was_measured_there_are_no_tables():
    _, data = make_cohort()
    contrasts, left_out = [], LeftOut("compare_expression")
    assert [made.shape for made in target_tables(data, [], None, None, contrasts, left_out)] == [(0, 0)] * 2
    assert not left_out.rows
    assert [made.shape for made in target_tables(data, [], "G399", None, contrasts, left_out)] == [(0, 0)] * 2
    assert "target gene 'G399' is not among the 45 genes measured; similar: G39" in left_out.rows[0]["reason"]


@pytest.mark.parametrize(("min_cells", "absent"), [(1000, ""), (10, GENES[0])])
def test_a_gene_of_no_lineage_that_is_large_enough_is_a_reason(min_cells, absent):
    """Of small samples, or where the large ones' files do not list it: the other results of the step are made."""
    study, bulk = make_cohort()
    columns = bulk.var_names == absent
    bulk.layers["absent"] = sparse.csr_array(np.tile(columns, (bulk.n_obs, 1)).astype(int))
    left_out, effects = LeftOut("compare_expression"), pd.DataFrame()
    tables = target_tables(bulk, lineages(bulk, min_cells, LeftOut("")), GENES[0], effects, study.asked(), left_out)
    assert [len(table) for table in tables] == [0, 0]
    assert [row["reason"] for row in left_out.rows] == [
        f"target gene '{GENES[0]}': no sample that measures it has a lineage with enough cells"
    ]
