"""The bench of expression where donors are their own controls: what limma is asked, and what counts as power."""

import numpy as np
import pytest

from benchmarks.compare import bench_expression_designs as bench
from benchmarks.expression_designs import counts_of, sheet_of, study_of_kind
from compartments.study.arms import arm_design
from compartments.study.study import CHANGE, COMPARTMENTS, MIXED, WITHIN
from compartments.study.terms import terms_of


@pytest.mark.parametrize("kind", [WITHIN, MIXED, CHANGE, COMPARTMENTS])
def test_limma_is_asked_the_same_question(kind):
    """Least squares in its designs, on logs, gives what the units give; donors are named for the blocks."""
    sheet = sheet_of(kind, 3)
    made = counts_of(np.random.default_rng(1), sheet, 20)
    counts, donors = made.counts.set_axis(sheet["sample"]), sheet.set_index("sample")["donor"]
    for term in terms_of(study_of_kind(sheet)):
        tasks = bench.tasks_of(term, counts, donors)
        assert bench.BLOCKS in tasks or len(term.parts) == 4
        assert (bench.OWN in tasks) == (not term.repeated)
        arms, vector, _ = arm_design(term)
        values = term.values(np.log1p(counts))
        expected = np.linalg.lstsq(arms.to_numpy(), values, rcond=None)[0].T @ vector
        for task in tasks.values():
            x = task.filter(regex="^x_").to_numpy()
            asked = np.array(task["vector"].iloc[0].split(), float)
            found = np.linalg.lstsq(x, np.log1p(task.filter(regex="^G").to_numpy()), rcond=None)[0].T @ asked
            np.testing.assert_allclose(found, expected)
            assert task["donor"].nunique() == term.units["donor"].nunique()


def test_power_is_at_a_critical_value_of_the_null_genes():
    changed = [np.array([True, True] + [False] * 100)] * 2
    null = np.linspace(0.001, 1, 100)
    p = [np.r_[0.0005, 0.5, null], np.r_[0.0005, 0.0005, null]]
    assert bench.powers(p, changed).tolist() == [0.5, 1.0]
