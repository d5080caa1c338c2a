"""Questions to the donors, and values of their units."""

import numpy as np
import pandas as pd

from compartments.study.terms import terms_of
from tests.support.cohorts import cohort


def test_every_term_names_itself_and_its_samples():
    study, _, _ = cohort(arms=(2, 2))
    labels = [term.label for term in terms_of(study)]
    assert labels == [f"treated_vs_untreated {x}" for x in ("within:blood", "within:CSF", "interaction CSF")]
    *within, between = terms_of(study)
    assert between.across and between.sample_columns == ["sample", "reference_sample"]
    assert between.keys == {"contrast": "treated_vs_untreated", "term": "interaction", "compartment": "CSF"}
    assert not any(term.across for term in within) and within[0].sample_columns == ["sample"]
    assert between.has("treated").sum() == 2 and between.in_arms().all()
    assert len(between.of(between.has("treated")).units) == 2


def test_values_are_of_a_sample_or_differences_of_two():
    study, _, _ = cohort(arms=(2, 2))
    table = pd.DataFrame({"a": np.arange(8.0), "b": 1.0}, index=study.samples["sample"])
    for term in terms_of(study):
        own = table.loc[term.units["sample"]].to_numpy()
        base = table.loc[term.units["reference_sample"]].to_numpy() if term.across else 0
        np.testing.assert_array_equal(term.values(table), own - base)
        np.testing.assert_array_equal(term.variances(table), own + base)


def test_a_unit_needs_all_of_its_samples():
    study, _, _ = cohort(arms=(2, 2))
    samples = study.samples["sample"]
    lost = samples[samples.str.endswith("_blood")].iloc[0]
    blood, csf, between = terms_of(study, samples[samples != lost])
    assert (len(blood.units), len(csf.units), len(between.units)) == (3, 4, 3)
    assert lost not in set(between.units["reference_sample"])
