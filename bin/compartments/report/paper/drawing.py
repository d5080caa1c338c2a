"""A figure of the page on paper: what plotly draws in a browser, drawn as SVG and PDF.

The figure's traces and layout are the only model: numbers, colours, order and texts are read from them, so that page
and paper cannot differ. Views that the page has in a menu stand side by side.
"""

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from compartments.report.figures.style import Figure, Trace
from compartments.report.paper import traces as marks
from compartments.report.paper.scales import LETTER, LONGEST, Scale, wrapped

NARROW, WIDE = 89.0, 183.0  # millimetres: a column and a page of a journal
TALLEST = 235.0  # millimetres
MM = 72 / 25.4  # points
STYLE: Any = {
    "font.family": "DejaVu Sans", "font.size": 7, "axes.titlesize": 7, "axes.labelsize": 7, "legend.fontsize": 6.5,
    "xtick.labelsize": 6.5, "ytick.labelsize": 6.5, "axes.linewidth": 0.6, "axes.edgecolor": "#8a8f98",
    "axes.spines.top": False, "axes.spines.right": False, "text.color": "#1b1f24", "axes.labelcolor": "#1b1f24",
    "xtick.color": "#1b1f24", "ytick.color": "#1b1f24", "axes.axisbelow": True, "text.parse_math": False,
    "svg.fonttype": "path", "svg.hashsalt": "sc-compartments", "pdf.fonttype": 42, "axes.unicode_minus": False,
    "figure.constrained_layout.w_pad": 0.03, "figure.constrained_layout.h_pad": 0.03,
}  # fmt: skip
View = tuple[str, list[tuple[int, Trace]]]


def views_of(figure: Figure) -> list[View]:
    """What the page's menu shows one after the other, or its only view: title, and the traces with their numbers."""
    numbered = list(enumerate(figure.traces))
    menus = figure.layout.get("updatemenus")
    if not menus:
        return [("", [(n, trace) for n, trace in numbered if trace.get("visible", True) is True])]
    return [
        (str(button["label"]), [(n, trace) for n, trace in numbered if button["args"][0]["visible"][n]])
        for button in menus[0]["buttons"]
    ]


def width_of(figure: Figure) -> float:
    """Millimetres: one column where what it shows has room there, else both."""
    return WIDE if len(views_of(figure)) > 1 or crowded(figure) else NARROW


def crowded(figure: Figure) -> bool:
    """What one view shows has no room in a column."""
    shown = views_of(figure)[0][1]
    many = len(_scale("x", figure, shown).labels) > (8 if figure.layout["xaxis"].get("ticktext") else 12)
    return many or max(map(len, _scale("y", figure, shown).labels), default=0) > LONGEST[0]


@contextmanager
def styled() -> Iterator[None]:
    """Type, colours and salt of all figures."""
    with matplotlib.rc_context(STYLE):
        yield


def files_of(figure: Figure, width: float = 0.0) -> tuple[bytes, bytes]:
    """The figure as SVG, whose letters are outlines, and as PDF, whose font is in it: the same figure, the same bytes.

    Parameters
    ----------
    width : float
        Millimetres; 0: :func:`width_of`.
    """
    with styled():
        canvas, svg, pdf = drawn(figure, width), io.BytesIO(), io.BytesIO()
        canvas.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        canvas.set_layout_engine("none")  # it lies as it was laid out
        canvas.savefig(pdf, format="pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None})
    return svg.getvalue(), pdf.getvalue()


def drawn(figure: Figure, width: float = 0.0) -> Canvas:
    """The figure on a canvas; within :func:`styled`.

    Parameters
    ----------
    width : float
        Millimetres; 0: :func:`width_of`.
    """
    width = width or width_of(figure)
    views = views_of(figure)
    columns = min(len(views), 2 if _square(figure) else 3 if len(views) < 7 else 4)
    rows = math.ceil(len(views) / columns)
    across, up = width * MM / columns, _height(figure) if len(views) == 1 else _height_of_view(figure, width, columns)
    up += 0.6 * _scale("x", figure, views[0][1]).below(across)
    height = min(TALLEST * MM, rows * up)
    canvas = Canvas((width * MM / 72, height / 72), dpi=300, layout="constrained")
    places = canvas.subplots(rows, columns, squeeze=False).ravel()
    shades = None
    for place, (title, shown) in zip(places, views, strict=False):
        scales = (_scale("x", figure, shown), _scale("y", figure, shown))
        most = LONGEST[width > NARROW and columns == 1]
        beside = LETTER * max((min(most, len(text)) for text in scales[1].labels), default=6) + 20
        shades = _view(place, figure, shown, scales, (across - beside, height / rows - 40, most))
        if title:
            place.set_title(wrapped(title, (across - beside) / LETTER), loc="left")
        if shades is not None:
            _bar_of_colours(canvas, place, shown, shades)
    for place in places[len(views) :]:
        place.remove()
    _legend(canvas, figure, views, width * MM)
    return canvas


def _scale(axis: Literal["x", "y"], figure: Figure, shown: list[tuple[int, Trace]]) -> Scale:
    return Scale(axis, figure.layout[f"{axis}axis"], [trace for _, trace in shown])


def _height(figure: Figure) -> float:
    """Points: the page's pixels, lines of a table of estimates closer to each other.

    A heat map's names below it are no part of that: the page keeps room for them, and paper adds its own.
    """
    return (35 if figure.traces[0]["type"] == "heatmap" else 70) + 0.27 * figure.height


def _height_of_view(figure: Figure, width: float, columns: int) -> float:
    return (width * MM / columns) * (0.72 if _square(figure) else 0.95)


def _square(figure: Figure) -> bool:
    """Both axes have one scale: names around it need the room of half a page."""
    return bool(figure.layout["yaxis"].get("scaleanchor"))


def _view(
    axes: Axes,
    figure: Figure,
    shown: list[tuple[int, Trace]],
    scales: tuple[Scale, Scale],
    room: tuple[float, float, int],
) -> Any:
    """One view in its room (points across and up, letters of a label); gives the shades of numbers, if any."""
    layout, shades = figure.layout, None
    ground = layout.get("plot_bgcolor", "")
    axes.set_facecolor(ground if str(ground).startswith("#") else "none")
    bars = [(number, trace) for number, trace in shown if trace["type"] == "bar"]
    if bars:
        marks.bars(axes, bars, scales, layout.get("barmode") == "stack")
    for number, trace in shown:
        match trace["type"]:
            case "scatter":
                shades = marks.scatter(axes, trace, scales, f"trace-{number}") or shades
            case "heatmap":
                shades = marks.heatmap(axes, trace, scales, f"trace-{number}")
            case "box":
                marks.boxes(axes, trace, scales)
    for scale, points in zip(scales, room[:2], strict=True):
        scale.apply(axes, points, room[2])
    _zero_lines(axes, scales)
    for shape in layout.get("shapes", []):
        _shape(axes, shape)
    for given in layout.get("annotations", []):
        marks.annotation(axes, given)
    if _square(figure):
        axes.set_aspect("equal")
    if any(not scale.given.get("showline", True) for scale in scales):
        axes.spines[:].set_visible(False)
    return shades


def _zero_lines(axes: Axes, scales: tuple[Scale, Scale]) -> None:
    """Where numbers are 0, if the axis reaches there and has no line of its own."""
    for scale, line, limits in zip(scales, (axes.axvline, axes.axhline), (axes.get_xlim, axes.get_ylim), strict=True):
        numeric = not scale.categories and scale.given.get("type") != "log" and scale.given.get("zeroline", True)
        low, high = sorted(limits())
        if numeric and low < 0 < high:
            line(0, color="#8a8f98", linewidth=0.6, zorder=1)


def _shape(axes: Axes, shape: dict[str, Any]) -> None:
    """A line or a band; ``paper`` is the whole height of the plot."""
    line = shape.get("line", {})
    whole = shape.get("yref") == "paper"
    transform = axes.get_xaxis_transform() if whole else axes.transData
    if shape["type"] == "rect":
        corners = ([shape["x0"], shape["x1"]], [shape["y0"]] * 2, [shape["y1"]] * 2)
        axes.fill_between(*corners, transform=transform, color=shape["fillcolor"], linewidth=0, zorder=0)
        return
    style: dict[str, Any] = {
        "color": line.get("color", "#444"),
        "linewidth": marks.POINTS * line.get("width", 1.5),
        "zorder": 1,
    }
    dash = marks.DASHES[line.get("dash", "solid")]
    axes.plot([shape["x0"], shape["x1"]], [shape["y0"], shape["y1"]], dash, transform=transform, **style)


def _bar_of_colours(canvas: Canvas, axes: Axes, shown: list[tuple[int, Trace]], shades: Any) -> None:
    """What the shades of numbers are."""
    given = next((t.get("colorbar") or t.get("marker", {}).get("colorbar") for _, t in shown[::-1]), None) or {}
    bar = canvas.colorbar(shades, ax=axes, fraction=0.04, pad=0.02, aspect=25)
    bar.set_label(given.get("title", {}).get("text", ""))
    bar.outline.set_visible(False)


def _legend(canvas: Canvas, figure: Figure, views: list[View], width: float) -> None:
    """Above the plot, or below it where the page has it there; none of a single series."""
    entries: dict[str, Any] = {}
    named = 0
    for title, shown in views:
        for _, trace in shown:
            if trace.get("name") and trace.get("showlegend", True) and trace["type"] != "heatmap":
                named += 1
                entries.setdefault(str(trace["name"]).removeprefix(f"{title}, "), marks.handle(trace))
    wanted = figure.layout.get("showlegend", named > 1)
    if not wanted or not entries:
        return
    longest = max(len(text) for text in entries) * LETTER + 22
    columns = max(1, min(len(entries), int(width // longest)))
    below = figure.layout.get("legend", {}).get("y", 1) < 0
    style: dict[str, Any] = {
        "frameon": False,
        "ncols": columns,
        "handlelength": 1.6,
        "columnspacing": 1.2,
        "borderaxespad": 0.2,
    }
    place: Any = "outside lower left" if below else "outside upper left"
    canvas.legend(list(entries.values()), list(entries), loc=place, **style)
