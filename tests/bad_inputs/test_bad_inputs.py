"""Every input of the corpus against the steps' own ``main``, in one process: right numbers or one clear line."""

from collections import Counter

import pytest

from tests.bad_inputs.corpus import ROWS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name.replace(" ", "_"))
def test_a_bad_input(row, tmp_path):
    row.check(row, row.make(tmp_path), tmp_path)


def test_kinds_are_kinds():
    """No kind of fewer than three, no name twice, enough of them."""
    kinds = Counter(row.kind for row in ROWS)
    assert {kind: n for kind, n in kinds.items() if n < 3} == {}
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names) >= 150
