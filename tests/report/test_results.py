"""A results folder as the report reads it."""

import shutil

import pytest

from compartments.core.contract import MissingColumn
from compartments.core.palette import Palette
from compartments.report.results import Results


def test_published_folder_without_study_json(whole, call, tmp_path):
    shutil.copytree(whole[0], tmp_path / "r")
    (tmp_path / "r" / "study.json").unlink()
    _, page = call(tmp_path / "r", findings=False)
    assert "This run is incomplete" not in page.words
    assert page.figures.keys() == whole[1].figures.keys()


def test_a_table_that_lacks_a_documented_column_is_of_another_version(tmp_path):
    (tmp_path / "skipped.tsv").write_text("stage\tsample\nx\ty\n")
    with pytest.raises(MissingColumn, match="skipped.tsv has no column 'lineage'"):
        Results(tmp_path).table("skipped.tsv")
    assert Results(tmp_path).usable("skipped.tsv") is None and Results(tmp_path).table("findings.tsv") is None
    assert len(Results(tmp_path, []).table("skipped.tsv")) == 1


def test_a_summary_without_a_needed_value_is_of_another_version(tmp_path):
    (tmp_path / "samples" / "a").mkdir(parents=True)
    (tmp_path / "samples" / "a" / "a.qc.json").write_text('{"sample": "a", "n_cells": 3, "list": [1]}')
    results = Results(tmp_path)
    assert results.summaries("qc", ["n_cells"]).to_dict("records") == [{"sample": "a", "n_cells": 3}]
    assert results.summaries("calls", ["n_cells"]) is None
    with pytest.raises(MissingColumn, match="'n_doublets'"):
        results.summaries("qc", ["n_doublets"])


def test_lineages_have_names_for_readers_without_counts(tmp_path):
    """A combination has the effects alone; what no table names keeps the name of the labels."""
    (tmp_path / "composition").mkdir()
    (tmp_path / "composition" / "effects.tsv").write_text("lineage\tlog2fc\nCD4_T\t1\ngdT\t2\n")
    results = Results(tmp_path, [])
    assert results.table("composition/effects.tsv")["lineage"].tolist() == ["CD4 T", "gamma-delta T"]
    assert [results.lineage_name(name) for name in ("CD4_T", "cMono", "x_y")] == ["CD4 T", "classical monocyte", "x_y"]


@pytest.mark.parametrize("kind", ["within", "mixed", "change", "trend", "one_condition", "one_compartment"])
def test_the_study_of_the_design_alone(of_kind, tmp_path, kind):
    """Without study.json kinds and groups are those of design.tsv; a trend needs the order that it does not have."""
    page = of_kind(kind)
    for name in ("samples.tsv", "design.tsv"):
        shutil.copy(page.results.root / name, tmp_path)
    found = Results(tmp_path)
    wanted = [term for term in page.terms if term.kind != "trend"]
    assert found.study.reference_compartment == page.base
    assert [(t.keys, t.kind, t.arms, list(t.units["donor"])) for t in found.terms] == [
        (t.keys, t.kind, t.arms, list(t.units["donor"])) for t in wanted
    ]


def test_lineages_stand_as_the_user_orders_them(whole):
    usual = Results(whole[0]).lineages()
    given = Palette({}, ["nowhere", usual[3], usual[1]])
    assert Results(whole[0], palette=given).lineages() == [usual[3], usual[1], usual[0], usual[2], *usual[4:]]
