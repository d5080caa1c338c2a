"""What the labels of a sample amount to."""

import pandas as pd

from compartments.labels.summary import summarise, summarise_again
from tests.support.models import label, make_model, simulate


def test_macrophages_of_blood_are_counted_as_implausible(tables):
    names = ["Macrophages"] * 20
    labels, summary = label(simulate(names), make_model(), tables, "PBMC")
    assert set(labels["lineage"]) == {"Macrophage"} and set(labels["display_label"]) == {"Macrophages"}
    assert summary["n_implausible"] == 20 and summary["implausible_labels"] == "Macrophages: 20"
    _, elsewhere = label(simulate(names), make_model(), tables, "synovium")
    assert elsewhere["n_implausible"] == 0


def test_lineages_that_their_markers_contradict_are_told(tables):
    n = 30
    labels, _ = label(simulate(["Classical monocytes"] * n), make_model(), tables)
    columns = {"plausible_in": "both", "rule": "", "lineage": "cMono", "lineage_broad": "Mono_Mac"}
    labels = labels.assign(**columns, marker_lineage="Granulocyte", marker_agrees=False)
    said = summarise(labels, [], "blood")["warnings"]
    assert said == "cMono: the markers of 30 of 30 cells name another lineage, most often Granulocyte (30)"
    mended = labels.assign(lineage="Granulocyte", lineage_broad="Granulocyte", marker_agrees=True)
    again = summarise_again({"warnings": f"something else; {said}"}, labels, mended)
    assert again["warnings"] == "something else" and again["marker_agreement"] == 1
    few = pd.concat([labels.iloc[:19]])
    assert summarise(few, [], "blood")["warnings"] == ""
