"""The picture of the first screen: for each answer the rows that it was drawn from, as small forests."""

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any, NamedTuple

import pandas as pd

from compartments.findings import names, words

ROWS = 5  # of one picture
WIDTH, EDGE, STEP, FOOT = 160, 6, 25, 18  # pixels; a row has its label above its line
LABEL, UNIT = 13, 13  # height of a label, and of the name of the axis
AXES = {words.SCORE: "score, points", words.SCORE_DIFFERENCE: "score, points"}  # folds are told by their x
LONGEST = 24  # characters of a label
TICKS = (0.25, 0.5, 1, 2, 3, 4, 6, 8, 12, 16)
ORDER = {"yes": 0, "cannot_tell": 1, "no": 1}


class Picture(NamedTuple):
    """A picture as SVG, and what it shows.

    Attributes
    ----------
    svg : str
    shown, every : int
        Rows that are drawn, and that there are.
    """

    svg: str
    shown: int
    every: int


def rows_drawn(rows: pd.DataFrame, most: int = ROWS) -> pd.DataFrame:
    """The rows of ``findings.tsv`` that a picture shows: those that say yes first, then the largest estimates.

    Parameters
    ----------
    rows : DataFrame
        Of one answer: those per lineage (or set, or group), and its summary.
    most : int

    Returns
    -------
    DataFrame
        With ``label``, from the lowest estimate to the highest.
    """
    detail = rows[rows["lineage"].notna() & rows["estimate"].notna()]
    if network := network_of(rows):
        detail = detail[detail["source"].str.contains(f"network={network}")]
    detail = pooled(detail)
    if (detail["aspect"] == "driver").any() or (rows["unit"] == words.SPREAD).all():
        detail = pd.concat([rows[rows["lineage"].isna() & rows["estimate"].notna()], detail])
    detail = detail.assign(label=[label(row) for row in detail.to_dict("records")])
    order = {"_answer": detail["verdict"].map(ORDER), "_q": detail["q_value"].fillna(2), "_size": detail["estimate"]}
    if (detail["question"] == 1).all():  # the question is of falls
        order["_q"] = detail["q_value"].where(detail["verdict"] == "yes", 2)
    else:
        order["_size"] = -detail["estimate"].abs()
    detail = detail.assign(**order).sort_values(["_answer", "_q", "_size"], kind="stable")
    detail = detail.drop_duplicates("label").head(most).drop(columns=list(order))
    detail = detail.assign(verdict=detail["verdict"].mask(detail["aspect"] == "driver", "cannot_tell"))  # no test of it
    return detail if (detail["unit"] == words.SPREAD).any() else detail.sort_values("estimate", kind="stable")


def pooled(detail: pd.DataFrame) -> pd.DataFrame:
    """The rows that an answer rests on: those of all lineages together where there are such, else all."""
    together = detail["lineage"] == "all"
    return detail[together] if together.any() else detail


def network_of(rows: pd.DataFrame) -> str:
    """Of which network the pictures of central roles are: that of the row which the answer quotes, else of the clearest
    yes, else that of migration."""
    hubs = rows[rows["aspect"] == "hub"].sort_values("q_value", kind="stable")
    named = hubs["source"].astype(str).str.extract(r"network=(\w+)", expand=False)
    quoted, clear = named[hubs["lineage"].isna()].dropna(), named[hubs["verdict"] == "yes"].dropna()
    first = [*quoted, *clear, *named[named == "migration"], *named.dropna()]
    return str(first[0]) if first else ""


def every_row(rows: pd.DataFrame) -> int:
    """How many rows a picture could show."""
    return len(rows_drawn(rows, len(rows)))


def label(row: dict[Any, Any]) -> str:
    """What a row is about: a lineage, or where it is of all of them a gene set or a group of pairs."""
    if row["aspect"] == "driver":
        return f"without {row['lineage']}"
    if row["unit"] == words.SPREAD:
        return "all lineages"
    if row["lineage"] != "all":
        return str(row["lineage"])
    if row["aspect"] == "signalling":
        return names.lineage(words.keys_of(row["source"]).get("group", "all"))
    return str(row["aspect"])


def picture(rows: pd.DataFrame, title: str) -> Picture | None:
    """Estimates and intervals of the rows of one answer; ``None`` where there is none.

    Parameters
    ----------
    title : str
        What is drawn, for those who do not see it.
    """
    drawn = rows_drawn(rows)
    if drawn.empty:
        return None
    low = min(0.0, drawn["ci_low"].min(), drawn["estimate"].min())
    high = max(0.0, drawn["ci_high"].max(), drawn["estimate"].max())
    low, high = (min(low, 0.0) - 0.06 * (high - low), high + 0.06 * (high - low)) if high > low else (-1.0, 1.0)
    scale = (WIDTH - 2 * EDGE) / (high - low)

    def x(value: float) -> float:
        return round(EDGE + (value - low) * scale, 1)

    bottom, said, parts = STEP * len(drawn), list[str](), list[str]()
    for number, row in enumerate(drawn.to_dict("records")):
        top = STEP * number
        # beside the interval alone: behind a label it would be struck out
        parts.append(f'<line class="zero" x1="{x(0)}" x2="{x(0)}" y1="{top + LABEL}" y2="{top + STEP}"/>')
        parts.append(line(row, x, top))
        said.append(f"{row['label']} {spoken(row)}")
    for value in ticks(low, high):
        place = min(max(x(value), EDGE + 8), WIDTH - EDGE - 8)
        parts.append(f'<text class="tick" x="{place}" y="{bottom + 13}">{written(value, drawn["unit"].iloc[0])}</text>')
    unit = AXES.get(drawn["unit"].iloc[0], "")
    if unit:
        parts.append(f'<text class="tick" x="{WIDTH / 2:g}" y="{bottom + 26}">{unit}</text>')
    name = escape(f"{title}: {'; '.join(said)}", quote=True)
    height = bottom + FOOT + (UNIT if unit else 0)
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    svg = f'<svg class="mini" role="img" aria-label="{name}" {size}>{"".join(parts)}</svg>'
    return Picture(svg, len(drawn), every_row(rows))


def line(row: dict[Any, Any], x: Callable[[float], float], top: float) -> str:
    """Label, interval and symbol of a row: filled where the answer is yes, open where no, a square where unknown."""
    name = row["label"]
    text = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
    y = top + 19
    parts = [f'<text x="{EDGE}" y="{top + 11}">{escape(text)}</text>']
    if pd.notna(row["ci_low"]):
        parts.append(f'<line x1="{x(row["ci_low"])}" x2="{x(row["ci_high"])}" y1="{y}" y2="{y}"/>')
    at = x(row["estimate"])
    if row["verdict"] == "cannot_tell":
        parts.append(f'<rect x="{at - 3.5:.1f}" y="{y - 3.5}" width="7" height="7"/>')
    else:
        parts.append(f'<circle cx="{at}" cy="{y}" r="4.5"/>')
    return f'<g class="{row["verdict"]}"><title>{escape(name)}: {escape(spoken(row))}</title>{"".join(parts)}</g>'


def spoken(row: dict[Any, Any]) -> str:
    """``-2.29 (-3.36 to -1.21)``, folds as folds."""
    unit = row["unit"]
    value = written(row["estimate"], unit, 2)
    if pd.isna(row["ci_low"]):
        return value
    return f"{value} ({written(row['ci_low'], unit, 2)} to {written(row['ci_high'], unit, 2)})"


def written(value: float, unit: str, digits: int = 1) -> str:
    """A place of the axis: of log2 and log-odds as a fold, ``1/8x`` or ``8x``; else the number."""
    if unit == words.ODDS:
        value = value / math.log(2)
    elif unit not in (words.LOG2, words.LOG2_DIFFERENCE, words.SPREAD):
        return f"{value:+.{digits + 1}g}" if value else "0"
    fold = words.times(abs(value), digits + 1)
    return "1x" if fold == "1" else f"1/{fold}x" if value < 0 else f"{fold}x"


def ticks(low: float, high: float) -> Sequence[float]:
    """Zero, and a round value on each side that has room for it."""
    span = high - low
    sides = [max((t for t in TICKS if t <= side * 0.9), default=0.0) for side in (-low, high)]
    found = dict.fromkeys([-sides[0] or 0.0, 0.0, sides[1]])
    return [value for value in found if value == 0 or abs(value) > 0.2 * span]
