"""Traces of a figure as marks on an axes of matplotlib: the same numbers as the browser draws."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from compartments.report.figures.style import GREY, Trace
from compartments.report.paper.scales import Scale

POINTS = 7 / 13  # of a pixel of the page: its type of 13 pixels is one of 7 points on paper
MARKS = {
    "circle": "o", "diamond": "D", "square": "s", "triangle-up": "^", "cross": "P", "x": "X", "line-ew": "_",
}  # fmt: skip
DASHES = {"solid": "-", "dot": ":", "dash": "--"}
DENSE = 1500  # marks of a trace that are drawn as one picture of 300 dots per inch
SIDES = {  # of a text beside its mark: where it lies, and where it begins
    "top center": ((0, 1), "center", "bottom"),
    "bottom center": ((0, -1), "center", "top"),
    "middle right": ((1, 0), "left", "center"),
    "middle left": ((-1, 0), "right", "center"),
    "middle center": ((0, 0), "center", "center"),
}
Numbers = npt.NDArray[np.float64]


def numbers(values: Any) -> Numbers:
    """Numbers with NaN for gaps."""
    return pd.to_numeric(pd.Series(list(values), dtype=object), errors="coerce").to_numpy(float)


def scatter(axes: Axes, trace: Trace, scales: tuple[Scale, Scale], gid: str) -> ScalarMappable | None:
    """Lines, marks with error bars, and texts; the marks' colours where they stand for numbers."""
    x, y = (scale.places(trace[axis]) for scale, axis in zip(scales, "xy", strict=True))
    mode, alpha, shades = trace.get("mode", "lines"), trace.get("opacity"), None
    if "lines" in mode:
        line = trace.get("line", {})
        style: dict[str, Any] = {
            "color": line.get("color", GREY),
            "linewidth": POINTS * line.get("width", 2),
            "alpha": alpha,
        }
        axes.plot(x, y, DASHES[line.get("dash", "solid")], **style, gid=f"{gid}-line", zorder=2)
    if "markers" in mode and len(x):
        _error_bars(axes, trace, x, y)
        shades = _marks(axes, trace, x, y, gid)
    if "text" in mode:
        sides = _each(trace.get("textposition", "middle center"), len(x))
        size = POINTS * trace.get("textfont", {}).get("size", 12)
        marker = _each(trace.get("marker", {}).get("size", 4), len(x))
        for here, there, text, side, wide in zip(x, y, trace["text"], sides, marker, strict=True):
            (right, above), across, up = SIDES[side]
            offset = (right * (1 + POINTS * wide / 2), above * (1 + POINTS * wide / 2))
            beside: dict[str, Any] = {
                "ha": across,
                "va": up,
                "fontsize": size,
                "textcoords": "offset points",
                "annotation_clip": False,
            }
            axes.annotate(str(text).replace("<br>", "\n"), (here, there), offset, **beside, zorder=5)
    return shades


def annotation(axes: Axes, given: dict[str, Any]) -> None:
    """A text with a thin line to the place that it names."""
    line = {"arrowstyle": "-", "linewidth": POINTS * given["arrowwidth"], "color": given["arrowcolor"]}
    line |= {"shrinkA": 0, "shrinkB": POINTS * given["standoff"]}
    ground = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0}
    style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": POINTS * given["font"]["size"], "zorder": 5}
    style |= {"textcoords": "offset points", "arrowprops": line, "bbox": ground, "annotation_clip": False}
    axes.annotate(given["text"], (given["x"], given["y"]), (POINTS * given["ax"], -POINTS * given["ay"]), **style)


def _each(value: Any, n: int) -> list[Any]:
    return [value] * n if isinstance(value, str | int | float) else list(value)


def _marks(axes: Axes, trace: Trace, x: Numbers, y: Numbers, gid: str) -> ScalarMappable | None:
    marker = trace.get("marker", {})
    alpha = marker.get("opacity", trace.get("opacity"))
    if alpha == 0:  # they carry a text of the browser alone
        return None
    size = (POINTS * numbers(_each(marker.get("size", 6), len(x)))) ** 2
    symbols = np.array(_each(marker.get("symbol", "circle"), len(x)), dtype=object)
    colours, mapped = marker.get("color", GREY), None
    if marker.get("colorscale"):
        values = numbers(colours)
        mapped = shaded(marker["colorscale"], values, marker)
        colours = list(mapped.to_rgba(values))
    colours = np.array([*_each(colours, len(x)), None], dtype=object)[:-1]
    edge = POINTS * marker.get("line", {}).get("width", 0)
    for number, symbol in enumerate(dict.fromkeys(symbols)):
        own = symbols == symbol
        bare, hollow = symbol.removesuffix("-open"), symbol.endswith("-open")
        style: dict[str, Any] = {"linewidths": max(edge, 0.7) if hollow else edge}
        if bare == "line-ew":
            style |= {"color": list(colours[own]), "linewidths": edge}
        elif hollow:
            style |= {"facecolors": "none", "edgecolors": list(colours[own])}
        else:
            style |= {"color": list(colours[own]), "edgecolors": marker.get("line", {}).get("color", "none")}
        style |= {"gid": f"{gid}-marks-{number}", "rasterized": len(x) > DENSE, "zorder": 3}
        axes.scatter(x[own], y[own], s=size[own], marker=MARKS[bare], alpha=alpha, **style)
    return mapped


def _error_bars(axes: Axes, trace: Trace, x: Numbers, y: Numbers) -> None:
    for axis, errors in (("x", trace.get("error_x")), ("y", trace.get("error_y"))):
        if errors:
            limits = np.abs([numbers(errors["arrayminus"]), numbers(errors["array"])])
            colour = errors.get("color", trace.get("marker", {}).get("color", GREY))
            style: dict[str, Any] = {
                "ecolor": colour,
                "elinewidth": POINTS * errors.get("thickness", 2),
                "fmt": "none",
                "zorder": 2,
            }
            axes.errorbar(x, y, **style | {f"{axis}err": limits})


def shaded(scale: Any, values: Numbers, given: dict[str, Any]) -> ScalarMappable:
    """Colours of numbers: a scale by name or as ``[place, colour]``, between limits or the smallest and largest."""
    colours: Colormap | str
    if isinstance(scale, str):
        colours = scale.lower() + ("_r" if given.get("reversescale") else "")
    else:
        colours = LinearSegmentedColormap.from_list("scale", [(place, colour) for place, colour in scale])
    known = values[np.isfinite(values)]
    least, most = (known.min(), known.max()) if len(known) else (0.0, 1.0)
    return ScalarMappable(Normalize(given.get("zmin", least), given.get("zmax", most)), colours)


def heatmap(axes: Axes, trace: Trace, scales: tuple[Scale, Scale], gid: str) -> ScalarMappable:
    """A square for each value; gaps show the ground."""
    values = np.array([numbers(row) for row in np.asarray(trace["z"], dtype=object)], ndmin=2)
    mapped = shaded(trace["colorscale"], values, trace)
    x, y = (scale.places(trace[axis]) for scale, axis in zip(scales, "xy", strict=True))
    style: dict[str, Any] = {
        "cmap": mapped.cmap,
        "norm": mapped.norm,
        "shading": "nearest",
        "gid": gid,
        "rasterized": values.size > DENSE,
    }
    if values.size:
        axes.pcolormesh(x, y, np.ma.masked_invalid(values), **style)
    return mapped


def bars(axes: Axes, traces: list[tuple[int, Trace]], scales: tuple[Scale, Scale], stacked: bool) -> None:
    """Vertical bars of all series: side by side, or on each other."""
    width = 0.8 if stacked else 0.8 / max(1, len(traces))
    below: dict[float, float] = {}
    for place, (number, trace) in enumerate(traces):
        x, y = scales[0].places(trace["x"]), numbers(trace["y"])
        shift = 0.0 if stacked else (place - (len(traces) - 1) / 2) * width
        bottom = np.array([below.get(here, 0.0) for here in x]) if stacked else np.zeros(len(x))
        below |= dict(zip(x.tolist(), (bottom + np.nan_to_num(y)).tolist(), strict=True))
        drawn = axes.bar(x + shift, y, width, bottom, color=trace["marker"]["color"], zorder=2)
        for k, bar in enumerate(drawn):
            bar.set_gid(f"trace-{number}-bar-{k}")


def boxes(axes: Axes, trace: Trace, scales: tuple[Scale, Scale]) -> None:
    """Boxes from quantiles."""
    names = {"lowerfence": "whislo", "q1": "q1", "median": "med", "q3": "q3", "upperfence": "whishi"}
    columns = {name: numbers(trace[key]) for key, name in names.items()}
    rows = [{name: column[i] for name, column in columns.items()} for i in range(len(trace["x"]))]
    line: dict[str, Any] = {"color": trace["marker"]["color"], "linewidth": 1}
    places = scales[0].places(trace["x"])
    parts: dict[str, Any] = {"boxprops": line, "medianprops": line, "whiskerprops": line, "capprops": line}
    if rows:
        axes.bxp(rows, positions=places, widths=0.6, showfliers=False, manage_ticks=False, **parts)


def handle(trace: Trace) -> Any:
    """The mark of a trace in a legend."""
    colour = trace.get("marker", {}).get("color", trace.get("line", {}).get("color", GREY))
    if trace["type"] in ("bar", "box"):
        return Patch(color=colour)
    mode, marker, line = trace.get("mode", "lines"), trace.get("marker", {}), trace.get("line", {})
    style: dict[str, Any] = {"linestyle": DASHES[line.get("dash", "solid")] if "lines" in mode else "none"}
    style |= {"color": line.get("color", first_of(colour)), "linewidth": POINTS * line.get("width", 2)}
    if "markers" in mode:
        symbol, colour = first_of(marker.get("symbol", "circle")), first_of(colour)
        hollow, bare = symbol.endswith("-open"), symbol.removesuffix("-open")
        style |= {"marker": MARKS[bare], "markersize": 4.5, "markeredgecolor": colour}
        style |= {"markerfacecolor": "none" if hollow else colour, "markeredgewidth": 0.9 if hollow else 0.3}
    return Line2D([], [], **style)


def first_of(value: Any) -> Any:
    """A value, or the first of several."""
    return value if isinstance(value, str) else next(iter(value), GREY) if isinstance(value, Iterable) else value
