"""A planned study: sizes as a user writes them, the figure, and the sentence on how many donors are enough."""

import io
import re

import numpy as np
import pandas as pd

from compartments.core.errors import UserError
from compartments.report.figures.style import OKABE_ITO
from compartments.study.study import BETWEEN, WITHIN

STEPS = 5  # sizes of a range of cells
NAMES = {BETWEEN: "donors differ", WITHIN: "each donor its own control"}
TERMS = {"within": "within a compartment", "interaction": "between compartments"}
ENOUGH = 0.8
ROUND = (1, 2, 5)


def numbers_in(name: str, text: str, every: bool = False) -> list[float]:
    """Numbers of an option: ``2..20``, ``50,200,1000`` or ``8``.

    Parameters
    ----------
    name : str
        Of the option.
    text : str
    every : bool
        Whether a range means every whole number, not ``STEPS`` round ones over its orders of magnitude.

    Raises
    ------
    UserError
        Not such numbers, or none above zero.
    """
    wrong = UserError(f"--{name} '{text}': give numbers from 1 on, as 8, 2,4,8 or 2..20")
    parts = re.fullmatch(r"(\d+)\.\.(\d+)", text.strip())
    if parts:
        low, high = (int(part) for part in parts.groups())
        if not 1 <= low <= high or (every and high > 1000):
            raise wrong
        return list(map(float, range(low, high + 1))) if every else _spread(low, high)
    words = [word.strip() for word in text.split(",")]
    if not all(re.fullmatch(r"[1-9]\d*", word) for word in words):
        raise wrong
    return sorted({float(word) for word in words})


def _spread(low: int, high: int) -> list[float]:
    """Both ends and round numbers between them, evenly on the log scale, at most ``STEPS``."""
    between = [step * 10**power for power in range(10) for step in ROUND if low < step * 10**power < high]
    keep = np.unique(np.linspace(0, len(between) - 1, min(len(between), STEPS - 2)).round().astype(int))
    return sorted({float(low), *(float(between[k]) for k in keep), float(high)})


def share_in(text: str) -> float:
    """A share as ``.5%`` or ``.005``.

    Raises
    ------
    UserError
        Not a share above 0 and up to 1.
    """
    found = re.fullmatch(r"(\d*\.?\d+)\s*(%?)", text.strip())
    share = float(found[1]) / (100 if found[2] else 1) if found else 0.0
    if not 0 < share <= 1:
        raise UserError(f"--lineage '{text}': give the share of the lineage among the cells, as .5% or .005")
    return share


def in_words(table: pd.DataFrame) -> list[str]:
    """For each design and term, how many donors find the change in four of five studies."""
    fold, most = table["fold"].iloc[0], table["cells_per_sample"].max()
    lines = [f"A {fold:g}-fold change is found in four of five studies, with {most:,.0f} cells per sample, by"]
    for (design, term), rows in table[table["cells_per_sample"] == most].groupby(["design", "term"], sort=False):
        enough = rows.loc[rows["power"] >= ENOUGH, "donors"]
        arm = "in each arm" if design == BETWEEN else "with both conditions"
        said = f"{enough.min()} donors {arm}" if len(enough) else f"no number of donors up to {rows['donors'].max()}"
        lines.append(f"  {TERMS[str(term)]}, {NAMES[str(design)]}: {said}")
    return lines


def drawn(table: pd.DataFrame, share: float) -> str:
    """SVG: the fold change that is found, by donors, a line for each number of cells; designs and terms beside it."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    sizes = sorted(table["cells_per_sample"].unique())
    with mpl.rc_context({"svg.hashsalt": "plan", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(9, 6.5), layout="constrained")
        axes = figure.subplots(2, 2, sharex=True, sharey=True)
        for (row, design), (column, term) in ((one, two) for one in enumerate(NAMES) for two in enumerate(TERMS)):
            axis = axes[row, column]
            for number, size in enumerate(sizes):
                rows = table[
                    (table["design"] == design) & (table["term"] == term) & (table["cells_per_sample"] == size)
                ]
                name, colour = f"{size:,.0f} cells ({size * share:,.3g})", OKABE_ITO[number % len(OKABE_ITO)]
                axis.plot(rows["donors"], rows["fold_mde80"], marker="o", markersize=3, color=colour, label=name)
            axis.axhline(table["fold"].iloc[0], color="#767676", linestyle=":")
            axis.set_title(f"{TERMS[term]}, {NAMES[design]}", fontsize=9)
            axis.set_yscale("log", base=2)
            axis.yaxis.set_major_formatter(lambda value, _place: f"{value:g}")
            axis.set_ylim(1, 32)
            axis.xaxis.get_major_locator().set_params(integer=True)
        figure.supxlabel("donors of each arm, or with both conditions")
        figure.supylabel("fold change found in four of five studies")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        title = f"cells per sample (of a lineage of {share:.3g})"
        figure.legend(handles, labels, loc="outside upper center", ncols=3, title=title)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Title": "What planned studies find"})
    return text.getvalue()
