"""Answers at a glance and in full."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest

from compartments.core.files import read_tsv, write_tsv
from compartments.findings import names
from compartments.report.blocks import Answer, Text
from compartments.report.figures.style import Figure
from compartments.report.sections import questions


def test_answers_at_a_glance_lead_to_their_questions(whole):
    folder, page, _ = whole
    findings = read_tsv(folder / "findings.tsv")
    summary = findings[findings["lineage"].isna()]
    panels = page.source[page.source.index('<ul class="panels">') :]
    items = re.findall(r'<li class="(\w+)"><a href="#question-(\d)"', panels[: panels.index("</ul>")], re.S)
    assert [(v, int(n)) for v, n in items] == list(zip(summary["verdict"], summary["question"], strict=True))
    listed = page.source[page.source.index('<ol class="glance">') : page.source.index('id="question-1"')]
    assert re.findall(r'href="#question-(\d)"', listed) == list("12345")
    assert re.findall(r'<div class="(\w+)"><p>', listed) == list(summary["verdict"])
    assert listed.count("What would change this answer") == len(summary) == 6


def test_the_picture_shows_rows_of_the_answers(whole):
    """Symbols, signs and places are those of findings.tsv; how many of how many is counted."""
    folder, page, _ = whole
    findings = read_tsv(folder / "findings.tsv").replace({"lineage": {"gdT": "gamma-delta T"}})
    panels = page.source[page.source.index('<ul class="panels">') :].split("</ul>")[0].split("<li ")[1:]
    assert len(panels) == 6
    for number, panel in zip((1, 2), panels, strict=False):
        rows = findings[(findings["question"] == number) & findings["lineage"].notna()].set_index("lineage")
        drawn = re.findall(r'<g class="(\w+)"><title>([^:]+): ([^<]+)</title>', panel)
        assert f"{len(drawn)} of {len(rows)}" in panel
        for verdict, lineage, value in drawn:
            assert rows.loc[lineage, "verdict"] == verdict
            fold = 2 ** abs(rows.loc[lineage, "estimate"])
            assert value.startswith(f"{'1/' if rows.loc[lineage, 'estimate'] < 0 else ''}{fold:.3g}x (")
        yes = rows.index[rows["verdict"] == "yes"]
        assert set(yes[:4]) <= {lineage for _, lineage, _ in drawn}


def test_the_first_screen_says_who_how_much_and_how_many(whole):
    folder, page, _ = whole
    findings, effects = read_tsv(folder / "findings.tsv"), read_tsv(folder / "composition" / "effects.tsv")
    glance = page.source[page.source.index('<ol class="glance">') : page.source.index('id="question-1"')]
    first = re.search(r'class="headline">([^<]*)<', glance)[1]
    yes = findings[(findings["question"] == 1) & (findings["verdict"] == "yes")]["lineage"].dropna()
    rows = effects[(effects["level"] == "lineage") & effects["lineage"].isin(yes)]
    sizes = 2.0 ** -rows.loc[rows["term"].str.startswith("within:"), "log2fc"]
    assert len(yes) > 1 and all(name in first for name in yes)
    assert f"down {sizes.min():.2g}- to {sizes.max():.2g}-fold in both CSF and blood; 2 treated v 4 untreated" in first
    assert glance.count('class="headline"') == len(findings[findings["lineage"].isna()])


def test_answers_of_a_table_without_headlines_are_those_of_its_sentences(whole, call, tmp_path):
    shutil.copytree(whole[0], tmp_path / "r")
    write_tsv(read_tsv(tmp_path / "r" / "findings.tsv").drop(columns="headline"), tmp_path / "r" / "findings.tsv")
    said, page = call(tmp_path / "r", findings=False)
    assert "WARNING" not in said and 'class="headline"' not in page.source and "depleted in both" in page.words


@pytest.mark.parametrize(
    "unit, said",
    [
        ("log2 fold change", "down 2-fold (log2 fold change: -1.00, 95 % CI -2.00 to -0.50)"),
        ("log2, spread over lineages", "2-fold (log2, spread over lineages: -1.00, 95 % CI -2.00 to -0.50)"),
        ("log-odds of the share of signalling", "0.37-fold (log-odds of the share of signalling: -1.00, "),
        ("z-score points", "-1.00, 95 % CI -2.00 to -0.50 (z-score points)"),
    ],
)
def test_fold_stands_before_log2(unit, said):
    row = {"estimate": -1.0, "ci_low": -2.0, "ci_high": -0.5, "unit": unit}
    assert questions.estimate(row).startswith(said)


@pytest.mark.parametrize("unit", ["log2 fold change", "log-odds of the share of signalling"])
def test_a_change_of_nothing_is_not_1_fold(unit):
    row = {"estimate": -0.003, "ci_low": -0.5, "ci_high": 0.5, "unit": unit}
    assert questions.estimate(row) == f"about unchanged ({unit}: 0.00, 95 % CI -0.50 to 0.50)"


def figures_of(blocks, named):
    """Figures by name; a table has the name of its figure."""
    return named([block for block in blocks if isinstance(block, Figure)])


SENTENCES = {
    "within": (
        "depleted in both: down",
        "[after against before in the same 5 donors, inferential]",
        "Open circles are single donors: their own change",
    ),
    "mixed": (
        "depleted in both: down",
        "[4 after v 5 before donors, some with both conditions, inferential]",
        "relative to the mean of the reference donors",
    ),
    "change": (
        "Against the change (after against before) of control donors: ",
        "[change of 3 treated v 3 control donors, inferential]",
        "their own change, relative to the mean change of the control donors",
    ),
    "trend": ("depleted in both: down", "[trend from baseline to m6 in the same 5 donors, inferential]", "own change"),
    "one_compartment": (
        "In blood, the only compartment, ",
        "[3 treated v 4 untreated donors, inferential]",
        "relative to the mean of the reference donors",
    ),
}


@pytest.mark.parametrize("kind", SENTENCES)
def test_words_and_figures_of_the_kind(of_kind, named, kind):
    page = of_kind(kind)
    blocks = questions.build(page)
    start, end, circles = SENTENCES[kind]
    answers = [one for block in blocks if isinstance(block, Answer) for one in block.rows]
    mine = [one["statement"] for one in answers if end in one["statement"]]
    assert mine and start in mine[0]
    figures = figures_of(blocks, named)
    asked = {1, 3, 4} if kind == "one_compartment" else {1, 2, 3, 4, 5}
    tag = f"{page.shown[-1].contrast.contrast}_{page.shown[-1].compartment}"
    assert {int(name[1]) for name in figures if name.endswith(tag)} == asked
    assert circles in figures[f"q1_{tag}"].words.caption
    # a yes of one compartment answers no question on both
    told = " ".join(block.text for block in blocks if isinstance(block, Text) and block.text[:2] in ("1.", "3."))
    assert ("both compartments" in told) == ("one compartment only" in told) == (kind != "one_compartment")
    assert all(any(len(trace["x"]) for trace in figure.traces) for figure in figures.values())


def test_samples_of_a_donor_are_joined_from_condition_to_condition(of_kind, named):
    blocks = figures_of(questions.build(of_kind("change")), named)
    figure = blocks["q3_treated_vs_control_of_after_vs_before_CSF"]
    lines = [trace for trace in figure.traces if trace["mode"] == "lines"]
    assert [sum(y is None for y in trace["y"]) for trace in lines] == [6, 6]  # 3 donors in 2 compartments of 2 groups
    ticks = figure.layout["xaxis"]["ticktext"]
    assert ticks[0] == "before<br>blood<br>treated" and ticks[-1] == "after<br>CSF<br>control" and len(ticks) == 8
    assert "24 samples of 6 donors" in figure.words.caption
    within = blocks["q3_after_vs_before_in_control_CSF"]
    assert "12 samples of 3 donors" in within.words.caption


def test_every_contrast_stands_under_its_question_at_a_glance(of_kind):
    glance = questions.build(of_kind("change"))[0]
    headings = [heading for number, _, heading, _ in glance.rows if number == 1]
    assert headings == [
        "after against before in treated donors, CSF against blood",
        "after against before in control donors, CSF against blood",
        "change (after against before) of treated against that of control, CSF against blood",
    ]


def test_numbers_name_the_donors_once_where_they_are_their_own_controls(of_kind):
    page = of_kind("within")
    answers = [one for block in questions.build(page) if isinstance(block, Answer) for one in block.rows]
    assert all(one["numbers"].endswith("; 5 donors") for one in answers)


def test_numbers_say_whose_and_what_they_are(whole):
    """As findings.tsv has it, where a sentence needs no search for the row that it is of."""
    folder, page, _ = whole
    findings = read_tsv(folder / "findings.tsv")
    glance = page.source[page.source.index('<ol class="glance">') : page.source.index('id="question-1"')]
    said = re.findall(r'<p class="numbers">([^<]*)<', glance)
    summary = findings[findings["lineage"].isna() & findings["estimate"].notna()]
    assert len(said) == len(summary) == 6
    for text, row in zip(said, summary.to_dict("records"), strict=True):
        assert (
            f"{row['estimate_of']}: " in text
            and f"q = {row['q_value']:.2g} (of {row['p_of']});" in text
            or (row["question"] == 5 and f"p = {row['p_value']:.2g} (of {row['p_of']});" in text)
        )
        rows = findings[(findings["question"] == row["question"]) & (findings["lineage"] == row["leading"])]
        assert row["question"] == 5 or (np.isclose(rows["estimate"], row["estimate"])).any()
        named = row["leading"] if isinstance(row["leading"], str) else "all"
        assert text.startswith(names.lineage(named)) or named == "all"


def test_older_tables_have_numbers_without_whose(of_kind):
    term = of_kind("within").shown[0]
    row = {"verdict": "yes", "statement": "x", "estimate": -1.0, "ci_low": -2.0, "ci_high": -0.5, "p_value": 0.01}
    row |= {"q_value": 0.02, "unit": "log2 fold change", "n_condition": 5, "n_reference": 5, "tier": "t", "source": "f"}
    said = questions.answer(row, term)["numbers"]
    assert said.startswith("down 2-fold (log2") and "; p = 0.01, q = 0.02; 5 donors" in said


@pytest.mark.parametrize("network", ["all", "migration"])
def test_the_figure_of_a_central_role_is_of_what_the_answer_quotes(gappy, network):
    """Lineage and network are those of the summary, whatever else is a yes, or of a smaller q."""
    term = gappy.shown[0]
    source = [f"f.tsv: network={network}", "f.tsv: network=migration", "f.tsv: network=all", "f.tsv: network=all"]
    rows = pd.DataFrame({"lineage": [None, "NK", "B", "CD4_T"], "source": source, "aspect": "hub", "verdict": "no"})
    rows = rows.assign(leading=["NK", None, None, None], q_value=[0.3, 0.3, 0.1, 0.2], estimate=0.5)
    rows = pd.concat([rows, rows[1:2].assign(source="f.tsv: network=all", q_value=0.9)])
    (figure,) = questions.hub(gappy, term, "q4", rows)
    assert figure.words.title == f"Share of NK in the network of {network} pairs of each sample"
    table = read_tsv(gappy.results.root / "interactions" / "centrality.tsv").query("network == @network")
    known = table[table["lineage"] == "NK"].set_index("sample")["share_downsampled"]
    drawn = figure.data.set_index("sample")["share_downsampled"]
    assert len(drawn) and np.allclose(drawn, known[drawn.index])
