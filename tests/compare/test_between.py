"""Compartments compared whatever the condition."""

import numpy as np

from compartments.compare import composition, moderated
from compartments.core.contract import Contract
from compartments.core.vocabulary import LN2
from tests.support.cohorts import cohort, long_counts


def test_compartments_differ_by_a_paired_comparison():
    study, counts, _ = cohort(preset="null", arms=(5, 5))
    found = composition.compare(study, long_counts(counts))
    assert (
        list(found.compartments) == Contract.of("compare_composition").names("composition/compartments.tsv")
        and (found.compartments["n_donors"] == 10).all()
    )
    own = found.donors[found.donors["term"] == "interaction"]
    values, variances = (own.pivot(index="donor", columns="lineage", values=x) for x in ("log2_value", "variance"))
    treated = own.drop_duplicates("donor").set_index("donor").loc[values.index, "condition"] == "treated"
    arms = np.column_stack([treated, ~treated]).astype(float)
    fit = moderated.fit_moderated(values * LN2, arms, variances * LN2**2, [0.5, 0.5], values.columns)
    rows = found.compartments.set_index("lineage")
    np.testing.assert_allclose(rows["log2fc"], fit["estimate"][rows.index] / LN2, rtol=1e-7)
    np.testing.assert_allclose(rows["p_value"], fit["p_value"][rows.index], rtol=1e-6)
    proportions = counts.div(counts.sum(axis=1), axis=0)
    csf = proportions[proportions.index.str.endswith("_CSF")].mean()
    np.testing.assert_allclose(rows["mean_proportion"], csf[rows.index])
