"""Sizes of a planned study as users write them, the figure and the sentences."""

import pandas as pd
import pytest

from compartments.after.planned import drawn, in_words, numbers_in, share_in
from compartments.compare.detectable import over_designs
from compartments.core.errors import UserError


def test_numbers_of_a_range_or_a_list():
    assert numbers_in("donors", "2..5", every=True) == [2, 3, 4, 5] and numbers_in("cells", "8, 2,8") == [2, 8]
    assert numbers_in("cells", "50..5000") == [50, 100, 500, 2000, 5000] and numbers_in("cells", "7..7") == [7]


@pytest.mark.parametrize("text", ["", "0..3", "5..2", "2-5", "1.5", "a", "0"])
def test_what_is_no_number_is_said(text):
    with pytest.raises(UserError, match=f"--donors '{text}': give numbers from 1 on"):
        numbers_in("donors", text, every=True)


def test_a_share_in_either_form():
    assert share_in(".5%") == pytest.approx(0.005) == share_in("0.005") and share_in("100 %") == 1
    for text in ("0", "120%", "half", "1.5"):
        with pytest.raises(UserError, match="--lineage"):
            share_in(text)


def test_the_figure_has_a_line_for_each_size_and_the_same_bytes_each_time():
    table = over_designs([2, 4, 8], [200, 1000], 0.05)
    first = drawn(table, 0.05)
    assert first == drawn(table, 0.05) and first.count("1,000 cells (50)") == 1
    for words in ("donors differ", "each donor its own control", "between compartments", "fold change found in four"):
        assert words in first


def test_sentences_name_the_fewest_donors_that_are_enough():
    rows = {"design": "between", "term": "within", "cells_per_sample": 500.0, "fold": 2.0}
    table = pd.DataFrame([rows | {"donors": n, "power": p} for n, p in ((4, 0.5), (8, 0.79), (9, 0.81), (10, 0.9))])
    assert in_words(table)[1] == "  within a compartment, donors differ: 9 donors in each arm"
    assert "with 1,000,000 cells per sample" in in_words(table.assign(cells_per_sample=1_000_000))[0]
    assert "no number of donors up to 8" in in_words(table.iloc[:2])[1]
