"""Abundances: offsets, variances, rare lineages."""

import numpy as np
import pandas as pd
import pytest

from compartments.compare import abundance
from compartments.core.errors import UserError

TABLE = pd.DataFrame({"a": [40, 0], "b": [60, 10]}, index=["s1", "s2"])
TOTALS, PER_UL = pd.Series([120, 10], TABLE.index), pd.Series([2.0, 5.0], TABLE.index)


def test_offset_and_variance_of_absolute_abundances():
    cells = abundance.Abundances(TABLE, TOTALS, PER_UL, 0.2).of(pd.Series(["s2", "s1"]), ["a"])
    assert cells.counts.tolist() == [[0.0], [40.0]]
    # 120 cells, 20 of them of no lineage, of a microlitre with 2
    np.testing.assert_allclose(cells.offset[:, 0], [np.log(10 / 5), np.log(120 / 2)])
    np.testing.assert_allclose(cells.extra[:, 0], [0.04 - 1 / 10, 0.04 - 1 / 120])


def test_relative_abundances_have_no_further_variance_and_proportions_that_of_a_part():
    relative = abundance.Abundances(TABLE, TOTALS)
    assert relative.scale == "rel" and abundance.Abundances(TABLE, TOTALS, PER_UL).scale == "abs"
    for shares, extra in ((False, 0.0), (True, -1 / 120)):
        cells = relative.of(pd.Series(["s1"]), ["a", "b"], shares)
        assert cells.offset.item() == pytest.approx(np.log(120)) and cells.extra.item() == pytest.approx(extra)


def test_rare_lineages_are_pooled_and_named():
    table = pd.DataFrame({"T": [90, 80], "rare": [9, 0], "once": [0, 50], "two": [5, 5], "unassigned": [1, 0]})
    kept, pooled = abundance.pool_rare(table)
    assert list(kept) == ["T", "two", "unassigned", "other"] and set(pooled) == {"rare", "once"}
    assert kept["other"].tolist() == [9, 50] and "9 cells in 1 samples" in pooled["rare"]
    assert (kept.sum(axis=1) == table.sum(axis=1)).all()


def test_levels_of_unequal_totals_are_refused():
    rows = [("s1", "lineage", "T", 9), ("s1", "lineage", "B", 2), ("s1", "lineage_broad", "T", 9)]
    counts = pd.DataFrame(rows, columns=["sample", "level", "lineage", "n_cells"])
    with pytest.raises(UserError, match="sample 's1' has 11 cells in its lineages and 9 in its broad"):
        abundance.count_matrices(counts)
    marker = counts.replace("lineage_broad", "lineage_marker")
    assert set(abundance.count_matrices(marker)) == {"lineage", "lineage_marker"}
