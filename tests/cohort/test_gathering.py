"""Which samples are analysed together."""

import anndata
import pandas as pd
import pytest

from compartments.cohort import gathering
from compartments.core.errors import UserError
from compartments.core.left_out import LeftOut
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from tests.support.samples import make_study_of


def test_one_method_per_cohort():
    assert gathering.cohort_method({"a": "soupem", "b": "soupem"}) == "soupem"
    assert gathering.cohort_method({"a": "soupem", "b": "none"}, allow_mixed=True) == "mixed"
    with pytest.raises(UserError, match=r"none: b; soupem: a, c.*--allow_mixed_ambient"):
        gathering.cohort_method({"a": "soupem", "b": "none", "c": "soupem"})


def weakened(study, names, n_cells=lambda sample: 60):
    """Reasons with their contrasts when these samples, of so many cells, are left."""
    left_out = LeftOut("merge_samples")
    sums = [anndata.AnnData(obs=pd.DataFrame({"n_cells": [n_cells(name)]}, index=["T"])) for name in names]
    gathering.say_weakened(study, gathering.Gathered(names, sums), left_out)
    return [(row["contrast"], row["reason"]) for row in left_out.rows]


def test_an_arm_of_which_one_donor_is_left_is_said_for_each_comparison():
    study = make_study_of(6)
    every = list(study.samples["sample"])
    assert weakened(study, every) == []
    said = weakened(study, [name for name in every if name not in ("D1_CSF", "D1_blood", "D3_CSF")])
    assert {contrast for contrast, _ in said} == {"treated_vs_untreated"}
    left = "are left of 3 and 3"
    assert [reason for _, reason in said] == [
        f"within:blood: 2 treated and 3 untreated donors {left}: exploratory, not inferential as planned",
        f"within:CSF: 1 treated and 3 untreated donors {left}: descriptive, not inferential as planned",
        f"interaction CSF: 1 treated and 3 untreated donors {left}: descriptive, not inferential as planned",
    ]


def test_donors_that_are_their_own_controls_are_counted_once():
    rows = [
        f"D{d}_{c}_{t},D{d},{c},{t},D{d}_{c}_{t}.h5"
        for d in range(6)
        for c in ("CSF", "blood")
        for t in ("pre", "post")
    ]
    sheet = parse_samplesheet("sample,donor,compartment,condition,raw\n" + "\n".join(rows))
    study = make_study(sheet, reference_condition="pre")
    every = list(study.samples["sample"])
    assert weakened(study, every) == []
    said = weakened(study, [name for name in every if name not in [f"D{d}_CSF_post" for d in range(4)]])
    assert [reason for _, reason in said] == [
        "within:CSF: 2 donors are left of 6: exploratory, not inferential as planned",
        "interaction CSF: 2 donors are left of 6: exploratory, not inferential as planned",
    ]


def test_a_compartment_that_is_lost_whole_is_said():
    study = make_study_of(6)
    said = weakened(study, [name for name in study.samples["sample"] if "CSF" not in name])
    left = "are left of 3 and 3: not_testable, not inferential as planned"
    assert [reason for _, reason in said] == [
        f"within:CSF: 0 treated and 0 untreated donors {left}",
        f"interaction CSF: 0 treated and 0 untreated donors {left}",
    ]


def test_an_arm_without_a_sample_of_many_cells_is_said_once():
    study = make_study_of(4)
    few = {"D1_CSF": 12, "D3_CSF": 29, "D1_blood": 20}
    said = weakened(study, list(study.samples["sample"]), lambda sample: few.get(sample, 60))
    assert len(said) == 1
    assert said[0][1].startswith(
        "CSF, treated: every sample has fewer than 30 cells (D1_CSF 12, D3_CSF 29): there only"
    )
