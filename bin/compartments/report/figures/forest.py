"""One line per lineage, gene or set: estimates with intervals and donors, and what could be found."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from compartments.core.numbers import probability
from compartments.report.figures.style import GREY, SYMBOLS, Colours, Figure, Trace, Words, bars_around, layout, rows_of

SHADES = ["#08306b", "#2171b5", "#4292c6", "#6baed6", "#9ecae1"]  # the darker, the fewer donors


def forest(
    name: str,
    effects: pd.DataFrame,
    donors: pd.DataFrame | None,
    labels: Sequence[str],
    series: dict[str, str],
    colours: Colours,
    words: Words,
    *,
    x: str,
    value: str = "log2fc",
    margin: float | None = None,
) -> Figure:
    """Estimates with 95 % intervals, one line per label, one colour and symbol per compartment, donors as small dots.

    Parameters
    ----------
    effects : DataFrame
        ``label, series, <value>, ci_low, ci_high, p_value, q_value, tier, n_condition, n_reference``; ``one_arm`` where
        the two numbers are of the same donors.
    donors : DataFrame or None
        ``label, series, donor, condition, shown``: position of each donor on the axis of the estimate; no condition
        where donors are their own controls.
    labels : sequence of str
        From top to bottom.
    series : dict
        Name of the series -> compartment, for colour and symbol.
    margin : float, optional
        Draws the equivalence margin as a band.
    """
    places, axis = rows_of(labels)
    apart = np.linspace(-0.24, 0.24, len(series)).tolist() if len(series) > 1 else [0.0]
    offset = {key: -place for key, place in zip(series, apart, strict=True)}
    traces = _circles(donors, places, offset, colours) if donors is not None else []
    for key, compartment in series.items():
        rows = effects[effects["series"] == key]
        height = rows["label"].map(places) + offset[key]
        traces.append(_estimates(rows, key, compartment, height, value, colours))
    line = {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper", "line": {"color": "#444", "width": 1}}
    shapes: list[dict[str, Any]] = [line]
    if margin:
        band = {"type": "rect", "x0": -margin, "x1": margin, "y0": 0, "y1": 1, "yref": "paper", "layer": "below"}
        shapes.append(band | {"fillcolor": "#eceff3", "line": {"width": 0}})
    tall = 130 + (24 + 12 * len(series)) * len(labels)
    return Figure(name, words, traces, layout(x, shapes=shapes, yaxis=axis), effects, tall)


def _circles(donors: pd.DataFrame, places: dict[str, int], offset: dict[str, float], colours: Colours) -> list[Trace]:
    traces = []
    for condition, rows in donors.groupby("condition", sort=False):
        y = rows["label"].map(places) + rows["series"].map(offset)
        jitter = rows.groupby(["label", "series"]).cumcount() % 3 * 0.04
        marker = {"size": 6, "color": colours.condition.get(str(condition), GREY), "opacity": 0.8}
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"donors, {condition}" if condition else "donors",
                "x": rows["shown"],
                "y": y + 0.1 + jitter,
                "text": rows["donor"] + ", " + rows["series"],
                "hovertemplate": "%{text}: %{x:.2f}<extra></extra>",
                "marker": marker | {"symbol": "circle-open", "line": {"width": 1.5}},
            }
        )
    return traces


def _estimates(
    rows: pd.DataFrame, key: str, compartment: str, height: pd.Series, value: str, colours: Colours
) -> Trace:
    hover = [
        f"{r.label}, {key}: {getattr(r, value):.2f} [{r.ci_low:.2f}, {r.ci_high:.2f}]<br>{_p_text(r)}, {r.tier}, "
        f"{_n_text(r)} donors"
        for r in rows.itertuples()
    ]
    colour = colours.compartment[compartment]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": key,
        "x": rows[value],
        "y": height,
        "text": hover,
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"size": 10, "color": colour, "symbol": colours.symbol[compartment]},
        "error_x": bars_around(rows[value], rows["ci_low"], rows["ci_high"], color=colour, thickness=2, width=4),
    }


def _n_text(row: Any) -> str:
    n = [int(row.n_condition), int(row.n_reference)]
    return str(n[0]) if getattr(row, "one_arm", False) else f"{n[0]} v {n[1]}"


def _p_text(row: Any) -> str:
    if not math.isfinite(row.p_value):
        return "no p (too few donors)"
    return f"{probability('p', row.p_value)}, {probability('q', row.q_value)}"


def power_dots(name: str, table: pd.DataFrame, labels: Sequence[str], words: Words, *, x: str, each: str) -> Figure:
    """Minimum detectable effect per row, one symbol per number of added donors, joined by a line.

    Parameters
    ----------
    table : DataFrame
        ``label, more_donors, fold_mde80``.
    labels : sequence of str
        From top to bottom.
    each : str
        Where donors are added.
    """
    places, axis = rows_of(labels)
    ends = table.groupby("label")["fold_mde80"].agg(["min", "max"]).reindex(list(labels))
    ends_x = np.column_stack([ends["min"], ends["max"], np.full(len(ends), np.nan)]).ravel()
    line = {"type": "scatter", "mode": "lines", "x": ends_x, "y": np.repeat([places[r] for r in labels], 3)}
    traces = [line | {"line": {"color": "#b8bec7", "width": 2}, "hoverinfo": "skip", "showlegend": False}]
    for i, k in enumerate(sorted(table["more_donors"].unique())):
        part = table[table["more_donors"] == k]
        text = "this cohort" if k == 0 else f"+{k}{each}"
        marker = {"size": 10 if k == 0 else 8, "color": SHADES[min(i, len(SHADES) - 1)]}
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": text,
                "x": part["fold_mde80"],
                "y": part["label"].map(places),
                "text": part["label"],
                "hovertemplate": "%{text}, " + text + ": %{x:.2f}-fold<extra></extra>",
                "marker": marker | {"symbol": SYMBOLS[i % len(SYMBOLS)]},
            }
        )
    shown = layout(x, xaxis={"type": "log", "dtick": "D2"}, yaxis=axis)
    return Figure(name, words, traces, shown, table, 140 + 24 * len(labels))


def left_out_dots(name: str, row: pd.Series, drivers: pd.DataFrame, colours: dict[str, str], words: Words) -> Figure:
    """tau_U of all with its interval, and without each donor and each lineage.

    Parameters
    ----------
    row : Series
        ``tau_u, tau_low, tau_high``.
    drivers : DataFrame
        ``kind, left_out, tau_u``.
    colours : dict of str to str
        Kind -> colour, in the order of the legend.
    """
    traces: list[Trace] = []
    for (kind, colour), symbol in zip(colours.items(), ("circle-open", "diamond"), strict=True):
        part = drivers[drivers["kind"] == kind]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"without one {kind}",
                "x": part["tau_u"],
                "y": "without " + part["left_out"].astype(str),
                "hovertemplate": "%{y}: %{x:.2f}<extra></extra>",
                "marker": {"symbol": symbol, "size": 9, "color": colour, "line": {"width": 2}},
            }
        )
    limits = {"type": "data", "symmetric": False, "array": [row["tau_high"] - row["tau_u"]]}
    limits |= {"arrayminus": [row["tau_u"] - row["tau_low"]], "thickness": 2, "width": 5}
    every = {"type": "scatter", "mode": "markers", "name": "all", "x": [row["tau_u"]], "y": ["all"], "error_x": limits}
    every |= {"hovertemplate": "all: %{x:.2f}<extra></extra>"}
    traces.append(every | {"marker": {"symbol": "square", "size": 11, "color": "#111"}})
    shown = layout("tau_U (log2)", "", yaxis={"type": "category"}, xaxis={"rangemode": "tozero"})
    return Figure(name, words, traces, shown, drivers, 160 + 22 * (len(drivers) + 1))
