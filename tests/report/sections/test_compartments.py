"""Studies of one condition: what differs between compartments leads the page."""

import pytest

from compartments.core.files import read_tsv
from compartments.report.blocks import Answer, Glance, Table, Text
from compartments.report.contents import build_section, build_sections
from compartments.report.figures.style import Figure
from compartments.report.sections import compartments, coupling, questions


@pytest.fixture(scope="module")
def page(of_kind):
    return of_kind("one_condition")


def test_the_page_leads_with_what_there_is(page, of_kind):
    names = [section.name for section in build_sections(page)]
    assert names[:3] == ["compartments", "questions", "design"]
    assert all(section.finished for section in build_sections(page))
    assert not of_kind("within").of_one_condition


def test_composition_expression_sets_and_interactions_are_compared(page, named):
    blocks = compartments.build(page)
    said = [block.text for block in blocks if isinstance(block, Text)]
    effects = read_tsv(page.results.root / "composition" / "effects.tsv").query("level == 'lineage'")
    found = effects[effects["q_value"] <= 0.05]
    assert "by shares of cells" in said[0] and said[1] == "CSF against blood"
    assert said[2] == (
        f"Composition: {len(found)} of {len(effects)} lineages differ between CSF and blood at q <= .05; higher in "
        f"CSF: {', '.join(found.loc[found['log2fc'] > 0, 'lineage'])}. Behind it: 5 donors with both compartments "
        "(inferential)."
    )
    assert [text.partition(":")[0] for text in said[3:-1]] == ["Expression", "Gene sets", "Interactions"]
    shown = named(blocks)
    assert [name for name, block in shown.items() if isinstance(block, Figure)] == [
        "apart_CSF_vs_blood_CSF", "set_lineages_CSF_vs_blood_CSF", "hubs_CSF_vs_blood_CSF", "lines_CSF_vs_blood_CSF",
    ]  # fmt: skip
    assert sum(isinstance(block, Table) for block in blocks) == 3


def test_lines_join_the_compartments_of_a_donor(page, named):
    figure = named(compartments.build(page))["lines_CSF_vs_blood_CSF"]
    (trace,) = figure.traces
    pairs = [trace["y"][i : i + 2] for i in range(0, len(trace["y"]), 3)]
    donors = read_tsv(page.results.root / "composition" / "donors.tsv").query("level == 'lineage'")
    wanted = donors[["log2_reference_sample", "log2_sample"]].round(6).to_numpy().tolist()
    assert sorted([[round(a, 6), round(b, 6)] for a, b in pairs]) == sorted(wanted)
    assert "from left to right: blood, CSF" in figure.words.caption and "5 donors" in figure.words.caption


def test_nothing_shown_to_differ_is_no_proof(page):
    rows = page.needed("composition/effects.tsv").query("level == 'lineage'")
    (term,) = page.shown
    none = rows.assign(q_value=0.2)
    said = compartments._said(page, "composition", none, none["lineage"], "log2fc", term, what="lineages").text
    assert said.startswith("None of 10 lineages is shown to differ between CSF and blood") and "no proof" in said
    few = none.assign(p_value=float("nan"), tier="descriptive")
    said = compartments._said(page, "composition", few, few["lineage"], "log2fc", term, what="lineages").text
    assert "too few donors for a test" in said and "(descriptive)" in said


def test_each_question_takes_one_line(page):
    glance, said, *blocks = questions.build(page)
    assert isinstance(glance, Glance) and len(glance.rows) == 5 and "one condition" in said.text
    lines = [block.text for block in blocks if block.level != "question"]
    assert lines == ["Cannot be told: this needs two conditions, and all samples are of one"] * 5
    assert not any(isinstance(block, Answer | Figure) for block in blocks)
    (text,) = coupling.build(page)
    assert "needs two conditions" in text.text


def test_a_missing_table_is_said(page, tmp_path, bare):
    page.study.save(bare.results.root / "study.json")
    assert not build_section(bare, compartments).finished
