"""Dots: samples of donors, lineages between compartments, genes, ranks."""

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from compartments.core.vocabulary import ALPHA
from compartments.report.figures.labels import offsets
from compartments.report.figures.style import (
    GREY,
    OKABE_ITO,
    SYMBOLS,
    Colours,
    Figure,
    Trace,
    Words,
    bars_around,
    layout,
    menu,
)

LONGEST = 26  # letters of a name beside its point
VOLCANO_GENES = 400  # with q <= .05, of each lineage


class Spots(NamedTuple):
    """Where samples stand from left to right.

    Attributes
    ----------
    columns : tuple of str
        The last one varies fastest; lines join the samples of a donor along it.
    levels : list of list of str
        Of each column, in their order.
    """

    columns: tuple[str, ...]
    levels: list[list[str]]

    def places(self) -> dict[tuple[str, ...], float]:
        """Place of every combination of levels, those of a line side by side."""
        width = len(self.levels[-1])
        return {spot: i + 0.6 * (i // width) for i, spot in enumerate(product(*self.levels))}

    def of(self, table: pd.DataFrame) -> pd.DataFrame:
        """Rows with these levels, and their place as ``_x``."""
        for column, levels in zip(self.columns, self.levels, strict=True):
            table = table[table[column].isin(levels)]
        places = self.places()
        return table.assign(_x=[places[spot] for spot in table[list(self.columns)].itertuples(index=False, name=None)])


def joined(rows: pd.DataFrame, by: Sequence[str], value: str) -> tuple[list[Any], list[Any]]:
    """Places and values of lines, one for each value of ``by``, with gaps between them."""
    line_x: list[Any] = []
    line_y: list[Any] = []
    for _, one in rows.groupby(list(by), sort=False):
        one = one.sort_values("_x")
        line_x += [*one["_x"], None]
        line_y += [*one[value], None]
    return line_x, line_y


def paired_dots(
    name: str,
    table: pd.DataFrame,
    value: str,
    colours: Colours,
    spots: Spots,
    words: Words,
    *,
    y: str,
) -> Figure:
    """One dot per sample, in the colour of its condition; lines join the samples of a donor.

    Parameters
    ----------
    table : DataFrame
        ``donor, compartment, condition, <value>`` and the columns of ``spots``.
    """
    place, table = spots.places(), spots.of(table)
    traces: list[Trace] = []
    outer = spots.columns[:-1]
    colour_of = next((column for column in ("group", "condition") if column in outer), "")
    for key, rows in table.groupby(colour_of, sort=False) if colour_of else [("", table)]:
        line_x, line_y = joined(rows, ["donor", *outer], value)
        line = {"color": colours.condition.get(str(key), GREY), "width": 1.2}
        lines = {"type": "scatter", "mode": "lines", "x": line_x, "y": line_y, "line": line, "opacity": 0.5}
        traces.append(lines | {"hoverinfo": "skip", "showlegend": False})
    for condition, rows in table.groupby("condition", sort=False):
        traces.append(_dots(rows, value, str(condition), colours))
    means = table.groupby("_x")[value].mean()
    bars = {"type": "scatter", "mode": "markers", "name": "mean", "x": means.index, "y": means, "hoverinfo": "skip"}
    traces.append(bars | {"marker": {"symbol": "line-ew-open", "size": 34, "color": "#111", "line": {"width": 2.5}}})
    ticks = {"tickvals": list(place.values()), "ticktext": ["<br>".join(spot[::-1]) for spot in place]}
    ticks |= {"range": [-0.6, max(place.values()) + 0.6], "zeroline": False, "tickangle": 0, "showgrid": False}
    ticks |= {"ticklabeloverflow": "allow"}
    return Figure(name, words, traces, layout("", y, xaxis=ticks), table.drop(columns="_x"), 400)


def _dots(rows: pd.DataFrame, value: str, condition: str, colours: Colours) -> Trace:
    symbols = [colours.symbol[c] for c in rows["compartment"]]
    colour = colours.condition.get(condition, GREY)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": condition,
        "x": rows["_x"],
        "y": rows[value],
        "text": rows["donor"] + ", " + rows["compartment"],
        "hovertemplate": "%{text}: %{y:.3g}<extra></extra>",
        "marker": {"size": 10, "color": colour, "symbol": symbols, "line": {"width": 1, "color": "#fff"}},
    }


def slopes(
    name: str,
    table: pd.DataFrame,
    value: str,
    labels: Sequence[str],
    spots: Sequence[str],
    colours: Mapping[str, str],
    words: Words,
    *,
    y: str,
    zero: bool = False,
) -> Figure:
    """For each label two or more spots side by side, and a line per donor that joins its values.

    Parameters
    ----------
    table : DataFrame
        ``label, spot, donor, series, <value>``.
    labels : sequence of str
        From left to right.
    spots : sequence of str
        Of every label.
    colours : dict
        Of the series.
    zero : bool
        Draw a line at 0.
    """
    width = len(spots) + 1.2
    place = {(label, spot): i * width + k for i, label in enumerate(labels) for k, spot in enumerate(spots)}
    table = table[table["label"].isin(list(labels)) & table["spot"].isin(list(spots))]
    table = table.assign(_x=[place[key] for key in zip(table["label"], table["spot"], strict=True)])
    traces: list[Trace] = []
    for number, (series, rows) in enumerate(table.groupby("series", sort=False)):
        line_x, line_y = joined(rows, ["donor", "label"], value)
        shown = {"type": "scatter", "mode": "lines+markers", "name": series, "x": line_x, "y": line_y}
        text = [t for _, one in rows.groupby(["donor", "label"], sort=False) for t in [*_texts(one), ""]]
        colour = colours.get(str(series), GREY)
        shown |= {"text": text, "hovertemplate": "%{text}: %{y:.2f}<extra></extra>", "opacity": 0.75}
        line = {"color": colour, "width": 1.3, "dash": "dot" if number % 2 else "solid"}
        marker = {"size": 5, "color": colour, "symbol": SYMBOLS[number % len(SYMBOLS)]}
        traces.append(shown | {"line": line, "marker": marker})
    middle = [i * width + (len(spots) - 1) / 2 for i in range(len(labels))]
    ticks = {"tickvals": middle, "ticktext": list(labels), "tickangle": -45, "showgrid": False, "zeroline": False}
    ticks |= {"range": [-1, len(labels) * width - 0.8]}
    edges = [i * width - 1.1 for i in range(1, len(labels))]
    shapes = [{"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper"} for x in edges]
    shapes = [shape | {"line": {"color": "#e6e8eb", "width": 1}} for shape in shapes]
    shown = layout("", y, xaxis=ticks, yaxis={"zeroline": zero}, shapes=shapes, showlegend=len(traces) > 1)
    return Figure(name, words, traces, shown, table.drop(columns="_x"), 420)


def _texts(rows: pd.DataFrame) -> pd.Series:
    """What a click on the points of a line says, from left to right."""
    rows = rows.sort_values("_x")
    return rows["donor"] + ", " + rows["label"] + ", " + rows["spot"]


def coupling_scatter(
    name: str,
    table: pd.DataFrame,
    donors: pd.DataFrame,
    compartments: tuple[str, str],
    colours: Colours,
    words: Words,
    *,
    change: str,
) -> Figure:
    """Change in one compartment against change in the other, one point per lineage with both intervals.

    Parameters
    ----------
    table : DataFrame
        ``lineage``, and ``own, own_low, own_high`` of the first compartment, ``base...`` of the second.
    donors : DataFrame
        ``lineage, donor, condition, own, base``: small open circles; those of the first condition at once, the others
        by a click on the legend.
    change : str
        What the axes show.
    """
    own, base = compartments
    low = min(table["own_low"].min(), table["base_low"].min(), table["own"].min(), table["base"].min(), -0.5)
    high = max(table["own_high"].max(), table["base_high"].max(), table["own"].max(), table["base"].max(), 0.5)
    low, high = (-1.0, 1.0) if not (math.isfinite(low) and math.isfinite(high)) else (low - 0.3, high + 0.3)
    diagonal = {"type": "line", "x0": low, "y0": low, "x1": high, "y1": high, "line": {"dash": "dash", "color": GREY}}
    style = {"thickness": 1, "width": 0, "color": "#9aa1ab"}
    hover = "%{text}: " + base + " %{x:.2f}, " + own + " %{y:.2f}<extra></extra>"
    errors = {
        f"error_{axis}": bars_around(table[side], table[f"{side}_low"], table[f"{side}_high"], **style)
        for axis, side in (("x", "base"), ("y", "own"))
    }
    lineages = {
        "type": "scatter",
        "mode": "markers",
        "x": table["base"],
        "y": table["own"],
        "text": table["lineage"],
        "hovertemplate": hover,
        "marker": {"size": 10, "color": [colours.lineage.get(x, GREY) for x in table["lineage"]]},
    }
    traces = [lineages | errors | {"showlegend": False}]
    for i, (condition, rows) in enumerate(donors.groupby("condition", sort=False)):
        marker = {"size": 6, "symbol": "circle-open", "color": colours.condition.get(str(condition), GREY)}
        name_of = f"donors, {condition}" if condition else "donors"
        dots = {"type": "scatter", "mode": "markers", "name": name_of, "x": rows["base"]}
        dots |= {"y": rows["own"], "text": rows["lineage"] + ", " + rows["donor"], "hovertemplate": hover}
        traces.append(dots | {"marker": marker, "visible": True if i == 0 else "legendonly"})
    axes = {"xaxis": {"range": [low, high]}, "yaxis": {"range": [low, high]}}
    names = named_points(table["base"], table["own"], table["lineage"], (low, high))
    shown = layout(f"{base}: {change}", f"{own}: {change}", shapes=[diagonal], annotations=names, **axes)
    return Figure(name, words, traces, shown, table, 480)


def named_points(x: pd.Series, y: pd.Series, texts: pd.Series, limits: tuple[float, float]) -> list[dict[str, Any]]:
    """Names of points, each joined to its own by a thin line: annotations of the layout."""
    shorter = [text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}\u2026" for text in texts]
    places = offsets(x.to_numpy(float), y.to_numpy(float), shorter, limits)
    line = {"showarrow": True, "arrowhead": 0, "arrowwidth": 0.7, "arrowcolor": GREY, "standoff": 5}
    style = line | {"font": {"size": 11}, "borderpad": 0, "bgcolor": "rgba(255,255,255,0.75)"}
    return [
        {"x": across, "y": up, "text": text, "ax": round(right, 1), "ay": round(-above, 1)} | style
        for across, up, text, (right, above) in zip(x, y, shorter, places, strict=True)
    ]


def sample_dots(
    groups: Sequence[tuple[str, pd.DataFrame, str, str]], value: str, label: str, hover: str
) -> list[Trace]:
    """Traces of one symbol per sample and label.

    Parameters
    ----------
    groups : sequence of (name, rows, colour, symbol)
        ``rows`` with ``sample, <value>, <label>``.
    hover : str
        Of plotly, behind the sample's name.
    """
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": rows[value],
            "y": rows[label],
            "text": rows["sample"],
            "hovertemplate": "%{text}: " + hover + "<extra></extra>",
            "marker": {"size": 9, "color": colour, "symbol": symbol, "opacity": 0.75},
        }
        for name, rows, colour, symbol in groups
    ]


def thinned(table: pd.DataFrame, limit: int = VOLCANO_GENES) -> pd.DataFrame:
    """The genes of a volcano plot: of each lineage up to ``limit`` with q <= .05, and each n-th of the others."""
    parts = []
    for _, rows in table.groupby("lineage", sort=False):
        found = rows[rows["q_value"] <= ALPHA].nsmallest(limit, "p_value")
        rest = rows[~(rows["q_value"] <= ALPHA)]
        parts += [rest.iloc[:: max(1, len(rest) // limit)], found]
    return pd.concat(parts) if parts else table


def volcano(name: str, table: pd.DataFrame, words: Words, *, x: str) -> Figure:
    """log2 fold change against -log10 p, a menu of lineages.

    Parameters
    ----------
    table : DataFrame
        ``lineage, gene, log2fc, p_value, q_value``, :func:`thinned`.
    x : str
        What the fold change is of.
    """
    groups, traces = list(table["lineage"].unique()), []
    for i, lineage in enumerate(groups):
        rows = table[table["lineage"] == lineage]
        found = rows["q_value"] <= ALPHA
        for part, colour, text in ((rows[~found], "#9aa1ab", "q > .05"), (rows[found], OKABE_ITO[1], "q <= .05")):
            traces.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": f"{lineage}, {text}",
                    "x": part["log2fc"],
                    "y": -np.log10(part["p_value"].clip(lower=1e-300)),
                    "text": part["gene"],
                    "hovertemplate": "%{text}: log2 %{x:.2f}, -log10 p %{y:.2f}<extra></extra>",
                    "marker": {"size": 6, "color": colour, "symbol": "circle" if "<=" in text else "circle-open"},
                    "visible": i == 0,
                }
            )
    views = {group: [i // 2 == k for i in range(2 * len(groups))] for k, group in enumerate(groups)}
    menus = menu(views, y=1.2, yanchor="top")
    shown = layout(x, "-log10 p", updatemenus=menus, margin={"t": 80})
    return Figure(name, words, traces, shown, table, 460)
