"""Activities of pathways and regulators."""

import pytest

from compartments.report.sections import activities
from tests.support.tables import write

CONTRAST = "treated_vs_untreated"


@pytest.fixture(scope="module")
def blocks(gappy, named):
    return named(activities.build(gappy))


def test_a_figure_for_every_compartment_and_one_for_the_difference(gappy, blocks):
    effects = activities.labelled(gappy.needed("activities/effects.tsv"))
    for place, term in (("CSF", "within:CSF"), ("blood", "within:blood"), ("between_CSF", "interaction")):
        (trace,) = blocks[f"activities_by_lineage_{CONTRAST}_{place}"].traces
        drawn = {(y, x): trace["z"][i, j] for i, y in enumerate(trace["y"]) for j, x in enumerate(trace["x"])}
        rows = effects[effects["term"] == term].set_index(["label", "lineage"])["estimate"]
        assert len(rows) == 9 and drawn == pytest.approx(rows.to_dict())


def test_a_regulator_is_told_from_a_pathway_of_its_name(blocks):
    labels = blocks[f"activities_by_lineage_{CONTRAST}_CSF"].traces[0]["y"]
    assert sorted(labels) == ["STAT1", "STAT1 (regulator)", "a (Hallmark)"]


def test_single_donors_are_drawn_and_counted(gappy, blocks):
    figure, effects = blocks[f"activities_{CONTRAST}_CSF"], gappy.needed("activities/effects.tsv")
    traces = {trace["name"]: trace for trace in figure.traces}
    rows = effects[(effects["lineage"] == "all") & (effects["term"] == "within:CSF")]
    assert sorted(traces["CSF"]["x"]) == sorted(rows["estimate"]) and len(rows) == 3
    circles = list(traces["donors, untreated"]["text"])
    assert [circles.count(f"UN4, {c}") for c in ("blood", "CSF")] == [3, 0]  # the sample of CSF is lost
    assert "CSF: 2 treated and 3 untreated donors" in figure.words.caption


def test_few_of_many_sources_are_drawn_and_their_number_is_said(gappy, bare, named, monkeypatch):
    monkeypatch.setattr(activities, "DRAWN", 1)
    figure = named(activities.build(gappy))[f"activities_by_lineage_{CONTRAST}_CSF"]
    assert len(figure.traces[0]["y"]) == 1 and "1 of 3 pathways and regulators" in figure.words.caption


def test_what_sources_were_chosen_by_is_said(gappy, blocks, bare, named):
    """A study of one donor in an arm has no p-value: the largest estimates are drawn."""
    tested = blocks[f"activities_by_lineage_{CONTRAST}_CSF"].words.caption
    assert "those with the smallest p-values in this contrast" in tested
    effects = gappy.needed("activities/effects.tsv").assign(p_value=float("nan"), q_value=float("nan"))
    write(effects, bare.results.root, "activities/effects.tsv")
    figure = named(activities.build(bare))[f"activities_by_lineage_{CONTRAST}_CSF"]
    assert "those with the largest estimates, as none has a p-value, in this contrast" in figure.words.caption


def test_the_table_has_all_rows_smallest_p_first(gappy, blocks):
    frame = blocks["activities_table"].frame
    assert len(frame) == len(gappy.needed("activities/effects.tsv")) == 27


def test_no_figure_without_a_row(gappy, bare, named):
    write(gappy.needed("activities/effects.tsv").iloc[:0], bare.results.root, "activities/effects.tsv")
    assert list(named(activities.build(bare))) == ["activities_table"]
