"""Bars, boxes and lines: one per sample or lineage."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from compartments.report.figures.style import MANY, OKABE_ITO, Figure, Trace, Words, layout


def bars(
    name: str,
    table: pd.DataFrame,
    label: str,
    series: Mapping[str, str],
    words: Words,
    *,
    y: str,
    colours: Mapping[str, str] | None = None,
    stacked: bool = False,
    percent: bool = False,
) -> Figure:
    """Vertical bars of one or several columns.

    Parameters
    ----------
    series : dict
        Column -> name in the legend.
    """
    palette = colours or {}
    traces = [
        {
            "type": "bar",
            "name": text,
            "x": table[label],
            "y": table[column],
            "marker": {"color": palette.get(column, MANY[i % len(MANY)])},
            "hovertemplate": "%{x}, " + text + ": %{y:.3g}<extra></extra>",
        }
        for i, (column, text) in enumerate(series.items())
    ]
    more: dict[str, Any] = {"barmode": "stack" if stacked else "group", "showlegend": len(series) > 1}
    more |= {"meta": {"samples": "places"}} if label == "sample" else {}
    more["xaxis"] = {"type": "category", "tickangle": -45 if len(table) > 6 else 0}
    more["yaxis"] = {"tickformat": ".1~%"} if percent else {}
    if len(series) > 8:
        more["legend"] = {"orientation": "h", "y": -0.35, "yanchor": "top"}
    return Figure(name, words, traces, layout("", y, **more), table, 420 if len(series) <= 8 else 540)


def boxes(
    name: str,
    table: pd.DataFrame,
    label: str,
    value: str,
    words: Words,
    *,
    y: str,
    log: bool = False,
    colour: str = OKABE_ITO[0],
) -> Figure:
    """Box per sample from quantiles (2.5, 25, 50, 75, 97.5 %), so that no cell travels with the page."""
    quantiles = table.groupby(label, sort=False)[value].quantile([0.025, 0.25, 0.5, 0.75, 0.975]).unstack()
    quantiles.columns = pd.Index(["lower_2.5%", "q1", "median", "q3", "upper_97.5%"])
    quantiles = quantiles.reset_index()
    trace = {
        "type": "box",
        "x": quantiles[label],
        "lowerfence": quantiles["lower_2.5%"],
        "q1": quantiles["q1"],
        "median": quantiles["median"],
        "q3": quantiles["q3"],
        "upperfence": quantiles["upper_97.5%"],
        "marker": {"color": colour},
        "showlegend": False,
    }
    axes: dict[str, Any] = {"xaxis": {"type": "category", "tickangle": -45 if len(quantiles) > 6 else 0}}
    axes["yaxis"] = {"type": "log", "dtick": "D2"} if log else {}
    axes |= {"meta": {"samples": "places"}} if label == "sample" else {}
    return Figure(name, words, [trace], layout("", y, **axes), quantiles, 360)


def curve(name: str, x: list[float], y: list[float], index: int, dash: str = "", hover: str = "") -> Trace:
    """A line in the colour of its ``index``."""
    style: dict[str, Any] = {"color": MANY[index % len(MANY)], "width": 1.5} | ({"dash": dash} if dash else {})
    trace = {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": style}
    return trace | ({"hovertemplate": hover} if hover else {})
