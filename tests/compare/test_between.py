"""Compartments compared whatever the condition."""

import numpy as np
from scipy import stats

from compartments.compare import composition
from compartments.compare.abundance import Abundances
from compartments.compare.counted import Counted, fit_counts
from compartments.core.contract import Contract
from compartments.core.vocabulary import LN2
from tests.support.cohorts import asked, cohort, long_counts


def test_compartments_differ_by_a_paired_comparison():
    study, counts, _ = cohort(preset="null", arms=(5, 5))
    found = composition.compare(study, long_counts(counts))
    rows = found.differences()
    assert (
        list(rows) == Contract.of("compare_composition").names("composition/compartments.tsv")
        and (rows["n_donors"] == 10).all()
    )
    rows = rows.set_index("lineage")
    term, samples = asked(study, "interaction"), study.samples.set_index("sample")
    units = term.units
    abundances = Abundances(counts, counts.sum(axis=1), samples["cells_per_ul"])
    sides = tuple(abundances.of(units[column], list(counts)) for column in ("sample", "reference_sample"))
    treated = (units["condition"] == "treated").to_numpy()
    counted = Counted(counts.columns, sides, None, 1.0)
    arms = np.column_stack([treated, ~treated]).astype(float)
    fit, _, _ = fit_counts(counted, term, arms, np.array([0.5, 0.5]), counts.columns)
    np.testing.assert_allclose(rows["log2fc"], fit["estimate"][rows.index] / LN2, rtol=1e-7)
    p = 2 * stats.t.sf(np.abs(fit["estimate"] / fit["se"]), fit["df"])
    np.testing.assert_allclose(rows["p_value"], p, rtol=1e-6)
    outside = (rows["ci_low"] > 0) | (rows["ci_high"] < 0)
    assert (outside == (rows["p_value"] < 0.05)).all()
    proportions = counts.div(counts.sum(axis=1), axis=0)
    csf = proportions[proportions.index.str.endswith("_CSF")].mean()
    np.testing.assert_allclose(rows["mean_proportion"], csf[rows.index])
