"""Names beside points."""

import itertools

import numpy as np
import pytest

from compartments.findings import names
from compartments.report.figures.labels import ROOMS, box, in_lines, offsets

LINEAGES = [*list(names.LINEAGES.values())[:11], "CD4 T", "CD8 T", "NK", "pDC", "Treg", "Plasma", "B"]


@pytest.mark.parametrize("seed", range(5))
def test_no_name_lies_on_another_or_beyond_the_plot(seed):
    """Eighteen lineages about one place, as they lie where a condition changes little."""
    x, y = np.random.default_rng(seed).normal([[-1.0], [-1.2]], 0.8, (2, 18))
    places = offsets(x, y, LINEAGES, (-4.0, 3.0))
    for wide, tall in ROOMS:
        at = np.column_stack([(x + 4) / 7 * wide, (y + 4) / 7 * tall])
        boxes = [box(*each) for each in zip(LINEAGES, at, places, strict=True)]
        assert not any(one.meets(other) for one, other in itertools.combinations(boxes, 2))
        assert all(b.left >= 0 and b.low >= 0 and b.right <= wide and b.high <= tall for b in boxes)
    assert places == offsets(x, y, LINEAGES, (-4.0, 3.0))


def test_a_name_alone_stands_above_its_point():
    ((right, above),) = offsets(np.array([0.0]), np.array([0.0]), ["NK"], (-1.0, 1.0))
    assert abs(right) < 1e-9 and 0 < above < 20


def test_names_in_lines():
    assert in_lines("non-classical monocyte", 13) == ["non-classical", "monocyte"]
    assert in_lines("NK", 13) == ["NK"] and in_lines("x" * 60, 13) == ["x" * 12 + "…"]
