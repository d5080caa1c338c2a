"""What the labels of a sample amount to."""

from tests.support.models import label, make_model, simulate


def test_macrophages_of_blood_are_counted_as_implausible(tables):
    names = ["Macrophages"] * 20
    labels, summary = label(simulate(names), make_model(), tables, "PBMC")
    assert set(labels["lineage"]) == {"Macrophage"} and set(labels["display_label"]) == {"Macrophages"}
    assert summary["n_implausible"] == 20 and summary["implausible_labels"] == "Macrophages: 20"
    _, elsewhere = label(simulate(names), make_model(), tables, "synovium")
    assert elsewhere["n_implausible"] == 0
