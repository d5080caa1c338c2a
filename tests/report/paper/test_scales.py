"""Where values stand, and what is written at ticks."""

import numpy as np

from compartments.report.paper.scales import BELOW, LETTER, Scale, shortened, wrapped


def test_categories_stand_in_the_order_in_which_they_are_met():
    scale = Scale("x", {"categoryarray": ["b"]}, [{"x": ["a", "b"]}, {"x": ["c"]}])
    assert scale.categories == {"b": 0, "a": 1, "c": 2} and scale.labels == ["b", "a", "c"]
    np.testing.assert_array_equal(scale.places(["c", "b", "?"]), [2, 0, np.nan])


def test_numbers_stand_where_they_are():
    scale = Scale("y", {"tickvals": [0, 1], "ticktext": ["B<br>CSF", "T"]}, [{"y": [0.5, None]}])
    np.testing.assert_array_equal(scale.places([0.5, None]), [0.5, np.nan])
    assert scale.labels == ["B\nCSF", "T"] and Scale("y", {"showticklabels": False}, [{"y": ["a"]}]).labels == []


def test_labels_that_are_turned_take_room():
    scale = Scale("x", {}, [{"x": ["a" * 60, "b"]}])
    assert scale.below(1000) == 0 and scale.below(50) == BELOW * LETTER


def test_long_texts():
    assert (
        shortened("abcdef", 4) == "ab\u2026f"
        and shortened("abcdefgh", 5) == "ab\u2026gh"
        and shortened("abcd", 4) == "abcd"
    )
    assert wrapped("one two three", 8) == "one two\nthree"
