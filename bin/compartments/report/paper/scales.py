"""Axes of a figure: where a value stands, and what is written at the ticks."""

import math
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator, PercentFormatter

from compartments.report.figures.style import Trace

LETTER = 3.9  # points across of a letter in type of 7
LINE = 8.5  # and up
LONGEST = 36, 64  # letters of a label, in a column and on a page
BELOW = 22  # of one below the plot


class Scale:
    """One axis of a figure.

    Parameters
    ----------
    name : str
        ``x`` or ``y``.
    given : dict
        The axis in the layout.
    traces : sequence of dict
        What is drawn; categories stand in the order in which they are met, if the axis names none.
    """

    def __init__(self, name: Literal["x", "y"], given: dict[str, Any], traces: Sequence[Trace]) -> None:
        self.name, self.given = name, given
        met = list(chain.from_iterable(list(trace[name]) for trace in traces if name in trace))
        texts = given.get("type") == "category" or any(isinstance(value, str) for value in met)
        order = [*given.get("categoryarray", []), *map(str, met)] if texts else []
        self.categories = {name: place for place, name in enumerate(dict.fromkeys(order))}

    def places(self, values: Iterable[Any]) -> npt.NDArray[np.float64]:
        """Where values stand: categories at whole numbers."""
        if self.categories:
            return np.array([self.categories.get(str(value), np.nan) for value in values], dtype=float)
        return pd.to_numeric(pd.Series(list(values), dtype=object), errors="coerce").to_numpy(float)

    @property
    def labels(self) -> list[str]:
        """What is written at the ticks, where it is not numbers."""
        written = self.given.get("ticktext") or self.categories
        return [str(text).replace("<br>", "\n") for text in written] if self.shown else []

    @property
    def shown(self) -> bool:
        """Whether anything is written at the ticks."""
        return bool(self.given.get("showticklabels", True))

    def below(self, room: float) -> float:
        """Points that labels below the plot take if they are turned, because they have no room side by side."""
        longest = max((min(BELOW, len(text)) for text in self.labels if "\n" not in text), default=0) * LETTER
        return longest if longest > room / max(1, len(self.labels)) else 0.0

    def apply(self, axes: Axes, room: float, most: int) -> None:
        """Set limits, ticks and title of an axes.

        Parameters
        ----------
        room : float
            Points along the axis: where the ticks' texts have no room side by side they are turned, or some left out.
        most : int
            Letters of a tick's text.
        """
        axis = axes.xaxis if self.name == "x" else axes.yaxis
        if self.given.get("type") == "log":
            (axes.set_xscale if self.name == "x" else axes.set_yscale)("log")
            fine = self.given.get("dtick") == "D2"
            axis.set_major_locator(LogLocator(10, (1, 2, 5) if fine else (1,), numticks=12))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_locator(NullLocator())
            axis.set_minor_formatter(NullFormatter())
        elif str(self.given.get("tickformat", "")).endswith("%"):
            axis.set_major_formatter(PercentFormatter(1.0))
        self._limits(axes)
        self._ticks(axes, room, most)
        if text := self.given.get("title", {}).get("text", ""):
            (axes.set_xlabel if self.name == "x" else axes.set_ylabel)(wrapped(text, room / LETTER))
        axes.tick_params(axis=self.name, length=2 if self.shown else 0)
        if self.given.get("showgrid", True):
            axis.grid(True, color="#e6e8eb", linewidth=0.5)

    def _limits(self, axes: Axes) -> None:
        limits = self.given.get("range")
        if limits is None and self.categories:
            limits = [-0.6, len(self.categories) - 0.4]
        if limits is None:
            if self.given.get("rangemode") == "tozero":
                (axes.set_xlim if self.name == "x" else axes.set_ylim)(0, None)
            return
        low, high = limits[::-1] if self.given.get("autorange") == "reversed" else limits
        (axes.set_xlim if self.name == "x" else axes.set_ylim)(low, high)

    def _ticks(self, axes: Axes, room: float, most: int) -> None:
        axis = axes.xaxis if self.name == "x" else axes.yaxis
        if not self.shown:
            axis.set_major_formatter(NullFormatter())
            axis.set_major_locator(NullLocator())
            return
        places = list(self.given.get("tickvals") or self.categories.values())
        if not places:
            return
        texts = [shortened(text, BELOW if self.name == "x" else most) for text in self.labels]
        several = any("\n" in text for text in texts)
        turned = self.name == "x" and not several and max(map(len, texts)) * LETTER > room / len(places)
        step = max(1, math.ceil(len(places) * LINE / room)) if turned or self.name == "y" else 1
        axis.set_ticks(places[::step], texts[::step])
        if turned:
            upright = len(places) * 2 * LINE > room
            axes.tick_params(axis="x", rotation=90 if upright else 45)
            for label in axes.get_xticklabels():
                label.set_horizontalalignment("center" if upright else "right")
                label.set_rotation_mode("default" if upright else "anchor")


def shortened(text: str, most: int) -> str:
    """A text of at most so many letters, its begin and its end; the table behind a figure has the whole."""
    first = most // 2
    return text if len(text) <= most or "\n" in text else f"{text[:first]}\u2026{text[first + 1 - most :]}"


def wrapped(text: str, most: float) -> str:
    """A text in lines of about so many letters."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
