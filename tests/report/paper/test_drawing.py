"""Figures on paper show the numbers of the page, whole, with their fonts, the same each time."""

import numpy as np
import pandas as pd
import pytest
from pypdf import PdfReader

from compartments.report.figures.bars import bars
from compartments.report.figures.forest import forest
from compartments.report.paper import drawing
from compartments.report.paper.document import figures_of
from tests.report.figures.test_forest import SERIES, effects
from tests.support.svg import Drawing

NEAR = {"rtol": 1e-4, "atol": 1e-6}


def numeric(values):
    """Numbers of a trace as the page has them."""
    return [] if values is None or any(isinstance(value, str) for value in values) else list(values)


def scale_of(svg, axis, figure):
    """Points to numbers; None where categories stand at the axis."""
    given = figure.json()["layout"][f"{axis}axis"]
    if given.get("ticktext"):
        named = dict(zip([t.replace("<br>", " ") for t in given["ticktext"]], given["tickvals"], strict=True))
        return svg.scale(axis, named)
    return svg.scale(axis, log=given.get("type") == "log")


def test_marks_lie_where_the_page_has_them(printed):
    """Of every figure whose axes have numbers or named places: each mark, by the ticks that stand in the same SVG."""
    folder, sections = printed
    seen = 0
    for figure in figures_of(sections):
        if figure.layout.get("updatemenus") or figure.json()["layout"]["xaxis"].get("showticklabels") is False:
            continue
        svg = Drawing((folder / "figures" / f"{figure.name}.svg").read_bytes())
        for number, trace in enumerate(figure.json()["data"]):
            marks = trace["type"] == "scatter" and "markers" in trace["mode"] and trace.get("visible", True) is True
            x, y = (numeric(trace[axis]) for axis in "xy") if marks else ([], [])
            if not (x and y):
                continue
            wanted = np.array([pair for pair in zip(x, y, strict=True) if None not in pair], dtype=float)
            found = svg.marks(f"trace-{number}")
            found = np.column_stack([scale_of(svg, axis, figure)(found[:, k]) for k, axis in enumerate("xy")])
            order = [np.lexsort(np.round(table, 3).T) for table in (wanted, found)]
            np.testing.assert_allclose(found[order[1]], wanted[order[0]], err_msg=figure.name, rtol=1e-3, atol=2e-3)
            seen += len(wanted)
    assert seen > 300


def test_bars_are_as_high_as_the_page_has_them(printed):
    folder, sections = printed
    seen = 0
    for figure in figures_of(sections):
        if figure.traces[0]["type"] != "bar" or figure.layout.get("barmode") == "stack":
            continue
        svg = Drawing((folder / "figures" / f"{figure.name}.svg").read_bytes())
        ticks = {place: text.removesuffix("%") for place, text in svg.ticks("y")[0].items()}
        percent = any(text.endswith("%") for text in svg.ticks("y")[0].values())
        (low, first), *_, (high, last) = sorted(ticks.items())
        for number, trace in enumerate(figure.json()["data"]):
            _, _, foot, top = svg.boxes(f"trace-{number}").T
            tall = np.abs(top - foot) * abs((float(last) - float(first)) / (high - low)) / (100 if percent else 1)
            np.testing.assert_allclose(tall, np.array(trace["y"], dtype=float), err_msg=figure.name, rtol=1e-3)
            seen += len(tall)
    assert seen > 30


def test_every_figure_is_whole_and_as_wide_as_a_journal_asks(printed):
    """A column or a page; the PDF has its fonts in it."""
    folder, sections = printed
    figures = figures_of(sections)
    assert len(figures) > 30
    for figure in figures:
        svg = Drawing((folder / "figures" / f"{figure.name}.svg").read_bytes())
        assert round(svg.width, 1) in (89.0, 183.0), figure.name
    for name in ("q1_treated_vs_untreated_CSF", "umap_lineage"):
        page = PdfReader(folder / "figures" / f"{name}.pdf").pages[0]
        assert round(float(page.mediabox.width) / 72 * 25.4) in (89, 183)
        fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
        below = [font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font for font in fonts]
        assert fonts and all("/FontFile2" in font["/FontDescriptor"].get_object() for font in below)
    assert "CD4 T" in PdfReader(folder / "figures" / "q1_treated_vs_untreated_CSF.pdf").pages[0].extract_text()


def cut(figure):
    """Texts that end outside of the picture."""
    with drawing.styled():
        canvas = drawing.drawn(figure)
        canvas.draw_without_rendering()
        box, found = canvas.bbox.padded(1), []
        texts = canvas.findobj(lambda one: hasattr(one, "get_text") and one.get_text() and one.get_visible())
        beyond = beyond_limits(canvas)
        for text in [text for text in texts if id(text) not in beyond]:
            extent = text.get_window_extent()
            if not (box.contains(extent.x0, extent.y0) and box.contains(extent.x1, extent.y1)):
                found.append(text.get_text())
    return found


def beyond_limits(canvas):
    """Labels of ticks outside of their axis, which are not drawn."""
    found = set()
    for axis in [axis for axes in canvas.axes for axis in (axes.xaxis, axes.yaxis)]:
        low, high = sorted(axis.get_view_interval())
        outside = [tick for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high]
        found |= {id(label) for tick in outside for label in (tick.label1, tick.label2)}
    return found


def test_no_text_is_cut(printed):
    """Of the figures of a whole run one of each kind."""
    kinds = {}
    for figure in figures_of(printed[1]):
        kind = (*{trace["type"] for trace in figure.traces}, bool(figure.layout.get("updatemenus")))
        texts = any("text" in trace.get("mode", "") for trace in figure.traces)
        kinds.setdefault((kind, texts, bool(figure.layout["yaxis"].get("ticktext"))), figure)
    assert len(kinds) > 6
    assert {figure.name: cut(figure) for figure in kinds.values() if cut(figure)} == {}


LONG = "a lineage whose name has sixty letters or more, as some have it"


@pytest.mark.parametrize("labels", [["B", "T"], [LONG, "T"], ["<b>B</b> $x$", "T"]])
def test_nothing_is_cut_whatever_the_names(colours, words, labels):
    table = effects().replace({"label": {"B": labels[0]}})
    shown = forest("x", table, None, labels, SERIES, colours, words, x="log2 fold change, a long title of an axis " * 2)
    assert cut(shown) == []
    assert drawing.width_of(shown) == (drawing.WIDE if labels[0] == LONG else drawing.NARROW)


def test_the_same_figure_gives_the_same_bytes(colours, words):
    shown = forest("x", effects(), None, ["B", "T"], SERIES, colours, words, x="log2", margin=1.0)
    assert drawing.files_of(shown) == drawing.files_of(shown)


def test_views_of_a_menu_stand_side_by_side(figure):
    traces = [{"type": "scatter", "mode": "markers", "x": [k], "y": [k], "name": f"T{k}", "marker": {}} for k in (1, 2)]
    menus = [{"buttons": [{"label": f"view {k}", "args": [{"visible": [k == 1, k == 2]}]} for k in (1, 2)]}]
    shown = figure(*traces, updatemenus=menus)
    assert [(name, [n for n, _ in own]) for name, own in drawing.views_of(shown)] == [("view 1", [0]), ("view 2", [1])]
    svg = Drawing(drawing.files_of(shown)[0])
    assert {"view 1", "view 2", "T1", "T2"} <= set(svg.texts) and drawing.width_of(shown) == drawing.WIDE


def test_three_hundred_samples_with_long_names(words):
    names = [f"a sample whose name has sixty letters or so, number {i:04d} <b>" for i in range(300)]
    table = pd.DataFrame({"sample": names, "n": range(300)})
    shown = bars("x", table, "sample", {"n": "n"}, words, y="cells")
    assert cut(shown) == [] and drawing.width_of(shown) == drawing.WIDE
