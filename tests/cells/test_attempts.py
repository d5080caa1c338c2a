"""The ladder of attempts."""

import pytest

from compartments.cells.attempts import MIN_EMPTY, knee, plan_attempts, total_droplets
from tests.support.droplets import make_droplets, totals_of


@pytest.mark.parametrize("n_cells", [60, 300])
def test_knee_finds_the_cells(n_cells):
    found = knee(totals_of(make_droplets(n_cells, 2000)), 5)
    assert 0.8 * n_cells <= found <= 1.25 * n_cells


def test_expected_is_never_given_without_total():
    totals = totals_of(make_droplets())
    for expected in (None, 60, 5000):
        for attempt in plan_attempts(totals, expected, 5):
            assert (attempt.expected is None) == (attempt.total is None)
            if attempt.total:
                assert attempt.expected + MIN_EMPTY <= attempt.total <= 0.8 * len(totals)
        attempts = plan_attempts(totals, expected, 5)
        assert attempts[-1].learning_rate == attempts[0].learning_rate / 2


def test_too_few_empty_droplets_leave_the_counts_to_cellbender():
    totals = totals_of(make_droplets(60, 300))
    assert total_droplets(totals, 60, 5) is None
    assert [a.expected for a in plan_attempts(totals, 60, 5)] == [None, None]
