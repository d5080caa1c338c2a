"""Which samples are analysed together."""

import pandas as pd
import pytest

from compartments.cohort import gathering
from compartments.core.errors import UserError
from compartments.core.left_out import LeftOut
from tests.support.samples import make_study_of


def test_one_method_per_cohort():
    assert gathering.cohort_method({"a": "soupem", "b": "soupem"}) == "soupem"
    assert gathering.cohort_method({"a": "soupem", "b": "none"}, allow_mixed=True) == "mixed"
    with pytest.raises(UserError, match=r"none: b; soupem: a, c.*--allow_mixed_ambient"):
        gathering.cohort_method({"a": "soupem", "b": "none", "c": "soupem"})


def weakened(study, names, n_cells=lambda sample: 60):
    """Reasons with their contrasts when these samples, of so many cells, are left."""
    left_out = LeftOut("merge_samples")
    cells = [pd.DataFrame(index=range(n_cells(name))) for name in names]
    gathering.say_weakened(study, gathering.Gathered(names=names, obs=cells), left_out)
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


def test_an_arm_without_a_sample_of_many_cells_is_said_once():
    study = make_study_of(4)
    few = {"D1_CSF": 12, "D3_CSF": 29, "D1_blood": 20}
    said = weakened(study, list(study.samples["sample"]), lambda sample: few.get(sample, 60))
    assert len(said) == 1
    assert said[0][1].startswith(
        "CSF, treated: every sample has fewer than 30 cells (D1_CSF 12, D3_CSF 29): there only"
    )
