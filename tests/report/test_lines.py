"""Lines of single donors."""

import numpy as np

from compartments.core.files import read_tsv
from compartments.report import donors, lines
from compartments.report.page import Page
from compartments.report.results import Results


def of(figures):
    return {figure.name: figure for figure in figures}


def test_lines_run_from_before_to_after(of_kind):
    page = of_kind("within")
    found = of(lines.of_abundances(page))
    assert list(found) == ["lines_after_vs_before_blood", "lines_after_vs_before_CSF"]
    figure = found["lines_after_vs_before_CSF"]
    (trace,) = figure.traces
    table = read_tsv(page.results.root / "composition" / "donors.tsv")
    rows = table.query("level == 'lineage' and term == 'within:CSF' and lineage == 'pDC' and donor == 'D2'")
    at = trace["text"].index("D2, pDC, before")
    assert np.allclose(trace["y"][at : at + 2], rows[["log2_reference_sample", "log2_sample"]].to_numpy()[0])
    assert trace["text"][at + 1] == "D2, pDC, after" and trace["y"][at + 2] is None
    assert "5 donors" in figure.words.caption and figure.layout["showlegend"] is False


def test_changes_run_from_compartment_to_compartment(of_kind):
    page = of_kind("within")
    (figure,) = lines.of_changes(page)
    (trace,) = figure.traces
    table = read_tsv(page.results.root / "composition" / "donors.tsv").query("level == 'lineage' and lineage == 'pDC'")
    wanted = [table.query(f"term == 'within:{c}' and donor == 'D1'")["log2_value"].iloc[0] for c in ("blood", "CSF")]
    at = trace["text"].index("D1, pDC, blood")
    assert np.allclose(trace["y"][at : at + 2], wanted)


def test_a_change_of_change_shows_both_groups_once(of_kind):
    page = of_kind("change")
    figures = of([*lines.of_abundances(page), *lines.of_changes(page)])
    name = "treated_vs_control_of_after_vs_before"
    assert list(figures) == [f"lines_{name}_blood", f"lines_{name}_CSF", f"change_lines_{name}_CSF"]
    for figure in figures.values():
        assert [trace["name"] for trace in figure.traces] == ["treated", "control"]
        assert [trace["line"]["color"] for trace in figure.traces] == [
            page.colours.condition[group] for group in ("treated", "control")
        ]


def test_a_trend_shows_every_condition_once(of_kind):
    page = of_kind("trend")
    first, *_ = lines.of_abundances(page)
    assert first.name == "lines_trend_baseline_to_m6_blood"
    (trace,) = first.traces
    at = trace["text"].index("D1, pDC, baseline")
    assert trace["text"][at : at + 3] == ["D1, pDC, baseline", "D1, pDC, m1", "D1, pDC, m6"]
    assert sum(y is None for y in trace["y"]) == 5 * 10


def test_donors_with_one_condition_are_named(of_kind):
    page = of_kind("mixed")
    figure = lines.of_abundances(page)[0]
    assert "6 donors, 3 of them with one alone (D4, D5, D6)" in figure.words.caption
    assert lines.of_changes(page) == []


def test_donors_that_differ_have_no_lines(whole):
    page = Page(Results(whole[0]))
    assert lines.of_abundances(page) == [] and lines.of_changes(page) == []


def test_abundances_are_those_of_the_samples(of_kind):
    page = of_kind("mixed")
    table = donors.abundances(page.results, "lineage")
    assert len(table) == 18 * 10 and set(table["condition"]) == {"before", "after"}
    assert donors.abundances(Results("nowhere"), "lineage") is None and lines.of_abundances(Page(Results("x"))) == []
