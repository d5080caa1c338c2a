"""Abundances: formulas, variances, rare lineages."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compartments.compare import abundance


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 5000), min_size=4, max_size=4), min_size=2, max_size=5))
def test_relative_values_are_the_centred_log_ratio_with_crumblr_variance(cells):
    table = pd.DataFrame(cells, columns=list("abcd"))
    z, v = abundance.log_abundance(table, table.sum(axis=1), "rel")
    x = table.to_numpy() + 0.5
    n, p = x.sum(1, keepdims=True), x / x.sum(1, keepdims=True)
    np.testing.assert_allclose(z, np.log(x) - np.log(x).mean(1, keepdims=True), atol=1e-12)
    # crumblr: (1/p - 2/(pD) + sum(1/p)/D^2) / n
    np.testing.assert_allclose(v, (1 / p - 2 / (4 * p) + (1 / p).sum(1, keepdims=True) / 16) / n, rtol=1e-10)
    np.testing.assert_allclose(z.sum(axis=1), 0, atol=1e-9)


def test_the_relative_variance_is_that_of_multinomial_counts():
    p = np.array([0.6, 0.25, 0.1, 0.05])
    draws = pd.DataFrame(np.random.default_rng(0).multinomial(3000, p, 20_000))
    z, v = abundance.log_abundance(draws, draws.sum(axis=1), "rel")
    np.testing.assert_allclose(z.var(), v.mean(), rtol=0.05)


def test_absolute_values_and_variance():
    table = pd.DataFrame({"a": [40, 0], "b": [60, 10]}, index=["s1", "s2"])
    totals, per_ul = pd.Series([120, 10], table.index), pd.Series([2.0, 5.0], table.index)
    z, v = abundance.log_abundance(table, totals, "abs", per_ul, cv_total=0.2)
    # 20 cells of s1 are of no lineage: they are a part of their own
    assert z.loc["s1", "a"] == pytest.approx(np.log(40.5 / (120 + 1.5) * 2))
    assert v.loc["s1", "a"] == pytest.approx(1 / 40.5 - 1 / 120 + 0.04)
    assert (v >= 0.04 - 1e-12).all().all()


def test_rare_lineages_are_pooled_and_named():
    table = pd.DataFrame({"T": [90, 80], "rare": [9, 0], "once": [0, 50], "two": [5, 5], "unassigned": [1, 0]})
    kept, pooled = abundance.pool_rare(table)
    assert list(kept) == ["T", "two", "unassigned", "other"] and set(pooled) == {"rare", "once"}
    assert kept["other"].tolist() == [9, 50] and "9 cells in 1 samples" in pooled["rare"]
    assert (kept.sum(axis=1) == table.sum(axis=1)).all()
