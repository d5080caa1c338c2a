"""Names of genes."""

from compartments.counts.names import make_unique


def test_names_made_unique():
    assert make_unique(["A", "B", "A", "A", "A-1"]).tolist() == ["A", "B", "A-2", "A-3", "A-1"]
