"""What all figures share: the record of a figure, colours and symbols, the layout, numbers that JSON knows."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd

from compartments.core.palette import Palette
from compartments.core.vocabulary import UNASSIGNED
from compartments.study.study import Study

# Okabe and Ito (2008) for conditions and few groups; Tol's muted scheme goes on where there are more
OKABE_ITO = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MANY = [*OKABE_ITO, "#882255", "#117733", "#332288", "#999933", "#88CCEE", "#AA4499", "#44AA99", "#661100", "#6699CC"]
COMPARTMENTS = ["#882255", "#117733", "#332288", "#999933", "#88CCEE", "#CC6677", "#AA4499", "#44AA99", "#DDCC77"]
SYMBOLS = ["circle", "diamond", "square", "triangle-up", "cross", "x"]
DIVERGING = [[0, "#0072B2"], [0.5, "#f7f7f7"], [1, "#D55E00"]]
GREY = "#767676"
FONT = {"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 13, "color": "#1b1f24"}
BELOW = {"orientation": "h", "y": -0.2, "yanchor": "top"}  # a legend under the plot

TAG = re.compile(r"<(?=/?(?:a|b|em|i|s|span|strong|sub|sup|u)\b[^<>]*>)", re.I)  # what plotly takes for markup

Trace = dict[str, Any]


@dataclass(frozen=True)
class Words:
    """What is written at a figure.

    Attributes
    ----------
    title, caption : str
    alt : str
        What the figure shows, for those who do not see it.
    printed : str
        The caption on paper, if it is another one.
    """

    title: str
    caption: str
    alt: str
    printed: str = ""


@dataclass(frozen=True)
class Figure:
    """One plot.

    Attributes
    ----------
    name : str
        Unique on the page; names the CSV.
    words : Words
    traces : list of dict
    layout : dict
    data : DataFrame
        What the plot shows; offered as CSV.
    height : int
        Pixels.
    """

    name: str
    words: Words
    traces: list[Trace]
    layout: dict[str, Any]
    data: pd.DataFrame
    height: int = 420

    kind = "figure"

    @property
    def shows(self) -> bool:
        """Whether anything is drawn: a table may be there and every value of it missing."""
        return any(len(trace[axis]) for trace in self.traces for axis in "xyz" if trace.get(axis) is not None)

    def json(self) -> dict[str, Any]:
        """What the browser draws and offers as CSV."""
        data = self.data.loc[:, [c for c in self.data.columns if not str(c).startswith("_")]]
        columns = {str(c): clean(data[c].astype(object).where(data[c].notna(), None).tolist()) for c in data}
        drawn = {"data": clean(self.traces), "layout": clean(self.layout | {"height": self.height})}
        return untagged(drawn) | {"csv": columns}


class Colours:
    """Colours and symbols that stay with a condition, group, compartment or lineage over the whole page."""

    def __init__(self, study: Study, lineages: Iterable[str] = (), given: Palette | None = None) -> None:
        known = list(study.samples["condition"].unique())
        reference = [c for c in dict.fromkeys(study.contrasts["reference"]) if c in known]
        groups = [g for g in study.samples["group"].unique() if g] if "group" in study.samples else []
        conditions = dict.fromkeys([*reference, *known, *groups])
        order, own = study.compartments, given or Palette()
        self.condition = own.of("condition", dict(zip(conditions, cycle(OKABE_ITO), strict=False)))
        self.compartment = own.of("compartment", dict(zip(order, cycle(COMPARTMENTS), strict=False)))
        # 6 symbols and 9 colours meet again at the 19th compartment: there the symbols move on by one
        self.symbol = {c: SYMBOLS[(i + i // 18) % len(SYMBOLS)] for i, c in enumerate(order)}
        usual = {
            lineage: GREY if lineage in (UNASSIGNED, "other") else MANY[i % len(MANY)]
            for i, lineage in enumerate(lineages)
        }
        self.lineage = own.of("lineage", usual)


def palette(names: Iterable[str]) -> dict[str, str]:
    """A colour for each of many names."""
    return {name: MANY[i % len(MANY)] for i, name in enumerate(names)}


def layout(x: str = "", y: str = "", **more: Any) -> dict[str, Any]:
    """Common layout; ``more`` overrides."""
    axis = {"automargin": True, "zerolinecolor": "#8a8f98", "gridcolor": "#e6e8eb", "linecolor": "#8a8f98"}
    base: dict[str, Any] = {
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


def rows_of(labels: Sequence[str]) -> tuple[dict[str, int], dict[str, Any]]:
    """Place of each label, the first at the top, and the axis that names them."""
    places = {label: len(labels) - 1 - i for i, label in enumerate(labels)}
    axis = {"tickvals": list(places.values()), "ticktext": list(places), "range": [-0.6, len(labels) - 0.4]}
    return places, axis | {"zeroline": False, "showgrid": False}


def bars_around(value: pd.Series, low: pd.Series, high: pd.Series, **style: Any) -> dict[str, Any]:
    """Error bars from a value to its limits."""
    return {"type": "data", "symmetric": False, "array": high - value, "arrayminus": value - low} | style


def menu(views: Mapping[str, Sequence[bool]], **place: Any) -> list[dict[str, Any]]:
    """A menu that shows some of the traces: text -> which."""
    buttons = [{"label": text, "method": "update", "args": [{"visible": list(v)}]} for text, v in views.items()]
    return [{"buttons": buttons, "x": 0, "xanchor": "left"} | place | {"bgcolor": "#fff"}]


def untagged(value: Any) -> Any:
    """Texts that plotly draws as they are written: a name such as ``<b>`` is no markup; line breaks, which are ours,
    are kept. A space of no width keeps the letters, and their number, which the page cuts by."""
    if isinstance(value, dict):
        return {k: untagged(v) for k, v in value.items()}
    if isinstance(value, list):
        return [untagged(v) for v in value]
    return TAG.sub("<\u200b", value) if isinstance(value, str) else value


def clean(value: Any) -> Any:
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
