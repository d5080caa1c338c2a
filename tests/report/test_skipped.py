"""What was left out, joined over the steps."""

from compartments.report.skipped import joined

KEYS = ["stage", "sample", "lineage", "contrast", "reason"]


def rows(*values):
    return [dict(zip(KEYS, row, strict=True)) for row in values]


def test_the_step_that_lost_a_sample_says_why():
    given = rows(
        ("merge_samples", "b", "", "", "no labels: dropped by an earlier step"),
        ("filter_cells", "b", "", "", "no cell"),
        ("merge_samples", "a", "", "", "no labels: dropped by an earlier step"),
    )
    found = [(row["stage"], row["sample"]) for row in joined(given, ["a", "b"])]
    assert found == [("merge_samples", "a"), ("filter_cells", "b")]


def test_samples_come_in_their_order_and_each_row_once():
    given = rows(("x", "", "T", "", "few"), ("x", "b", "", "", "r"), ("x", "a", "", "", "r"), ("x", "b", "", "", "r"))
    assert [row["sample"] for row in joined(given, ["b", "a"])] == ["b", "a", ""]
    assert joined([], ["a"]) == []
