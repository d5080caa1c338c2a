"""Studies at the level of counts recover what was put in; the same seed gives the same; clear refusals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import studies
from compartments.core.errors import UserError
from compartments.simulate import presets


def test_count_study_recovers_its_effects():
    rng = np.random.default_rng(0)
    effects = presets.preset_effects("alemtuzumab")
    differences = []
    for _ in range(150):
        study = studies.count_study(rng, 3, 3, effects["CSF"], effects["blood"])
        assert study.counts.index.tolist() == study.samples["sample"].tolist()
        shares = (study.counts + 0.5).div(study.counts.sum(axis=1) + 0.5 * study.counts.shape[1], axis=0)
        z = np.log2(shares.mul(study.samples["cells_per_ul"].to_numpy(), axis=0))
        csf, treated = study.samples["compartment"] == "CSF", study.samples["condition"] == "treated"
        within = {
            arm: z[(csf & flag).to_numpy()].mean() - z[(~csf & flag).to_numpy()].mean()
            for arm, flag in ((1, treated), (0, ~treated))
        }
        differences.append(within[1] - within[0])
    found = pd.concat(differences, axis=1).mean(axis=1)
    # 5 standard errors of the mean of 150 studies with SD .5 log2; rare lineages have a small-count bias on top
    frequent = study.truth.index[
        [presets.CSF_BASE[x] > 0.015 and presets.BLOOD_BASE[x] > 0.015 for x in study.truth.index]
    ]
    assert np.abs(found - study.truth["interaction"])[frequent].max() < 0.25
    assert found["pDC"] == pytest.approx(3.0, abs=0.4)


def test_count_study_null_and_determinism():
    one = studies.count_study(np.random.default_rng(5), 2, 4)
    two = studies.count_study(np.random.default_rng(5), 2, 4)
    pd.testing.assert_frame_equal(one.counts, two.counts)
    assert (one.truth == 0).all(axis=None)
    assert one.samples["donor"].nunique() == 6 and len(one.samples) == 12


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**31))
def test_count_study_shapes(n_condition, n_reference, seed):
    study = studies.count_study(np.random.default_rng(seed), n_condition, n_reference)
    csf = (study.samples["compartment"] == "CSF").to_numpy()
    totals = study.counts.sum(axis=1).to_numpy()
    assert (totals[csf] >= 300).all() and (totals[csf] <= 2500).all()
    assert (totals[~csf] >= 2499).all() and (totals[~csf] <= 7000).all()
    assert (study.samples.groupby("condition")["donor"].nunique()).to_dict() == {
        "treated": n_condition,
        "untreated": n_reference,
    }


def test_pseudobulk_study_recovers_its_interaction():
    rng = np.random.default_rng(1)
    study = studies.pseudobulk_study(rng, 40, 40, n_genes=400, fraction_interaction=0.2, set_size=30, set_log2fc=0.8)
    log = np.log2(study.counts.div(study.counts.sum(axis=1), axis=0) * 1e6 + 1)
    csf = (study.samples["compartment"] == "CSF").to_numpy()
    treated = (study.samples["condition"] == "treated").to_numpy()
    found = (log[csf & treated].mean() - log[~csf & treated].mean()) - (
        log[csf & ~treated].mean() - log[~csf & ~treated].mean()
    )
    truth = study.truth["interaction_log2fc"]
    assert np.corrcoef(found, truth)[0, 1] > 0.9
    assert study.truth["in_set"].sum() == 30
    assert np.polyfit(truth, found, 1)[0] == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("arms", [(0, 4), (2, 0), (-1, 3)])
def test_no_donors_is_refused(arms):
    with pytest.raises(UserError, match="at least one donor per arm"):
        studies.count_study(np.random.default_rng(0), *arms)
    with pytest.raises(UserError, match="at least one donor per arm"):
        studies.pseudobulk_study(np.random.default_rng(0), *arms)


def test_unknown_lineage_names_the_valid_ones():
    with pytest.raises(UserError, match=r"unknown lineage 'CD4T' \(did you mean 'CD4_T'\?\); valid are CD4_T, CD8_T"):
        studies.count_study(np.random.default_rng(0), 2, 2, {"CD4T": -1})
