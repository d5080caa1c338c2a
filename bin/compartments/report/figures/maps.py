"""Maps: donors and their samples, all cells."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from compartments.report.figures.style import GREY, MANY, SYMBOLS, Colours, Figure, Words, layout

EMBEDDING_BINS = 130, 62  # squares across and up: as wide as they are high at the size of the figure
MANY_DONORS = 40
LEAST_SQUARES = 3  # of a value that is nowhere the commonest, so that none vanishes from the map


def tiles(name: str, samples: pd.DataFrame, counts: Mapping[str, int], colours: Colours, words: Words) -> Figure:
    """Donors x compartments; the colour is the condition, the text the number of cells, a gap a missing sample.

    Donors with several conditions have a row for each; captures of one specimen share a square.
    """
    data = samples[["sample", "donor", "compartment", "condition"]].assign(
        n_cells=[counts.get(s) for s in samples["sample"]], place=samples["compartment"]
    )
    if data.drop_duplicates(["donor", "compartment", "condition"]).duplicated(["donor", "compartment"]).any():
        data["place"] = data["compartment"] + ", " + data["condition"]
    donors = list(dict.fromkeys(data.sort_values("condition", kind="stable")["donor"]))
    crowded = len(donors) > MANY_DONORS  # no room for the numbers: they are said where one points
    squares = data.groupby(["condition", "donor", "place"], sort=False, as_index=False).agg(
        sample=("sample", ", ".join), n_cells=("n_cells", lambda n: n.sum(min_count=1))
    )
    traces = []
    for condition, rows in squares.groupby("condition", sort=False):
        traces.append(
            {
                "type": "scatter",
                "mode": "markers" if crowded else "markers+text",
                "name": condition,
                "x": rows["donor"],
                "y": rows["place"],
                "text": ["" if np.isnan(n) else f"{n:,.0f}" for n in rows["n_cells"].astype(float)],
                "textposition": "bottom center",
                "textfont": {"size": 10},
                "customdata": rows["sample"],
                "hovertemplate": "%{customdata}: %{text} cells<extra></extra>",
                "marker": {
                    "symbol": "square",
                    "size": 8 if crowded else 20,
                    "color": colours.condition.get(str(condition), GREY),
                },
            }
        )
    order = list(data.sort_values(["compartment", "condition"], key=_in_order)["place"])
    places = sorted(data["place"].unique(), key=order.index)
    axes = {
        "xaxis": {"type": "category", "categoryorder": "array", "categoryarray": donors, "tickangle": -45},
        "yaxis": {
            "type": "category", "categoryorder": "array", "categoryarray": places, "range": [-0.7, len(places) - 0.4]
        },
    }  # fmt: skip
    return Figure(name, words, traces, layout("", "", **axes), data.drop(columns="place"), 170 + 70 * len(places))


def _in_order(values: pd.Series) -> pd.Series:
    """Numbers in place of values, in order of appearance."""
    return pd.Series(pd.factorize(values)[0], values.index)


def binned(cells: pd.DataFrame, by: str) -> pd.DataFrame:
    """Squares of a map with the commonest value of ``by`` among their cells.

    A value that is the commonest of fewer than ``LEAST_SQUARES`` has also those where most of its cells are.

    Returns
    -------
    DataFrame
        ``umap_1, umap_2`` (middle of the square), ``value, share`` (of that value), ``n_cells``.
    """
    across, up = EMBEDDING_BINS
    edges = [np.linspace(cells[c].min(), cells[c].max() + 1e-9, n + 1) for c, n in (("umap_1", across), ("umap_2", up))]
    column = np.clip(np.digitize(cells["umap_1"], edges[0]) - 1, 0, across - 1)
    line = np.clip(np.digitize(cells["umap_2"], edges[1]) - 1, 0, up - 1)
    counted = pd.DataFrame({"bin": column * up + line, "value": cells[by].astype(str).to_numpy()})
    counted = counted.value_counts(sort=True).rename("n").reset_index()
    totals = counted.groupby("bin")["n"].sum()
    top = _with_rare(counted).assign(n_cells=lambda t: t["bin"].map(totals)).sort_values("bin")
    top["share"] = top["n"] / top["n_cells"]
    width = [e[1] - e[0] for e in edges]
    top["umap_1"] = edges[0][0] + (top["bin"] // up + 0.5) * width[0]
    top["umap_2"] = edges[1][0] + (top["bin"] % up + 0.5) * width[1]
    return top


def _with_rare(counted: pd.DataFrame) -> pd.DataFrame:
    """The row of each square (``bin, value, n``, most first) that is shown: the first, or that of a rare value."""
    shown = counted.drop_duplicates("bin").set_index("bin")
    squares = shown["value"].value_counts()
    for value, own in counted.groupby("value"):
        for row in own.itertuples():
            if squares.get(value, 0) >= LEAST_SQUARES:
                break
            before = shown.at[row.bin, "value"]
            if squares[before] > LEAST_SQUARES:
                shown.loc[row.bin] = [value, row.n]
                squares[before] -= 1
                squares[value] = squares.get(value, 0) + 1
    return shown.reset_index()


def embedding(name: str, cells: pd.DataFrame, by: str, palette: Mapping[str, str], words: Words) -> Figure:
    """UMAP in squares: each is coloured by the commonest value of ``by`` among its cells.

    Binning keeps the page small however many cells there are, and hides no group under another one's dots; a rare one
    has squares of its own.

    Parameters
    ----------
    cells : DataFrame
        ``umap_1, umap_2, <by>``.
    palette : dict
        Value -> colour.
    """
    top = binned(cells, by)
    order = [v for v in palette if v in set(top["value"])] + sorted(set(top["value"]) - set(palette))
    traces = []
    for i, value in enumerate(order):
        rows = top[top["value"] == value]
        marker = {"symbol": SYMBOLS[2 if i < len(MANY) else i % len(SYMBOLS)], "size": 6.5}
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": value,
                "x": rows["umap_1"],
                "y": rows["umap_2"],
                "customdata": np.column_stack([rows["n_cells"], (100 * rows["share"]).round()]).tolist(),
                "hovertemplate": value + ": %{customdata[1]:.0f} % of %{customdata[0]} cells<extra></extra>",
                "marker": marker | {"color": palette.get(value, MANY[i % len(MANY)])},
            }
        )
    axis = {"showticklabels": False, "showgrid": False, "zeroline": False}
    more = {"legend": {"orientation": "h", "y": -0.12, "yanchor": "top", "itemsizing": "constant"}}
    data = top[["umap_1", "umap_2", "value", "share", "n_cells"]].rename(columns={"value": by})
    shown = layout("UMAP 1", "UMAP 2", xaxis=axis, yaxis=axis, meta={"narrow_size": 2.6}, **more)
    return Figure(name, words, traces, shown, data, 560)
