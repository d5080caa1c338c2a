"""Heat maps and networks: lineages against lineages, sets or arms."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.report.figures.labels import LETTER, ROOMS, in_lines
from compartments.report.figures.style import DIVERGING, OKABE_ITO, Figure, Trace, Words, layout, menu

LINE_WIDTHS = 8  # of a network
NAME = 13  # letters of a line of a name
AROUND = 1.27  # radius of the names where that of the lineages is 1


def heatmap(
    name: str,
    wide: pd.DataFrame,
    words: Words,
    *,
    label: str,
    data: pd.DataFrame,
    symmetric: bool = True,
    limit: float | None = None,
) -> Figure:
    """Matrix with rows and columns named; diverging colours around zero, up to ``limit`` or the largest value."""
    if limit is None:
        limit = float(np.nanmax(np.abs(wide.to_numpy()))) if wide.size and wide.notna().any().any() else 1.0
    trace = {
        "type": "heatmap",
        "z": wide.to_numpy(),
        "x": list(wide.columns),
        "y": list(wide.index),
        "colorscale": DIVERGING if symmetric else "Cividis",
        "zmin": -limit if symmetric else 0,
        "zmax": limit,
        "hovertemplate": "%{y}, %{x}: %{z:.2f}<extra></extra>",
        "colorbar": {"title": {"text": label, "side": "right"}, "thickness": 14},
        "hoverongaps": False,
    }
    axes = {
        "xaxis": {"type": "category", "tickangle": -45, "showgrid": False},
        "yaxis": {"type": "category", "autorange": "reversed", "showgrid": False},
        "plot_bgcolor": "#f0f1f3",
    }
    height = min(900, 190 + 24 * len(wide))
    return Figure(name, words, [trace], layout("", "", **axes), data, height)


def dot_plot(name: str, table: pd.DataFrame, words: Words, *, order: list[str]) -> Figure:
    """Groups by genes: the size of a dot is the share of cells that express the gene, its colour the expression.

    Parameters
    ----------
    table : DataFrame
        ``name, gene, marker_of, expressing, log2_cpm`` of :func:`cohort.marker_genes.drawn_table`.
    order : list of str
        Of the groups, the first at the top; genes stand in the order of the group that they are markers of.
    """
    rows = table[table["name"].isin(order)]
    place = {group: number for number, group in enumerate(order)}
    genes = rows.drop_duplicates("gene").sort_values("marker_of", key=lambda groups: groups.map(place), kind="stable")
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": rows["gene"],
        "y": rows["name"],
        "customdata": np.column_stack([rows["expressing"] * 100, rows["marker_of"]]),
        "marker": {
            "size": 2 + 16 * np.sqrt(rows["expressing"]),
            "color": rows["log2_cpm"],
            "colorscale": "Cividis",
            "reversescale": True,
            "showscale": True,
            "colorbar": {"title": {"text": "log2 counts per million", "side": "right"}, "thickness": 14},
        },
        "hovertemplate": "%{y}, %{x} (of %{customdata[1]}): %{customdata[0]:.0f} % of cells, %{marker.color:.1f}"
        "<extra></extra>",
    }
    axes = {
        "xaxis": {"type": "category", "categoryorder": "array", "categoryarray": list(genes["gene"]), "tickangle": -60},
        "yaxis": {
            "type": "category",
            "categoryorder": "array",
            "categoryarray": order,
            "autorange": "reversed",
        },
    }
    return Figure(name, words, [trace], layout("", "", **axes), rows, min(900, 210 + 24 * len(order)))


def network(
    name: str,
    strengths: pd.DataFrame,
    largest: tuple[float, float],
    words: Words,
    *,
    data: pd.DataFrame,
    colour: str | None = None,
) -> Figure:
    """Lineages on a circle, lines between them as wide as their signalling, both directions together.

    Parameters
    ----------
    strengths : DataFrame, lineages x lineages
        Symmetric, zero diagonal: fractions of all signalling, or differences of them.
    largest : tuple of two floats
        Strength of the widest line, and share of the largest lineage (half the sum of its lines).
    colour : str, optional
        Of lines and lineages. Without it, orange lines are above 0 and dotted blue ones below.
    """
    names, values = list(strengths.index), strengths.to_numpy(float)
    angle = np.pi / 2 - 2 * np.pi * np.arange(len(names)) / len(names)
    x, y = np.cos(angle), np.sin(angle)
    up, down = (colour or OKABE_ITO[1]), (colour or OKABE_ITO[0])
    first, second = np.triu_indices(len(names), 1)
    value = values[first, second]
    unit = " % of all signalling" if colour else " percentage points"
    text = [f"{names[a]} and {names[b]}: {100 * v:.2f}{unit}" for a, b, v in zip(first, second, value, strict=True)]
    middle: Trace = {"type": "scatter", "mode": "markers", "x": (x[first] + x[second]) / 2}
    middle |= {"y": (y[first] + y[second]) / 2, "text": text, "hovertemplate": "%{text}<extra></extra>"}
    middle |= {"marker": {"size": 9, "opacity": 0}}
    share = values.sum(1) / 2
    nodes = {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": y,
        "text": [f"{k}: takes part in {100 * v:.1f}{unit}" for k, v in zip(names, share, strict=True)],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {
            "size": 7 + 29 * np.minimum(np.abs(share) / largest[1], 1),
            "color": [up if v >= 0 else down for v in share],
            "symbol": ["circle" if v >= 0 else "diamond" for v in share],
            "line": {"width": 1.5, "color": "#1b1f24"},
        },
    }
    sides = ["middle right" if a > 0.2 else "middle left" if a < -0.2 else "middle center" for a in x]
    lines_of = [in_lines(name, NAME) for name in names]
    longest = max(len(line) for lines in lines_of for line in lines)
    labels = {"type": "scatter", "mode": "text", "x": AROUND * x, "y": AROUND * y, "textposition": sides}
    labels |= {"text": ["<br>".join(lines) for lines in lines_of], "textfont": {"size": 11}, "hoverinfo": "skip"}
    side = round(AROUND / (1 - 2 * longest * LETTER / ROOMS[0][0]), 2)  # names have room on a phone
    axis = {"showticklabels": False, "showgrid": False, "zeroline": False, "showline": False, "range": [-side, side]}
    shown = layout("", "", xaxis=axis, yaxis=axis | {"scaleanchor": "x", "range": [-1.4, 1.4]}, showlegend=False)
    edges = _lines(value, (x[first], x[second]), (y[first], y[second]), largest[0], (up, down))
    return Figure(name, words, [*edges, middle, nodes, labels], shown, data, 520)


Ends = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


def _lines(value: npt.NDArray[np.float64], x: Ends, y: Ends, widest: float, colours: tuple[str, str]) -> list[Trace]:
    """Lines between two ends, one trace for each width and sign."""
    steps = np.ceil(np.abs(value) / widest * LINE_WIDTHS).clip(max=LINE_WIDTHS)
    traces: list[Trace] = []
    for step in range(1, LINE_WIDTHS + 1):
        for sign, colour, dash in ((1, colours[0], "solid"), (-1, colours[1], "dot")):
            lines = (steps == step) & (np.sign(value) == sign)
            if not lines.any():
                continue
            gap = np.full(lines.sum(), np.nan)
            ends = [np.column_stack([a[lines], b[lines], gap]).ravel() for a, b in (x, y)]
            line = {"width": 0.5 + 8 * (step / LINE_WIDTHS) ** 3, "color": colour, "dash": dash}
            trace = {"type": "scatter", "mode": "lines", "x": ends[0], "y": ends[1], "line": line, "hoverinfo": "skip"}
            traces.append(trace | {"opacity": 0.2 + 0.7 * (step / LINE_WIDTHS) ** 2})
    return traces


def switched(views: dict[str, Figure]) -> Figure:
    """One figure of several that differ only in their traces, with a menu; the first stands for all.

    Parameters
    ----------
    views : dict of str to Figure
        Text of the menu -> figure.
    """
    first = next(iter(views.values()))
    owner = np.repeat(np.arange(len(views)), [len(figure.traces) for figure in views.values()])
    traces = [
        trace | {"visible": bool(k == 0)}
        for k, trace in zip(owner, (t for figure in views.values() for t in figure.traces), strict=True)
    ]
    shown = {text: (owner == k).tolist() for k, text in enumerate(views)}
    margin = first.layout["margin"] | {"t": 60}
    menus = menu(shown, y=1.02, yanchor="bottom")
    return replace(first, traces=traces, layout=first.layout | {"updatemenus": menus, "margin": margin})
