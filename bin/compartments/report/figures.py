"""Figures of the report as plotly JSON, each with its caption, an alternative text and the data it was drawn from."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

# Okabe and Ito (2008) for conditions and few groups; Tol's muted scheme goes on where there are more
OKABE_ITO = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MANY = [*OKABE_ITO, "#882255", "#117733", "#332288", "#999933", "#88CCEE", "#AA4499", "#44AA99", "#661100", "#6699CC"]
SYMBOLS = ["circle", "diamond", "square", "triangle-up", "cross", "x"]
DIVERGING = [[0, "#0072B2"], [0.5, "#f7f7f7"], [1, "#D55E00"]]
GREY = "#767676"
LINE_WIDTHS = 8  # of a network
VOLCANO_GENES = 400  # with q <= .05, of each lineage
EMBEDDING_BINS = 130, 62  # squares across and up: as wide as they are high at the size of the figure
FONT = {"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 13, "color": "#1b1f24"}


@dataclass(frozen=True)
class Figure:
    """One plot.

    Attributes
    ----------
    name : str
        Unique on the page; names the CSV.
    title, caption, alt : str
    traces : list of dict
    layout : dict
    data : DataFrame
        What the plot shows; offered as CSV.
    height : int
        Pixels.
    """

    name: str
    title: str
    caption: str
    alt: str
    traces: list
    layout: dict
    data: pd.DataFrame
    height: int = 420

    kind = "figure"


class Colours:
    """Colours and symbols that stay with a condition, compartment or lineage over the whole page."""

    def __init__(self, study, lineages=()):
        reference = list(dict.fromkeys(study.contrasts["reference"]))
        conditions = [*reference, *(c for c in study.samples["condition"].unique() if c not in reference)]
        self.condition = {c: OKABE_ITO[i % len(OKABE_ITO)] for i, c in enumerate(conditions)}
        order = study.compartments
        self.compartment = {c: ["#882255", "#117733", "#332288", "#999933"][i % 4] for i, c in enumerate(order)}
        self.symbol = {c: SYMBOLS[i % len(SYMBOLS)] for i, c in enumerate(order)}
        self.lineage = {
            lineage: GREY if lineage in ("unassigned", "other") else MANY[i % len(MANY)]
            for i, lineage in enumerate(lineages)
        }


def layout(x="", y="", **more):
    """Common layout; ``more`` overrides."""
    axis = {"automargin": True, "zerolinecolor": "#8a8f98", "gridcolor": "#e6e8eb", "linecolor": "#8a8f98"}
    base = {
        "font": FONT,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 50, "r": 15, "t": 40, "b": 45},
        "hovermode": "closest",
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "#8a8f98", "activecolor": "#1b1f24"},
        "legend": {"orientation": "h", "y": 1.01, "yanchor": "bottom", "x": 0, "font": {"size": 12}},
        "xaxis": axis | {"title": {"text": x}},
        "yaxis": axis | {"title": {"text": y}},
    }
    for key, value in more.items():
        base[key] = base[key] | value if isinstance(base.get(key), dict) and isinstance(value, dict) else value
    return base


def clean(value):
    """Numbers that JSON knows: arrays to lists, NaN to None, floats to six significant digits."""
    if isinstance(value, dict):
        return {k: clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray | pd.Series | pd.Index):
        return [clean(v) for v in value]
    if isinstance(value, float | np.floating):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.bool_):
        return bool(value)
    return None if value is pd.NA else value


def _spread(n, width):
    return np.linspace(-width, width, n) if n > 1 else np.zeros(n)


def forest(name, effects, donors, labels, series, colours, *, title, caption, alt, x, value="log2fc", margin=None):
    """Estimates with 95 % intervals, one line per label, one colour and symbol per compartment, donors as small dots.

    Parameters
    ----------
    effects : DataFrame
        ``label, series, <value>, ci_low, ci_high, p_value, q_value, tier, n_condition, n_reference``.
    donors : DataFrame or None
        ``label, series, donor, condition, shown``: position of each donor on the axis of the estimate.
    labels : sequence of str
        From top to bottom.
    series : dict
        Name of the series -> compartment, for colour and symbol.
    margin : float, optional
        Draws the equivalence margin as a band.
    """
    place = {label: len(labels) - 1 - i for i, label in enumerate(labels)}
    offset = dict(zip(series, -_spread(len(series), 0.24), strict=True))
    traces = []
    if donors is not None and len(donors):
        for condition, rows in donors.groupby("condition", sort=False):
            y = rows["label"].map(place) + rows["series"].map(offset)
            jitter = rows.groupby(["label", "series"]).cumcount() % 3 * 0.04
            traces.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": f"donors, {condition}",
                    "x": rows["shown"],
                    "y": y + 0.1 + jitter,
                    "text": rows["donor"] + ", " + rows["series"],
                    "hovertemplate": "%{text}: %{x:.2f}<extra></extra>",
                    "marker": {
                        "size": 6,
                        "color": colours.condition.get(condition, GREY),
                        "opacity": 0.8,
                        "symbol": "circle-open",
                        "line": {"width": 1.5},
                    },
                }
            )
    for key, compartment in series.items():
        rows = effects[effects["series"] == key]
        hover = [
            f"{r.label}, {key}: {getattr(r, value):.2f} [{r.ci_low:.2f}, {r.ci_high:.2f}]<br>{_p_text(r)}, {r.tier}, "
            f"{int(r.n_condition)} v {int(r.n_reference)} donors"
            for r in rows.itertuples()
        ]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": key,
                "x": rows[value],
                "y": rows["label"].map(place) + offset[key],
                "text": hover,
                "hovertemplate": "%{text}<extra></extra>",
                "marker": {
                    "size": 10,
                    "color": colours.compartment[compartment],
                    "symbol": colours.symbol[compartment],
                },
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": rows["ci_high"] - rows[value],
                    "arrayminus": rows[value] - rows["ci_low"],
                    "color": colours.compartment[compartment],
                    "thickness": 2,
                    "width": 4,
                },
            }
        )
    shapes = [
        {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper", "line": {"color": "#444", "width": 1}}
    ]
    if margin:
        band = {"type": "rect", "x0": -margin, "x1": margin, "y0": 0, "y1": 1, "yref": "paper", "layer": "below"}
        shapes.append(band | {"fillcolor": "#eceff3", "line": {"width": 0}})
    height = 130 + (24 + 12 * len(series)) * len(labels)
    return Figure(
        name,
        title,
        caption,
        alt,
        traces,
        layout(
            x,
            shapes=shapes,
            yaxis={
                "tickvals": list(place.values()),
                "ticktext": list(place),
                "range": [-0.6, len(labels) - 0.4],
                "zeroline": False,
                "showgrid": False,
            },
        ),
        effects,
        height,
    )


def _p_text(row):
    q = getattr(row, "q_value", math.nan)
    return "no p (too few donors)" if not math.isfinite(row.p_value) else f"p = {row.p_value:.2g}, q = {q:.2g}"


def power_dots(name, table, rows, more, colours, *, title, caption, alt, x):
    """Minimum detectable effect per row, one symbol per number of added donors, joined by a line.

    Parameters
    ----------
    table : DataFrame
        ``label, more_donors, fold_mde80``.
    rows : sequence of str
        Labels from top to bottom.
    more : sequence of int
        Added donors; the darker, the fewer.
    colours : sequence of str
        One for each of ``more``.
    """
    place = {label: len(rows) - 1 - i for i, label in enumerate(rows)}
    ends = table.groupby("label")["fold_mde80"].agg(["min", "max"]).reindex(list(rows))
    lines = np.column_stack([ends["min"], ends["max"], np.full(len(ends), np.nan)]).ravel()
    line = {"type": "scatter", "mode": "lines", "x": lines, "y": np.repeat([place[r] for r in rows], 3)}
    traces = [line | {"line": {"color": "#b8bec7", "width": 2}, "hoverinfo": "skip", "showlegend": False}]
    for i, (k, colour) in enumerate(zip(more, colours, strict=True)):
        part = table[table["more_donors"] == k]
        text = "this cohort" if k == 0 else f"+{k} per arm"
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": text,
                "x": part["fold_mde80"],
                "y": part["label"].map(place),
                "text": part["label"],
                "hovertemplate": "%{text}, " + text + ": %{x:.2f}-fold<extra></extra>",
                "marker": {"size": 10 if k == 0 else 8, "color": colour, "symbol": SYMBOLS[i % len(SYMBOLS)]},
            }
        )
    ticks = {"tickvals": list(place.values()), "ticktext": list(place), "range": [-0.6, len(rows) - 0.4]}
    axes = {"xaxis": {"type": "log", "dtick": "D2"}, "yaxis": ticks | {"zeroline": False, "showgrid": False}}
    return Figure(name, title, caption, alt, traces, layout(x, **axes), table, 140 + 24 * len(rows))


def paired_dots(name, table, value, colours, conditions, compartments, *, title, caption, alt, y):
    """One dot per sample, by compartment and condition; lines join the samples of a donor.

    Parameters
    ----------
    table : DataFrame
        ``donor, compartment, condition, <value>``.
    """
    spots = [(compartment, condition) for condition in conditions for compartment in compartments]
    place = {spot: i + 0.6 * (i // len(compartments)) for i, spot in enumerate(spots)}
    table = table[table["condition"].isin(conditions) & table["compartment"].isin(compartments)]
    x = [place[spot] for spot in zip(table["compartment"], table["condition"], strict=True)]
    table = table.assign(_x=x)
    traces = []
    for condition in conditions:
        rows = table[table["condition"] == condition]
        line_x, line_y = [], []
        for _, one in rows.groupby("donor", sort=False):
            one = one.sort_values("_x")
            line_x += [*one["_x"], None]
            line_y += [*one[value], None]
        colour = colours.condition.get(condition, GREY)
        lines = {"type": "scatter", "mode": "lines", "x": line_x, "y": line_y, "hoverinfo": "skip", "showlegend": False}
        traces.append(lines | {"line": {"color": colour, "width": 1.2}, "opacity": 0.5})
        symbols = [colours.symbol[c] for c in rows["compartment"]]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": condition,
                "x": rows["_x"],
                "y": rows[value],
                "text": rows["donor"] + ", " + rows["compartment"],
                "hovertemplate": "%{text}: %{y:.3g}<extra></extra>",
                "marker": {"size": 10, "color": colour, "symbol": symbols, "line": {"width": 1, "color": "#fff"}},
            }
        )
    means = table.groupby("_x")[value].mean()
    bars = {"type": "scatter", "mode": "markers", "name": "mean", "x": means.index, "y": means, "hoverinfo": "skip"}
    traces.append(bars | {"marker": {"symbol": "line-ew-open", "size": 34, "color": "#111", "line": {"width": 2.5}}})
    ticks = {"tickvals": list(place.values()), "ticktext": [f"{c}<br>{k}" for c, k in place], "showgrid": False}
    ticks |= {"range": [-0.6, max(place.values()) + 0.6], "zeroline": False, "tickangle": 0}
    ticks |= {"ticklabeloverflow": "allow"}
    data = table.drop(columns="_x")
    return Figure(name, title, caption, alt, traces, layout("", y, xaxis=ticks), data, 400)


def coupling_scatter(name, table, colours, own, base, donors, *, title, caption, alt, scale):
    """Change in one compartment against change in the other, one point per lineage with both intervals.

    Parameters
    ----------
    donors : DataFrame
        ``lineage, donor, condition, own, base``: small open circles; those of the first condition at once, the others
        by a click on the legend.
    """
    low = min(table["own_low"].min(), table["base_low"].min(), table["own"].min(), table["base"].min(), -0.5)
    high = max(table["own_high"].max(), table["base_high"].max(), table["own"].max(), table["base"].max(), 0.5)
    low, high = (-1.0, 1.0) if not (math.isfinite(low) and math.isfinite(high)) else (low - 0.3, high + 0.3)
    diagonal = {"type": "line", "x0": low, "y0": low, "x1": high, "y1": high, "line": {"dash": "dash", "color": GREY}}

    def error(side):
        return {
            "type": "data",
            "symmetric": False,
            "array": table[f"{side}_high"] - table[side],
            "arrayminus": table[side] - table[f"{side}_low"],
            "thickness": 1,
            "width": 0,
            "color": "#9aa1ab",
        }

    trace = {
        "type": "scatter",
        "mode": "markers+text",
        "x": table["base"],
        "y": table["own"],
        "text": table["lineage"],
        "textposition": "top center",
        "textfont": {"size": 11},
        "hovertemplate": "%{text}: " + base + " %{x:.2f}, " + own + " %{y:.2f}<extra></extra>",
        "marker": {"size": 10, "color": [colours.lineage.get(x, GREY) for x in table["lineage"]]},
        "error_x": error("base"),
        "error_y": error("own"),
        "showlegend": False,
    }
    traces = [trace]
    for i, (condition, rows) in enumerate(donors.groupby("condition", sort=False)):
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"donors, {condition}",
                "x": rows["base"],
                "y": rows["own"],
                "text": rows["lineage"] + ", " + rows["donor"],
                "hovertemplate": "%{text}: " + base + " %{x:.2f}, " + own + " %{y:.2f}<extra></extra>",
                "marker": {"size": 6, "symbol": "circle-open", "color": colours.condition.get(condition, GREY)},
                "visible": True if i == 0 else "legendonly",
            }
        )
    word = "log2 fold change" if scale == "abs" else "log2 change relative to the median lineage"
    axes = {"xaxis": {"range": [low, high]}, "yaxis": {"range": [low, high]}}
    shown = layout(f"{base}: {word}", f"{own}: {word}", shapes=[diagonal], **axes)
    return Figure(name, title, caption, alt, traces, shown, table, 480)


def bars(name, table, label, series, colours=None, *, title, caption, alt, y, stacked=False, percent=False):
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
    more = {"barmode": "stack" if stacked else "group", "showlegend": len(series) > 1}
    more["xaxis"] = {"type": "category", "tickangle": -45 if len(table) > 6 else 0}
    more["yaxis"] = {"tickformat": ".1~%"} if percent else {}
    if len(series) > 8:
        more["legend"] = {"orientation": "h", "y": -0.35, "yanchor": "top"}
    return Figure(name, title, caption, alt, traces, layout("", y, **more), table, 420 if len(series) <= 8 else 540)


def boxes(name, table, label, value, *, title, caption, alt, y, log=False, colour=None):
    """Box per sample from quantiles (2.5, 25, 50, 75, 97.5 %), so that no cell travels with the page."""
    quantiles = table.groupby(label, sort=False)[value].quantile([0.025, 0.25, 0.5, 0.75, 0.975]).unstack()
    quantiles.columns = ["lower_2.5%", "q1", "median", "q3", "upper_97.5%"]
    quantiles = quantiles.reset_index()
    trace = {
        "type": "box",
        "x": quantiles[label],
        "lowerfence": quantiles["lower_2.5%"],
        "q1": quantiles["q1"],
        "median": quantiles["median"],
        "q3": quantiles["q3"],
        "upperfence": quantiles["upper_97.5%"],
        "marker": {"color": colour or OKABE_ITO[0]},
        "showlegend": False,
    }
    axes = {"xaxis": {"type": "category", "tickangle": -45 if len(quantiles) > 6 else 0}}
    axes["yaxis"] = {"type": "log", "dtick": "D2"} if log else {}
    return Figure(name, title, caption, alt, [trace], layout("", y, **axes), quantiles, 360)


def tiles(name, samples, counts, colours, *, title, caption, alt):
    """Donors x compartments; the colour is the condition, the text the number of cells, a gap a missing sample."""
    donors = list(dict.fromkeys(samples.sort_values("condition", kind="stable")["donor"]))
    traces = []
    for condition, rows in samples.groupby("condition", sort=False):
        cells = [f"{counts.get(s):,}" if s in counts else "" for s in rows["sample"]]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers+text",
                "name": condition,
                "x": rows["donor"],
                "y": rows["compartment"],
                "text": cells,
                "textposition": "bottom center",
                "textfont": {"size": 10},
                "customdata": rows["sample"],
                "hovertemplate": "%{customdata}: %{text} cells<extra></extra>",
                "marker": {"symbol": "square", "size": 20, "color": colours.condition.get(condition, GREY)},
            }
        )
    compartments = list(dict.fromkeys(samples["compartment"]))
    axes = {
        "xaxis": {"type": "category", "categoryorder": "array", "categoryarray": donors, "tickangle": -45},
        "yaxis": {"type": "category", "range": [-0.7, len(compartments) - 0.4]},
    }
    data = samples[["sample", "donor", "compartment", "condition"]].assign(
        n_cells=[counts.get(s) for s in samples["sample"]]
    )
    return Figure(name, title, caption, alt, traces, layout("", "", **axes), data, 170 + 70 * len(compartments))


def heatmap(name, wide, *, title, caption, alt, label, data, symmetric=True, limit=None):
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
    return Figure(name, title, caption, alt, [trace], layout("", "", **axes), data, height)


def network(name, strengths, largest, *, title, caption, alt, data, colour=None):
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
    steps = np.ceil(np.abs(value) / largest[0] * LINE_WIDTHS).clip(max=LINE_WIDTHS)  # one trace for each width
    traces = []
    for step in range(1, LINE_WIDTHS + 1):
        for sign in (1, -1):
            lines = (steps == step) & (np.sign(value) == sign)
            gap = np.full(lines.sum(), np.nan)
            ends = [np.column_stack([v[first[lines]], v[second[lines]], gap]).ravel() for v in (x, y)]
            line = {"width": 0.5 + 8 * (step / LINE_WIDTHS) ** 3, "color": up if sign > 0 else down}
            line |= {"dash": "solid" if sign > 0 else "dot"}
            trace = {"type": "scatter", "mode": "lines", "x": ends[0], "y": ends[1], "line": line, "hoverinfo": "skip"}
            traces += [trace | {"opacity": 0.2 + 0.7 * (step / LINE_WIDTHS) ** 2}] if lines.any() else []
    unit = " % of all signalling" if colour else " percentage points"
    text = [f"{names[a]} and {names[b]}: {100 * v:.2f}{unit}" for a, b, v in zip(first, second, value, strict=True)]
    middle = {"type": "scatter", "mode": "markers", "x": (x[first] + x[second]) / 2, "y": (y[first] + y[second]) / 2}
    middle |= {"text": text, "hovertemplate": "%{text}<extra></extra>", "marker": {"size": 9, "opacity": 0}}
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
    labels = {"type": "scatter", "mode": "text", "x": 1.16 * x, "y": 1.2 * y, "text": names, "textposition": sides}
    labels |= {"hoverinfo": "skip"}
    axis = {"showticklabels": False, "showgrid": False, "zeroline": False, "showline": False, "range": [-2.1, 2.1]}
    shown = layout("", "", xaxis=axis, yaxis=axis | {"scaleanchor": "x", "range": [-1.4, 1.4]}, showlegend=False)
    return Figure(name, title, caption, alt, [*traces, middle, nodes, labels], shown, data, 520)


def switched(views):
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
    buttons = [
        {"label": text, "method": "update", "args": [{"visible": (owner == k).tolist()}]}
        for k, text in enumerate(views)
    ]
    menu = {"buttons": buttons, "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "bgcolor": "#fff"}
    margin = first.layout["margin"] | {"t": 60}
    return replace(first, traces=traces, layout=first.layout | {"updatemenus": [menu], "margin": margin})


def embedding(name, cells, by, palette, *, title, caption, alt):
    """UMAP in squares: each is coloured by the commonest value of ``by`` among its cells.

    Binning keeps the page small and hides no group under another one's dots.

    Parameters
    ----------
    cells : DataFrame
        ``umap_1, umap_2, <by>``.
    palette : dict
        Value -> colour.
    """
    across, up = EMBEDDING_BINS
    edges = [np.linspace(cells[c].min(), cells[c].max() + 1e-9, n + 1) for c, n in (("umap_1", across), ("umap_2", up))]
    column = np.clip(np.digitize(cells["umap_1"], edges[0]) - 1, 0, across - 1)
    line = np.clip(np.digitize(cells["umap_2"], edges[1]) - 1, 0, up - 1)
    counted = pd.DataFrame({"bin": column * up + line, "value": cells[by].astype(str).to_numpy()})
    counted = counted.value_counts(sort=True).rename("n").reset_index()
    totals = counted.groupby("bin")["n"].sum()
    top = counted.drop_duplicates("bin").assign(n_cells=lambda t: t["bin"].map(totals)).sort_values("bin")
    top["share"] = top["n"] / top["n_cells"]
    width = [e[1] - e[0] for e in edges]
    top["umap_1"] = edges[0][0] + (top["bin"] // up + 0.5) * width[0]
    top["umap_2"] = edges[1][0] + (top["bin"] % up + 0.5) * width[1]
    order = [v for v in palette if v in set(top["value"])] + sorted(set(top["value"]) - set(palette))
    traces = []
    for i, value in enumerate(order):
        rows = top[top["value"] == value]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": value,
                "x": rows["umap_1"],
                "y": rows["umap_2"],
                "customdata": np.column_stack([rows["n_cells"], (100 * rows["share"]).round()]).tolist(),
                "hovertemplate": value + ": %{customdata[1]:.0f} % of %{customdata[0]} cells<extra></extra>",
                "marker": {
                    "symbol": SYMBOLS[2 if i < len(MANY) else i % len(SYMBOLS)],
                    "size": 6.5,
                    "color": palette.get(value, MANY[i % len(MANY)]),
                },
            }
        )
    axis = {"showticklabels": False, "showgrid": False, "zeroline": False}
    more = {"legend": {"orientation": "h", "y": -0.12, "yanchor": "top", "itemsizing": "constant"}}
    data = top[["umap_1", "umap_2", "value", "share", "n_cells"]].rename(columns={"value": by})
    shown = layout("UMAP 1", "UMAP 2", xaxis=axis, yaxis=axis, meta={"narrow_size": 2.6}, **more)
    return Figure(name, title, caption, alt, traces, shown, data, 560)


def thinned(table, limit=VOLCANO_GENES):
    """The genes of a volcano plot: of each lineage those with q <= .05, up to ``limit``, and of the others each n-th."""
    parts = []
    for _, rows in table.groupby("lineage", sort=False):
        found = rows[rows["q_value"] <= 0.05].nsmallest(limit, "p_value")
        rest = rows[~(rows["q_value"] <= 0.05)]
        parts += [rest.iloc[:: max(1, len(rest) // limit)], found]
    return pd.concat(parts) if parts else table


def volcano(name, table, *, title, caption, alt):
    """log2 fold change against -log10 p, a menu of lineages; genes are :func:`thinned`."""
    table = thinned(table)
    groups, traces = list(table["lineage"].unique()), []
    for i, lineage in enumerate(groups):
        rows = table[table["lineage"] == lineage]
        found = rows["q_value"] <= 0.05
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
    buttons = [
        {"label": g, "method": "update", "args": [{"visible": [i // 2 == k for i in range(2 * len(groups))]}]}
        for k, g in enumerate(groups)
    ]
    menus = [{"buttons": buttons, "x": 0, "xanchor": "left", "y": 1.2, "yanchor": "top", "bgcolor": "#fff"}]
    shown = layout("log2 fold change, difference between compartments", "-log10 p", updatemenus=menus, margin={"t": 80})
    return Figure(name, title, caption, alt, traces, shown, table, 460)
